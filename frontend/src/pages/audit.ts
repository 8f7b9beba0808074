import { getJson } from '../api/client';
import { formatDateTime } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { placeholder } from '../domain/markup';
import { fill, formValues, need, on } from './parts/dom';
import { startPage } from './parts/shell';
import { showError } from './parts/states';

interface Line { number: number; hash: string; at: string; actor: string; action: string; target_type: string; target_id: string; patient: string | null; reason: string; before: Record<string, unknown> | null; after: Record<string, unknown> | null }
interface Audit { count: number; page: number; n_pages: number; results: Line[] }

const KINDS = [['', 'Everything'], ['patient.view', 'Views'], ['result.', 'Signatures'], ['prescription.', 'Prescriptions'], ['contours.', 'Contours'], ['curve', 'Curves'], ['upload.', 'Imports'], ['limit_set.', 'Limits'], ['calibration.', 'Calibration'], ['membership.', 'Roles']] as const;
const LONG_CHANGE = 110;
const page = startPage();
const wanted = { action: '', patient: '', page: 1 };

async function load(): Promise<void> {
  const query = new URLSearchParams(Object.entries({ ...wanted, page: String(wanted.page) }).filter(([, value]) => value !== ''));
  try { draw(await getJson<Audit>(`/api/audit?${query.toString()}`)); } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

const change = (values: Record<string, unknown> | null): string => (values ? Object.entries(values).map(([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join('; ') : '');

/** A long change opens on request, so that lines stay one row high. */
function changeCell(text: string): Html {
  if (text.length <= LONG_CHANGE) return html`<span class="t3 fs12">${text}</span>`;
  return html`<details class="fs12 t3"><summary>${text.slice(0, LONG_CHANGE)}…</summary>${text}</details>`;
}

function row(line: Line): Html {
  const after = change(line.after);
  return html`<tr><td class="num">${line.number}</td><td>${formatDateTime(line.at)}</td><td>${line.actor}</td><td class="strong">${line.action}</td><td class="mono t2" title="${line.target_id}">${line.target_type} ${line.target_id.slice(0, 8)}</td>
    <td class="mono t2">${line.patient ? html`<button type="button" class="link" data-patient="${line.patient}">${line.patient.slice(0, 8)}</button>` : '—'}</td><td class="text">${line.reason} ${changeCell(line.before ? `${change(line.before)} → ${after}` : after)}</td><td class="mono t3" title="${line.hash}">${line.hash.slice(0, 10)}</td></tr>`;
}

function draw(audit: Audit): void {
  fill(need('content'), audit.results.length
    ? html`<table class="table dense"><thead><tr><th class="num">No.</th><th>When</th><th>Who</th><th>What</th><th>On</th><th>Case</th><th>Reason and change</th><th>Hash</th></tr></thead><tbody>${each(audit.results, row)}</tbody></table>`
    : placeholder({ icon: 'shield', title: 'No record matches', text: 'Change the filter to see more.' }));
  fill(need('pages'), html`<button class="btn quiet" type="button" data-page="${audit.page - 1}" ${audit.page > 1 ? nothing : html`disabled`}>Newer</button>Page ${audit.page} of ${audit.n_pages}, ${audit.count} records<button class="btn quiet" type="button" data-page="${audit.page + 1}" ${audit.page < audit.n_pages ? nothing : html`disabled`}>Older</button>`);
}

function drawFilter(): void {
  fill(need('filter'), html`<span class="seg" role="group" aria-label="Kind">${each(KINDS, ([key, text]) => html`<button type="button" data-kind="${key}" aria-pressed="${String(key === wanted.action)}">${text}</button>`)}</span>
    <label class="field"><span class="visually-hidden">Case</span><input name="patient" placeholder="Case number" value="${wanted.patient}" autocomplete="off"></label><button class="btn" type="submit">Filter</button>`);
}

function refilter(values: Partial<typeof wanted>): void {
  Object.assign(wanted, { page: 1 }, values);
  drawFilter();
  void load();
}

on(need('filter'), 'click', '[data-kind]', (button) => refilter({ action: button.dataset.kind ?? '' }));
on(need('content'), 'click', '[data-patient]', (button) => refilter({ patient: button.dataset.patient ?? '' }));
on(need('pages'), 'click', '[data-page]', (button) => refilter({ page: Number(button.dataset.page) }));
need('filter').addEventListener('submit', (event) => { event.preventDefault(); refilter({ patient: formValues(event.target as HTMLFormElement).patient?.trim() ?? '' }); });
drawFilter();
void load();
