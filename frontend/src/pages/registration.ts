/** Registration of one cycle: compare each scan with the reference, move it by hand, accept or reject. */
import { postJson } from '../api/client';
import { html, nothing, type Html } from '../domain/html';
import { PLANE_AXES } from '../domain/geometry';
import { kbd, message, placeholder } from '../domain/markup';
import { oneAtATime } from '../domain/once';
import { movedCopy } from '../domain/sampling';
import type { Vec3, Volume } from '../domain/volume';
import type { Comparison } from '../viewer/state';
import { loadVolume } from '../viewer/volumes';
import { bindViewerKeys } from './imaging/commands';
import { ContourSession } from './imaging/contour_session';
import { hintLine, showNote, startViewer } from './imaging/place';
import { isNudged, registrationInspector, registrationTable, type Nudge } from './imaging/registration_words';
import { ageText, loadScan, whenText } from './imaging/scans';
import { neighbour, TimeStrip } from './imaging/strip';
import { drawToolbar } from './imaging/toolbar';
import { fetchImages, fetchRegistrations, type Images, type Registration, type Registrations, type TimePoint } from './imaging/wire';
import { askReason } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { letAnswer } from './parts/findings';
import { bindKeys } from './parts/keys';
import { followOpenRun, showRun } from './parts/run_progress';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

const NO_NUDGE: Nudge = { shift: [0, 0, 0], rotation: [0, 0, 0] };
const PREVIEW_PAUSE_MS = 60;
const MODES: readonly (readonly [Comparison, string])[] = [['flicker', 'Flicker'], ['checker', 'Checkerboard'], ['spyglass', 'Spyglass'], ['colours', 'Two colours']];

const page = startPage();
const viewer = startViewer('pair');
const strip = new TimeStrip(need('strip'), (id) => void choose(id));
const mayEdit = page.isAllowed('edit_registration');
let images: Images | null = null;
let registrations: Registrations | null = null;
let chosenId = '';
let nudge = NO_NUDGE;
let moving: Volume | null = null;
let previewTimer = 0;
let nPreviews = 0;

const points = (): TimePoint[] => images?.time_points ?? [];
const point = (): TimePoint | undefined => points().find((item) => item.id === chosenId);
const reference = (): TimePoint | undefined => points().find((item) => item.id === registrations?.reference_time_point_id) ?? points().find((item) => item.is_reference);
const registrationOf = (id: string): Registration | null => registrations?.items.find((item) => item.time_point_id === id)?.registration ?? null;
const isOpen = (registration: Registration | null): boolean => !registration || registration.is_stale || !['accepted', 'rejected'].includes(registration.decision);

async function load(): Promise<void> {
  try {
    [images, registrations] = await Promise.all([fetchImages(page.cycleId), fetchRegistrations(page.cycleId)]);
    const others = points().filter((item) => item.id !== reference()?.id);
    if (!others.some((item) => item.id === chosenId)) chosenId = (others.find((item) => isOpen(registrationOf(item.id))) ?? others[0])?.id ?? '';
    drawWords();
    await showImages();
  } catch (error) { showError(need('inspector'), error, () => void load()); }
  page.ready();
}

function noteOf(item: TimePoint): { level?: 'ask' | 'ok' | 'block' | 'stale' | 'note'; text: string } {
  if (item.id === reference()?.id) return { text: 'Reference' };
  const registration = registrationOf(item.id);
  if (!registration) return { level: 'note', text: 'not registered' };
  if (registration.is_stale) return { level: 'stale', text: 'stale' };
  if (registration.decision === 'accepted') return { level: 'ok', text: 'accepted' };
  if (registration.decision === 'rejected') return { level: 'block', text: 'rejected' };
  return registration.findings.some((finding) => finding.level === 'ask') ? { level: 'ask', text: 'review' } : { text: 'to decide' };
}

