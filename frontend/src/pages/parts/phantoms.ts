/** Phantoms of the Cameras page: measure a factor, a dead time or recovery, look at the result, make a factor of it. */
import { getJson, postJson } from '../../api/client';
import { formatClock } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { message, select } from '../../domain/markup';
import { formatNumber } from '../../domain/quantity';
import type { SpectSettings } from '../imaging/wire';
import { openDialog } from './dialogs';
import { fill, formValues, need, on } from './dom';
import { phantomDrafts, type Values } from './phantom_drafts';
import { inputsOf, lines, METHOD_FIELDS, METHODS, valuesOf, type Field, type Method } from './phantom_fields';
import { centresOf, resultOf, short, type Result } from './phantom_result';
import { showRun } from './run_progress';
import type { Page } from './shell';
import { formOf, settingsOf, spectFields } from './spect_options';
import { showError } from './states';

/** `spect` are the settings that are usual for projections; an image of the camera has none. */
interface Scan { id: string; description: string; camera: string; nuclide: string; units: string; started_at: string | null; is_projections: boolean; spect?: SpectSettings | null }
interface Measurement { id: string; run_id: string | null; method: Method; label: string; inputs: Record<string, unknown>; result: Result; scan: Scan | null; camera: string; author: string; at: string }
interface Answer { results: Measurement[]; scans: Scan[]; cameras: string[] }
/** What the editor of a factor begins with. */
export interface FactorDraft { camera: string; nuclide: string; imaged_kev: number | null; reconstruction: string; value: number; u: number; source: string }
/** What a proposed recovery curve begins with. */
export interface RecoveryDraft { measurement_id: string; camera: string }

const NUCLIDES = ['Lu-177', 'I-131', 'Y-90', 'Tb-161', 'Ac-225', 'Tc-99m', 'In-111', 'Ga-68', 'F-18'];

/** Shows the section in `place`; `useFactor` and `useCurve` open the editor of a factor or a recovery curve with what was measured. */
export function startPhantoms(page: Page, place: HTMLElement, useFactor: (draft: FactorDraft) => void, useCurve: (draft: RecoveryDraft) => void): Promise<void> {
  let answer: Answer = { results: [], scans: [], cameras: [] };
  const drafts = phantomDrafts(page.siteId);

  async function load(): Promise<void> {
    try {
      answer = await getJson<Answer>(`/api/sites/${page.siteId}/calibration-measurements`);
      fill(place, section(page, answer));
    } catch (error) { showError(place, error, () => void load()); }
  }

  async function measure(method: Method, begun: Values = drafts.of(method) ?? {}): Promise<void> {
    let runId = '';
    const isDone = await openDialog({
      title: METHODS[method].title, action: 'Measure', isWide: true, body: form(method, answer, begun, drafts.of(method) === begun),
      submit: async (values) => {
        drafts.keep(method, values);
        const body = { method, inputs: { ...inputsOf(method, values), ...(scanOf(answer, values)?.is_projections ? { spect: settingsOf(values) } : {}) }, ...(values.series ? { series_id: values.series } : {}) };
        ({ run_id: runId } = await postJson<{ run_id: string }>(`/api/sites/${page.siteId}/calibration-measurements`, body));
      },
    });
    if (!isDone) return;
    fill(need('phantom-again'), nothing);
    if (!(await showRun(need('phantom-run'), runId))) {
      fill(need('phantom-again'), html`<button class="btn mt-2" type="button" data-measure="${method}">Change what was typed</button>`);
      return;
    }
    drafts.drop(method);
    await load();
    const own = answer.results.find((item) => item.run_id === runId);
    if (own) show(own);
  }

  function show(item: Measurement): void {
    const isEditor = page.isAllowed('edit_calibration');
    const draft = isEditor ? factorOf(item) : null;
    const curve = isEditor ? recoveryOf(item) : null;
    void openDialog({
      title: `${item.label}: result`, action: draft ? 'Make a factor of it' : curve ? 'Propose as a correction' : 'Close', isWide: true, body: resultOf(item.result, item.label),
      submit: () => Promise.resolve(),
    }).then((isDone) => { if (isDone && draft) useFactor(draft); if (isDone && curve) useCurve(curve); });
  }

  on(place, 'click', '[data-measure]', (button) => void measure(button.dataset.measure as Method));
  on(place, 'click', '[data-again]', (button) => { const item = answer.results.find((row) => row.id === button.dataset.again); if (item) void measure(item.method, begunFrom(item, answer.scans)); });
  on(document.body, 'input', '[data-phantom]', (body) => { const own = body.closest('form'); if (own) drafts.keep(body.dataset.phantom as Method, formValues(own)); });
  on(document.body, 'change', '[data-phantom] [name="series"]', (field) => fill(need('phantom-spect'), settings(answer, { series: (field as HTMLSelectElement).value })));
  on(document.body, 'click', '[data-phantom-empty]', (button) => {
    const method = button.dataset.phantomEmpty as Method;
    drafts.drop(method);
    button.closest('dialog')?.close();
    void measure(method);
  });
  on(place, 'click', '[data-result]', (button) => { const item = answer.results.find((row) => row.id === button.dataset.result); if (item) show(item); });
  return load();
}

