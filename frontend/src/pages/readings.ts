/** Two readers of one time point: their outlines in two colours, how far they agree, and the decision region by region. */
import { getJson, postJson } from '../api/client';
import { choicesBody, possible, TAKES, type Choice, type Take } from '../domain/adjudication';
import { toWorld } from '../domain/geometry';
import { each, html, nothing, type Html } from '../domain/html';
import { bareNumber, flag, placeholder } from '../domain/markup';
import { formatFixed, MISSING, type MaybeQuantity } from '../domain/quantity';
import { labelCentre } from '../domain/volume_labels';
import type { LabelLayer, RegionLook } from '../viewer/scan';
import { loadVolume } from '../viewer/volumes';
import { bindViewerKeys } from './imaging/commands';
import { hintLine, showNote, startViewer } from './imaging/place';
import type { Reading } from './imaging/readings';
import { loadScan, paneColour } from './imaging/scans';
import { drawToolbar } from './imaging/toolbar';
import { fetchImages, type Kind } from './imaging/wire';
import { fill, need, on } from './parts/dom';
import { refreshSteps, startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Numbers { volume: MaybeQuantity; mean: MaybeQuantity; activity: MaybeQuantity }
interface Row {
  region: { id: string; name: string; kind: string; label: number; colour: string }; readers: (Numbers | null)[];
  dice: number | null; hausdorff_95: MaybeQuantity; mean_distance: MaybeQuantity; activity_difference: MaybeQuantity; volume_cv: MaybeQuantity;
}
interface Comparison extends Reading { time_point_id: string; current_number: number; volumes: (Record<Kind, string> | null)[]; regions: Row[] }

/** Blue and orange are told apart by every kind of colour vision; reader 2 is dashed as well. */
const LOOKS: readonly (readonly [colour: string, state: string])[] = [['r1', 'accepted'], ['r3', 'proposed']];
const KINDS: readonly Kind[] = ['organs', 'lesions'];
const page = startPage();
const viewer = startViewer('1x3');
const id = new URLSearchParams(window.location.search).get('reading') ?? '';
const chosen = new Map<string, Choice>();
let reading: Comparison | null = null;
let shownId = '';
let layers: { place: number; kind: Kind; volume: LabelLayer['volume'] }[] = [];

const kindOf = (row: Row): Kind => (row.region.kind === 'lesion' ? 'lesions' : 'organs');
const shown = (): Row | undefined => reading?.regions.find((row) => row.region.id === shownId);
const nameOf = (place: number): string => reading?.readers.find((reader) => reader.place === place)?.name ?? `Reader ${place}`;
const toContours = (): Html => html`<a class="btn" href="/cycles/${page.cycleId}/contours/">Go to contours</a>`;

async function load(): Promise<void> {
  try {
    reading = await getJson<Comparison>(`/api/second-readings/${id}`);
    if (!shown()) shownId = reading.regions[0]?.region.id ?? '';
    draw();
    await showImages();
  } catch (error) {
    showNote(placeholder({ level: 'block', title: 'The readings cannot be compared', text: errorText(error), action: toContours() }));
    showError(need('inspector'), error, () => void load());
  }
  page.ready();
}

function draw(): void {
  if (!reading) return;
  const { regions } = reading;
  fill(need('table'), regions.length === 0 ? placeholder({ icon: 'brush', title: 'Neither reader has a contour', text: 'Open a new second reading on the Contours page.', action: toContours() }) : html`<table class="table dense"><thead><tr><th>Region</th><th class="num gl">Volume 1 (mL)</th><th class="num">Volume 2 (mL)</th><th class="num" title="Between readers: |V1 − V2| / (√2 · mean): the standard deviation within the pair over its mean">Between (%)</th><th class="num gl">Dice</th><th class="num" title="Hausdorff distance: the larger of the two 95th percentiles of the distances between the surfaces">HD 95 % (mm)</th><th class="num" title="Mean distance between the surfaces, both ways">Distance (mm)</th><th class="num gl">Mean 1 (kBq/mL)</th><th class="num">Mean 2 (kBq/mL)</th><th class="num" title="Reader 2 minus reader 1, over their mean">Activity (%)</th><th class="gl">Decision</th></tr></thead><tbody>${each(regions, tableRow)}</tbody></table>`);
  drawInspector();
}

function tableRow(row: Row): Html {
  const [first, second] = row.readers;
  const choice = chosen.get(row.region.id);
  const words = choice ? html`${TAKES[choice.take]}${choice.editsFurther ? ', edit further' : ''}` : html`<span class="t3">as it is</span>`;
  return html`<tr tabindex="0" data-row="${row.region.id}" aria-selected="${String(row.region.id === shownId)}"><td class="strong">${row.region.name}</td><td class="num gl">${bareNumber(first?.volume)}</td><td class="num">${bareNumber(second?.volume)}</td><td class="num">${row.volume_cv ? formatFixed(row.volume_cv.value, 1) : MISSING}</td><td class="num gl">${row.dice === null ? MISSING : formatFixed(row.dice, 3)}</td><td class="num">${row.hausdorff_95 ? formatFixed(row.hausdorff_95.value, 1) : MISSING}</td><td class="num">${row.mean_distance ? formatFixed(row.mean_distance.value, 2) : MISSING}</td><td class="num gl">${bareNumber(first?.mean)}</td><td class="num">${bareNumber(second?.mean)}</td><td class="num">${row.activity_difference ? formatFixed(row.activity_difference.value, 1) : MISSING}</td><td class="gl">${words}</td></tr>`;
}

function drawInspector(): void {
  if (!reading) return;
  const row = shown();
  const key = html`<ul class="fs12 t2">${each([1, 2], (place) => html`<li class="row"><svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" stroke="${paneColour(LOOKS[place - 1]?.[0] ?? '')}" stroke-width="2" stroke-dasharray="${place === 2 ? '5 3' : 'none'}"></line></svg>Reader ${place}: ${nameOf(place)}</li>`)}</ul>`;
  const done = reading.adjudicated ? html`<p class="fs12 mt-2">${flag('ok', `Decided in revision ${reading.adjudicated.number}`)}</p><p class="fs12 t2">${reading.adjudicated.note}</p><p class="fs12 t3">A further decision makes another revision.</p>` : nothing;
  const head = html`<div class="sect"><h2 class="h2">Second reading ${reading.number}</h2><p class="fs12 t3">Both began ${reading.start_label}</p>${key}${done}</div>`;
  if (!row) { fill(need('inspector'), head); return; }
  const choice = chosen.get(row.region.id);
  const option = (take: Take): Html => html`<label class="row"><input type="radio" name="take" value="${take}" ${choice?.take === take ? html`checked` : nothing}> <span>${TAKES[take]}${take.startsWith('reader') ? html` <span class="t3">${nameOf(take === 'reader_1' ? 1 : 2)}</span>` : nothing}</span></label>`;
  const missing = row.readers.findIndex((reader) => reader === null);
  const alone = missing < 0 ? nothing : html`<p class="fs12 t2">${nameOf(missing + 1)} has no accepted contour of this region.</p>`;
  const form = page.isAllowed('adjudicate_reading') ? html`<div class="stack" role="radiogroup" aria-label="What counts for ${row.region.name}"><label class="row"><input type="radio" name="take" value="" ${choice ? nothing : html`checked`}> <span>Leave the shared contour as it is</span></label>${each(possible(row), option)}</div>
    <label class="row mt-2"><input type="checkbox" name="further" ${choice?.editsFurther ? html`checked` : nothing} ${choice ? nothing : html`disabled`}> <span>Edit further on the Contours page; not accepted yet</span></label>` : html`<p class="fs12 t3">A physicist or physician of this site decides.</p>`;
  const n = choicesBody(reading.regions, chosen).length;
  const save = page.isAllowed('adjudicate_reading') ? html`<div class="sect last"><button type="button" class="btn primary wide" data-save ${n === 0 ? html`disabled` : nothing}>Save ${n} ${n === 1 ? 'decision' : 'decisions'}</button><p class="fs12 t3 mt-2">They become one new revision of the contours, with who read and who decided. Curves and dose that rest on the one before become stale.</p><div id="save-place"></div></div>` : nothing;
  fill(need('inspector'), html`${head}<div class="sect"><h2 class="h2">${row.region.name}</h2>${alone}${form}</div>${save}`);
}

async function showImages(): Promise<void> {
  if (!viewer || !reading) return;
  try {
    const { time_points: points, window } = await fetchImages(page.cycleId);
    const point = points.find((item) => item.id === reading?.time_point_id);
    const scan = point ? await loadScan(point) : null;
    if (!scan) { showNote(placeholder({ icon: 'cube', title: 'No images to show', text: 'The images of this time point are not prepared.' })); return; }
    layers = (await Promise.all(reading.volumes.flatMap((volumes, i) => (volumes ? KINDS.map(async (kind) => {
      const volume = await loadVolume(volumes[kind]);
      if (!(volume.voxels instanceof Uint8Array)) throw new Error('The contours are not a label volume.');
      return { place: i + 1, kind, volume: volume as LabelLayer['volume'] };
    }) : []))));
    showNote(null);
    if (window) viewer.state.set({ emissionWindow: window, emissionThreshold: window.lower + 0.1 * (window.upper - window.lower) });
    await viewer.show([scan], { layout: '1x3', keepsView: false });
    showLayers(true);
  } catch (error) { showNote(placeholder({ level: 'block', title: 'The images cannot be shown', text: errorText(error) })); }
}

/** Every region of both readers is outlined; the chosen one is filled as well. */
function showLayers(goes: boolean): void {
  const scan = viewer?.scans[0];
  if (!viewer || !scan || !reading) return;
  const { regions } = reading;
  viewer.setLabels(scan.key, layers.map(({ place, kind, volume }): LabelLayer => {
    const [colour = 'r1', state = 'accepted'] = LOOKS[place - 1] ?? [];
    const own = regions.filter((row) => kindOf(row) === kind && row.readers[place - 1]);
    return { kind: `${kind} ${place}`, volume, version: 1, looks: new Map(own.map((row): [number, RegionLook] => [row.region.label, { label: row.region.label, colour: paneColour(colour, !scan.ct), state, isSelected: row.region.id === shownId, isVisible: true }])) };
  }));
  const row = shown();
  const drawn = row && layers.find((layer) => layer.kind === kindOf(row) && row.readers[layer.place - 1]);
  const index = row && drawn ? labelCentre(drawn.volume.header, drawn.volume.voxels, row.region.label) : null;
  if (goes && drawn && index) viewer.goTo(toWorld(drawn.volume.header, index));
}

function choose(regionId: string): void {
  shownId = regionId;
  draw();
  showLayers(true);
  document.querySelector<HTMLElement>(`[data-row="${regionId}"]`)?.focus();
}

function step(by: number): void {
  const rows = reading?.regions ?? [];
  const next = rows[(rows.findIndex((row) => row.region.id === shownId) + by + rows.length) % Math.max(rows.length, 1)];
  if (next) choose(next.region.id);
}

async function save(): Promise<void> {
  if (!reading) return;
  const choices = choicesBody(reading.regions, chosen);
  try {
    const { number } = await postJson<{ number: number }>(`/api/second-readings/${id}/adjudicate`, { choices }, { 'If-Match': `"${reading.current_number}"` });
    chosen.clear();
    toast(`Revision ${number} of the contours was saved`);
    await load();
    void refreshSteps(page.cycleId);
  } catch (error) { showError(need('save-place'), error, () => void load()); }
}

on(need('table'), 'click', '[data-row]', (row) => choose(row.dataset.row ?? ''));
on(need('table'), 'keydown', '[data-row]', (row, event) => { if (event.key === 'Enter') choose(row.dataset.row ?? ''); });
on(need('inspector'), 'change', '[name="take"]', (input) => {
  const take = (input as HTMLInputElement).value;
  if (take) chosen.set(shownId, { take: take as Take, editsFurther: chosen.get(shownId)?.editsFurther ?? false });
  else chosen.delete(shownId);
  draw();
});
on(need('inspector'), 'change', '[name="further"]', (input) => {
  const choice = chosen.get(shownId);
  if (choice) chosen.set(shownId, { ...choice, editsFurther: (input as HTMLInputElement).checked });
  draw();
});
on(need('inspector'), 'click', '[data-save]', () => void save());
fill(need('hints'), hintLine([[', .', 'region'], ['O', 'outlines'], ['F', 'fusion'], ['?', 'all keys']]));
if (viewer) {
  drawToolbar(need('toolbar'), viewer, { tools: ['crosshair', 'window', 'zoom', 'ruler'], before: html`<h1 class="h1">Second reading</h1>`, layouts: ['1x3', '2x2'] });
  bindViewerKeys(viewer, { 'region-next': () => step(1), 'region-previous': () => step(-1) });
}
void load();
