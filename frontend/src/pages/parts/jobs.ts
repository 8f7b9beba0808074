/** Running jobs: bar, percent, stage, Cancel. A finished one becomes a toast, a failed one stays until dismissed. */
import { cancelRun, fetchOpenRuns, fetchRun, isOpen, stateOf, type Run } from '../../api/runs';
import { each, html, nothing, type Html } from '../../domain/html';
import { bar, glyph } from '../../domain/markup';
import { fill, on } from './dom';
import { errorText } from './states';
import { toast } from './toasts';

const POLL_MS = 3000;

const percentOf = (run: Run): number => Math.round((run.progress ?? 0) * 100);

export function jobItem(run: Run, whom = ''): Html {
  const who = whom ? `${whom}, ` : '';
  const isWaiting = stateOf(run) === 'queued';
  return html`<li class="job" data-run="${run.id}">
    <div class="row between"><span class="ell">${who}${run.label}</span><span class="num fs12 t2">${isWaiting ? 'Queued' : `${percentOf(run)} %`}</span></div>
    ${bar(percentOf(run), run.label)}
    <div class="row between fs12 t3"><span class="ell">${run.message || (isWaiting ? 'Waiting for a worker' : nothing)}</span><button type="button" class="plain-link" data-cancel="${run.id}">Cancel</button></div></li>`;
}

function failedItem(run: Run, whom = ''): Html {
  return html`<li class="job"><div class="row between"><span class="flag" data-l="block">${glyph('block')}<span>${whom ? `${whom}, ` : ''}${run.label}</span></span><button type="button" class="plain-link fs12" data-dismiss="${run.id}">Dismiss</button></div>
    <p class="fs12 t2 mt-1">${run.error_message || 'The job failed.'}${run.error_code ? html` <span class="t3">Ref. ${run.error_code}</span>` : nothing}</p></li>`;
}

/** Keeps a list of open jobs up to date; `onEnd` runs when one ends. */
export function startJobs(place: HTMLElement, options: { cycleId?: string; whom?: (run: Run) => string; onEnd?: (run: Run) => void } = {}): () => void {
  let open = new Map<string, Run>();
  const failed = new Map<string, Run>();
  const draw = (): void => {
    const runs = [...open.values()];
    fill(place, html`<div class="sect-head"><h2 class="h2">Running jobs</h2><span class="count">${runs.length}</span></div>
      ${runs.length + failed.size === 0 ? html`<p class="fs12 t3">No job is running.</p>` : nothing}
      <ul>${each(runs, (run) => jobItem(run, options.whom?.(run)))}${each([...failed.values()], (run) => failedItem(run, options.whom?.(run)))}</ul>`);
  };
  const ended = async (id: string): Promise<void> => {
    const run = await fetchRun(id);
    if (isOpen(run)) return;
    if (stateOf(run) === 'failed') failed.set(id, run);
    else if (stateOf(run) === 'succeeded') toast(`${run.label}: done`);
    options.onEnd?.(run);
  };
  const poll = async (): Promise<void> => {
    try {
      const runs = await fetchOpenRuns(options.cycleId);
      const now = new Map(runs.map((run) => [run.id, run]));
      const gone = [...open.keys()].filter((id) => !now.has(id));
      open = now;
      await Promise.all(gone.map(ended));
      draw();
    } catch (error) {
      fill(place, html`<div class="sect-head"><h2 class="h2">Running jobs</h2></div><p class="fs12 t3">${errorText(error)}</p>`);
    }
    window.setTimeout(() => void poll(), document.hidden ? POLL_MS * 5 : POLL_MS);
  };
  on(place, 'click', '[data-cancel]', (button) => {
    void cancelRun(button.dataset.cancel ?? '').then(() => { button.textContent = 'Cancelling'; }, () => undefined);
  });
  on(place, 'click', '[data-dismiss]', (button) => { failed.delete(button.dataset.dismiss ?? ''); draw(); });
  draw();
  void poll();
  return draw;
}
