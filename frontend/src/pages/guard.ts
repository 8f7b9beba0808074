/** Images and quantification guard of one cycle. */
import { postJson } from '../api/client';
import { formatShort } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { bareNumber, flag, icon, levelOf, message, number, placeholder, stateTag } from '../domain/markup';
import { formatNumber, MISSING } from '../domain/quantity';
import { DisplayPanel } from './imaging/display';
import { bindViewerKeys } from './imaging/commands';
import { hintLine, showNote, startViewer } from './imaging/place';
import { acquiredAt, ageOf, ageText, loadScan } from './imaging/scans';
import { neighbour, TimeStrip } from './imaging/strip';
import { drawToolbar } from './imaging/toolbar';
import { fetchImages, type Images, type QuantifiedImage, type TimePoint } from './imaging/wire';
import { fill, need, on } from './parts/dom';
import { askSpectOptions } from './parts/spect_options';
import { answerable, letAnswer, type Finding } from './parts/findings';
import { partialVolumeSection } from './parts/partial_volume';
import { followOpenRun, showRun } from './parts/run_progress';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import type { LayoutName } from '../viewer/presets';
import type { Scan } from '../viewer/scan';

const page = startPage();
const viewer = startViewer('2x2');
const strip = new TimeStrip(need('strip'), (id) => void choose(id));
const mayPrepare = page.isAllowed('run_calculation') || page.isAllowed('import_scans');
let images: Images | null = null;
let chosenId = '';
let display: DisplayPanel | null = null;

const points = (): TimePoint[] => images?.time_points ?? [];
const chosen = (): TimePoint | undefined => points().find((point) => point.id === chosenId);
const openQuestions = (image: QuantifiedImage | null): Finding[] => (image?.findings ?? []).filter((finding) => finding.level === 'ask' && !finding.answer);
const blocks = (image: QuantifiedImage | null): Finding[] => (image?.findings ?? []).filter((finding) => finding.level === 'block');

async function load(): Promise<void> {
  try {
    images = await fetchImages(page.cycleId);
    if (!chosen()) chosenId = (points().find((point) => point.is_reference && point.image) ?? points().find((point) => point.image) ?? points()[0])?.id ?? '';
    drawWords();
    await showImages(false);
  } catch (error) { showError(need('inspector'), error, () => void load()); }
  page.ready();
}

function drawWords(): void {
  strip.show(points(), chosenId, images?.window ?? null, noteOf);
  drawTable();
  drawInspector();
}

function noteOf(point: TimePoint): { level?: 'ask' | 'block' | 'stale' | 'note'; text: string } {
  if (!point.image) return { level: 'note', text: 'not prepared' };
  if (point.image.is_stale) return { level: 'stale', text: 'stale' };
  const [nBlock, nAsk] = [blocks(point.image).length, openQuestions(point.image).length];
  if (nBlock > 0) return { level: 'block', text: `${nBlock} blocked` };
  if (nAsk > 0) return { level: 'ask', text: `${nAsk} to answer` };
  return { text: point.is_reference ? 'Reference' : `${point.image.activity ? `${formatNumber(point.image.activity.value)} ${point.image.activity.unit}` : ''}` };
}

async function showImages(keepsView = true, layout?: LayoutName): Promise<void> {
  const point = chosen();
  if (!viewer) return;
  if (!point?.image) { showNote(emptyNote()); return; }
  showNote(null);
  const name = layout ?? viewer.state.get().layout;
  try {
    const wanted = name === 'times' ? points().filter((item) => item.image) : [point];
    const scans = (await Promise.all(wanted.map((item) => loadScan(item)))).filter((scan): scan is Scan => scan !== null);
    if (point.id !== chosenId) return;
    setWindow();
    await viewer.show(scans, { layout: name, keepsView, main: wanted.indexOf(point) });
    display?.draw();
  } catch (error) { if (point.id === chosenId) showNote(placeholder({ level: 'block', title: 'These images cannot be shown', text: errorText(error) })); }
}

function setWindow(): void {
  const shared = images?.window;
  if (!viewer || !shared || viewer.state.get().emissionWindow.upper > 1) return;
  viewer.state.set({ emissionWindow: shared, emissionThreshold: shared.lower + 0.1 * (shared.upper - shared.lower) });
}

function emptyNote(): Html {
  if (points().length === 0) {
    return placeholder({ icon: 'clock', title: 'Waiting for scans', text: 'This cycle has no scans yet. They appear here after import.', action: html`<a class="btn primary" href="/import/?cycle=${page.cycleId}">Import scans</a>` });
  }
  return placeholder({ icon: 'cube', title: 'These images are not prepared', text: mayPrepare ? 'Preparing reads the scans, checks their quantification and makes them ready to look at.' : 'A technologist or physicist of this site prepares them.' });
}

