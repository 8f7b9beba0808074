/** Uploads that wait for a person: what they hold, and the way to confirm them. */
import { getJson } from '../../api/client';
import type { Upload } from '../../api/uploads';
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { glyph } from '../../domain/markup';
import { fill } from './dom';
import { errorText } from './states';

const WAITING = new Set(['receiving', 'complete', 'read']);

function item(upload: Upload): Html {
  const state = upload.state.toLowerCase();
  const hasFailed = upload.run?.state.toLowerCase() === 'failed';
  const level = hasFailed ? 'block' : state === 'read' ? 'ask' : 'note';
  const refused = upload.n_refused ? ` ${upload.n_refused} refused.` : '';
  const texts: Record<string, string> = {
    receiving: `${upload.n_received} of ${upload.n_files} files received. Choose the same folder again to go on.`,
    complete: 'The guard reads the files.',
    read: `Patient, cycle and time points are not confirmed.${refused}`,
  };
  const text = hasFailed ? (upload.run?.error_message ?? 'The files could not be read.') : texts[state] ?? state;
  const action = state === 'read' ? html`<a class="link fs12" href="/import/${upload.id}/">Confirm use</a>` : nothing;
  return html`<li><span class="flag" data-l="${level}">${glyph(level)}</span><div><span>${upload.n_files} files, ${formatShort(upload.created_at)}, ${upload.author ?? ''}</span><p>${text}</p>${action}</div></li>`;
}

/** Draws the quarantine list of a site; returns how many wait. */
export async function drawQuarantine(place: HTMLElement, siteId: string): Promise<number> {
  try {
    const body = await getJson<{ results: Upload[] }>(`/api/uploads?site=${siteId}`);
    const waiting = body.results.filter((upload) => WAITING.has(upload.state.toLowerCase()));
    fill(place, html`<div class="sect-head"><h2 class="h2">Quarantine</h2><span class="count">${waiting.length}</span></div>
      ${waiting.length === 0 ? html`<p class="fs12 t3">Nothing waits for confirmation.</p>` : html`<ul class="quarantine">${each(waiting, item)}</ul>`}`);
    return waiting.length;
  } catch (error) {
    fill(place, html`<div class="sect-head"><h2 class="h2">Quarantine</h2></div><p class="fs12 t3">${errorText(error)}</p>`);
    return 0;
  }
}
