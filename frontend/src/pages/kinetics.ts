import { getJson, postJson } from '../api/client';
import { renderFigure, clearFigure, figureTable, fitFigure, type Figure } from '../charts/plot';
import { curveTile, type SmallCurve } from '../charts/curve_tile';
import { formatClock } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { bareNumber, flag, glyph, icon, kbd, levelOf, message, number, placeholder, unit, type Level } from '../domain/markup';
import { oneAtATime } from '../domain/once';
import { formatNumber, formatValue, MISSING, type MaybeQuantity } from '../domain/quantity';
import { scansText } from '../domain/scans';
import { leftOutLine, nextScanSection, oneScanSection, type LeftOut, type NextScan, type OneScan } from './parts/curve_advice';
import { askReason, openDialog } from './parts/dialogs';
import { fetchImages } from './imaging/wire';
import { fill, need, on } from './parts/dom';
import { answerable, letAnswer, type Finding } from './parts/findings';
import { askFitOptions, type Declared, type FitOptions } from './parts/fit_options';
import { bindKeys } from './parts/keys';
import { methodLabel, signed, type RecoveryChoice } from './parts/partial_volume';
import { followOpenRun, showRun } from './parts/run_progress';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Check { text: string; guide?: string; level: string }
interface Fit {
  model: string; label: string; n_parameters: number; aicc: number | null; weight: number | null; is_chosen: boolean; is_interpolation?: boolean;
  effective_half_life: MaybeQuantity; tia: MaybeQuantity; tiac: MaybeQuantity; tail: MaybeQuantity; checks: Check[];
  interval_95?: { lower: number; upper: number; unit: string } | null; source?: string;
}
interface CurvePoint { time_point_id: string; number: number; time: MaybeQuantity; activity: MaybeQuantity; partial_volume?: MaybeQuantity; noise?: { counting: MaybeQuantity; contour_edge: MaybeQuantity; n_replicates: number }; is_excluded: boolean; is_used: boolean; reason: string }
interface Curve {
  curve_id: string | number;
  region: { id: string; name: string; kind: string; colour: string; label: number };
  points: CurvePoint[]; fits: Fit[]; refused: { model: string; label: string; reason: string }[];
  chosen_model: string | null; recommended_model?: string; is_accepted: boolean; accepted_by: string | null; choice_reason?: string;
  findings: Finding[]; small_figure: SmallCurve | null;
  next_scan?: NextScan | null; one_scan?: OneScan | null; leave_one_out?: LeftOut | null; n_earlier_cycles?: number;
}
interface Curves { revision: { number: number; at: string; declared: Declared | null; options: FitOptions } | null; is_stale: boolean; stale_causes?: string[]; regions: Curve[]; has_earlier_cycle?: boolean; recovery_curves?: RecoveryChoice[] }

const page = startPage();
let curves: Curves | null = null;
let shownId = '';
let scale: 'log' | 'linear' = 'log';
let models: 'all' | 'chosen' = 'all';
let showsCycles = false;
let nScans = 0;

const current = (): Curve | undefined => curves?.regions.find((curve) => String(curve.curve_id) === shownId);
const chosenFit = (curve: Curve): Fit | undefined => curve.fits.find((fit) => fit.is_chosen);
const openQuestions = (curve: Curve): Finding[] => curve.findings.filter((finding) => finding.level === 'ask' && !finding.answer);
const mayEdit = page.isAllowed('edit_curves');
const mayFit = page.isAllowed('run_calculation');
const NEEDS_HALF_LIFE = new Set(['rising_curve', 'half_life_required']);
const lacksHalfLife = (curve: Curve): boolean => curve.findings.some((finding) => NEEDS_HALF_LIFE.has(finding.code));

async function load(): Promise<void> {
  try {
    const [answer, images] = await Promise.all([getJson<Curves>(`/api/cycles/${page.cycleId}/curves`), fetchImages(page.cycleId)]);
    curves = answer;
    nScans = images.time_points.length;
    if (!current()) shownId = String(curves.regions.find((curve) => !curve.is_accepted)?.curve_id ?? curves.regions[0]?.curve_id ?? '');
    await draw();
  } catch (error) { showError(need('regions'), error, () => void load()); }
  page.ready();
}

