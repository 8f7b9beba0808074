import { getJson, patchJson } from '../api/client';
import { formatClock, formatDue, formatWeekday } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { flag, levelOf, placeholder } from '../domain/markup';
import { formatName } from '../domain/names';
import { formatAgent } from '../domain/nuclide';
import { formatFixed, MISSING, type MaybeQuantity } from '../domain/quantity';
import { debounced, fill, need, on } from './parts/dom';
import { startJobs } from './parts/jobs';
import { bindKeys } from './parts/keys';
import { drawQuarantine } from './parts/quarantine';
import { startPage, type Step } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';
import { startUploadPanel } from './parts/upload_panel';

interface Person { id: string | number; name: string; roles?: string[] }
interface Row {
  cycle_id: string;
  version?: number;
  patient: { id: string; name: string; patient_id: string };
  agent: string;
  nuclide: string;
  cycle_number: number;
  n_cycles: number;
  steps: Step[];
  next_step: Step | null;
  flag: { level: string; text: string } | null;
  last_scan: MaybeQuantity;
  next_scan_at?: string | null;
  due_at: string | null;
  assignee: Person | null;
  group: 'you' | 'progress' | 'waiting';
}
interface Worklist {
  count: number;
  counts: Record<string, number>;
  agents?: string[];
  page?: number;
  n_pages?: number;
  next: number | string | null;
  previous: number | string | null;
  results: Row[];
  updated_at: string;
}

const FILTERS = [['all', 'All'], ['mine', 'Mine'], ['due', 'Due today'], ['blocked', 'Blocked'], ['sign', 'To sign'], ['stale', 'Stale']] as const;
const GROUPS = { you: 'Waiting for you', progress: 'In progress', waiting: 'Waiting for scans or cycle' } as const;
const WORKING = new Set(['technologist', 'contour_editor', 'physicist', 'physician', 'prescriber']);
const REFRESH_MS = 30_000;

const page = startPage();
const state = { filter: 'all', query: '', agent: '', assignee: '', page: 1, selected: '' };
let last: Worklist | null = null;
let people: Person[] = [];

function query(): string {
  const wanted = { filter: state.filter, q: state.query, agent: state.agent, assignee: state.assignee, page: String(state.page), site: page.siteId };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== '')).toString();
}

async function load(): Promise<void> {
  try {
    last = await getJson<Worklist>(`/api/worklist?${query()}`);
    draw(last);
  } catch (error) {
    if (last) need('updated').textContent = `Not refreshed: ${errorText(error)} List of ${formatClock(last.updated_at)}`;
    else showError(need('table'), error, () => void load());
  }
  page.ready();
}

function draw(list: Worklist): void {
  const nYours = list.results.filter((row) => row.group === 'you').length;
  const nOpen = list.counts.all ?? list.count;
  need('summary').textContent = `${nOpen} open ${nOpen === 1 ? 'cycle' : 'cycles'}, ${nYours} waiting for you`;
  need('updated').textContent = `Updated ${formatClock(list.updated_at)}`;
  fill(need('filters'), html`${each(FILTERS, ([key, label]) => html`<button type="button" data-filter="${key}" aria-pressed="${String(state.filter === key)}">${label} <span class="count">${list.counts[key] ?? 0}</span></button>`)}`);
  drawAgents(list.agents ?? [...new Set(list.results.map((row) => row.agent))].sort());
  if (list.results.length === 0) { fill(need('table'), emptyState()); return; }
  if (!list.results.some((row) => row.cycle_id === state.selected)) state.selected = list.results[0]?.cycle_id ?? '';
  const hasNextScan = list.results.some((row) => row.next_scan_at);
  const groups = (Object.keys(GROUPS) as (keyof typeof GROUPS)[]).map((key) => [key, list.results.filter((row) => row.group === key)] as const);
  fill(need('table'), html`<table class="table dense worklist-rows"><thead><tr><th>Patient</th><th>ID</th><th>Agent</th><th class="num">Cycle</th><th>Import … plan</th><th>Next step</th><th>Flag</th><th class="num">Last scan<br>(h p.i.)</th>${hasNextScan ? html`<th>Next scan</th>` : nothing}<th>Due</th><th>Assignee</th></tr></thead>
    <tbody>${each(groups.filter(([, rows]) => rows.length > 0), ([key, rows]) => html`<tr class="group"><td colspan="11">${GROUPS[key]} <span class="count">· ${rows.length}</span></td></tr>${each(rows, (row) => rowHtml(row, hasNextScan))}`)}</tbody></table>${pager(list)}`);
}