function drawWords(): void {
  strip.show(points(), chosenId, images?.window ?? null, noteOf);
  const now = point();
  if (points().length < 2 || !now) { drawSkipped(); return; }
  fill(need('table'), registrationTable(points(), registrations?.items ?? [], chosenId));
  const nOpen = points().filter((item) => item.id !== reference()?.id && isOpen(registrationOf(item.id))).length;
  const anyMissing = points().some((item) => item.id !== reference()?.id && !registrationOf(item.id));
  const start = anyMissing && mayEdit ? html`<div class="sect"><button type="button" class="btn primary wide" data-register-all>Register all scans</button></div>` : nothing;
  fill(need('inspector'), html`${registrationInspector({ point: now, registration: registrationOf(now.id), nudge, mayEdit, nOpen, nextHref: `/cycles/${page.cycleId}/contours/` })}${start}<div class="sect last" id="run-place"></div>`);
}

function drawSkipped(): void {
  fill(need('table'), nothing);
  const action = html`<a class="btn primary" href="/cycles/${page.cycleId}/contours/">Go to contours</a>`;
  const words = points().length === 0
    ? placeholder({ icon: 'clock', title: 'Waiting for scans', text: 'This cycle has no scans yet.', action: html`<a class="btn primary" href="/import/?cycle=${page.cycleId}">Import scans</a>` })
    : placeholder({ icon: 'link', title: 'One scan: nothing to register', text: 'This step is skipped. With a second scan it opens by itself.', action });
  fill(need('inspector'), html`<div class="sect last">${words}<div id="run-place"></div></div>`);
  showNote(words);
}

async function showImages(): Promise<void> {
  const [now, fixed] = [point(), reference()];
  if (!viewer || !now || points().length < 2) return;
  if (!fixed?.image || !now.image) {
    showNote(placeholder({ icon: 'cube', title: 'Images are not prepared', text: 'Both scans must be prepared first.', action: html`<a class="btn primary" href="/cycles/${page.cycleId}/guard/">Go to images</a>` }));
    return;
  }
  try {
    const registration = registrationOf(now.id);
    const scan = await loadScan(fixed);
    moving = registration?.resampled_volume ? await loadVolume(registration.resampled_volume) : null;
    if (!scan || now.id !== chosenId) return;
    showNote(null);
    const isFirst = viewer.scans[0]?.key !== scan.key;
    if (images?.window && isFirst) viewer.state.set({ emissionWindow: images.window });
    if (isFirst) await viewer.show([{ ...scan, ct: null, note: undefined, when: ageText(fixed) }], { layout: 'pair', keepsView: false });
    await viewer.setMoving(moving, whenText(now));
    if (isFirst) void showReferenceRegions(fixed);
    drawMode();
  } catch (error) { if (now.id === chosenId) showNote(placeholder({ level: 'block', title: 'These scans cannot be compared', text: errorText(error) })); }
}

/** Outlines of the reference: they must fit the moving scan too. */
async function showReferenceRegions(fixed: TimePoint): Promise<void> {
  try {
    const session = await ContourSession.open(fixed.id, { onPaint: () => undefined, onSaveState: () => undefined, onUndo: () => undefined });
    if (session.contours.regions.length > 0) viewer?.setLabels(fixed.id, session.layers('', true));
  } catch { /* outlines help the eye; without them the scans can still be compared */ }
}

async function choose(id: string): Promise<void> {
  if (id === chosenId || id === reference()?.id) return;
  if (isNudged(nudge)) { toast('Apply or undo the preview first', 'ask'); return; }
  chosenId = id;
  drawWords();
  await showImages();
}

function setNudge(next: Nudge): void {
  if (!moving) return;
  nudge = next;
  // What is moved must be what is seen.
  if (viewer?.state.get().isFixedOnly) viewer.state.set({ isFixedOnly: false });
  drawWords();
  drawMode();
  window.clearTimeout(previewTimer);
  previewTimer = window.setTimeout(() => void preview(), PREVIEW_PAUSE_MS);
}

