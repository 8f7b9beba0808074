/** Second reading of a time point: its section on the contours page, and the dialogs that open and cancel one. */
import { getJson, postJson } from '../../api/client';
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, message } from '../../domain/markup';
import { askReason, openDialog } from '../parts/dialogs';
import type { Page } from '../parts/shell';

export interface Reader { place: number; name: string; is_me: boolean; submitted_at: string | null }
export interface Reading {
  id: string; number: number; state: 'open' | 'submitted' | 'cancelled'; start: string; start_label: string; opened_by: string; at: string; cancel_reason: string;
  readers: Reader[]; adjudicated: { number: number; by: string; at: string; note: string } | null;
}
interface Person { id: number; name: string; roles: string[] }

const READER_ROLES = ['contour_editor', 'physicist', 'physician'];

export const fetchReadings = async (timePointId: string): Promise<Reading[]> => (await getJson<{ results: Reading[] }>(`/api/time-points/${timePointId}/second-readings`)).results;
const amReading = (reading: Reading): boolean => reading.state === 'open' && reading.readers.some((reader) => reader.is_me && !reader.submitted_at);

/** What a reader must know before drawing: whose copy this is, and how to hand it in. */
export function readerBanner(readings: readonly Reading[]): Html {
  const own = readings.find(amReading);
  if (!own) return nothing;
  return html`<div class="sect">${message('note', `Second reading ${own.number}: you draw on your own copy`, html`It began ${own.start_label}. Nobody sees it, and you see nobody's contours, until both readers have submitted.<button type="button" class="btn wide mt-2" data-reading-submit="${own.id}">Submit my reading</button>`)}</div>`;
}

export function readingSection(page: Page, readings: readonly Reading[]): Html {
  const mayOpen = page.isAllowed('open_reading') && !readings.some((reading) => reading.state === 'open');
  const open = mayOpen ? html`<button type="button" class="btn wide mt-2" data-reading-open>Open a second reading</button>` : nothing;
  const empty = readings.length === 0 ? html`<p class="fs12 t3">Two people contour this scan without seeing each other's; then a physicist or physician compares them and decides.</p>` : nothing;
  return html`<details class="sect fold" ${readings.some((reading) => reading.state !== 'cancelled') ? html`open` : nothing}><summary class="h2">Second reading</summary>${empty}${each(readings, (reading) => item(page, reading))}${open}</details>`;
}

function item(page: Page, reading: Reading): Html {
  const readers = html`<ul class="fs12 t2">${each(reading.readers, (reader) => html`<li>Reader ${reader.place}: ${reader.name}${reader.is_me ? ' (you)' : ''}, ${reader.submitted_at ? `submitted ${formatShort(reader.submitted_at)}` : 'drawing'}</li>`)}</ul>`;
  const head = (tag: Html): Html => html`<div class="row mt-2"><h3 class="h3">Reading ${reading.number}</h3><span class="push fs12">${tag}</span></div><p class="fs12 t3">${formatShort(reading.at)}, ${reading.start_label}</p>`;
  if (reading.state === 'cancelled') return html`${head(html`<span class="t3">Cancelled</span>`)}<p class="fs12 t3">${reading.cancel_reason}</p>`;
  if (reading.state === 'open') {
    const cancel = page.isAllowed('open_reading') ? html`<button type="button" class="plain-link fs12" data-reading-cancel="${reading.id}">Cancel this reading</button>` : nothing;
    return html`${head(html`<span class="t2">Open</span>`)}${readers}${cancel}`;
  }
  const decided = reading.adjudicated ? html`<p class="fs12 t2">Decided by ${reading.adjudicated.by} in revision ${reading.adjudicated.number}</p>` : nothing;
  const tag = reading.adjudicated ? flag('ok', 'Decided') : flag('ask', 'To decide');
  return html`${head(tag)}${readers}${decided}<a class="btn ${reading.adjudicated ? '' : 'primary'} wide mt-1" href="/cycles/${page.cycleId}/readings/?reading=${reading.id}">Compare</a>`;
}

export async function askOpenReading(page: Page, timePointId: string): Promise<boolean> {
  const people = (await getJson<{ results: Person[] }>(`/api/sites/${page.siteId}/people`)).results.filter((person) => person.roles.some((role) => READER_ROLES.includes(role)));
  const reader = (place: number): Html => html`<label class="line"><span class="label">Reader ${place}</span><span class="select"><select name="reader_${place}" required><option value=""></option>${each(people, (person) => html`<option value="${person.id}">${person.name}</option>`)}</select></span></label>`;
  return openDialog({
    title: 'Open a second reading', action: 'Open reading',
    body: html`<p class="t2">Each reader gets an own copy of this time point. Until both have submitted, nobody else sees what they draw, and they see neither each other's contours nor the shared ones.</p>
      <div class="form"><div class="pair">${reader(1)}${reader(2)}</div><div class="stack" role="radiogroup" aria-label="Both begin"><label class="row"><input type="radio" name="start" value="proposals" checked required> <span>From the proposals as they first appeared</span></label><label class="row"><input type="radio" name="start" value="nothing"> <span>From nothing</span></label></div></div>`,
    submit: async ({ reader_1: first, reader_2: second, start }) => {
      if (first === second) throw new Error('Choose two different people.');
      await postJson(`/api/time-points/${timePointId}/second-readings`, { start, reader_ids: [Number(first), Number(second)] });
    },
  });
}

export const askSubmitReading = (id: string): Promise<boolean> => openDialog({
  title: 'Submit my reading', action: 'Submit',
  body: html`<p class="t2">Your copy is closed: accepted regions count, rejected ones do not. Once the other reader has submitted too, both are compared.</p>`,
  submit: async () => { await postJson(`/api/second-readings/${id}/submit`); },
});

export const askCancelReading = (id: string): Promise<boolean> => askReason({
  title: 'Cancel the second reading', action: 'Cancel reading', text: 'What was drawn is kept, stays hidden, and is not used. Nothing is deleted.',
  submit: async (reason) => { await postJson(`/api/second-readings/${id}/cancel`, { reason }); },
});
