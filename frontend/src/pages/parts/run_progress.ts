/** The progress of one job in the place where its result will stand. */
import { cancelRun, fetchOpenRuns, stateOf, watchRun, type Run } from '../../api/runs';
import { html } from '../../domain/html';
import { message } from '../../domain/markup';
import { fill } from './dom';
import { jobItem } from './jobs';
import { errorMessage } from './states';

/** Shows a run until it ends; returns true when it succeeded. A failure stays visible with code and message. */
export async function showRun(place: HTMLElement, runId: string): Promise<boolean> {
  // The page around may be drawn again meanwhile: the place is looked up by its id each time.
  const here = (): HTMLElement => document.getElementById(place.id) ?? place;
  let run: Run;
  try {
    run = await watchRun(runId, (now) => {
      fill(here(), html`<ul>${jobItem(now)}</ul>`);
      here().querySelector('[data-cancel]')?.addEventListener('click', () => void cancelRun(runId));
    });
  } catch (error) {
    fill(here(), errorMessage(error));
    return false;
  }
  if (stateOf(run) === 'succeeded') {
    fill(here(), html``);
    return true;
  }
  const title = stateOf(run) === 'cancelled' ? 'Cancelled' : `${run.label} failed`;
  const code = run.error_code ? ` Reference ${run.error_code}, job ${run.id.slice(0, 8)}.` : '';
  fill(here(), message(stateOf(run) === 'cancelled' ? 'note' : 'block', title, `${run.error_message ?? ''}${code}`));
  return false;
}

/** Follows a run of this cycle that is open already, as after an import or a reload; `onDone` runs when it succeeded. */
export async function followOpenRun(cycleId: string, kinds: readonly string[], placeId: string, onDone: () => void): Promise<boolean> {
  const run = (await fetchOpenRuns(cycleId)).find((item) => kinds.includes(item.kind));
  const place = document.getElementById(placeId);
  if (!run || !place) return false;
  void showRun(place, run.id).then((isDone) => { if (isDone) onDone(); });
  return true;
}
