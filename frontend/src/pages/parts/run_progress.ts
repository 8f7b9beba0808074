/** The progress of one job in the place where its result will stand. */
import { cancelRun, stateOf, watchRun, type Run } from '../../api/runs';
import { html } from '../../domain/html';
import { message } from '../../domain/markup';
import { fill } from './dom';
import { jobItem } from './jobs';
import { errorMessage } from './states';

/** Shows a run until it ends; returns true when it succeeded. A failure stays visible with code and message. */
export async function showRun(place: HTMLElement, runId: string): Promise<boolean> {
  let run: Run;
  try {
    run = await watchRun(runId, (now) => {
      fill(place, html`<ul>${jobItem(now)}</ul>`);
      place.querySelector('[data-cancel]')?.addEventListener('click', () => void cancelRun(runId));
    });
  } catch (error) {
    fill(place, errorMessage(error));
    return false;
  }
  if (stateOf(run) === 'succeeded') {
    fill(place, html``);
    return true;
  }
  const title = stateOf(run) === 'cancelled' ? 'Cancelled' : `${run.label} failed`;
  const code = run.error_code ? ` Reference ${run.error_code}, job ${run.id.slice(0, 8)}.` : '';
  fill(place, message(stateOf(run) === 'cancelled' ? 'note' : 'block', title, `${run.error_message ?? ''}${code}`));
  return false;
}