/** The moving image moved in the browser: for the eye only. The server moves it exactly when the nudge is applied. */
async function preview(): Promise<void> {
  if (!viewer || !moving) return;
  nPreviews += 1;
  const now = point();
  const when = now ? whenText(now) : '';
  await (isNudged(nudge) ? viewer.setMoving(movedCopy(moving, `${moving.id}-preview-${nPreviews}`, nudge.shift, nudge.rotation), `${when}, preview`) : viewer.setMoving(moving, when));
}

const plus = (values: Vec3, axis: number, by: number): Vec3 => values.map((value, n) => (n === axis ? Math.round((value + by) * 100) / 100 : value)) as unknown as Vec3;

/** Arrows move in the plane of the active pane; with Shift they turn about its normal, or about its horizontal. */
function arrow(right: number, down: number, isTurn: boolean): void {
  const shown = viewer?.shownAt(viewer.state.get().active) ?? viewer?.shownAt(0);
  if (!shown || !mayEdit || !registrationOf(chosenId)) return;
  const axes = PLANE_AXES[shown.pane.plane];
  if (isTurn) {
    // Clockwise on the screen is a positive turn about the axis that points into it.
    const clockwise = shown.pane.plane === 'axial' ? 1 : shown.pane.plane === 'coronal' ? 1 : -1;
    setNudge(right !== 0 ? { ...nudge, rotation: plus(nudge.rotation, axes.normal, right * clockwise) } : { ...nudge, rotation: plus(nudge.rotation, axes.right, down) });
    return;
  }
  setNudge(right !== 0 ? { ...nudge, shift: plus(nudge.shift, axes.right, right) } : { ...nudge, shift: plus(nudge.shift, axes.down, axes.isDownPositive ? down : -down) });
}

async function startRun(url: string, body: unknown, said: string): Promise<void> {
  const place = need('run-place');
  try {
    const { run_id: runId } = await postJson<{ run_id: string }>(url, body);
    if (!(await showRun(place, runId))) return;
    nudge = NO_NUDGE;
    toast(said);
    await load();
    void refreshSteps(page.cycleId);
  } catch (error) { fill(place, message('block', 'Not started', errorText(error))); }
}

const decide = oneAtATime(async (decision: 'accepted' | 'rejected', remark: string) => {
  const registration = registrationOf(chosenId);
  if (!registration) return;
  await postJson(`/api/registrations/${registration.id}/decision`, { decision, remark });
  toast(decision === 'accepted' ? 'Registration accepted' : 'Registration rejected');
  registrations = await fetchRegistrations(page.cycleId);
  const next = points().find((item) => item.id !== reference()?.id && isOpen(registrationOf(item.id)));
  if (next && next.id !== chosenId) await choose(next.id);
  else drawWords();
  void refreshSteps(page.cycleId);
});

function decideWith(how: string): void {
  if (how === 'accepted') { void decide('accepted', '').catch((error: unknown) => fill(need('run-place'), message('block', 'Not done', errorText(error)))); return; }
  const isAccept = how === 'remark';
  void askReason({
    title: isAccept ? 'Accept with a remark' : 'Reject this registration', action: isAccept ? 'Accept' : 'Reject',
    text: isAccept ? 'The remark stands in the report beside this registration.' : 'The scan is then not used for voxel-wise curves. Say what is wrong.',
    submit: (remark) => decide(isAccept ? 'accepted' : 'rejected', remark),
  });
}

function drawMode(): void {
  const state = viewer?.state.get();
  for (const button of document.querySelectorAll<HTMLElement>('[data-mode]')) button.setAttribute('aria-pressed', String(button.dataset.mode === state?.comparison));
  const which = document.getElementById('which');
  if (which) fill(which, whichText(state?.comparison ?? 'flicker', state?.isFixedOnly ?? false));
}

function whichText(mode: Comparison, isFixedOnly: boolean): Html {
  if (!moving) return html`<span class="t2 fs12">fixed alone: the chosen scan is not registered</span>`;
  const preview_ = isNudged(nudge) ? html` <span class="tag" data-s="estimate">PREVIEW</span>` : nothing;
  if (mode === 'colours') return html`<span class="t2 fs12">fixed magenta, moving green; dark where both agree</span>${preview_}`;
  if (mode === 'spyglass') return html`<span class="t2 fs12">moving inside the ring, fixed around it</span>${preview_}`;
  if (mode === 'checker') return html`<span class="t2 fs12">fixed and moving in turn</span>${preview_}`;
  return html`<span class="t2 fs12">now</span> <b class="strong">${isFixedOnly ? 'fixed' : 'moving'}</b>${preview_}`;
}