async function draw(): Promise<void> {
  if (!curves?.revision || curves.regions.length === 0) { drawEmpty(); return; }
  need('run-note').textContent = `Fits ${curves.revision.number}, ${formatClock(curves.revision.at)}`;
  fill(need('regions'), html`${each(curves.regions, tile)}`);
  drawChosen();
  await drawFigure();
}

function drawEmpty(): void {
  fill(need('regions'), placeholder({ icon: 'timeline', title: 'No curves yet' }));
  const start = page.isAllowed('run_calculation') ? html`<button class="btn primary" type="button" data-fit>Fit curves</button><button class="btn" type="button" data-options>Options</button>` : nothing;
  fill(need('chart'), html`<div class="centred">${placeholder({ icon: 'timeline', title: 'Fit the curves of this cycle', text: 'Curves need accepted contours at every time point. A physicist starts the fits.', action: html`<div class="row">${start}<a class="btn" href="/cycles/${page.cycleId}/contours/">Go to contours</a></div><div id="fit-run"></div>` })}</div>`);
  for (const id of ['toolbar', 'table', 'inspector']) fill(need(id), nothing);
}

function tile(curve: Curve): Html {
  const fit = chosenFit(curve);
  const questions = openQuestions(curve);
  const foot = questions[0] ? flag('ask', shortWarning(questions[0], fit), 'fs11 ell') : html`<span class="fs11 t3">${fit ? html`tail ${formatNumber(fit.tail?.value, 2)} %` : 'no curve'}</span>`;
  return html`<button type="button" class="tile" role="option" data-curve="${curve.curve_id}" data-colour="${curve.region.colour}" aria-selected="${String(String(curve.curve_id) === shownId)}">
    <span class="row between"><span class="row ell"><i class="swatch" data-s="${curve.is_accepted ? 'accepted' : 'proposed'}"></i><span class="ell">${curve.region.name}</span></span><span class="num">${formatValue(fit?.effective_half_life)} ${unit('h')}</span></span>
    <span class="chart">${curveTile(curve.small_figure, curve.region.name)}</span>
    <span class="row between">${foot}<span class="fs11 t3 num">${curve.is_accepted ? html`${glyph('ok')} ` : nothing}${formatNumber(fit?.tiac?.value)} h</span></span></button>`;
}

/** At most four words in the tile; the whole sentence stands in the inspector. */
function shortWarning(finding: Finding, fit: Fit | undefined): string {
  return /tail|extrapol/.test(finding.code) && fit?.tail ? `Tail ${formatNumber(fit.tail.value, 2)} %` : finding.message;
}

function drawChosen(): void {
  const curve = current();
  if (!curve || !curves) return;
  const nUsed = curve.points.filter((point) => point.is_used).length;
  fill(need('toolbar'), html`<span class="row" data-colour="${curve.region.colour}"><i class="swatch"></i><span class="h3">${curve.region.name}</span></span><span class="t3 fs12">${curve.fits.length === 0 ? `no curve from ${curve.points.length} ${curve.points.length === 1 ? 'scan' : 'scans'}` : scansText(curve.points)}</span>
    ${mayFit ? html`<button type="button" class="btn quiet push" data-fit>Fit again</button>` : nothing}<span class="${mayFit ? '' : 'push '}seg" role="group" aria-label="Scale"><button type="button" data-scale="linear" aria-pressed="${String(scale === 'linear')}">Linear</button><button type="button" data-scale="log" aria-pressed="${String(scale === 'log')}">Log</button></span>
    ${curve.n_earlier_cycles ? html`<button type="button" class="btn quiet" data-cycles aria-pressed="${String(showsCycles)}" title="Show this region in earlier cycles">Earlier cycles ${kbd('C')}</button>` : nothing}
    <span class="seg" role="group" aria-label="Models"><button type="button" data-models="all" aria-pressed="${String(models === 'all')}">All models</button><button type="button" data-models="chosen" aria-pressed="${String(models === 'chosen')}">Chosen</button></span>`);
  drawModels(curve, nUsed);
  drawInspector(curve);
}

