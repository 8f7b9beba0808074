/** The image viewer of a page: panes of one layout, one shared view, and what lies above the images. */
import { PLANE_AXES, add, at, frameToWorld, hold, mmPerPixel, stepSlices, toSlice, withAxis, worldToFrame, type PaneFrame, type Point2 } from '../domain/geometry';
import { makeSampler, nearestValue, type Sampler } from '../domain/sampling';
import type { Vec3, Volume } from '../domain/volume';
import { formatVoxel } from '../domain/volume_units';
import type { Store } from '../domain/store';
import { linesOn, type DrawnLine } from './drawn_line';
import { ImageEngine, type Look } from './engine';
import { fitMmPerPixel, heldCentre } from './fitting';
import { listenTo, type PaintTool } from './input';
import type { IsodoseLevel } from './isodose';
import { isUncertainty, looksOf, resolvePane, type ResolvedPane } from './looks';
import type { LesionReview } from './mip_lesions';
import { MipPane } from './mip_pane';
import { OutlineCache } from './outlines';
import { keepDisplayVolumes } from './display_volumes';
import { layoutOf, type LayoutName } from './presets';
import { baseOf, bodyBox, hottestPoint, type Box, type LabelLayer, type Scan } from './scan';
import { PaneSizes } from './pane_sizes';
import { SlicePane, type Ruler } from './slice_pane';
import { newState, type ViewState } from './state';
import { element } from './pane_texts';

interface Shown { pane: SlicePane; resolved: ResolvedPane; viewKey: string; looksKey: string; hasMoving: boolean }

const movingId = (id: string): string => `${id}:moving`;

export class Viewer {
  readonly state: Store<ViewState>;
  readonly engine: ImageEngine;
  /** Called with the point under the pointer, and null when it leaves. */
  onProbe: (point: Vec3 | null) => void = () => undefined;
  paintTool: PaintTool | null = null;
  /** What a page does with lesions in the projection of the layout "lesions". */
  lesionReview: LesionReview | null = null;
  ruler: Ruler | null = null;
  /** What a hand is drawing now. */
  sketch: DrawnLine | null = null;
  /** A measured area; it stays until another is drawn or it is removed. */
  area: DrawnLine | null = null;
  isodoseLevels: readonly IsodoseLevel[] = [];
  highlightedLevel: number | null = null;
  scans: readonly Scan[] = [];
  /** Which of the shown scans is worked on. */
  main = 0;
  private slices: Shown[] = [];
  private mips: { pane: MipPane; scan: number; index: number }[] = [];
  private box: Box = { low: [0, 0, 0], high: [1, 1, 1] };
  private readonly labels = new Map<string, readonly LabelLayer[]>();
  private readonly samplers = new WeakMap<Volume, Sampler>();
  private readonly outlines = new OutlineCache();
  private readonly cover = element('div', 'viewer-cover');
  private readonly sizes: PaneSizes;
  private movingVolume: Volume | null = null;
  private movingWhen = '';
  private frameRequest = 0;
  private token = 0;
  private renders = 0;

  constructor(readonly root: HTMLElement, layout: LayoutName) {
    this.state = newState(layout);
    this.engine = new ImageEngine(() => this.contextLost());
    this.sizes = new PaneSizes(root, this.engine, () => { this.forgetViews(); this.schedule(); });
    this.state.watch((state) => state, () => this.schedule());
    window.addEventListener('pagehide', () => this.engine.destroy(), { once: true });
    listenTo(this);
  }

