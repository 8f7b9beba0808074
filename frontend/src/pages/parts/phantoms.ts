/** Phantoms of the Cameras page: measure a factor, a dead time or recovery, look at the result, make a factor of it. */
import { getJson, postJson } from '../../api/client';
import { fitPlot } from '../../charts/fit_plot';
import { formatClock } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { flag, message, select } from '../../domain/markup';
import { formatNumber } from '../../domain/quantity';
import { openDialog } from './dialogs';
import { fill, need, on } from './dom';
import { inputsOf, METHOD_FIELDS, METHODS, type Field, type Method } from './phantom_fields';
import { showRun } from './run_progress';
import type { Page } from './shell';
import { showError } from './states';

interface Scan { id: string; description: string; camera: string; nuclide: string; units: string; started_at: string | null }
interface Drawn { x: number[]; y: number[] }
interface Result {
  calibration_cps_per_mbq?: number; standard_uncertainty_cps_per_mbq?: number; contributions_percent?: Record<string, number>; mean_activity_mbq?: number;
  dead_time_us?: number; standard_uncertainty_us?: number; model?: string; p_value?: number; is_significant?: boolean; largest_loss_percent?: number;
  notes?: string[]; b1_ml?: number; b2?: number; spheres?: { diameter_mm: number; recovery: number; standard_uncertainty: number }[]; points?: Drawn; line?: Drawn;
}
interface Measurement { id: string; run_id: string | null; method: Method; label: string; inputs: Record<string, unknown>; result: Result; scan: Scan | null; camera: string; author: string; at: string }
interface Answer { results: Measurement[]; scans: Scan[] }
/** What the editor of a factor begins with. */
export interface FactorDraft { camera: string; nuclide: string; reconstruction: string; value: number; u: number; source: string }

const NUCLIDES = ['Lu-177', 'I-131', 'Y-90', 'Tb-161', 'Ac-225', 'Tc-99m', 'In-111', 'Ga-68', 'F-18'];
const PLOT = { width: 300, height: 170 };

/** Shows the section in `place`; `useFactor` opens the editor of a factor with what was measured. */
export function startPhantoms(page: Page, place: HTMLElement, useFactor: (draft: FactorDraft) => void): Promise<void> {
  let answer: Answer = { results: [], scans: [] };

  async function load(): Promise<void> {
    try {
      answer = await getJson<Answer>(`/api/sites/${page.siteId}/calibration-measurements`);
      fill(place, section(page, answer));
    } catch (error) { showError(place, error, () => void load()); }
  }

  async function measure(method: Method): Promise<void> {
    let runId = '';
    const isDone = await openDialog({
      title: METHODS[method].title, action: 'Measure', isWide: true, body: form(method, answer.scans),
      submit: async (values) => {
        const body = { method, inputs: inputsOf(method, values), ...(values.series ? { series_id: values.series } : {}) };
        ({ run_id: runId } = await postJson<{ run_id: string }>(`/api/sites/${page.siteId}/calibration-measurements`, body));
      },
    });
    if (!isDone || !(await showRun(need('phantom-run'), runId))) return;
    await load();
    const own = answer.results.find((item) => item.run_id === runId);
    if (own) show(own);
  }

  function show(item: Measurement): void {
    const draft = page.isAllowed('edit_calibration') ? factorOf(item) : null;
    void openDialog({
      title: `${item.label}: result`, action: draft ? 'Make a factor of it' : 'Close', isWide: true, body: resultOf(item),
      submit: () => Promise.resolve(),
    }).then((isDone) => { if (isDone && draft) useFactor(draft); });
  }

  on(place, 'click', '[data-measure]', (button) => void measure(button.dataset.measure as Method));
  on(place, 'click', '[data-result]', (button) => { const item = answer.results.find((row) => row.id === button.dataset.result); if (item) show(item); });
  return load();
}