function section(page: Page, answer: Answer): Html {
  const isEditor = page.isAllowed('edit_calibration');
  const buttons = isEditor
    ? html`<span class="push row">${each(Object.entries(METHODS), ([method, { label }]) => html`<button class="btn" type="button" data-measure="${method}">${label}</button>`)}</span>` : nothing;
  const row = (item: Measurement): Html => html`<tr><td class="strong">${item.label}</td><td>${item.camera || '—'}</td><td class="t2">${item.scan?.description ?? 'typed counts'}</td><td class="num">${short(item.result)}</td><td class="t2">${item.author}, ${formatClock(item.at)}</td><td><button class="btn quiet" type="button" data-result="${item.id}">Show</button>${isEditor ? html`<button class="btn quiet" type="button" data-again="${item.id}">Again</button>` : nothing}</td></tr>`;
  return html`<div class="page-head"><h2 class="h1">Phantom measurements</h2><span class="t3">Factors, dead time and recovery from your own phantoms.</span>${buttons}</div><div id="phantom-run"></div><div id="phantom-again"></div>${answer.results.length
    ? html`<div class="scroll"><table class="table"><thead><tr><th>Method</th><th>Camera</th><th>Scan</th><th class="num">Result</th><th>Measured</th><th></th></tr></thead><tbody>${each(answer.results, row)}</tbody></table></div>`
    : html`<div class="sect">${message('note', 'Nothing measured yet', 'Import the scan of a phantom (projections with their CT, or an image) and leave it unconfirmed: it then appears in these forms. A planar source and dead time need typed numbers only.')}</div>`}`;
}

/** The form of an earlier measurement; while its scan is there also the centres that it found: one that went astray can be put right. */
export function begunFrom(item: Pick<Measurement, 'method' | 'inputs' | 'result' | 'scan'>, scans: readonly Pick<Scan, 'id' | 'spect'>[]): Values {
  const usual = scans.find((scan) => scan.id === item.scan?.id)?.spect;
  const values = { ...valuesOf(item.method, item.inputs), ...(usual ? formOf({ ...usual, ...(item.inputs.spect as Partial<SpectSettings> | undefined) }) : {}) };
  if (!item.scan || !scans.some((scan) => scan.id === item.scan?.id)) return values;
  const centres = item.method === 'sphere' || item.method === 'recovery' ? centresOf(item.result) : [];
  const typed = centres.map((centre) => centre.map((part) => Number(part.toFixed(1))));
  return { ...values, series: item.scan.id, ...(typed.length > 0 ? { centres_lps_mm: lines(typed) } : {}) };
}

const scanOf = (answer: Answer, values: Values): Scan | undefined => answer.scans.find((item) => item.id === values.series);

/** How the chosen projections are reconstructed; nothing for an image of the camera. */
function settings(answer: Answer, begun: Values): Html {
  const usual = scanOf(answer, begun)?.spect;
  if (!usual) return nothing;
  return html`<h3 class="h3">Reconstruction</h3><p class="t3 fs12">The result holds for projections of patients that are reconstructed with exactly these settings.</p>${spectFields(begun.iterations === undefined ? formOf(usual) : begun, answer.cameras)}`;
}

