/** Contours of one cycle: look, draw, review and accept regions, time point by time point. */
import { formatClock } from '../domain/dates';
import { HandsOnClock } from '../domain/hands_on';
import { html, nothing, type Html } from '../domain/html';
import { icon, message, placeholder } from '../domain/markup';
import { inTurn } from '../domain/once';
import type { LayoutName } from '../viewer/presets';
import type { Scan } from '../viewer/scan';
import { bindViewerKeys, toolCommands } from './imaging/commands';
import { askConflict, askImport, askNewRegion, askPropagate, askProposal, askRename } from './imaging/contour_dialogs';
import { Decisions } from './imaging/contour_decisions';
import { ContourSession, kindOf } from './imaging/contour_session';
import { PaintControl } from './imaging/paint_control';
import { ComparisonPanel } from './imaging/contour_comparison';
import { Consequences } from './imaging/consequences';
import { DisplayPanel } from './imaging/display';
import { refreshSessions } from './imaging/contour_refresh';
import { saveStrokes } from './imaging/contour_saving';
import { isConflict, type SaveState } from './imaging/label_editor';
import { askOperation, titleOf, type OperationRequest } from './imaging/operations';
import { lesionBeside, lesionWords } from './imaging/lesion_review';
import { hintLine, showNote, startViewer } from './imaging/place';
import { askCancelReading, askOpenReading, askSubmitReading, fetchReadings, readerBanner, readingSection, type Reading } from './imaging/readings';
import { regionInspector } from './imaging/region_inspector';
import { isDrawn, isOpen, regionList, shownRegions } from './imaging/region_list';
import { loadScan } from './imaging/scans';
import { neighbour, TimeStrip } from './imaging/strip';
import { Windowing } from './imaging/windowing';
import { drawToolbar } from './imaging/toolbar';
import { UndoControl } from './imaging/undo_control';
import { fetchImages, type Images, type Kind, type RegionContour, type TimePoint } from './imaging/wire';
import { fill, need, on, refill } from './parts/dom';
import { letAnswer } from './parts/findings';
import { followOpenRun, showRun } from './parts/run_progress';
import { refreshSteps, showSaveState, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

const page = startPage();
const viewer = startViewer('2x2');
const strip = new TimeStrip(need('strip'), (id) => void choose(id));
const canEdit = page.isAllowed('edit_contours');
const canAccept = page.isAllowed('accept_contours');
const sessions = new Map<string, ContourSession>();
const consequences = new Consequences();
const readings = new Map<string, Reading[]>();
let images: Images | null = null;
let chosenId = '';
let regionId = '';
let showsRejected = false;
let display: DisplayPanel | null = null;

const points = (): TimePoint[] => images?.time_points ?? [];
const point = (): TimePoint | undefined => points().find((item) => item.id === chosenId);
const session = (): ContourSession | undefined => sessions.get(chosenId);
const region = (): RegionContour | undefined => session()?.region(regionId);
const workKey = (timePointId: string, id: string): string => (timePointId && id ? `${timePointId} ${id}` : '');
const clock = new HandsOnClock(() => workKey(chosenId, regionId));
const paint = viewer ? new PaintControl(viewer, {
  target: () => { const [now, chosen] = [session(), region()]; return now && chosen ? { session: now, region: chosen } : null; },
  operate: (request) => void change(operate(request), 'Region made in the sphere'), refuse: (why) => toast(why, 'ask'), canEdit, timePointId: () => chosenId,
}) : null;

const comparison = new ComparisonPanel(need('comparison'), { session, regionId: () => regionId, select: (id) => select(id), redraw: () => { showLayers(); drawWords(); } });
const windowing = new Windowing(viewer, () => images?.window ?? null, () => region()?.maximum);
const isReviewing = (): boolean => viewer?.state.get().layout === 'lesions';
const hasNetwork = (now: ContourSession): boolean => Boolean(now.contours.network ?? now.contours.totalsegmentator ?? now.contours.lesion_network);
const lesionOf = (label: number): RegionContour | undefined => session()?.contours.regions.find((item) => item.label === label && kindOf(item) === 'lesions');
if (viewer) {
  viewer.lesionReview = {
    words: (label) => { const item = lesionOf(label); return item ? lesionWords(item, canAccept) : []; },
    choose: (label) => void decisions.decide(() => lesionOf(label)),
    look: (label) => { const item = lesionOf(label); if (item && item.id !== regionId) select(item.id); },
  };
}

async function load(): Promise<void> {
  try {
    images = await fetchImages(page.cycleId);
    chosenId = (points().find((item) => item.is_reference && item.image) ?? points().find((item) => item.image) ?? points()[0])?.id ?? '';
    strip.show(points(), chosenId, images.window, noteOf);
    await openPoint(false);
  } catch (error) { showError(need('inspector'), error, () => void load()); showNote(placeholder({ level: 'block', title: 'The contours cannot be shown', text: errorText(error) })); }
  page.ready();
}

function noteOf(item: TimePoint): { level?: 'ask' | 'ok' | 'note'; text: string } {
  if (!item.image) return { level: 'note', text: 'not prepared' };
  const known = sessions.get(item.id)?.contours.regions;
  if (!known) return { text: item.is_reference ? 'Reference' : '' };
  const nOpen = known.filter(isOpen).length;
  if (!known.some(isDrawn)) return { level: 'note', text: 'no contours' };
  return nOpen === 0 ? { level: 'ok', text: 'all decided' } : { text: `${nOpen} to decide` };
}

const keyOfLabel = (timePointId: string, kind: Kind, label: number): string =>
  workKey(timePointId, sessions.get(timePointId)?.contours.regions.find((item) => item.label === label && kindOf(item) === kind)?.id ?? '');

const events = {
  handsOnS: (timePointId: string, kind: Kind, label: number) => clock.secondsOf(keyOfLabel(timePointId, kind, label)),
  onRevision: (timePointId: string, kind: Kind, labels: readonly number[]) => { for (const label of labels) clock.restart(keyOfLabel(timePointId, kind, label)); },
  onPaint: () => showLayers(), onUndo: () => { steps.draw(); showLayers(); },
  onSaveState: (state: SaveState) => {
    tellSaved(state);
    drawWords();
    if (state.kind === 'failed') fill(need('run-place'), message('block', 'Not saved; your strokes are kept here', state.reason));
  },
};

function tellSaved(state: SaveState): void {
  const clock = formatClock(new Date().toISOString());
  if (state.kind === 'saved') showSaveState(`Saved ${clock}`);
  else if (state.kind === 'draft') showSaveState(`Draft saved ${clock}`);
  else if (state.kind === 'saving') showSaveState('Saving', 'note');
  else if (state.kind === 'failed') showSaveState('Not saved', 'block');
  else showSaveState('Not saved yet', 'note');
}

async function openPoint(keepsView: boolean, layout?: LayoutName): Promise<void> {
  const now = point();
  if (!viewer || !now?.image) { showNote(emptyNote()); drawWords(); return; }
  showNote(null);
  const name = layout ?? viewer.state.get().layout;
  const wanted = name === 'times' ? points().filter((item) => item.image) : [now];
  const [found, known, scans] = await Promise.all([sessions.get(now.id) ?? ContourSession.open(now.id, events), fetchReadings(now.id), Promise.all(wanted.map((item) => loadScan(item)))]);
  if (now.id !== chosenId) return;
  readings.set(now.id, known);
  sessions.set(now.id, found);
  const isFirst = viewer.state.get().emissionWindow.upper <= 1;
  if (isFirst && images?.window) viewer.state.set({ emissionWindow: images.window, emissionThreshold: images.window.lower + 0.1 * (images.window.upper - images.window.lower) });
  await viewer.show(scans.filter((scan): scan is Scan => scan !== null), { layout: name, keepsView, main: wanted.indexOf(now) });
  if (!region()) chooseRegion();
  showLayers();
  if (!keepsView) goToRegion();
  drawWords();
}

function emptyNote(): Html {
  const to = html`<a class="btn primary" href="/cycles/${page.cycleId}/guard/">Go to images</a>`;
  return placeholder({ icon: 'cube', title: 'No images to draw on', text: 'Images must be prepared before contours. A technologist or physicist prepares them.', action: to });
}

function showLayers(): void {
  const now = session();
  if (now && viewer) viewer.setLabels(chosenId, now.layers(regionId, !viewer.scans[viewer.main]?.ct));
}

function drawWords(): void {
  comparison.draw();
  strip.show(points(), chosenId, images?.window ?? null, noteOf);
  const now = session();
  if (!now) { fill(need('regions'), nothing); fill(need('inspector'), html`<div class="sect last">${emptyNote()}</div>`); return; }
  const scrolled = need('regions').querySelector('.region-scroll')?.scrollTop ?? 0;
  refill(need('regions'), html`${regionList({ regions: now.contours.regions, selectedId: regionId, hidden: now.hidden, unsaved: now.unsaved, canAdd: canEdit, canEdit, showsRejected })}<div class="disp" id="display"></div>`);
  need('regions').querySelector('.region-scroll')?.scrollTo({ top: scrolled });
  if (viewer) { display ??= null; display = new DisplayPanel(need('display'), viewer); display.draw(); }
  drawInspector(now);
  paint?.draw();
  steps.draw();
}

function drawInspector(now: ContourSession): void {
  const chosen = region();
  const known = readings.get(chosenId) ?? [];
  const banner = readerBanner(known);
  const reading = readingSection(page, known);
  const drafts = now.editor.isChanged ? [] : now.drafts();
  const draft = drafts.length > 0 ? html`<div class="sect">${message('note', 'A draft of yours is not saved', html`<button type="button" class="plain-link" data-restore>Restore it</button>`)}</div>` : nothing;
  const isBare = !now.contours.regions.some(isDrawn) && !now.editor.isChanged;
  const hasSource = (point()?.series ?? []).some((series) => ['rtstruct', 'seg'].includes(series.kind));
  const sources = canEdit && banner === nothing ? html`<div class="sect">${hasNetwork(now) ? html`<button type="button" class="btn ${isBare && !hasSource ? 'primary' : ''} wide mb-2" data-propose>${icon('spark', 's')} Propose contours</button>` : nothing}<div class="row"><button type="button" class="btn ${isBare && hasSource ? 'primary' : ''} grow" data-import>Import contours</button><button type="button" class="btn grow" data-propagate ${points().length < 2 ? html`disabled` : nothing}>Propagate</button></div><div id="run-place"></div></div>` : html`<div id="run-place"></div>`;
  if (!chosen) {
    fill(need('inspector'), html`${banner}${draft}<div class="sect">${placeholder({ icon: 'brush', title: 'No regions yet', text: canEdit ? (hasNetwork(now) ? 'Let the network propose regions, import a structure set, or draw.' : 'No network is enabled: draw a region, or import a structure set.') : 'A contour editor of this site draws or imports them.', action: canEdit ? html`<button type="button" class="btn primary" data-add>Add a region</button>` : nothing })}</div>${sources}${reading}`);
    return;
  }
  if (isBare) {
    const words = canEdit ? `${hasNetwork(now) ? 'Let the network propose regions, i' : 'I'}mport a structure set, propagate from another time point, or choose a region and draw.` : 'A contour editor of this site draws or imports them.';
    fill(need('inspector'), html`${banner}${draft}<div class="sect">${placeholder({ icon: 'brush', title: 'Nothing is drawn at this time point', text: words })}</div>${sources}${canEdit ? html`<div class="sect last"><button type="button" class="btn wide" data-edit>Draw ${chosen.name}</button></div>` : nothing}${reading}`);
    return;
  }
  const open = now.contours.regions.filter((item) => item.id !== chosen.id && isOpen(item));
  fill(need('inspector'), html`${banner}${draft}${regionInspector({ contours: now.contours, region: chosen, isUnsaved: now.unsaved.has(chosen.id), canEdit, canAccept, next: open[0] ?? null, ghostNumber: now.ghost?.number ?? null, comparedNumber: now.comparedNumber })}${sources}${reading}`);
  showConsequences();
}

function showConsequences(): void {
  const [chosen, place] = [region(), document.getElementById('consequences')];
  if (chosen && place && isDrawn(chosen)) void consequences.show(place, chosenId, chosen.id);
}

async function choose(id: string): Promise<void> {
  if (id === chosenId) return;
  void session()?.editor.saveDraft();
  chosenId = id;
  strip.show(points(), chosenId, images?.window ?? null, noteOf);
  try { await openPoint(true); } catch (error) { if (id === chosenId) showNote(placeholder({ level: 'block', title: 'This time point cannot be shown', text: errorText(error) })); }
}

function select(id: string, goes = true): void {
  regionId = id;
  showLayers();
  drawWords();
  if (goes) goToRegion();
}

/** The first region that waits for a decision, else the first: also after an import that made the first ones. */
function chooseRegion(): void {
  const list = session()?.contours.regions ?? [];
  regionId = (list.find(isOpen) ?? list[0])?.id ?? '';
}

function goToRegion(): void {
  const chosen = region();
  const centre = chosen ? session()?.centreOf(chosen) : null;
  if (centre) viewer?.goTo(centre);
}

function step(by: number): void {
  const list = session()?.contours.regions ?? [];
  if (isReviewing()) {
    const lesion = lesionBeside(list, regionId, by);
    if (lesion) select(lesion.id);
    return;
  }
  const shown = shownRegions(list, regionId, showsRejected);
  const at = shown.findIndex((item) => item.id === regionId);
  const next = shown[(at + by + shown.length) % Math.max(shown.length, 1)];
  if (next) select(next.id);
}

/** Runs work on the server, says what was done, and shows the numbers that came of it. */
async function change(work: Promise<unknown>, said: string): Promise<void> {
  const now = session();
  let refused = '';
  try {
    await work;
    toast(said);
  } catch (error) { refused = `${errorText(error)}${isConflict(error) ? ' The newest contours are shown now: look, and decide again.' : ''}`; }
  await now?.reload().catch((error: unknown) => toast(`The newest contours could not be shown: ${errorText(error)}`, 'block'));
  showNewest();
  if (refused) fill(need('run-place'), message('block', 'Not done', refused));
}

function showNewest(): void {
  comparison.forget();
  consequences.forget();
  if (!region()) { chooseRegion(); goToRegion(); }
  showLayers();
  drawWords();
  void refreshSteps(page.cycleId);
}

const saved = (): Promise<boolean> => saveStrokes(session(), region()?.name ?? '', {
  ask: askConflict, say: toast, refuse: (title, error) => fill(need('run-place'), message('block', title, errorText(error))),
  draw: showNewest,
});

async function timed(now: ContourSession, id: string, send: (seconds: number | null) => Promise<unknown>): Promise<void> {
  const key = workKey(now.timePointId, id);
  await send(clock.secondsOf(key));
  clock.restart(key);
}

async function operate(request: OperationRequest): Promise<void> {
  const now = session();
  if (!now || !(await saved())) throw new Error('Your strokes could not be saved first.');
  await timed(now, request.region_id, (seconds) => now.operate({ ...request, hands_on_s: seconds }, titleOf(request.operation)));
}

const turn = inTurn();
const steps = new UndoControl({ session, region, turn, saved, change, refuse: (why) => toast(why, 'ask') });
const decisions = new Decisions({
  canAccept, session, regionId: () => regionId, isReviewing, saved, change, timed, turn, ask: (text) => toast(text, 'ask'), select,
});

async function runAndReload(runId: string | null): Promise<void> {
  if (runId && await showRun(need('run-place'), runId)) await runEnded();
}

/** The run may have been for another time point than the one that is open, and somebody may be drawing. */
async function runEnded(): Promise<void> {
  try {
    const hasStrokes = await refreshSessions(sessions, chosenId);
    toast(`Contours are ready${hasStrokes ? '; your strokes that are not saved lie on top' : ''}`);
  } catch (error) { toast(`The newest contours could not be shown: ${errorText(error)}`, 'block'); }
  showNewest();
}

function operation(name: string): void {
  const [now, chosen] = [session(), region()];
  if (!now || !chosen || !viewer || !paint) return;
  void askOperation(name, {
    region: chosen, others: now.contours.regions.filter((item) => item.id !== chosen.id), cursor: viewer.state.get().cursor, radiusMm: paint.sizeMm, thresholdKbqPerMl: viewer.state.get().emissionThreshold / 1000,
  }, operate).then((isDone) => { if (isDone) void change(Promise.resolve(), 'A new revision was saved'); });
}

function toggleHidden(id: string, isSolo: boolean): void {
  const now = session();
  if (!now) return;
  const others = now.contours.regions.filter((item) => item.id !== id).map((item) => item.id);
  if (isSolo) now.hidden = others.every((item) => now.hidden.has(item)) ? new Set() : new Set(others);
  else if (!now.hidden.delete(id)) now.hidden.add(id);
  showLayers();
  drawWords();
}

on(need('regions'), 'click', '[data-region]', (row, event) => { if (!(event.target as Element).closest('[data-do]')) select(row.dataset.region ?? ''); });
on(need('regions'), 'click', '[data-do]', (button) => {
  const { do: action, id = '' } = button.dataset;
  const item = session()?.region(id);
  if (action === 'lock' && item) void decisions.lock(item);
  else toggleHidden(id, action === 'solo');
});
on(need('regions'), 'click', '[data-show-rejected]', () => { showsRejected = !showsRejected; drawWords(); });
const addRegion = (): void => void askNewRegion(page.courseId).then((id) => { if (id !== null) { regionId = id; void change(Promise.resolve(), 'Region added'); } });
for (const place of ['regions', 'inspector']) on(need(place), 'click', '[data-add]', addRegion);
on(need('inspector'), 'click', '[data-save]', () => void saved());
on(need('inspector'), 'click', '[data-accept]', () => void decisions.accept());
on(need('inspector'), 'click', '[data-reject]', () => void decisions.reject());
on(need('inspector'), 'click', '[data-reject-faint]', () => void decisions.rejectFaint());
on(need('inspector'), 'click', '[data-reopen]', () => void decisions.reopen());
on(need('inspector'), 'click', '[data-window]', (button) => windowing.to(button.dataset.window === 'shared' ? 'shared' : 'region'));
on(need('inspector'), 'click', '[data-edit]', () => viewer?.state.set({ tool: 'brush' }));
on(need('inspector'), 'click', '[data-answer-first]', () => document.querySelector<HTMLElement>('[data-answer-code]')?.click());
on(need('inspector'), 'click', '[data-operation]', (button) => operation(button.dataset.operation ?? ''));
on(need('inspector'), 'click', '[data-rename]', () => { const chosen = region(); if (chosen) void askRename(chosen).then((isDone) => { if (isDone) void change(Promise.resolve(), 'Region changed'); }); });
on(need('inspector'), 'click', '[data-import]', () => { const now = point(); if (now) void saved().then((isSaved) => (isSaved ? askImport(now) : null)).then(runAndReload); });
on(need('inspector'), 'click', '[data-propose]', () => { const [now, networks] = [point(), session()?.contours]; if (now && networks) void saved().then((isSaved) => (isSaved ? askProposal(now, networks) : null)).then(runAndReload); });
on(need('inspector'), 'click', '[data-propagate]', () => { const now = point(); if (now) void saved().then((isSaved) => (isSaved ? askPropagate(now, points().filter((item) => item !== now && item.image), session()?.contours.network ?? null) : null)).then(runAndReload); });
on(need('inspector'), 'click', '[data-ghost]', (button) => void session()?.showGhost(Number(button.dataset.ghost)).then(() => { showLayers(); drawWords(); }, (error: unknown) => toast(`Not shown: ${errorText(error)}`, 'block')));
const compare = (number: number): void => void comparison.toggle(number).catch((error: unknown) => toast(`Not compared: ${errorText(error)}`, 'block'));
on(need('inspector'), 'click', '[data-compare]', (button) => compare(Number(button.dataset.compare)));
on(need('inspector'), 'click', '[data-restore]', () => void restoreDrafts());
async function restoreDrafts(): Promise<void> {
  try {
    if (await session()?.restoreAll() === false) toast('The draft holds nothing but what is saved', 'note');
  } catch (error) { toast(`Not restored: ${errorText(error)}`, 'block'); }
  showLayers();
  drawWords();
}

/** After a reading began or ended this person may see other contours: everything of the time point is read again. */
function readingChanged(work: Promise<boolean>, said: string): void {
  void work.then(async (isDone) => {
    if (!isDone) return;
    toast(said);
    session()?.editor.dispose();
    sessions.delete(chosenId);
    consequences.forget();
    await openPoint(true);
    need('inspector').scrollTop = 0;
    void refreshSteps(page.cycleId);
  }).catch((error: unknown) => toast(errorText(error), 'block'));
}

on(need('inspector'), 'click', '[data-reading-open]', () => readingChanged(saved().then((isSaved) => isSaved && askOpenReading(page, chosenId)), 'Second reading opened'));
on(need('inspector'), 'click', '[data-reading-submit]', (button) => readingChanged(saved().then((isSaved) => isSaved && askSubmitReading(button.dataset.readingSubmit ?? '')), 'Reading submitted'));
on(need('inspector'), 'click', '[data-reading-cancel]', (button) => readingChanged(askCancelReading(button.dataset.readingCancel ?? ''), 'Second reading cancelled'));
letAnswer(need('inspector'), page.cycleId, () => void change(Promise.resolve(), 'Answer saved'));
document.addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 's' || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  void saved();
});
for (const name of ['pointerdown', 'pointermove', 'keydown', 'wheel']) document.addEventListener(name, () => clock.used(), { passive: true, capture: true });
document.addEventListener('visibilitychange', () => {
  if (document.hidden) { clock.hide(); for (const one of sessions.values()) void one.editor.saveDraft(); return; }
  clock.show();
  // Somebody may have fitted, calculated or set limits meanwhile, this person in another window too.
  comparison.forget();
  comparison.draw();
  consequences.forget();
  showConsequences();
});
window.addEventListener('beforeunload', (event) => { if ([...sessions.values()].some((one) => one.editor.isChanged)) event.preventDefault(); });
fill(need('hints'), hintLine([['A', 'accept'], ['X', 'reject'], ['Y', 'difference'], ['[ ]', 'size'], [', .', 'region'], ['N P', 'time point'], ['Ctrl Z', 'undo'], ['?', 'all keys']]));
if (viewer && paint) {
  drawToolbar(need('toolbar'), viewer, {
    tools: ['crosshair', 'window', 'zoom', 'ruler', 'area'], editTools: canEdit ? ['brush', 'erase', 'threshold', 'draw', 'scissors', 'fill', 'ball', 'sphere'] : [],
    middle: html`<span id="paint-controls" class="row"></span>`, layouts: ['2x2', '1x3', 'times', 'lesions'], onLayout: (layout) => void openPoint(true, layout),
    after: canEdit ? html`<button type="button" class="tool" data-undo title="Undo, Ctrl Z" aria-label="Undo">${icon('undo')}</button><button type="button" class="tool" data-redo title="Redo, Ctrl Y" aria-label="Redo">${icon('redo')}</button>` : nothing,
  });
  paint.attach(need('toolbar'));
  steps.attach(need('toolbar'));
  bindViewerKeys(viewer, {
    'time-next': () => void choose(neighbour(points(), chosenId, 1)), 'time-previous': () => void choose(neighbour(points(), chosenId, -1)),
    'region-next': () => step(1), 'region-previous': () => step(-1), accept: () => void decisions.accept(), reject: () => void decisions.reject(), reopen: () => void decisions.reopen(), 'window-region': () => windowing.toggle(),
    difference: () => { const number = region()?.original_number; if (typeof number === 'number') compare(number); else toast('Nothing proposed this region', 'note'); },
    area: () => viewer.state.set({ tool: 'area' }),
    ...(canEdit ? { ...toolCommands(viewer, ['brush', 'erase', 'threshold', 'scissors', 'fill', 'ball']), draw: () => paint.chooseOutline(), 'size-up': () => paint.resize(1), 'size-down': () => paint.resize(-1) } : {}),
  });
}
void load().then(() => followOpenRun(page.cycleId, ['planning.run_contour_import', 'planning.run_contour_proposal', 'planning.run_contour_propagation'], 'run-place', () => void runEnded()));
