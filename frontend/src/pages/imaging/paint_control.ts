/** The left button while a contour tool is chosen. */
import { nearestValue } from '../../domain/sampling';
import type { Brush } from '../../domain/volume_painting';
import type { Vec3 } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Tool } from '../../viewer/state';
import type { Viewer } from '../../viewer/viewer';
import { AreaTool } from './area_tool';
import { fill, on } from '../parts/dom';
import { kindOf, type ContourSession } from './contour_session';
import { acceptsAbove } from './label_editor';
import { LivewireTool } from './livewire_tool';
import type { OperationRequest } from './operations';
import { cutOutline, drawOutline, fillHole, placeSphere, type EditTarget, type SliceLine } from './outline_edits';
import type { PointTool } from './point_tool';
import { SplineTool } from './spline_tool';
import { newOptions, readOption, toolControls, type OutlineKind, type ToolOptions } from './tool_controls';
import type { RegionContour } from './wire';

interface Target { session: ContourSession; region: RegionContour }

interface Hooks {
  target: () => Target | null;
  operate: (request: OperationRequest) => void;
  refuse: (why: string) => void;
  canEdit: boolean;
  /** Which time point's images are measured. */
  timePointId: () => string;
}

const SIZES_MM = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60];
const DEFAULT_FRACTION = 0.41;
const THOUSAND = 1000;
const LINES: ReadonlySet<Tool> = new Set<Tool>(['draw', 'scissors']);
const RINGS: ReadonlySet<Tool> = new Set<Tool>(['brush', 'erase', 'threshold', 'ball']);

export class PaintControl {
  readonly options: ToolOptions = newOptions();
  private readonly area: AreaTool;
  /** Outlines that are set point by point. */
  private readonly pointTools: Readonly<Record<Exclude<OutlineKind, 'freehand'>, PointTool>>;
  private sphere: { at: PaintPoint; radiusMm: number } | null = null;
  private line: { tool: Tool; at: PaintPoint; points: Vec3[]; isOpposite: boolean } | null = null;
  private isPainting = false;
  private place: HTMLElement | null = null;

  constructor(private readonly viewer: Viewer, private readonly hooks: Hooks) {
    this.area = new AreaTool(viewer, { shape: () => this.options.shape, timePointId: hooks.timePointId, refuse: hooks.refuse });
    const points = { timePointId: hooks.timePointId, close: (line: SliceLine, isRemoving: boolean): void => this.closePoints(line, isRemoving) };
    this.pointTools = { edges: new LivewireTool(viewer, points), curve: new SplineTool(viewer, points) };
    viewer.paintTool = {
      radiusMm: () => this.ringMm(), start: (at) => this.start(at), move: (at) => this.move(at), end: () => this.end(), cancel: () => this.cancel(),
      hover: (at) => this.pointTool?.hover(at), key: (key) => (key === 'Enter' ? this.pointTool?.finish() : this.pointTool?.back()) ?? false,
    };
    viewer.state.watch((state) => state.tool, () => { this.changeTool(); this.draw(); });
  }

  private get tool(): Tool {
    return this.viewer.state.get().tool;
  }

  private get pointTool(): PointTool | null {
    return this.tool === 'draw' && this.options.outline !== 'freehand' ? this.pointTools[this.options.outline] : null;
  }

  private cancelPoints(): void {
    for (const tool of Object.values(this.pointTools)) tool.cancel();
  }

  get sizeMm(): number {
    return this.options.sizeMm;
  }

  private ringMm(): number {
    if (this.tool === 'sphere') return this.sphere?.radiusMm ?? this.sizeMm;
    return RINGS.has(this.tool) ? this.sizeMm / 2 : 0;
  }