async function choose(id: string): Promise<void> {
  if (id === chosenId) return;
  chosenId = id;
  drawWords();
  await showImages();
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value || MISSING;
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : 'none stated';
  return MISSING;
}

const fact = (image: QuantifiedImage, name: string): unknown => (image as unknown as Record<string, unknown>)[name] ?? image.series?.[name];

function calibrationText(image: QuantifiedImage): Html {
  const { calibration } = image;
  if (!calibration) return html`<span class="t2">in the image</span>`;
  if (typeof calibration === 'string') return html`${calibration}`;
  return html`${calibration.camera ?? ''} ${calibration.value ? number(calibration.value) : nothing}`;
}

function rowOf(point: TimePoint): Html {
  const { image } = point;
  const attributes = html`data-time-point="${point.id}" tabindex="0" aria-selected="${String(point.id === chosenId)}"`;
  const head = html`<td class="strong num">${formatNumber(ageOf(point)?.value)}</td><td>${formatShort(acquiredAt(point))}</td>`;
  if (!image) return html`<tr ${attributes}>${head}<td colspan="6" class="t3">${point.series.length} series, not prepared</td><td>${flag('note', 'prepare')}</td></tr>`;
  const findings = image.findings ?? [];
  const worst = blocks(image)[0] ?? openQuestions(image)[0];
  const check = worst ? flag(levelOf(worst.level), worst.message, 'ell check-cell') : flag('ok', findings.length > 0 ? `${findings.length} noted` : 'no remark');
  return html`<tr ${attributes} class="${image.is_stale ? 'is-stale' : ''}">${head}<td class="ell series-cell">${textOf(fact(image, 'description'))}</td><td>${textOf(fact(image, 'unit') ?? fact(image, 'units'))}</td>
    <td>${textOf(fact(image, 'corrections'))}</td><td>${textOf(fact(image, 'decay_reference') ?? fact(image, 'decay_correction'))}</td><td>${calibrationText(image)}</td><td class="num">${bareNumber(image.activity)}</td><td>${check}</td></tr>`;
}

function drawTable(): void {
  if (points().length === 0) { fill(need('table'), nothing); return; }
  fill(need('table'), html`<table class="table dense"><thead><tr><th class="num">Age (h p.i.)</th><th>Scan</th><th>Series</th><th>Unit</th><th>Corrections</th><th>Decay reference</th><th>Calibration</th><th class="num">Activity (MBq)</th><th>Guard</th></tr></thead><tbody>${each(points(), rowOf)}</tbody></table>`);
}

function drawInspector(): void {
  const point = chosen();
  const image = point?.image ?? null;
  const missing = points().some((item) => !item.image || item.image.is_stale);
  const nAsk = points().reduce((sum, item) => sum + openQuestions(item.image).length, 0);
  const head = point
    ? html`<div class="sect"><div class="row between"><h1 class="h3">${ageText(point)}</h1>${image?.is_stale ? stateTag('stale') : point.is_reference ? html`<span class="tag">Reference</span>` : nothing}</div>
        <div class="label mt-2">Activity in the image</div><div class="big">${number(image?.activity)}</div>
        ${point.is_reference || !page.isAllowed('edit_registration') ? nothing : html`<button type="button" class="plain-link fs12 mt-2" data-reference>Use this scan as reference</button>`}</div>` : nothing;
  fill(need('inspector'), html`${head}${image ? imageFacts(image) : nothing}<div class="sect last">${actions(missing, nAsk)}<div id="run-place"></div></div><div class="sect" id="display"></div>`);
  if (viewer) { display = new DisplayPanel(need('display'), viewer); display.draw(); }
}

function imageFacts(image: QuantifiedImage): Html {
  const findings = (image.findings ?? []).map((finding) => ({ ...finding, step: finding.step ?? 'guard', source_id: finding.source_id ?? image.id }));
  const nOpen = openQuestions(image).length;
  const steps = html`<ol class="steps-list">${each(image.steps ?? [], (step) => html`<li>${step}</li>`)}</ol>`;
  const stale = image.is_stale ? html`<div class="sect">${message('stale', 'This image is stale', (image.stale_causes ?? []).join('; '))}</div>` : nothing;
  return html`${stale}${findings.length ? html`<div class="sect"><div class="sect-head"><h2 class="h2">Guard</h2><span class="count push fs12">${nOpen > 0 ? `${nOpen} to answer` : `${findings.length} noted`}</span></div><div class="stack">${each(findings, answerable)}</div></div>` : nothing}
    <div class="sect"><h2 class="h2">How it was quantified</h2>${(image.steps ?? []).length > 0 ? steps : html`<p class="t3 fs12">Nothing was changed.</p>`}${dicomLink(image)}</div>${partialVolumeSection(image.partial_volume, `/cycles/${page.cycleId}/kinetics/`)}`;
}