function weightsText(nUsed: number): string {
  if (nUsed < 2) return 'One scan ranks no models.';
  return `Weights among models that ${nUsed} scans can rank. They do not include doubt about the tail.`;
}

function drawModels(curve: Curve, nUsed: number): void {
  const row = (fit: Fit): Html => html`<tr aria-selected="${String(fit.is_chosen)}"><td class="${fit.is_chosen ? 'strong' : ''}">${fit.label}${fit.is_interpolation ? html` <span class="t3 fs12">as many parameters as scans</span>` : nothing}</td><td class="num">${fit.n_parameters}</td><td class="num t2">${formatNumber(fit.aicc)}</td>
    <td class="num">${fit.weight === null ? MISSING : html`<span class="weight"><i data-width="${fit.weight * 100}"></i></span>${fit.weight.toFixed(2)}`}</td><td class="num">${bareNumber(fit.effective_half_life)}</td><td class="num">${bareNumber(fit.tia)}</td><td class="num">${bareNumber(fit.tiac)}</td><td class="num">${formatNumber(fit.tail?.value)}</td></tr>`;
  const refused = (item: Curve['refused'][number]): Html => html`<tr><td class="t2">${item.label}</td><td colspan="7" class="fs12">${flag('note', item.reason)}</td></tr>`;
  if (curve.fits.length === 0 && curve.refused.length === 0) { fill(need('table'), html`<div class="sect last" id="figure-table"></div>`); return; }
  fill(need('table'), html`<div class="row baseline"><h2 class="h2">Admissible models</h2><span class="fs12 t3 ell">${weightsText(nUsed)}</span></div>
    <table class="table dense"><thead><tr><th>Model</th><th class="num">K</th><th class="num">AICc</th><th class="num">Weight</th><th class="num">T<sub>eff</sub> (h)</th><th class="num">TIA (MBq h)</th><th class="num">TIAC (h)</th><th class="num">Tail (%)</th></tr></thead><tbody>${each(curve.fits, row)}${each(curve.refused, refused)}</tbody></table><div class="sect last" id="figure-table"></div>`);
}

function scanItem(point: CurvePoint): Html {
  const isPassedOver = !point.is_excluded && !point.is_used;
  const toggle = mayEdit ? html`<button type="button" class="tool" data-exclude="${point.time_point_id}" aria-label="${point.is_excluded ? 'Use' : 'Leave out'} scan ${point.number}" title="${point.is_excluded ? 'Use this scan again' : 'Leave this scan out'}">${icon(point.is_excluded ? 'plus' : 'close', 's')}</button>` : nothing;
  return html`<li class="${point.is_excluded ? 'excluded' : ''}" title="${isPassedOver ? 'The half-life is declared: the last scan counts alone' : point.reason}">${point.is_excluded || isPassedOver ? icon('eye-off', 's') : html`<span class="flag" data-l="ok">${glyph('ok')}</span>`}<span>${formatNumber(point.time?.value)} ${unit('h')}${point.is_excluded ? html` <span class="fs12">left out: ${point.reason}</span>` : isPassedOver ? html` <span class="fs12 t3">not used</span>` : nothing}</span><span class="num">${point.partial_volume ? html`<span class="t3 fs12" title="Change by partial-volume correction">${signed(point.partial_volume)}</span> ` : nothing}${point.noise ? html`<span class="t3 fs12" title="${noiseTitle(point.noise)}">noise ${formatNumber(point.noise.counting?.value)} %</span> ` : nothing}${bareNumber(point.activity)}</span>${toggle}</li>`;
}

function noiseTitle(noise: NonNullable<CurvePoint['noise']>): string {
  return `Counting noise ${formatNumber(noise.counting?.value)} % (k = 1, ${noise.n_replicates} replicates), contour edge ${formatNumber(noise.contour_edge?.value)} %; both are in the uncertainty of the point`;
}

function noiseLine(points: CurvePoint[]): Html {
  const nKnown = points.filter((point) => point.noise).length;
  if (nKnown === 0) return nothing;
  return html`<p class="fs12 t3 mt-2">Noise: counting noise (k = 1) from replicates${nKnown < points.length ? html`, known on ${nKnown} of ${points.length} scans` : nothing}; error bars hold it and the contour’s edge.</p>`;
}