  private start(at: PaintPoint): void {
    if (this.viewer.shownAt(at.index)?.resolved.scan !== this.viewer.main) { this.hooks.refuse('Choose this time point to draw on it'); return; }
    if (this.tool === 'area') { this.area.start(at); return; }
    const target = this.hooks.target();
    if (!this.hooks.canEdit) { this.hooks.refuse('Your role at this site may not change contours'); return; }
    if (!target) { this.hooks.refuse('Choose or add a region first'); return; }
    if (target.region.is_locked) { this.hooks.refuse(`${target.region.name} is locked`); return; }
    if (target.session.isServing) { this.hooks.refuse('The server is still working on these contours: a moment'); return; }
    if (this.tool === 'sphere') { this.sphere = { at, radiusMm: this.sizeMm }; return; }
    if (this.tool === 'fill') { this.fillAt(target, at, false); return; }
    if (this.tool === 'ball') {
      this.tell(placeSphere(this.edit(target), at, { diameterMm: this.sizeMm, isRemoving: at.isOpposite ?? false }), 'The sphere changes nothing here: its voxels belong to the region, or to neighbours that are kept');
      return;
    }
    if (this.pointTool) { this.pointTool.press(at); return; }
    if (LINES.has(this.tool)) { this.line = { tool: this.tool, at, points: [at.point], isOpposite: at.isOpposite ?? false }; return; }
    this.isPainting = true;
    target.session.editor.begin(kindOf(target.region), at, this.brush(target, at));
  }

  private edit(target: Target): EditTarget {
    const { session, region } = target;
    const kind = kindOf(region);
    return { editor: session.editor, kind, label: region.label, name: region.name, spared: session.spared(region) };
  }

  private brush(target: Target, at: PaintPoint): Brush {
    const { session, region } = target;
    const kind = kindOf(region);
    const brush: Brush = {
      label: this.tool === 'erase' ? 0 : region.label, onlyLabel: region.label, radiusMm: this.sizeMm / 2, plane: at.plane, isBall: this.options.isBall, locked: session.spared(region),
    };
    const emission = this.viewer.scans[this.viewer.main]?.emission;
    const layer = session.editor.layer(kind);
    if (this.tool === 'threshold' && emission && layer) brush.accepts = acceptsAbove(layer.volume, emission, this.threshold(region));
    return brush;
  }

  /** The typed value; else 41 % of the server's largest voxel of the region; else where the wash begins. */
  private threshold(region: RegionContour): number {
    if (this.options.thresholdBqPerMl !== null) return this.options.thresholdBqPerMl;
    const largest = region.maximum;
    return largest && largest.unit === 'kBq/mL' && largest.value > 0 ? DEFAULT_FRACTION * largest.value * THOUSAND : this.viewer.state.get().emissionThreshold;
  }

  private move(at: PaintPoint): void {
    if (this.tool === 'area') { this.area.move(at); return; }
    if (this.pointTool) { this.pointTool.move(at); return; }
    if (this.sphere) {
      const [a, b] = [this.sphere.at.point, at.point];
      this.sphere.radiusMm = Math.max(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 2);
      const place = this.viewer.placeOf(at.index, a);
      if (place) this.viewer.showBrush(at.index, { xy: place, radiusMm: this.sphere.radiusMm });
      return;
    }
    if (this.line) {
      this.line.points.push(at.point);
      this.viewer.sketch = { plane: this.line.at.plane, points: [...this.line.points], isRemoving: this.isRemoving(this.line) };
      this.viewer.schedule();
      return;
    }
    if (this.isPainting) this.hooks.target()?.session.editor.move(at);
  }

  /** Shift turns a tool round: drawing removes, and scissors that remove keep. */
  private isRemoving({ tool, isOpposite }: { tool: Tool; isOpposite: boolean }): boolean {
    return tool === 'scissors' ? this.options.isKeeping === isOpposite : isOpposite;
  }

  private end(): void {
    if (this.pointTool) { this.pointTool.release(); return; } // goes on from click to click
    const target = this.hooks.target();
    if (this.tool === 'area') this.area.end();
    else if (this.sphere && target) {
      const { at, radiusMm } = this.sphere;
      const emission = this.viewer.scans[this.viewer.main]?.emission;
      const isOutside = !emission || nearestValue(emission, at.point) === null;
      if (isOutside) this.hooks.refuse('The sphere lies outside the emission image');
      else this.hooks.operate({ operation: 'threshold_sphere', region_id: target.region.id, parameters: { centre_lps_mm: [...at.point], radius_mm: radiusMm, fraction: this.options.fraction } });
    } else if (this.line && target) this.close(target, this.line);
    else if (this.isPainting) target?.session.editor.end(`${target.region.name}: ${this.tool}`);
    this.forgetGesture();
  }