function form(method: Method, answer: Answer, begun: Values, isDraft: boolean): Html {
  const { needsScan, hint } = METHODS[method];
  const { scans } = answer;
  const chosen = scanOf(answer, begun) ?? scans[0];
  const scan = needsScan
    ? scans.length
      ? html`<label class="line"><span class="label">Scan in quarantine</span>${select({ name: 'series' }, scans.map((item) => [item.id, `${item.description || 'image'}, ${item.camera || 'camera not stated'}, ${item.nuclide} ${item.started_at ? formatClock(item.started_at) : ''} (${item.is_projections ? 'projections' : item.units})`] as const), chosen?.id ?? '')}</label>`
      : message('block', 'There is no scan to measure', 'Import the projections with their CT, or the images of the phantom, and leave them unconfirmed.')
    : nothing;
  const again = isDraft ? html`<p class="row t3 fs12">What was typed before stands here again. <button class="btn quiet" type="button" data-phantom-empty="${method}">Empty the form</button></p>` : nothing;
  return html`<p class="t2">${hint}</p><div class="form" data-phantom="${method}">${scan}<label class="line"><span class="label">Nuclide</span>${select({ name: 'nuclide' }, NUCLIDES.map((name) => [name, name] as const), begun.nuclide ?? ((needsScan && chosen?.nuclide) || 'Lu-177'))}</label>${again}<div class="model-choice">${each(METHOD_FIELDS[method], (field) => input(field, begun[field.name]))}</div>${needsScan ? html`<div class="form" id="phantom-spect">${settings(answer, chosen?.id === begun.series ? begun : { series: chosen?.id ?? '' })}</div>` : nothing}</div>`;
}

function input(field: Field, begun: string | undefined): Html {
  const required = field.isOptional ? nothing : html`required`;
  const value = begun ?? String(field.usual ?? '');
  const line = (content: Html): Html => html`<label class="line"><span class="label">${field.label}</span>${content}</label>`;
  if (field.kind === 'time') return line(html`<input class="text" type="datetime-local" step="1" name="${field.name}" value="${value}" ${required}>`);
  if (field.kind === 'rows') return line(html`<textarea class="area mono" name="${field.name}" rows="${field.nRows ?? 4}" spellcheck="false" ${required}>${value}</textarea>`);
  if (field.kind === 'choice') return line(select({ name: field.name }, field.choices ?? [], begun ?? field.choices?.[0]?.[0] ?? ''));
  if (field.kind === 'number') return line(html`<input class="text" type="number" min="0" step="any" name="${field.name}" value="${value}" ${required}>`);
  return line(html`<input class="text" name="${field.name}" maxlength="255" value="${value}" ${required}>`);
}

/** A recovery curve with its covariance can correct scans once a second person confirms it; earlier ones hold none. */
export function recoveryOf(item: Pick<Measurement, 'id' | 'method' | 'result' | 'camera'>): RecoveryDraft | null {
  return item.method === 'recovery' && item.result.covariance ? { measurement_id: item.id, camera: item.camera } : null;
}

/** A factor holds for images that resemble the phantom: in air and one head for all projections, else for its reconstruction. */
export function factorOf(item: Pick<Measurement, 'method' | 'label' | 'inputs' | 'result' | 'camera' | 'at'>): FactorDraft | null {
  const { calibration_cps_per_mbq: value, standard_uncertainty_cps_per_mbq: u } = item.result;
  if (value === undefined || u === undefined) return null;
  const activity = typeof item.inputs.activity_mbq === 'number' ? `, ${formatNumber(item.inputs.activity_mbq)} MBq` : '';
  return {
    camera: item.camera, nuclide: String(item.inputs.nuclide ?? ''), imaged_kev: item.result.imaged_kev ?? null, reconstruction: item.result.reconstruction ?? (item.method === 'planar' ? 'Projections, one head' : ''), value, u,
    source: `${item.label}${activity}, measured here ${item.at.slice(0, 10)}`,
  };
}