function checkItem(check: Check): Html {
  const level: Level = levelOf(check.level);
  return html`<li><span class="flag" data-l="${level}">${glyph(level)}<span>${check.text}</span></span><span>${check.guide ?? ''}</span></li>`;
}

function drawInspector(curve: Curve): void {
  const fit = chosenFit(curve);
  const questions = openQuestions(curve);
  const stale = curves?.is_stale ? html`<div class="sect">${message('stale', 'These fits are stale', html`${curves.stale_causes?.[0] ?? ''}`)}<button class="btn primary wide mt-2" type="button" data-fit>Fit again</button><div id="fit-run"></div></div>` : nothing;
  fill(need('inspector'), html`${stale}<div class="sect ${curves?.is_stale ? 'is-stale' : ''}"><div class="label">Effective half-life</div><div class="big">${number(fit?.effective_half_life)}</div>
    <dl class="kv mt-3"><dt>TIA</dt><dd>${number(fit?.tia)}</dd><dt>TIAC</dt><dd>${number(fit?.tiac)}</dd><dt>Tail after last scan</dt><dd>${number(fit?.tail)}</dd>${fit?.interval_95 ? html`<dt>TIA, 95 %</dt><dd>${formatNumber(fit.interval_95.lower)} to ${formatNumber(fit.interval_95.upper)} ${unit(fit.interval_95.unit)}</dd>` : nothing}<dt>Model</dt><dd>${fit?.label ?? MISSING}</dd>${fit?.source ? html`<dt>Prior</dt><dd>${fit.source}</dd>` : nothing}</dl></div>
    ${fit?.checks.length ? html`<div class="sect"><h2 class="h2">Checks</h2><ul class="check-list">${each(fit.checks, checkItem)}</ul></div>` : nothing}
    ${curve.findings.length ? html`<div class="sect"><div class="sect-head"><h2 class="h2">Warnings</h2><span class="count">${questions.length} to answer</span></div><div class="stack">${each(curve.findings, answerable)}</div></div>` : nothing}
    <div class="sect"><div class="sect-head"><h2 class="h2">Scans</h2><span class="push t2 fs12">MBq</span></div><ul class="scan-list">${each(curve.points, scanItem)}</ul><p class="fs12 t3 mt-2">Leaving a scan out needs a reason; its point stays as a hollow marker.</p>${noiseLine(curve.points)}${partialVolumeLine()}${leftOutLine(curve.leave_one_out)}</div>
    ${nextScanSection(curve.next_scan)}${oneScanSection(curve.one_scan)}
    <div class="sect last">${actions(curve, questions.length)}${curves?.is_stale ? nothing : html`<div id="fit-run"></div>`}</div>`);
}

function partialVolumeLine(): Html {
  const { partial_volume: method, resolution_fwhm_mm: width, recovery_source: source } = curves?.revision?.options ?? {};
  return html`<p class="fs12 t3 mt-2" title="${source ?? ''}">Partial volume: ${methodLabel(method).toLowerCase()}${width === undefined ? nothing : html`, ${formatNumber(width)} ${unit('mm')}`}${mayFit ? html` <button type="button" class="plain-link fs12" data-options>Change</button>` : nothing}</p>`;
}