function flicker(): void {
  viewer?.state.set({ comparison: 'flicker', isFixedOnly: !viewer.state.get().isFixedOnly });
  drawMode();
}

on(need('table'), 'click', '[data-time-point]', (row) => void choose(row.dataset.timePoint ?? ''));
on(need('table'), 'keydown', '[data-time-point]', (row, event) => { if (event.key === 'Enter') void choose(row.dataset.timePoint ?? ''); });
on(need('inspector'), 'click', '[data-decide]', (button) => decideWith(button.dataset.decide ?? ''));
on(need('inspector'), 'click', '[data-apply]', () => {
  const registration = registrationOf(chosenId);
  if (registration) void startRun(`/api/registrations/${registration.id}/nudge`, { shift_mm: [...nudge.shift], rotation_deg: [...nudge.rotation] }, 'Registration moved');
});
on(need('inspector'), 'click', '[data-reset]', () => { setNudge(NO_NUDGE); drawMode(); });
on(need('inspector'), 'click', '[data-register]', () => void startRun(`/api/cycles/${page.cycleId}/registrations/start`, { time_point_id: chosenId }, 'Registered'));
on(need('inspector'), 'click', '[data-register-all]', () => void startRun(`/api/cycles/${page.cycleId}/registrations/start`, {}, 'Registered'));
on(need('inspector'), 'change', '[data-nudge]', (field) => {
  const { nudge: group, axis } = field.dataset;
  const value = Number((field as HTMLInputElement).value);
  if (!Number.isFinite(value) || (group !== 'shift' && group !== 'rotation')) return;
  setNudge({ ...nudge, [group]: nudge[group].map((old, n) => (n === Number(axis) ? value : old)) as unknown as Vec3 });
});
letAnswer(need('inspector'), page.cycleId, () => { void load(); void refreshSteps(page.cycleId); });
fill(need('hints'), hintLine([['Space', 'flicker'], ['← → ↑ ↓', 'move 1 mm'], ['Shift', 'with arrows: turn 1°'], ['N P', 'time point'], ['C', 'crosshair'], ['O', 'outlines'], ['?', 'all keys']]));
if (viewer) {
  drawToolbar(need('toolbar'), viewer, {
    tools: ['crosshair', 'window', 'zoom', 'pan', 'ruler'],
    middle: html`<span class="vsep"></span><span class="row" id="which"></span>`,
    after: html`<span class="seg" role="group" aria-label="Compare">${MODES.map(([mode, label]) => html`<button type="button" data-mode="${mode}" aria-pressed="false">${label}${mode === 'flicker' ? kbd('Space') : nothing}</button>`)}</span>`,
  });
  on(need('toolbar'), 'click', '[data-mode]', (button) => { viewer.state.set({ comparison: button.dataset.mode as Comparison, isFixedOnly: false }); drawMode(); });
  const arrows: readonly (readonly [string, number, number])[] = [['ArrowLeft', -1, 0], ['ArrowRight', 1, 0], ['ArrowUp', 0, -1], ['ArrowDown', 0, 1]];
  bindKeys(arrows.map(([key, right, down]) => ({ keys: [key], label: 'move 1 mm; with Shift turn 1°', group: 'Registration', run: (event: KeyboardEvent) => { arrow(right, down, event.shiftKey); drawMode(); } })));
  bindViewerKeys(viewer, { flicker, 'time-next': () => void choose(neighbour(points(), chosenId, 1)), 'time-previous': () => void choose(neighbour(points(), chosenId, -1)) });
}
void load().then(() => followOpenRun(page.cycleId, ['planning.run_registration'], 'run-place', () => { void load(); void refreshSteps(page.cycleId); }));