function section(page: Page, answer: Answer): Html {
  const buttons = page.isAllowed('edit_calibration')
    ? html`<span class="push row">${each(Object.entries(METHODS), ([method, { label }]) => html`<button class="btn" type="button" data-measure="${method}">${label}</button>`)}</span>` : nothing;
  const row = (item: Measurement): Html => html`<tr><td class="strong">${item.label}</td><td>${item.camera || '—'}</td><td class="t2">${item.scan?.description ?? 'typed counts'}</td><td class="num">${short(item.result)}</td><td class="t2">${item.author}, ${formatClock(item.at)}</td><td><button class="btn quiet" type="button" data-result="${item.id}">Show</button></td></tr>`;
  return html`<div class="page-head"><h2 class="h1">Phantom measurements</h2><span class="t3">Factors, dead time and recovery from your own phantoms.</span>${buttons}</div><div id="phantom-run"></div>${answer.results.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Method</th><th>Camera</th><th>Scan</th><th class="num">Result</th><th>Measured</th><th></th></tr></thead><tbody>${each(answer.results, row)}</tbody></table></div>`
    : html`<div class="sect">${message('note', 'Nothing measured yet', 'Import the scan of a phantom and leave it unconfirmed: it then appears in these forms. A planar source and dead time need typed numbers only.')}</div>`}`;
}

function short(result: Result): Html {
  if (result.calibration_cps_per_mbq !== undefined) return html`${formatNumber(result.calibration_cps_per_mbq, 4)} ± ${formatNumber(result.standard_uncertainty_cps_per_mbq, 2)} cps/MBq`;
  if (result.dead_time_us !== undefined) return html`${formatNumber(result.dead_time_us, 3)} ± ${formatNumber(result.standard_uncertainty_us, 2)} µs`;
  return html`b1 ${formatNumber(result.b1_ml, 3)} mL, b2 ${formatNumber(result.b2, 3)}`;
}

function form(method: Method, scans: readonly Scan[]): Html {
  const { needsScan, hint } = METHODS[method];
  const scan = needsScan
    ? scans.length
      ? html`<label class="line"><span class="label">Scan in quarantine</span>${select({ name: 'series' }, scans.map((item) => [item.id, `${item.description || 'image'}, ${item.camera || 'camera not stated'}, ${item.nuclide} ${item.started_at ? formatClock(item.started_at) : ''} (${item.units})`] as const), scans[0]?.id ?? '')}</label>`
      : message('block', 'There is no scan to measure', 'Import the images of the phantom first and leave them unconfirmed.')
    : nothing;
  return html`<p class="t2">${hint}</p><div class="form">${scan}<label class="line"><span class="label">Nuclide</span>${select({ name: 'nuclide' }, NUCLIDES.map((name) => [name, name] as const), (needsScan && scans[0]?.nuclide) || 'Lu-177')}</label><div class="model-choice">${each(METHOD_FIELDS[method], input)}</div></div>`;
}

function input(field: Field): Html {
  const required = field.isOptional ? nothing : html`required`;
  if (field.kind === 'text') return html`<label class="line"><span class="label">${field.label}</span><input class="text" name="${field.name}" maxlength="255" ${required}></label>`;
  if (field.kind === 'time') return html`<label class="line"><span class="label">${field.label}</span><input class="text" type="datetime-local" step="1" name="${field.name}" ${required}></label>`;
  if (field.kind === 'rows') return html`<label class="line"><span class="label">${field.label}</span><textarea class="area mono" name="${field.name}" rows="7" spellcheck="false" ${required}></textarea></label>`;
  if (field.kind === 'choice') return html`<label class="line"><span class="label">${field.label}</span>${select({ name: field.name }, field.choices ?? [], field.choices?.[0]?.[0] ?? '')}</label>`;
  return html`<label class="line"><span class="label">${field.label}</span><input class="text" type="number" min="0" step="any" name="${field.name}" value="${field.usual ?? ''}" ${required}></label>`;
}

function resultOf(item: Measurement): Html {
  const { result } = item;
  const rows: Html[] = [];
  const add = (name: string, value: Html | string): void => { rows.push(html`<dt>${name}</dt><dd class="num">${value}</dd>`); };
  if (result.calibration_cps_per_mbq !== undefined) {
    add('Factor', html`<span class="strong">${short(result)}</span>`);
    add('Activity during the scan', `${formatNumber(result.mean_activity_mbq, 4)} MBq`);
    for (const [name, percent] of Object.entries(result.contributions_percent ?? {})) add(`Uncertainty: ${name}`, `${formatNumber(percent, 2)} %`);
  }
  if (result.dead_time_us !== undefined) {
    add('Dead time', html`<span class="strong">${short(result)}</span>`);
    add('Model', (result.model ?? '').replaceAll('_', '-'));
    add('Lost at the highest rate', `${formatNumber(result.largest_loss_percent, 2)} %`);
    add('Fit', flag((result.p_value ?? 0) < 0.01 ? 'ask' : 'ok', `p ${formatNumber(result.p_value, 2)}${result.is_significant ? '' : ', no dead time shown'}`));
  }
  if (result.b1_ml !== undefined) {
    add('Recovery curve', html`<span class="strong">1 − 1 / (1 + (v / ${formatNumber(result.b1_ml, 3)} mL)^${formatNumber(result.b2, 3)})</span>`);
    add('Fit', flag((result.p_value ?? 0) < 0.01 ? 'ask' : 'ok', `p ${formatNumber(result.p_value, 2)}`));
    for (const sphere of result.spheres ?? []) add(`Sphere of ${formatNumber(sphere.diameter_mm)} mm`, `${formatNumber(sphere.recovery, 3)} ± ${formatNumber(sphere.standard_uncertainty, 2)}`);
  }
  const isRecovery = result.b1_ml !== undefined;
  const plot = result.points && result.line ? fitPlot({ points: result.points, line: result.line, size: PLOT, label: item.label, xLabel: isRecovery ? 'Volume (mL)' : 'True rate (cps)', hasIdentity: !isRecovery }) : nothing;
  return html`<dl class="kv">${each(rows, (row) => row)}</dl>${each(result.notes ?? [], (note) => html`<p class="t3 fs12 mt-2">${note}</p>`)}${plot}`;
}

/** A factor holds for images that resemble the phantom: in air and one head for projections, else of its reconstruction. */
export function factorOf(item: Pick<Measurement, 'method' | 'label' | 'inputs' | 'result' | 'camera' | 'at'>): FactorDraft | null {
  const { calibration_cps_per_mbq: value, standard_uncertainty_cps_per_mbq: u } = item.result;
  if (value === undefined || u === undefined) return null;
  const activity = typeof item.inputs.activity_mbq === 'number' ? `, ${formatNumber(item.inputs.activity_mbq)} MBq` : '';
  return {
    camera: item.camera, nuclide: String(item.inputs.nuclide ?? ''), reconstruction: item.method === 'planar' ? 'Projections, one head' : '', value, u,
    source: `${item.label}${activity}, measured here ${item.at.slice(0, 10)}`,
  };
}