function actions(curve: Curve, nQuestions: number): Html {
  if (curves?.is_stale) return nothing;
  const nOpen = curves?.regions.filter((item) => !item.is_accepted).length ?? 0;
  const accepted = curve.is_accepted ? html`<p class="flag mb-3" data-l="ok">${glyph('ok')}<span>Accepted by ${curve.accepted_by ?? ''}</span></p>` : nothing;
  if (!mayEdit) return html`${accepted}<p class="fs12 t3">A physicist of this site accepts curves.</p>`;
  if (curve.fits.length === 0) return html`${lacksHalfLife(curve) && mayFit ? html`<button class="btn primary wide" type="button" data-declare>Declare half-life and fit again</button>` : html`<p class="fs12 t3">No curve yet: settle the warning above, then fit again.</p>`}`;
  const primary = nQuestions > 0
    ? html`<button class="btn primary wide" type="button" data-answer-first>Answer ${nQuestions} ${nQuestions === 1 ? 'warning' : 'warnings'}</button>`
    : curve.is_accepted ? nothing : html`<button class="btn primary wide" type="button" data-accept>Accept curve ${kbd('A')}</button>`;
  return html`${accepted}${primary}<button class="btn wide mt-2" type="button" data-choose>Choose another model</button>
    ${nOpen > 1 ? html`<button class="btn wide mt-2" type="button" data-accept-all>Accept all without warning</button>` : nothing}
    <p class="fs12 t3 mt-2">${nOpen === 0 ? 'Every curve is accepted.' : `${nOpen} of ${curves?.regions.length ?? 0} curves are not accepted yet.`}</p>
    ${nOpen === 0 ? html`<a class="btn primary wide mt-2" href="/cycles/${page.cycleId}/dose/">Continue with dose</a>` : nothing}`;
}

async function drawFigure(): Promise<void> {
  const wanted = shownId;
  need('chart').querySelector('.centred')?.remove();
  try {
    const figure = await getJson<Figure>(`/api/curves/${wanted}/figure?scale=${scale}&models=${models}&cycles=${showsCycles ? 'all' : 'own'}`);
    if (wanted !== shownId) return;
    await renderFigure(need('chart'), figure);
    fill(need('figure-table'), figureTable(figure));
    fitFigure(need('chart'));
  } catch (error) { clearFigure(need('chart')); showError(need('chart'), error, () => void drawFigure()); }
}

function show(id: string): void {
  shownId = id;
  for (const item of document.querySelectorAll<HTMLElement>('.tile')) item.setAttribute('aria-selected', String(item.dataset.curve === id));
  document.querySelector(`.tile[data-curve="${id}"]`)?.scrollIntoView({ block: 'nearest' });
  drawChosen();
  void drawFigure();
}

function step(by: number): void {
  const ids = curves?.regions.map((curve) => String(curve.curve_id)) ?? [];
  const next = ids[(ids.indexOf(shownId) + by + ids.length) % ids.length];
  if (next) show(next);
}

async function change(work: Promise<unknown>, said = ''): Promise<void> {
  try {
    await work;
    if (said) toast(said);
  } catch (error) {
    await load();
    fill(need('fit-run'), message('block', 'Not done', errorText(error)));
    return;
  }
  await load();
  void refreshSteps(page.cycleId);
}

const accept = oneAtATime(async () => {
  const curve = current();
  if (!curve || !mayEdit || curves?.is_stale || curve.is_accepted || curve.fits.length === 0) return;
  if (openQuestions(curve).length > 0) { toast('Answer the warnings of this curve first', 'ask'); return; }
  await change(postJson(`/api/curves/${curve.curve_id}/choice`, { model: curve.chosen_model, is_accepted: true, reason: '' }), `${curve.region.name}: curve accepted`);
});

const acceptUnflagged = oneAtATime(async () => {
  await change(postJson<{ n_accepted: number }>(`/api/cycles/${page.cycleId}/curves/accept-unflagged`).then(({ n_accepted: n }) => {
    if (n === 0) toast('No curve was accepted: each open one has a warning or no curve', 'ask');
    else toast(`${n} ${n === 1 ? 'curve' : 'curves'} accepted`);
  }));
});

function chooseModel(): void {
  const curve = current();
  if (!curve) return;
  void openDialog({
    title: 'Choose another model', action: 'Choose model',
    body: html`<div class="stack" role="radiogroup" aria-label="Model">${each(curve.fits, (fit) => html`<label class="row"><input type="radio" name="model" value="${fit.model}" ${fit.is_chosen ? html`checked` : nothing} required><span>${fit.label}</span><span class="t3 push">${formatValue(fit.effective_half_life)} h</span></label>`)}</div>
      <label class="line"><span class="label">Reason, if it is not the recommended model</span><textarea class="area" name="reason" maxlength="255"></textarea></label>`,
    submit: async ({ model, reason }) => { await postJson(`/api/curves/${curve.curve_id}/choice`, { model, is_accepted: false, reason: reason ?? '' }); },
  }).then((isDone) => { if (isDone) void change(Promise.resolve(), 'Model chosen'); });
}

