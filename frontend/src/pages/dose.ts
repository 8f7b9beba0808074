/** Dose of one cycle: wash and isodose on the images, histograms, table of regions, and where the uncertainty comes from. */
import { getJson, postJson } from '../api/client';
import { clearFigure, figureTable, onFigure, renderFigure, type Figure } from '../charts/plot';
import { formatClock } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { kbd, message, placeholder } from '../domain/markup';
import type { IsodoseLevel } from '../viewer/isodose';
import { bindViewerKeys } from './imaging/commands';
import { ContourSession } from './imaging/contour_session';
import { chosenEngines, engineLabel, startForm } from './imaging/dose_engines';
import { doseInspector, doseTable } from './imaging/dose_table';
import type { Dose, DoseRegion } from './imaging/dose_wire';
import { hintLine, showNote, startViewer } from './imaging/place';
import { loadScan } from './imaging/scans';
import { fetchImages } from './imaging/wire';
import { openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { answerable, letAnswer } from './parts/findings';
import { bindKeys } from './parts/keys';
import { followOpenRun, showRun } from './parts/run_progress';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

const MGY_PER_GY = 1000;
/** Upper end of the uncertainty map, %: above it a voxel says nothing. */
const MOST_PERCENT = 50;
const STYLES: readonly (readonly [colour: string, dash: string])[] = [['#b797e0', '1.5 4'], ['#8fd0c5', '6 3'], ['#e6d66b', '9 3 2 3'], ['#f0b49a', 'none'], ['#56b4e9', '3 2'], ['#f08fb6', '12 4']];

const page = startPage();
const viewer = startViewer('dose');
let dose: Dose | null = null;
let chosenId = '';
let shownEngine = '';
let session: ContourSession | null = null;
let isUncertaintyShown = false;
let kind: 'cumulative' | 'differential' = 'cumulative';

const chosen = (): DoseRegion | undefined => dose?.regions.find((row) => row.region.id === chosenId);
const openQuestions = (): number => [...(dose?.findings ?? []), ...(dose?.regions ?? []).flatMap((row) => row.findings)].filter((finding) => finding.level === 'ask' && !finding.answer).length;

async function load(): Promise<void> {
  try {
    dose = await getJson<Dose>(`/api/cycles/${page.cycleId}/dose`);
    if (!chosen()) chosenId = dose.regions[0]?.region.id ?? '';
    shownEngine = dose.engine ?? '';
    isUncertaintyShown = isUncertaintyShown && Boolean(dose.tia_uncertainty_volume);
    drawWords();
    await Promise.all([showImages(), drawFigure()]);
  } catch (error) { showError(need('table'), error, () => void load()); }
  page.ready();
}

function drawWords(): void {
  drawToolbars();
  if (!dose?.calculation) { drawEmpty(); return; }
  const scrolled = need('table').scrollTop;
  fill(need('table'), doseTable(dose, chosenId, shownEngine));
  need('table').scrollTop = scrolled;
  const row = chosen();
  const general = dose.findings.length > 0 ? html`<div class="sect"><div class="stack">${each(dose.findings, answerable)}</div></div>` : nothing;
  fill(need('inspector'), html`${staleNote()}${row ? doseInspector(row, dose.engines ?? []) : nothing}${general}<div class="sect last">${actions()}<div id="run-place"></div></div>`);
  fill(need('hints'), html`${hintLine([['G', 'dose wash'], ['S', 'isodose'], ['U', 'uncertainty'], [', .', 'region'], ['C', 'crosshair'], ['?', 'all keys']])}<span class="push t3">Calculation ${dose.calculation.number}, ${engineLabel(dose.engine)}, ${formatClock(dose.calculation.at)}</span>`);
}

function staleNote(): Html {
  if (!dose?.is_stale) return nothing;
  return html`<div class="sect">${message('stale', 'This dose is stale', html`${(dose.stale_causes ?? [])[0] ?? 'An input changed since.'}`)}${startButton('Recompute dose', true)}</div>`;
}

const startButton = (text: string, isPrimary: boolean): Html =>
  (page.isAllowed('run_calculation') ? html`<button type="button" class="btn ${isPrimary ? 'primary' : ''} wide mt-2" data-start>${text}</button>` : html`<p class="fs12 t3 mt-2">A physicist of this site calculates dose.</p>`);

function actions(): Html {
  if (dose?.is_stale) return nothing;
  const nOpen = openQuestions();
  const primary = nOpen > 0 ? html`<button type="button" class="btn primary wide" data-answer-first>Answer ${nOpen} ${nOpen === 1 ? 'warning' : 'warnings'}</button>` : html`<a class="btn primary wide" href="/cycles/${page.cycleId}/sign/">Continue to sign</a>`;
  return html`${primary}${startButton('Calculate again', false)}<p class="fs12 t3 mt-2">Sign as calculated; another person reviews.</p>`;
}

function drawEmpty(): void {
  fill(need('table'), placeholder({ icon: 'timeline', title: 'No dose yet', text: 'Dose needs an accepted curve for every region.', action: html`<a class="btn" href="/cycles/${page.cycleId}/kinetics/">Go to kinetics</a>` }));
  fill(need('inspector'), html`<div class="sect last">${message('note', 'Calculate the dose of this cycle', 'From the accepted curves, on the reference image.')}${startButton('Calculate dose', true)}<div id="run-place"></div></div>`);
  fill(need('hints'), hintLine([['?', 'all keys']]));
}

function levels(): IsodoseLevel[] {
  return (dose?.isodose_levels_gy ?? []).map((gy, n) => {
    const [colour, dash] = STYLES[n % STYLES.length] ?? ['#fff', 'none'];
    return { value: gy * MGY_PER_GY, text: `${gy} Gy`, colour, dash };
  });
}

function drawToolbars(): void {
  const state = viewer?.state.get();
  const legend = levels().map((level, n) => html`<button type="button" class="iso-key" data-level="${level.value}" aria-pressed="${String(viewer?.highlightedLevel === level.value)}" title="Show this isodose"><svg width="26" height="10" aria-hidden="true"><line x1="1" y1="5" x2="25" y2="5" stroke="${level.colour}" stroke-width="2" stroke-dasharray="${level.dash}"></line></svg>${String(dose?.isodose_levels_gy?.[n] ?? "")}</button>`);
  fill(need('toolbar'), html`<h1 class="h1">Dose</h1>${dose?.calculation ? html`<span class="seg" role="group" aria-label="Show"><button type="button" data-toggle="isWashOn" aria-pressed="${String(state?.isWashOn ?? false)}">Wash ${kbd('G')}</button><button type="button" data-toggle="isIsodoseOn" aria-pressed="${String(state?.isIsodoseOn ?? false)}">Isodose ${kbd('S')}</button></span>${mapSwitch()}
    <span class="push t2 fs12">Isodose (Gy)</span>${legend}<button type="button" class="btn quiet" data-levels>Edit</button>` : nothing}`);
  fill(need('chart-toolbar'), dose?.calculation ? html`<h2 class="h2">Dose-volume</h2><span class="t2 fs12 ell">${engineLabel(dose.engine)}; density ${dose.density_origin ?? ''}</span><span class="push seg" role="group" aria-label="Histogram"><button type="button" data-kind="cumulative" aria-pressed="${String(kind === 'cumulative')}">Cumulative</button><button type="button" data-kind="differential" aria-pressed="${String(kind === 'differential')}">Differential</button></span>` : html`<h2 class="h2">Dose-volume</h2>`);
}

/** Dose, or how well the time-integrated activity of each voxel is known. */
function mapSwitch(): Html {
  const has = Boolean(dose?.tia_uncertainty_volume);
  const title = has ? 'Relative standard uncertainty of the time-integrated activity of each voxel' : 'No map: the voxels of this calculation follow the curve of their region, or it is older';
  return html`<span class="seg" role="group" aria-label="Map"><button type="button" data-map="dose" aria-pressed="${String(!isUncertaintyShown)}">Dose</button><button type="button" data-map="uncertainty" aria-pressed="${String(isUncertaintyShown)}" title="${title}" ${has ? nothing : html`disabled`}>Uncertainty ${kbd('U')}</button></span>`;
}

function showMap(isUncertainty: boolean): void {
  if (isUncertainty === isUncertaintyShown || (isUncertainty && !dose?.tia_uncertainty_volume)) return;
  isUncertaintyShown = isUncertainty;
  drawToolbars();
  void showImages(true);
}

async function showImages(keepsView = false): Promise<void> {
  if (!viewer || !dose) return;
  if (!dose.calculation || !dose.dose_volume) { showNote(placeholder({ icon: 'cube', title: 'No dose map yet', text: 'It appears here when the dose is calculated.' })); return; }
  try {
    const { time_points: points } = await fetchImages(page.cycleId);
    const point = points.find((item) => item.id === dose?.reference_time_point_id) ?? points.find((item) => item.is_reference);
    const doseMap = dose.engines?.find((engine) => engine.engine === shownEngine)?.dose_volume ?? dose.dose_volume;
    const map = isUncertaintyShown ? dose.tia_uncertainty_volume ?? doseMap : doseMap;
    const scan = point ? await loadScan(point, map) : null;
    if (!point || !scan) { showNote(placeholder({ icon: 'cube', title: 'The reference image is not prepared' })); return; }
    showNote(null);
    const hottest = Math.max(...dose.regions.map((row) => (row.dose_at_volume['2']?.value ?? 0) * MGY_PER_GY), levels().at(-1)?.value ?? 0);
    // The server's window counts every voxel of the body: small hot regions would lie above its upper end.
    const upper = Math.max(hottest, scan.dose?.header.window?.upper ?? scan.dose?.header.value_range?.[1] ?? MGY_PER_GY);
    const lowest = levels()[0]?.value ?? upper * 0.1;
    const window = scan.emission?.header.window;
    const look = isUncertaintyShown ? { doseWindow: { lower: 0, upper: MOST_PERCENT }, doseThreshold: 0 } : { doseWindow: { lower: 0, upper }, doseThreshold: lowest / 2 };
    viewer.state.set({ ...look, ...(window ? { emissionWindow: window } : {}) });
    viewer.isodoseLevels = isUncertaintyShown ? [] : levels();
    await viewer.show([scan], { layout: 'dose', keepsView });
    session = await ContourSession.open(point.id, { onPaint: () => undefined, onSaveState: () => undefined, onUndo: () => undefined });
    showRegions(!keepsView);
  } catch (error) { showNote(placeholder({ level: 'block', title: 'The dose map cannot be shown', text: errorText(error) })); }
}

/** Only the chosen region is outlined: isodose lines need the room. */
function showRegions(goes: boolean): void {
  const scan = viewer?.scans[0];
  if (!session || !viewer || !scan) return;
  session.hidden = new Set(session.contours.regions.filter((region) => region.id !== chosenId).map((region) => region.id));
  viewer.setLabels(scan.key, session.layers(chosenId, !scan.ct));
  const region = session.region(chosenId);
  const centre = region ? session.centreOf(region) : null;
  if (goes && centre) viewer.goTo(centre);
}

async function drawFigure(): Promise<void> {
  if (!dose?.calculation) return;
  try {
    const figure = await getJson<Figure>(`/api/cycles/${page.cycleId}/dose/figure?kind=${kind}&region=${chosenId}`);
    await renderFigure(need('chart'), emphasised(figure));
    onFigure(need('chart'), 'plotly_hover', ({ points }) => highlight(typeof points?.[0]?.x === 'number' ? points[0].x : null));
    onFigure(need('chart'), 'plotly_unhover', () => highlight(null));
    onFigure(need('chart'), 'plotly_click', ({ points }) => { const id = (points?.[0]?.data.meta as { region_id?: string } | undefined)?.region_id; if (id) choose(id); });
    let place = document.getElementById('dvh-table');
    if (!place) { place = document.createElement('div'); place.id = 'dvh-table'; place.className = 'dvh-table'; need('chart').after(place); }
    fill(place, figureTable(figure));
  } catch (error) { clearFigure(need('chart')); showError(need('chart'), error, () => void drawFigure()); }
}

/** The chosen region's line is thicker; everything else is as the server drew it. */
function emphasised(figure: Figure): Figure {
  const name = chosen()?.region.name;
  return { ...figure, data: figure.data.map((trace) => (trace.name === name && trace.line ? { ...trace, line: { ...(trace.line as object), width: 2.6 } } : trace)) };
}

/** Hovering the histogram shows the isodose level nearest to that dose. */
function highlight(gy: number | null): void {
  if (!viewer) return;
  const all = levels();
  const nearest = gy === null ? null : all.reduce<IsodoseLevel | null>((best, level) => (!best || Math.abs(level.value - gy * MGY_PER_GY) < Math.abs(best.value - gy * MGY_PER_GY) ? level : best), null);
  viewer.highlightedLevel = nearest?.value ?? null;
  for (const button of document.querySelectorAll<HTMLElement>('.iso-key')) button.setAttribute('aria-pressed', String(Number(button.dataset.level) === nearest?.value));
  viewer.schedule();
}

function choose(id: string): void {
  chosenId = id;
  drawWords();
  showRegions(true);
  void drawFigure();
}

function step(by: number): void {
  const ids = dose?.regions.map((row) => row.region.id) ?? [];
  const next = ids[(ids.indexOf(chosenId) + by + ids.length) % Math.max(ids.length, 1)];
  if (next) choose(next);
}

function toggle(name: 'isWashOn' | 'isIsodoseOn'): void {
  if (!viewer) return;
  viewer.state.set({ [name]: !viewer.state.get()[name] });
  drawToolbars();
}

function editLevels(): void {
  void openDialog({
    title: 'Isodose levels', action: 'Show levels',
    body: html`<label class="line"><span class="label">Levels in Gy, up to six</span><input class="text" name="levels" required value="${(dose?.isodose_levels_gy ?? []).join(', ')}" autofocus></label>`,
    submit: ({ levels: text = '' }) => {
      const values = text.split(/[\s,;]+/).filter(Boolean).map(Number);
      if (values.length === 0 || values.length > STYLES.length || values.some((value) => !(value > 0))) return Promise.reject(new Error('Give one to six doses above 0 Gy, such as 2, 5, 10.'));
      if (dose) dose.isodose_levels_gy = [...new Set(values)].sort((a, b) => a - b);
      return Promise.resolve();
    },
  }).then((isDone) => {
    if (!isDone || !viewer) return;
    viewer.isodoseLevels = levels();
    viewer.schedule();
    drawToolbars();
  });
}

function start(): void {
  void openDialog({
    title: 'Calculate dose', action: 'Calculate', isWide: true,
    body: startForm(dose),
    submit: async (values) => {
      const density = values.density ? { density_g_per_ml: Number(values.density) } : {};
      const { run_id: runId } = await postJson<{ run_id: string }>(`/api/cycles/${page.cycleId}/dose/start`, { engines: chosenEngines(values), ...density, ...(values.organ_level === undefined ? {} : { organ_level: true }), ...(values.reader_variation === undefined ? {} : { reader_variation: true }), ...(values.progeny ? { progeny: values.progeny } : {}), ...(values.uncertainty ? { statistical_uncertainty_percent: Number(values.uncertainty) } : {}) });
      void showRun(need('run-place'), runId).then((isDone) => { if (isDone) { toast('Dose calculated'); void load(); void refreshSteps(page.cycleId); } });
    },
  });
}

on(need('table'), 'click', '[data-engine]', (button) => { shownEngine = button.dataset.engine ?? ''; isUncertaintyShown = false; drawWords(); void showImages(); });
on(need('table'), 'click', '[data-region]', (row) => choose(row.dataset.region ?? ''));
on(need('table'), 'keydown', '[data-region]', (row, event) => { if (event.key === 'Enter') choose(row.dataset.region ?? ''); });
on(need('toolbar'), 'click', '[data-toggle]', (button) => toggle(button.dataset.toggle === 'isWashOn' ? 'isWashOn' : 'isIsodoseOn'));
on(need('toolbar'), 'click', '[data-map]', (button) => showMap(button.dataset.map === 'uncertainty'));
on(need('toolbar'), 'click', '[data-levels]', editLevels);
on(need('toolbar'), 'click', '[data-level]', (button) => highlight(button.getAttribute('aria-pressed') === 'true' ? null : Number(button.dataset.level) / MGY_PER_GY));
on(need('chart-toolbar'), 'click', '[data-kind]', (button) => { kind = button.dataset.kind === 'differential' ? 'differential' : 'cumulative'; drawToolbars(); void drawFigure(); });
on(need('inspector'), 'click', '[data-start]', start);
on(need('inspector'), 'click', '[data-answer-first]', () => {
  const row = dose?.regions.find((item) => item.findings.some((finding) => finding.level === 'ask' && !finding.answer));
  if (row && row.region.id !== chosenId) choose(row.region.id);
  document.querySelector<HTMLElement>('[data-answer-code]')?.click();
});
letAnswer(need('inspector'), page.cycleId, () => { void load(); void refreshSteps(page.cycleId); });
if (viewer) {
  bindViewerKeys(viewer, { wash: () => toggle('isWashOn'), isodose: () => toggle('isIsodoseOn'), uncertainty: () => showMap(!isUncertaintyShown), 'region-next': () => step(1), 'region-previous': () => step(-1) });
} else bindKeys([{ keys: [','], label: 'region before', run: () => step(-1) }, { keys: ['.'], label: 'next region', run: () => step(1) }]);
void load().then(() => followOpenRun(page.cycleId, ['planning.run_dose'], 'run-place', () => { void load(); void refreshSteps(page.cycleId); }));