/** Only an image that the product reconstructed has an address: what the camera made is with the camera. */
function dicomLink(image: QuantifiedImage): Html {
  if (!image.dicom_url || !page.isAllowed('export')) return nothing;
  return html`<a class="btn mt-2" href="${image.dicom_url}" download>${icon('download', 's')}DICOM (NM, Bq/mL)</a>`;
}

function actions(isMissing: boolean, nAsk: number): Html {
  if (points().length === 0) return html`<p class="fs12 t3">Scans are assigned to time points at import.</p>`;
  if (isMissing) {
    return mayPrepare ? html`<button type="button" class="btn primary wide" data-prepare>Prepare images</button>`
      : message('note', 'Images are not prepared', 'A technologist or physicist of this site prepares them.');
  }
  const again = mayPrepare ? html`<button type="button" class="btn wide mt-2" data-prepare>Prepare again</button>` : nothing;
  if (nAsk > 0) return html`<button type="button" class="btn primary wide" data-answer-first>Answer ${nAsk} ${nAsk === 1 ? 'warning' : 'warnings'}</button>${again}`;
  return html`<a class="btn primary wide" href="/cycles/${page.cycleId}/${points().length > 1 ? 'registration' : 'contours'}/">Continue with ${points().length > 1 ? 'registration' : 'contours'}</a>${again}`;
}

async function prepare(): Promise<void> {
  const settings = images?.reconstruction ? await askSpectOptions(images.reconstruction, images.cameras) : {};
  if (!settings) return;
  const place = need('run-place');
  try {
    const { run_id: runId } = await postJson<{ run_id: string }>(`/api/cycles/${page.cycleId}/images/prepare`, settings);
    if (await showRun(place, runId)) { await load(); void refreshSteps(page.cycleId); }
  } catch (error) { fill(place, message('block', 'Preparing could not start', errorText(error))); }
}

function answerFirst(): void {
  const first = points().find((point) => openQuestions(point.image).length > 0);
  if (!first) return;
  void choose(first.id).then(() => document.querySelector<HTMLElement>('[data-answer-code]')?.click());
}

on(need('table'), 'click', '[data-time-point]', (row) => void choose(row.dataset.timePoint ?? ''));
on(need('table'), 'keydown', '[data-time-point]', (row, event) => { if (event.key === 'Enter') void choose(row.dataset.timePoint ?? ''); });
on(need('inspector'), 'click', '[data-prepare]', () => void prepare());
on(need('inspector'), 'click', '[data-answer-first]', answerFirst);
on(need('inspector'), 'click', '[data-reference]', () => {
  void postJson(`/api/time-points/${chosenId}/reference`).then(load, (error: unknown) => fill(need('run-place'), message('block', 'Not changed', errorText(error))));
});
letAnswer(need('inspector'), page.cycleId, () => { void load(); void refreshSteps(page.cycleId); });
fill(need('hints'), hintLine([['↑ ↓', 'slice'], ['N P', 'time point'], ['1 – 5', 'CT window'], ['F', 'fusion'], ['I', 'invert'], ['C', 'crosshair'], ['R', 'reset'], ['?', 'all keys']]));
if (viewer) {
  drawToolbar(need('toolbar'), viewer, { tools: ['crosshair', 'window', 'zoom', 'pan', 'ruler'], layouts: ['2x2', '1x3', 'times'], onLayout: (layout) => void showImages(true, layout) });
  bindViewerKeys(viewer, { 'time-next': () => void choose(neighbour(points(), chosenId, 1)), 'time-previous': () => void choose(neighbour(points(), chosenId, -1)) });
}

/** After an import the images are being prepared already: they appear by themselves. */
async function start(): Promise<void> {
  await load();
  const isWorking = await followOpenRun(page.cycleId, ['planning.run_images'], 'run-place', () => { void load(); void refreshSteps(page.cycleId); });
  if (isWorking && !chosen()?.image) showNote(placeholder({ icon: 'clock', title: 'Preparing these images', text: 'They appear here by themselves.' }));
}
void start();