function rowHtml(row: Row, hasNextScan: boolean): Html {
  const due = formatDue(row.due_at, new Date());
  const words = row.steps.map((step) => `${step.label} ${step.state}`).join(', ');
  return html`<tr data-cycle="${row.cycle_id}" data-url="${row.next_step?.url ?? `/cycles/${row.cycle_id}/report/`}" tabindex="${row.cycle_id === state.selected ? '0' : '-1'}" aria-selected="${String(row.cycle_id === state.selected)}">
    <td class="strong ell patient" title="${formatName(row.patient.name)}">${formatName(row.patient.name)}</td><td class="t2 ell patient-id" title="${row.patient.patient_id}">${row.patient.patient_id}</td><td>${formatAgent(row.agent, row.nuclide)}</td><td class="num">${row.cycle_number}/${row.n_cycles}</td>
    <td><span class="stages" role="img" aria-label="${words}">${each(row.steps, (step) => html`<i data-s="${step.state}" title="${step.label}: ${step.reason || step.state}"></i>`)}</span></td>
    <td>${row.next_step?.label ?? 'Report'}</td><td>${row.flag ? flag(levelOf(row.flag.level), row.flag.text) : nothing}</td>
    <td class="num">${row.last_scan ? formatFixed(row.last_scan.value, 1) : MISSING}</td>${hasNextScan ? html`<td class="t2">${formatWeekday(row.next_scan_at)}</td>` : nothing}
    <td>${due.isOverdue ? html`<span class="overdue">${due.text}</span>` : due.text}</td><td class="t2">${assigneeCell(row)}</td></tr>`;
}

function assigneeCell(row: Row): Html {
  if (!page.isAllowed('assign')) return html`${row.assignee ? nameOf(row.assignee) : '—'}`;
  const known = row.assignee && !people.some((person) => String(person.id) === String(row.assignee?.id)) ? [row.assignee, ...people] : people;
  return html`<select class="assignee" aria-label="Assignee of ${row.patient.patient_id}" data-version="${row.version ?? 0}"><option value="">—</option>${each(known, (person) =>
    html`<option value="${person.id}" ${String(person.id) === String(row.assignee?.id) ? html`selected` : nothing}>${nameOf(person)}</option>`)}</select>`;
}

const nameOf = (person: Person): string => (String(person.id) === page.userId ? 'You' : person.name);

function emptyState(): Html {
  const isFiltered = state.filter !== 'all' || state.query !== '' || state.agent !== '' || state.assignee !== '';
  return isFiltered
    ? placeholder({ title: 'No cycle matches', text: 'Clear the filters to see every open cycle.', action: html`<button class="btn" type="button" data-clear>Clear filters</button>` })
    : placeholder({ icon: 'upload', title: 'No open cycle', text: 'Import scans to begin. A technologist or physicist of this site may do it.', action: html`<a class="btn" href="/import/">Import scans</a>` });
}

function pager(list: Worklist): Html {
  if (!list.next && !list.previous) return nothing;
  return html`<div class="row sect"><button class="btn" type="button" data-page="${state.page - 1}" ${list.previous ? nothing : html`disabled`}>Earlier rows</button><span class="t2">Page ${state.page} of ${list.n_pages ?? '—'}, ${list.count} cycles</span><button class="btn" type="button" data-page="${state.page + 1}" ${list.next ? nothing : html`disabled`}>More rows</button></div>`;
}

function drawAgents(agents: readonly string[]): void {
  const field = need<HTMLSelectElement>('agent');
  if (field.options.length === agents.length + 1) return;
  fill(field, html`<option value="">Agent: any</option>${each(agents, (agent) => html`<option value="${agent}">${agent}</option>`)}`);
  field.value = state.agent;
}

async function loadPeople(): Promise<void> {
  if (!page.siteId) return;
  const body = await getJson<{ results: Person[] }>(`/api/sites/${page.siteId}/people`).catch(() => ({ results: [] }));
  people = body.results.filter((person) => !person.roles || person.roles.some((role) => WORKING.has(role)));
  fill(need('assignee'), html`<option value="">Assignee: any</option><option value="none">Nobody</option>${each(people, (person) => html`<option value="${person.id}">${nameOf(person)}</option>`)}`);
  if (last) draw(last);
}

