/** Populations of curves: what is known of a region before its scans; entered, imported or learned, and confirmed. */
import { getJson, postJson } from '../api/client';
import { populationPlot, type PopulationCurve } from '../charts/population_plot';
import { formatDate } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { icon, placeholder, stateTag, unit } from '../domain/markup';
import { formatNumber } from '../domain/quantity';
import { askReason, openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { bindKeys } from './parts/keys';
import { followOpenRun, showRun } from './parts/run_progress';
import { startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Prior { agent: string; organ: string; nuclide: string; source: string; [key: string]: unknown }
interface Population {
  id: string; agent: string; organ: string; nuclide: string; model: string; n_patients: number | null; residual_percent: number; source: string; at: string; author: string;
  is_confirmed: boolean; confirmed_by: string | null; is_withdrawn: boolean; half_life_h: { low: number; median: number; high: number }; curve: PopulationCurve; document: Prior;
}

const page = startPage();
const mayEdit = page.isAllowed('edit_calibration');
const mayConfirm = page.isAllowed('confirm_calibration');
let rows: Population[] = [];
let published: Prior[] = [];
let shownId = '';

const shown = (): Population | undefined => rows.find((row) => row.id === shownId);

async function load(): Promise<void> {
  try {
    ({ results: rows, published } = await getJson<{ results: Population[]; published: Prior[] }>(`/api/sites/${page.siteId}/populations`));
    if (!shown()) shownId = rows.find((row) => !row.is_withdrawn)?.id ?? rows[0]?.id ?? '';
    draw();
  } catch (error) { showError(need('content'), error, () => void load()); }
}

function state(row: Population): Html {
  if (row.is_withdrawn) return stateTag('withdrawn');
  return row.is_confirmed ? stateTag('confirmed') : stateTag('open', 'TO CONFIRM');
}

const buttons = (): Html => html`<span class="push row"><button class="btn" type="button" data-fit>Learn from own curves</button><button class="btn" type="button" data-published>Published</button><button class="btn" type="button" data-import>Import</button><button class="btn primary" type="button" data-new>${icon('plus', 's')}New population</button></span>`;

function draw(): void {
  fill(need('head'), html`<h1 class="h1">Populations</h1><span class="t3 ell">Half-lives and curves of one agent, organ and nuclide: the prior of a region with few scans.</span>${mayEdit ? buttons() : nothing}`);
  const row = (item: Population): Html => html`<tr tabindex="0" data-row="${item.id}" aria-selected="${String(item.id === shownId)}"><td class="strong">${item.agent}</td><td>${item.organ}</td><td>${item.nuclide}</td><td class="num">${formatNumber(item.half_life_h.median)} <span class="t3">${formatNumber(item.half_life_h.low)} to ${formatNumber(item.half_life_h.high)}</span></td><td class="num">${item.n_patients ?? '—'}</td><td class="text t2">${item.source}</td><td>${state(item)}</td></tr>`;
  fill(need('content'), html`<div id="fit-run"></div>${rows.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Agent</th><th>Organ</th><th>Nuclide</th><th class="num">Effective half-life, 68 % (h)</th><th class="num">Patients</th><th>Source</th><th>State</th></tr></thead><tbody>${each(rows, row)}</tbody></table></div>`
    : placeholder({ icon: 'timeline', title: 'No population yet', text: 'With one or two scans the shape of a curve must come from somewhere. Enter a published half-life with its spread and source, or learn one from the accepted curves of this site.', action: mayEdit ? html`<button class="btn primary" type="button" data-new>New population</button>` : nothing })}`);
  drawDetail();
}

function drawDetail(): void {
  const item = shown();
  const rules = html`<div class="sect last stack"><h2 class="h2">Rules</h2><p class="t2 fs12">A region finds its population by agent, nuclide and organ: its name, its first word (“Kidney left” finds “kidney”), or its kind (organ, lesion).</p><p class="t2 fs12">A fit uses it only when asked, never instead of the scans. Until another person confirms it, every curve that rests on it asks for an answer.</p></div>`;
  if (!item) { fill(need('inspector'), rules); return; }
  const decide = mayConfirm && !item.is_withdrawn
    ? html`<div class="row mt-3">${item.is_confirmed ? nothing : html`<button class="btn primary" type="button" data-confirm="${item.id}">Confirm</button>`}<button class="btn quiet" type="button" data-withdraw="${item.id}">Withdraw</button></div>` : nothing;
  fill(need('inspector'), html`<div class="sect"><h2 class="h2">${item.agent}, ${item.organ}</h2><p class="fs12 t3">Activity in % of the median's largest; bands hold 68 and 95 % of new patients</p>${populationPlot(item.curve, `Curve of ${item.agent} in ${item.organ}`)}
    <dl class="kv mt-2"><dt>Effective half-life</dt><dd>${formatNumber(item.half_life_h.median)} ${unit('h')}</dd><dt>68 % of patients</dt><dd>${formatNumber(item.half_life_h.low)} to ${formatNumber(item.half_life_h.high)} ${unit('h')}</dd><dt>Curve</dt><dd>${item.model.replaceAll('_', ' ')}</dd><dt>Patients</dt><dd>${item.n_patients ?? 'not stated'}</dd><dt>Scatter of a scan</dt><dd>${formatNumber(item.residual_percent)} ${unit('%')}</dd><dt>Entered</dt><dd>${item.author}, ${formatDate(item.at)}</dd>${item.confirmed_by ? html`<dt>Confirmed</dt><dd>${item.confirmed_by}</dd>` : nothing}</dl>
    <p class="fs12 t2 mt-2">${item.source}</p>${decide}<button class="btn quiet mt-2" type="button" data-export>${icon('download', 's')}Save as file</button></div>${rules}`);
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;
const kind = (): Html => html`<div class="pair">${field('Agent, as in the course', html`<input class="text" name="agent" required maxlength="64" value="DOTATATE" autofocus>`)}${field('Organ: a region, “organ” or “lesion”', html`<input class="text" name="organ" required maxlength="64" placeholder="kidney">`)}</div>${field('Nuclide', html`<input class="text" name="nuclide" required maxlength="16" value="Lu-177">`)}`;

function create(): void {
  void openDialog({
    title: 'Enter a population', action: 'Save', isWide: true,
    body: html`<div class="form">${kind()}<div class="pair">${field('Median effective half-life (h)', html`<input class="text" type="number" step="any" min="0.01" name="median" required>`)}${field('Spread: standard deviation of its logarithm', html`<input class="text" type="number" step="any" min="0.001" max="3" name="spread" required placeholder="0.2 is about 20 %">`)}</div>
      <div class="pair">${field('Patients behind it, empty if not stated', html`<input class="text" type="number" step="1" min="3" name="patients">`)}${field('Source', html`<input class="text" name="source" required maxlength="512">`)}</div></div>`,
    submit: async (values) => {
      await postJson(`/api/sites/${page.siteId}/populations`, { agent: values.agent, organ: values.organ, nuclide: values.nuclide, median_h: Number(values.median), log_standard_deviation: Number(values.spread), n_patients: values.patients ? Number(values.patients) : null, source: values.source });
    },
  }).then((isDone) => { if (isDone) { toast('Population saved; another person confirms it'); void load(); } });
}

function addPublished(): void {
  void openDialog({
    title: 'Add a published half-life', action: 'Add',
    body: html`<p class="t2">To be confirmed by a second person before it counts.</p><div class="stack" role="radiogroup" aria-label="Published half-life">${each(published, (item, i) => html`<label class="row"><input type="radio" name="key" value="${i}" required><span>${item.agent}, ${item.organ}, ${item.nuclide}<span class="t3 fs12"> ${item.source}</span></span></label>`)}</div>`,
    submit: async ({ key }) => { await postJson(`/api/sites/${page.siteId}/populations/import`, { document: published[Number(key)] }); },
  }).then((isDone) => { if (isDone) { toast('Added, to be confirmed'); void load(); } });
}

function importFile(): void {
  void openDialog({
    title: 'Import a population', action: 'Import',
    body: html`<p class="t2">The file that <code>python -m dosimetry population</code> writes, or one saved here.</p><label class="line"><span class="label">File (JSON)</span><input type="file" name="file" accept=".json,application/json" required></label>`,
    submit: async (_values, form) => {
      const file = form.querySelector<HTMLInputElement>('[name="file"]')?.files?.[0];
      if (!file) throw new Error('Choose a file.');
      let document: unknown;
      try { document = JSON.parse(await file.text()); } catch { throw new Error('The file is no JSON.'); }
      await postJson(`/api/sites/${page.siteId}/populations/import`, { document });
    },
  }).then((isDone) => { if (isDone) { toast('Population imported'); void load(); } });
}

async function learn(): Promise<void> {
  let runId = '';
  const isDone = await openDialog({
    title: 'Learn from own curves', action: 'Fit population',
    body: html`<p class="t2">Takes the newest accepted curve of every patient of this site. Names and numbers of patients do not enter.</p><div class="form">${kind()}</div>`,
    submit: async ({ agent, organ, nuclide }) => { ({ run_id: runId } = await postJson<{ run_id: string }>(`/api/sites/${page.siteId}/populations/fit`, { agent, organ, nuclide })); },
  });
  if (isDone && await showRun(need('fit-run'), runId)) { toast('Population fitted; another person confirms it'); await load(); }
}

function saveFile(): void {
  const item = shown();
  if (!item) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(item.document, null, 2)], { type: 'application/json' }));
  link.download = `population_${item.agent}_${item.organ}_${item.nuclide}.json`.replaceAll(' ', '_');
  link.click();
  setTimeout(() => { URL.revokeObjectURL(link.href); }, 1000);
}

function choose(id: string): void { shownId = id; draw(); document.querySelector<HTMLElement>(`[data-row="${id}"]`)?.focus(); }

function step(by: number): void {
  const next = rows[(rows.findIndex((row) => row.id === shownId) + by + rows.length) % Math.max(rows.length, 1)];
  if (next) choose(next.id);
}

on(need('head'), 'click', '[data-new]', create);
on(need('content'), 'click', '[data-new]', create);
on(need('head'), 'click', '[data-published]', addPublished);
on(need('head'), 'click', '[data-import]', importFile);
on(need('head'), 'click', '[data-fit]', () => void learn());
on(need('content'), 'click', '[data-row]', (row) => choose(row.dataset.row ?? ''));
on(need('inspector'), 'click', '[data-export]', saveFile);
on(need('inspector'), 'click', '[data-confirm]', (button) => {
  postJson(`/api/populations/${button.dataset.confirm}/confirm`).then(() => { toast('Population confirmed'); return load(); }, (error: unknown) => toast(errorText(error), 'block'));
});
on(need('inspector'), 'click', '[data-withdraw]', (button) => void askReason({
  title: 'Withdraw a population', action: 'Withdraw', text: 'Every curve that used it becomes stale. Nothing is deleted.',
  submit: async (reason) => { await postJson(`/api/populations/${button.dataset.withdraw}/withdraw`, { reason }); },
}).then((isDone) => { if (isDone) { toast('Population withdrawn'); void load(); } }));
bindKeys([{ keys: [','], label: 'population before', run: () => step(-1) }, { keys: ['.'], label: 'next population', run: () => step(1) }]);
void load().then(() => { page.ready(); return followOpenRun('', ['planning.run_population'], 'fit-run', () => void load()); });