  /** Shows scans in a layout. While it works the panes are covered: never the image before. */
  async show(scans: readonly Scan[], options: { layout?: LayoutName; keepsView?: boolean; main?: number } = {}): Promise<void> {
    const token = ++this.token;
    const { layout: name = this.state.get().layout, keepsView = this.scans.length > 0 } = options;
    this.setCovered(true);
    this.main = options.main ?? 0;
    const first = scans[this.main];
    const base = first ? baseOf(first) : null;
    this.scans = scans;
    this.state.set({ layout: name, enlarged: -1, active: 0 });
    this.buildPanes(name);
    if (!first || !base) return;
    this.box = bodyBox(base);
    if (!keepsView) this.resetView(first, base);
    else this.state.set({ cursor: hold(base.header, this.state.get().cursor) });
    try {
      await Promise.all(this.slices.map((shown) => this.mount(shown)));
    } catch (error) {
      if (token === this.token) throw error; // else its panes are gone because another scan was chosen
    }
    if (token !== this.token) return;
    keepDisplayVolumes(scans.flatMap((scan) => [scan.ct, scan.emission, scan.dose]).filter((volume): volume is Volume => volume !== null));
    this.forgetViews();
    this.setCovered(false);
    this.draw();
  }

  setLayout(layout: LayoutName): Promise<void> {
    return this.show(this.scans, { layout, keepsView: true, main: this.main });
  }

  private resetView(scan: Scan, base: Volume): void {
    const centre = this.boxCentre();
    const cursor = scan.emission ? hottestPoint(scan.emission) : centre;
    this.state.set({ cursor: hold(base.header, cursor), centre, zoom: 1 });
  }

  private boxCentre(): Vec3 {
    const { low, high } = this.box;
    return [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2];
  }

  private buildPanes(name: LayoutName): void {
    this.engine.removePanes();
    this.movingVolume = null;
    this.slices = [];
    this.mips = [];
    const layout = layoutOf(name, { hasCt: Boolean(this.scans[this.main]?.ct), nScans: this.scans.length });
    this.root.style.gridTemplateColumns = `repeat(${layout.columns}, minmax(0, 1fr))`;
    this.root.style.gridTemplateRows = `repeat(${layout.rows}, minmax(0, 1fr))`;
    const roots = layout.panes.map((spec, index) => {
      const at = name === 'times' ? spec.scan : this.main;
      const scan = this.scans[at];
      if (spec.content === 'mip') {
        const pane = new MipPane((point) => this.goTo(point), () => this.schedule(), name === 'lesions' ? this.lesionReview : null);
        pane.root.dataset.pane = String(index);
        pane.root.classList.toggle('main', name === 'times' && at === this.main);
        this.mips.push({ pane, scan: at, index });
        return pane.root;
      }
      const pane = new SlicePane(`pane-${index}-${this.token}`, index, spec.plane);
      this.slices.push({ pane, resolved: resolvePane({ ...spec, scan: at }, scan), viewKey: '', looksKey: '', hasMoving: false });
      return pane.root;
    });
    this.root.replaceChildren(...roots, this.cover);
    for (const { pane } of this.slices) this.engine.addPane(pane.id, pane.target, pane.plane);
    this.sizes.watch(this.slices.map(({ pane }) => pane.target));
  }

  private async mount(shown: Shown): Promise<void> {
    const { pane, resolved } = shown;
    if (!resolved.base) return;
    const looks = looksOf(resolved, this.state.get());
    await this.engine.setBase(pane.id, resolved.base, looks.base);
    if (!this.slices.includes(shown)) return; // another scan was chosen meanwhile
    await this.engine.setWash(pane.id, resolved.wash, looks.wash);
  }

  private setCovered(isCovered: boolean): void {
    this.cover.hidden = !isCovered;
    this.root.dataset.covered = String(isCovered);
  }

  /** Lays a second image over the first in every slice pane; null takes it away. How the two are compared is a matter of style. */
  async setMoving(volume: Volume | null, when = ''): Promise<void> {
    this.movingVolume = volume;
    this.movingWhen = when;
    for (const shown of [...this.slices]) {
      if (!this.slices.includes(shown) || this.movingVolume !== volume) return;
      const { pane } = shown;
      if (volume && !shown.hasMoving) this.engine.addPane(movingId(pane.id), pane.moving(), pane.plane);
      shown.hasMoving ||= volume !== null;
      shown.resolved = { ...shown.resolved, isCompared: volume !== null };
      if (shown.hasMoving) pane.moving().hidden = volume === null;
      if (volume) await this.engine.setBase(movingId(pane.id), volume, this.movingLook());
    }
    const shownVolumes = this.scans.flatMap((scan) => [scan.ct, scan.emission, scan.dose]);
    keepDisplayVolumes([...shownVolumes, volume].filter((item): item is Volume => item !== null));
    this.forgetViews();
    this.schedule();
  }

