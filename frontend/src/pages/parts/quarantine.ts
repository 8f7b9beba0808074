/** Uploads that wait for a person: what they hold, and the way to confirm them. */
import { getJson } from '../../api/client';
import type { Upload } from '../../api/uploads';
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { glyph, levelOf } from '../../domain/markup';
import { fill } from './dom';
import { errorText } from './states';

interface Waiting extends Upload {
  summary?: { title: string; text: string; level: string } | null;
}

const CLOSED = new Set(['confirmed', 'discarded', 'failed']);

function item(upload: Waiting): Html {
  const level = levelOf(upload.summary?.level ?? 'ask');
  const title = upload.summary?.title ?? `${upload.n_files} files, ${formatShort(upload.created_at)}`;
  const state = upload.state.toLowerCase();
  const text = upload.summary?.text ?? (state === 'receiving' ? `${upload.n_received} of ${upload.n_files} files received.` : 'Patient, cycle and time points are not confirmed.');
  const action = state === 'receiving' ? nothing : html`<a class="link fs12" href="/import/${upload.id}/">Confirm use</a>`;
  return html`<li><span class="flag" data-l="${level}">${glyph(level)}</span><div><span>${title}</span><p>${text}</p>${action}</div></li>`;
}

/** Draws the quarantine list of a site; returns how many wait. */
export async function drawQuarantine(place: HTMLElement, siteId: string): Promise<number> {
  try {
    const body = await getJson<{ results: Waiting[] }>(`/api/uploads?site=${siteId}&open=1`);
    const waiting = body.results.filter((upload) => !CLOSED.has(upload.state.toLowerCase()));
    fill(place, html`<div class="sect-head"><h2 class="h2">Quarantine</h2><span class="count">${waiting.length}</span></div>
      ${waiting.length === 0 ? html`<p class="fs12 t3">Nothing waits for confirmation.</p>` : html`<ul class="quarantine">${each(waiting, item)}</ul>`}`);
    return waiting.length;
  } catch (error) {
    fill(place, html`<div class="sect-head"><h2 class="h2">Quarantine</h2></div><p class="fs12 t3">${errorText(error)}</p>`);
    return 0;
  }
}