async function assign(field: HTMLSelectElement): Promise<void> {
  const cycleId = field.closest<HTMLElement>('tr')?.dataset.cycle ?? '';
  try {
    await patchJson(`/api/cycles/${cycleId}`, { assignee_id: field.value || null }, field.dataset.version ?? '0');
    toast('Assignee saved');
  } catch (error) { toast(`Not saved: ${errorText(error)}`, 'block'); }
  await load();
}

function move(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('tr[data-cycle]')];
  const at = rows.findIndex((row) => row.dataset.cycle === state.selected);
  choose(rows[Math.min(Math.max(at + step, 0), rows.length - 1)], true);
}

function choose(row: HTMLElement | undefined, focuses = false): void {
  if (!row) return;
  for (const other of document.querySelectorAll<HTMLElement>('tr[data-cycle]')) {
    other.setAttribute('aria-selected', String(other === row));
    other.tabIndex = other === row ? 0 : -1;
  }
  state.selected = row.dataset.cycle ?? '';
  if (focuses) row.focus();
}

function open(row: HTMLElement | null): void {
  if (row?.dataset.url) window.location.assign(row.dataset.url);
}

function refilter(change: Partial<typeof state>): void {
  Object.assign(state, { page: 1 }, change);
  void load();
}

on(need('filters'), 'click', '[data-filter]', (button) => refilter({ filter: button.dataset.filter ?? 'all' }));
on(need('table'), 'click', '[data-clear]', () => {
  need<HTMLInputElement>('search').value = '';
  for (const id of ['agent', 'assignee']) need<HTMLSelectElement>(id).value = '';
  refilter({ filter: 'all', query: '', agent: '', assignee: '' });
});
on(need('table'), 'click', '[data-page]', (button) => refilter({ page: Number(button.dataset.page) }));
on(need('table'), 'click', 'tr[data-cycle]', (row, event) => {
  if ((event.target as Element).closest('select')) return;
  choose(row);
  open(row);
});
on(need('table'), 'focusin', 'tr[data-cycle]', (row) => choose(row));
on(need('table'), 'change', 'select.assignee', (field) => void assign(field as HTMLSelectElement));
need('search').addEventListener('input', debounced(() => refilter({ query: need<HTMLInputElement>('search').value.trim() }), 250));
need('search').addEventListener('keydown', (event) => { if (event.key === 'Escape' || event.key === 'Enter') move(0); });
need('agent').addEventListener('change', () => refilter({ agent: need<HTMLSelectElement>('agent').value }));
need('assignee').addEventListener('change', () => refilter({ assignee: need<HTMLSelectElement>('assignee').value }));
bindKeys([
  { keys: ['ArrowUp'], label: 'row before', run: () => move(-1) },
  { keys: ['ArrowDown'], label: 'next row', run: () => move(1) },
  { keys: ['Home'], label: 'first row', run: () => move(-1000) },
  { keys: ['End'], label: 'last row', run: () => move(1000) },
  { keys: ['Enter'], label: 'open the next step', run: () => open(document.querySelector(`tr[data-cycle="${state.selected}"]`)) },
  { keys: ['/'], label: 'search', run: () => need('search').focus() },
]);

function drawImports(): void {
  const place = need('imports');
  if (!page.isAllowed('import_scans')) { place.hidden = true; return; }
  fill(place, html`<div class="sect-head"><h2 class="h2">Import scans</h2></div><div class="drop" id="drop"></div><div id="upload-progress" class="mt-3"></div>`);
  startUploadPanel({ drop: need('drop'), progress: need('upload-progress') }, { siteId: page.siteId, onImported: () => void drawQuarantine(need('quarantine'), page.siteId) });
}

drawImports();
void load();
void loadPeople();
void drawQuarantine(need('quarantine'), page.siteId);
startJobs(need('jobs'), { whom: (run) => last?.results.find((row) => row.cycle_id === run.cycle_id)?.patient.patient_id ?? '', onEnd: () => { void load(); void drawQuarantine(need('quarantine'), page.siteId); } });
window.setInterval(() => { if (!document.hidden) void load(); }, REFRESH_MS);