  /** Activity falls between scans; for comparing shapes the moving scan is scaled by its largest value. */
  private movingLook(): Look {
    const { emissionWindow, comparison } = this.state.get();
    const [fixed, moving] = [this.scans[this.main]?.emission?.header.value_range?.[1], this.movingVolume?.header.value_range?.[1]];
    const ratio = fixed && moving && fixed > 0 && moving > 0 ? moving / fixed : 1;
    return { window: { lower: emissionWindow.lower * ratio, upper: emissionWindow.upper * ratio }, map: comparison === 'colours' ? 'green' : 'inverse-grey' };
  }

  /** Contours of a scan; a new version of a layer is traced again. */
  setLabels(scanKey: string, layers: readonly LabelLayer[]): void {
    this.labels.set(scanKey, layers);
    this.schedule();
  }

  goTo(point: Vec3): void {
    const base = this.base();
    if (base) this.state.set({ cursor: hold(base.header, point) });
  }

  base(): Volume | null {
    const scan = this.scans[this.main];
    return scan ? baseOf(scan) : null;
  }

  /** Moves through the slices of a pane (the active one by default). */
  scroll(by: number, index = this.state.get().active): void {
    const shown = this.shownAt(index);
    if (!shown?.resolved.base) return;
    this.state.set({ cursor: stepSlices(shown.resolved.base.header, shown.pane.plane, this.state.get().cursor, by) });
  }

  scrollTo(end: 'first' | 'last'): void {
    const shown = this.shownAt(this.state.get().active);
    if (!shown?.resolved.base) return;
    const { header } = shown.resolved.base;
    this.state.set({ cursor: toSlice(header, shown.pane.plane, this.state.get().cursor, end === 'first' ? 0 : Number.MAX_SAFE_INTEGER) });
  }