function exclude(timePointId: string): void {
  const curve = current();
  const point = curve?.points.find((item) => item.time_point_id === timePointId);
  if (!curve || !point) return;
  const leavesOut = !point.is_excluded;
  void askReason({
    title: leavesOut ? 'Leave a scan out' : 'Use the scan again', action: leavesOut ? 'Leave out' : 'Use scan',
    text: `${curve.region.name}, scan ${point.number} at ${formatNumber(point.time?.value)} h. Other regions are not touched. The curves are fitted again.`,
    submit: async (reason) => { await postJson(`/api/regions/${curve.region.id}/exclusions`, { time_point_id: timePointId, is_excluded: leavesOut, reason }); },
  }).then((isDone) => { if (isDone) void load(); });
}

function toggleCycles(): void {
  if (!current()?.n_earlier_cycles) return;
  showsCycles = !showsCycles;
  drawChosen();
  void drawFigure();
}

async function fit(isDeclaring = false, isAsking = false): Promise<void> {
  const before = curves?.revision ? { ...(curves.revision.declared ?? {}), ...curves.revision.options } as Declared & FitOptions : null;
  const hasEarlierCycle = curves?.has_earlier_cycle ?? false;
  const isFirst = !curves?.revision && nScans > 1 && !isDeclaring && !isAsking && !hasEarlierCycle;
  const parameters = isFirst ? {} : await askFitOptions({ nScans, needsHalfLife: nScans === 1 || isDeclaring, before, hasEarlierCycle, recoveryCurves: curves?.recovery_curves ?? [] });
  if (parameters === null) return;
  const place = document.getElementById('fit-run') ?? need('run-note');
  try {
    const { run_id: runId } = await postJson<{ run_id: string }>(`/api/cycles/${page.cycleId}/curves/start`, parameters);
    if (await showRun(place, runId)) await change(Promise.resolve(), 'Curves fitted');
  } catch (error) { fill(place, message('block', 'The fit could not start', errorText(error))); }
}

on(need('regions'), 'click', '[data-curve]', (item) => show(item.dataset.curve ?? ''));
on(need('toolbar'), 'click', '[data-scale]', (button) => { scale = button.dataset.scale === 'linear' ? 'linear' : 'log'; drawChosen(); void drawFigure(); });
on(need('toolbar'), 'click', '[data-models]', (button) => { models = button.dataset.models === 'chosen' ? 'chosen' : 'all'; drawChosen(); void drawFigure(); });
on(need('toolbar'), 'click', '[data-cycles]', toggleCycles);
on(need('inspector'), 'click', '[data-accept]', () => void accept());
on(need('inspector'), 'click', '[data-choose]', chooseModel);
on(need('inspector'), 'click', '[data-accept-all]', () => void acceptUnflagged());
on(need('inspector'), 'click', '[data-exclude]', (button) => exclude(button.dataset.exclude ?? ''));
on(need('inspector'), 'click', '[data-answer-first]', () => document.querySelector<HTMLElement>('[data-answer-code]')?.click());
on(need('page'), 'click', '[data-fit]', () => void fit());
on(need('page'), 'click', '[data-options]', () => void fit(false, true));
on(need('inspector'), 'click', '[data-declare]', () => void fit(true));
letAnswer(need('inspector'), page.cycleId, () => void change(Promise.resolve(), 'Answer saved'));
bindKeys([
  { keys: [','], label: 'region before', run: () => step(-1) },
  { keys: ['.'], label: 'next region', run: () => step(1) },
  { keys: ['L'], label: 'log or linear', run: () => { scale = scale === 'log' ? 'linear' : 'log'; drawChosen(); void drawFigure(); } },
  { keys: ['C'], label: 'earlier cycles', run: toggleCycles },
  { keys: ['A'], label: 'accept curve', run: () => void accept() },
]);
void load().then(() => followOpenRun(page.cycleId, ['planning.run_curves'], 'fit-run', () => void change(Promise.resolve(), 'Curves fitted')));