  private close(target: Target, line: NonNullable<PaintControl['line']>): void {
    const shape = { plane: line.at.plane, points: line.points };
    const isRemoving = this.isRemoving(line);
    const changed = line.tool === 'scissors'
      ? cutOutline(this.edit(target), shape, { isKeeping: !isRemoving, isThrough: this.options.isThrough })
      : drawOutline(this.edit(target), shape, isRemoving);
    this.tell(changed, `The outline changes nothing of ${target.region.name}: draw around the middle of at least one voxel`);
  }

  private closePoints(line: SliceLine, isRemoving: boolean): void {
    const target = this.hooks.target();
    if (!target) return;
    if (target.region.is_locked) { this.hooks.refuse(`${target.region.name} is locked`); return; }
    this.tell(drawOutline(this.edit(target), line, isRemoving), `The outline changes nothing of ${target.region.name}`);
  }

  /** Chooses the outline; where it is chosen, the next kind of it. */
  chooseOutline(): void {
    if (this.tool === 'draw') this.setOption('outline', '');
    else this.viewer.state.set({ tool: 'draw' });
  }

  private setOption(name: string, value: string): void {
    readOption(this.options, name, value);
    if (name === 'outline') this.cancelPoints();
    this.draw();
  }

  private fillAt(target: Target, at: { plane: PaintPoint['plane']; point: Vec3 }, isEvery: boolean): void {
    this.tell(fillHole(this.edit(target), at, isEvery), isEvery ? `${target.region.name} has no hole in this slice` : `There is no hole of ${target.region.name} here`);
  }

  private tell(changed: number, nothing: string): void {
    if (changed === 0) this.hooks.refuse(nothing);
  }

  /** Fills every hole of the region in the slice of the active pane. */
  private fillEvery(): void {
    const target = this.hooks.target();
    const { active, cursor } = this.viewer.state.get();
    const plane = this.viewer.shownAt(active)?.pane.plane ?? 'axial';
    if (!target) this.hooks.refuse('Choose or add a region first');
    else if (target.region.is_locked) this.hooks.refuse(`${target.region.name} is locked`);
    else this.fillAt(target, { plane, point: cursor }, true);
  }

  private cancel(): void {
    if (this.tool === 'area') this.area.cancel();
    this.cancelPoints();
    if (this.isPainting) this.hooks.target()?.session.editor.cancel();
    this.forgetGesture();
  }

  /** A key may choose another tool while the button is down: a stroke stays, a line that is not closed is gone. */
  private changeTool(): void {
    const target = this.hooks.target();
    if (this.isPainting) target?.session.editor.end(`${target.region.name}: stroke`);
    this.area.cancel();
    this.cancelPoints();
    this.forgetGesture();
  }

  private forgetGesture(): void {
    this.sphere = null;
    this.line = null;
    this.isPainting = false;
    if (this.viewer.sketch) { this.viewer.sketch = null; this.viewer.schedule(); }
  }

  resize(by: 1 | -1): void {
    const at = SIZES_MM.findIndex((size) => size >= this.sizeMm);
    this.options.sizeMm = SIZES_MM[Math.min(Math.max((at < 0 ? SIZES_MM.length : at) + by, 0), SIZES_MM.length - 1)] ?? this.sizeMm;
    this.draw();
  }

  attach(toolbar: HTMLElement): void {
    this.place = toolbar.querySelector('#paint-controls');
    on(toolbar, 'click', '[data-fill-every]', () => this.fillEvery());
    on(toolbar, 'click', '[data-option]', (button) => this.setOption(button.dataset.option ?? '', button.dataset.value ?? ''));
    on(toolbar, 'change', 'input', (field) => this.setOption((field as HTMLInputElement).name, (field as HTMLInputElement).value));
    this.draw();
  }

  draw(): void {
    if (!this.place) return;
    const target = this.hooks.target();
    fill(this.place, toolControls(this.tool, this.options, { thresholdBqPerMl: target ? this.threshold(target.region) : null, canEdit: this.hooks.canEdit }));
  }
}