  zoomBy(factor: number, about: { index: number; xy: Point2 } | null = null): void {
    const { zoom, centre } = this.state.get();
    const next = Math.min(Math.max(zoom * factor, 0.4), 24);
    const frame = about ? this.frameAt(about.index) : null;
    if (!frame || !about) { this.state.set({ zoom: next }); return; }
    const point = frameToWorld(frame, about.xy);
    const keep = 1 - zoom / next;
    const shown = this.shownAt(about.index);
    const moved = add(centre, [point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]], keep);
    this.state.set({ zoom: next, centre: shown ? withAxis(moved, PLANE_AXES[shown.pane.plane].normal, shown.pane.depthOf(centre)) : moved });
  }

  panBy(index: number, dx: number, dy: number): void {
    const frame = this.frameAt(index);
    if (!frame) return;
    const { centre } = this.state.get();
    this.state.set({ centre: add(add(centre, frame.right, -dx), frame.down, -dy) });
  }

  fit(): void {
    this.state.set({ zoom: 1, centre: this.boxCentre() });
  }

  shownAt(index: number): Shown | undefined {
    return this.slices.find(({ pane }) => pane.index === index);
  }

  frameAt(index: number): PaneFrame | null {
    const shown = this.shownAt(index);
    return shown ? this.engine.frameOf(shown.pane.id) : null;
  }

  /** Point of the shown slice under a place of a pane. */
  pointAt(index: number, xy: Point2): Vec3 | null {
    const shown = this.shownAt(index);
    const frame = this.frameAt(index);
    if (!shown || !frame) return null;
    const { normal } = PLANE_AXES[shown.pane.plane];
    return withAxis(frameToWorld(frame, xy), normal, at(this.state.get().cursor, normal));
  }

  /** All readings at a point: nearest voxels, each with its unit, and a dash outside. */
  readings(point: Vec3, scanIndex = this.main): string {
    const scan = this.scans[scanIndex];
    if (!scan) return '';
    if (this.movingVolume) return this.comparedReadings(point, scan.emission, this.movingVolume);
    const parts = [
      scan.ct && `CT ${formatVoxel(nearestValue(scan.ct, point), scan.ct.header.unit)}`,
      scan.emission && `${scan.modality} ${formatVoxel(nearestValue(scan.emission, point), scan.emission.header.unit)}`,
      scan.dose && `${isUncertainty(scan.dose) ? 'u(TIA)' : 'dose'} ${formatVoxel(nearestValue(scan.dose, point), scan.dose.header.unit)}`,
    ];
    return parts.filter(Boolean).join('   ');
  }

  /** While scans are compared both values are named: the one below and the one above lie at the same place. */
  private comparedReadings(point: Vec3, fixed: Volume | null, moving: Volume): string {
    const value = (volume: Volume | null): string => (volume ? formatVoxel(nearestValue(volume, point), volume.header.unit) : '—');
    return `fixed ${value(fixed)}   moving ${value(moving)}`;
  }

  showReadings(index: number, point: Vec3 | null): void {
    const shown = this.shownAt(index);
    shown?.pane.texts.set('br', '', point ? this.readings(point, shown.resolved.scan) : this.readings(this.state.get().cursor, shown.resolved.scan));
    this.onProbe(point);
  }

  schedule(): void {
    if (this.frameRequest !== 0) return;
    this.frameRequest = requestAnimationFrame(() => { this.frameRequest = 0; this.draw(); });
  }

  private forgetViews(): void {
    for (const shown of this.slices) { shown.viewKey = ''; shown.looksKey = ''; }
  }

  private mmPerPixelOf({ pane }: Shown, zoom: number): number {
    return fitMmPerPixel(this.box, pane.plane, pane.target.clientWidth, pane.target.clientHeight) / zoom;
  }

  private draw(): void {
    const state = this.state.get();
    const changed: string[] = [];
    this.root.dataset.tool = state.tool;
    this.root.dataset.compare = this.movingVolume ? state.comparison : 'none';
    this.root.classList.toggle('fixed-only', state.isFixedOnly);
    for (const shown of this.slices) {
      const isHidden = state.enlarged !== -1 && state.enlarged !== shown.pane.index;
      shown.pane.root.hidden = isHidden;
      shown.pane.root.classList.toggle('active', state.active === shown.pane.index);
      if (isHidden || !this.place(shown, state)) continue;
      changed.push(shown.pane.id);
      if (shown.hasMoving && this.movingVolume) changed.push(movingId(shown.pane.id));
    }
    this.root.classList.toggle('one', state.enlarged !== -1);
    if (changed.length > 0) this.engine.render(changed);
    for (const shown of this.slices) if (!shown.pane.root.hidden) this.drawOverlays(shown, state);
    for (const { pane, scan, index } of this.mips) {
      const source = this.scans[scan];
      pane.root.hidden = state.enlarged !== -1 && state.enlarged !== index;
      if (!source || pane.root.hidden) continue;
      const lesions = state.areOutlinesOn ? this.labels.get(source.key)?.find((layer) => layer.kind === 'lesions' && !layer.isGhost) : undefined;
      pane.show(source.emission, state.emissionWindow, { title: source.modality, when: source.when }, lesions ?? null);
      pane.draw(state.cursor, state.isCrosshairOn);
    }
    this.renders += 1;
    this.root.dataset.renders = String(this.renders);
  }

  /** Sends view and looks of one pane to the engine when they changed; says whether the engine must still draw it. */
  private place(shown: Shown, state: ViewState): boolean {
    const { pane, resolved } = shown;
    if (!resolved.base || this.root.dataset.covered === 'true') return false;
    const mm = this.mmPerPixelOf(shown, state.zoom);
    const centre = heldCentre({ plane: pane.plane, centre: state.centre, cursor: state.cursor, mmPerPixel: mm, width: pane.target.clientWidth, height: pane.target.clientHeight });
    const viewKey = JSON.stringify([centre, pane.depthOf(state.cursor), mm, pane.target.clientWidth, pane.target.clientHeight]);
    const looks = looksOf(resolved, state);
    const looksKey = JSON.stringify(looks);
    const isViewNew = viewKey !== shown.viewKey;
    const isLookNew = looksKey !== shown.looksKey;
    const isCompared = shown.hasMoving && this.movingVolume !== null;
    for (const id of isCompared ? [pane.id, movingId(pane.id)] : [pane.id]) {
      if (isViewNew) this.engine.setView(id, { cursor: state.cursor, centre, mmPerPixel: mm });
    }
    if (isLookNew && isCompared) this.engine.setBaseLook(movingId(pane.id), this.movingLook());
    if (isLookNew) {
      this.engine.setBaseLook(pane.id, looks.base);
      if (looks.wash) this.engine.setWashLook(pane.id, looks.wash);
    }
    Object.assign(shown, { viewKey, looksKey });
    pane.root.classList.toggle('light', looks.base.map === 'inverse-grey' || looks.base.map === 'magenta');
    return isLookNew || (isViewNew && !this.engine.drawsViewsAtOnce);
  }

  private drawOverlays(shown: Shown, state: ViewState): void {
    const { pane, resolved } = shown;
    const frame = this.engine.frameOf(pane.id);
    const scan = this.scans[resolved.scan];
    if (!frame || !scan || !resolved.base) return;
    const dose = state.isIsodoseOn && this.isodoseLevels.length > 0 ? scan.dose : null;
    pane.draw(frame, {
      cursor: state.cursor, isCrosshairOn: state.isCrosshairOn, outlines: this.outlines, ruler: this.ruler, lines: linesOn([this.area, this.sketch], resolved.base.header, pane.plane, state.cursor),
      layers: state.areOutlinesOn ? (this.labels.get(scan.key) ?? []) : [],
      isodose: dose ? { sample: this.samplerOf(dose), levels: this.isodoseLevels, highlighted: this.highlightedLevel } : null,
    });
    pane.describe({ ...this.wordsOf(resolved), base: resolved.base, cursor: state.cursor, prefix: '' });
    const words = looksOf(resolved, state);
    pane.texts.set('tr', '', words.windowText);
    pane.texts.colourBar(words.bar);
    this.showReadingsQuietly(shown);
  }

  /** While scans are compared, the pane names the one that is seen. */
  private wordsOf({ title, second }: ResolvedPane): { title: string; second: string } {
    const { comparison, isFixedOnly } = this.state.get();
    if (!this.movingVolume) return { title, second };
    if (comparison === 'flicker') return isFixedOnly ? { title: 'Fixed', second } : { title: 'Moving', second: this.movingWhen };
    return { title: 'Fixed and moving', second: `${second} and ${this.movingWhen}` };
  }

  private showReadingsQuietly({ pane, resolved }: Shown): void {
    if (pane.root.matches(':hover')) return;
    pane.texts.set('br', '', pane.index === this.state.get().active ? this.readings(this.state.get().cursor, resolved.scan) : '');
  }

  private samplerOf(volume: Volume): Sampler {
    const known = this.samplers.get(volume);
    if (known) return known;
    const made = makeSampler(volume);
    this.samplers.set(volume, made);
    return made;
  }

  showBrush(index: number, place: { xy: Point2; radiusMm: number } | null): void {
    for (const { pane } of this.slices) {
      const frame = pane.index === index && place ? this.engine.frameOf(pane.id) : null;
      pane.showBrush(frame && place ? { x: place.xy[0], y: place.xy[1], radius: place.radiusMm / mmPerPixel(frame) } : null);
    }
  }

  placeOf(index: number, point: Vec3): Point2 | null {
    const frame = this.frameAt(index);
    return frame ? worldToFrame(frame, point) : null;
  }

  private contextLost(): void {
    const note = element('div', 'viewer-lost');
    note.textContent = 'The graphics driver stopped. Images are drawn in software mode now; reload the page to try the graphics path again.';
    this.root.append(note);
    this.engine.useBackend('cpu');
    void this.show(this.scans, { keepsView: true, main: this.main });
  }
}
