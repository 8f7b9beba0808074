/** The left button while a contour tool is chosen, and the controls of those tools: size, depth, threshold, undo. */
import { html, nothing } from '../../domain/html';
import { nearestValue } from '../../domain/sampling';
import type { Brush } from '../../domain/volume_painting';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import { fill, on } from '../parts/dom';
import { kindOf, type ContourSession } from './contour_session';
import { acceptsAbove } from './label_editor';
import type { OperationRequest } from './operations';
import type { RegionContour } from './wire';

interface Target { session: ContourSession; region: RegionContour }

interface Hooks {
  target: () => Target | null;
  operate: (request: OperationRequest) => void;
  refuse: (why: string) => void;
  canEdit: boolean;
}

const SIZES_MM = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60];
const DEFAULT_FRACTION = 0.41;
const THOUSAND = 1000;

export class PaintControl {
  sizeMm = 8;
  private isBall = false;
  private fraction = DEFAULT_FRACTION;
  private thresholdBqPerMl: number | null = null;
  private sphere: { at: PaintPoint; radiusMm: number } | null = null;
  private isPainting = false;
  private place: HTMLElement | null = null;

  constructor(private readonly viewer: Viewer, private readonly hooks: Hooks) {
    viewer.paintTool = { radiusMm: () => this.ringMm(), start: (at) => this.start(at), move: (at) => this.move(at), end: () => this.end() };
    viewer.state.watch((state) => state.tool, () => this.draw());
  }

  private ringMm(): number {
    return this.viewer.state.get().tool === 'sphere' ? (this.sphere?.radiusMm ?? this.sizeMm) : this.sizeMm / 2;
  }

  private start(at: PaintPoint): void {
    const target = this.hooks.target();
    if (!this.hooks.canEdit) { this.hooks.refuse('Your role at this site may not change contours'); return; }
    if (!target) { this.hooks.refuse('Choose or add a region first'); return; }
    if (target.region.is_locked) { this.hooks.refuse(`${target.region.name} is locked`); return; }
    if (this.viewer.shownAt(at.index)?.resolved.scan !== this.viewer.main) { this.hooks.refuse('Choose this time point to draw on it'); return; }
    const { tool } = this.viewer.state.get();
    if (tool === 'sphere') { this.sphere = { at, radiusMm: this.sizeMm }; return; }
    this.isPainting = true;
    target.session.editor.begin(kindOf(target.region), at, this.brush(target, at));
  }

  private brush({ session, region }: Target, at: PaintPoint): Brush {
    const { tool } = this.viewer.state.get();
    const kind = kindOf(region);
    const spared = session.contours.regions.filter((item) => kindOf(item) === kind && item.id !== region.id && (item.is_locked || item.state === 'accepted'));
    const brush: Brush = {
      label: tool === 'erase' ? 0 : region.label, onlyLabel: region.label, radiusMm: this.sizeMm / 2, plane: at.plane, isBall: this.isBall, locked: new Set(spared.map((item) => item.label)),
    };
    const emission = this.viewer.scans[this.viewer.main]?.emission;
    const layer = session.editor.layer(kind);
    if (tool === 'threshold' && emission && layer) brush.accepts = acceptsAbove(layer.volume, emission, this.threshold(region));
    return brush;
  }

  /** The typed value; else 41 % of the server's largest voxel of the region; else where the wash begins. */
  private threshold(region: RegionContour): number {
    if (this.thresholdBqPerMl !== null) return this.thresholdBqPerMl;
    const largest = region.maximum;
    return largest && largest.unit === 'kBq/mL' && largest.value > 0 ? DEFAULT_FRACTION * largest.value * THOUSAND : this.viewer.state.get().emissionThreshold;
  }

  private move(at: PaintPoint): void {
    if (this.sphere) {
      const [a, b] = [this.sphere.at.point, at.point];
      this.sphere.radiusMm = Math.max(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 2);
      const place = this.viewer.placeOf(at.index, a);
      if (place) this.viewer.showBrush(at.index, { xy: place, radiusMm: this.sphere.radiusMm });
      return;
    }
    if (this.isPainting) this.hooks.target()?.session.editor.move(at);
  }

  private end(): void {
    const target = this.hooks.target();
    if (this.sphere && target) {
      const { at, radiusMm } = this.sphere;
      const emission = this.viewer.scans[this.viewer.main]?.emission;
      const isOutside = !emission || nearestValue(emission, at.point) === null;
      if (isOutside) this.hooks.refuse('The sphere lies outside the emission image');
      else this.hooks.operate({ operation: 'threshold_sphere', region_id: target.region.id, parameters: { centre_lps_mm: [...at.point], radius_mm: radiusMm, fraction: this.fraction } });
    } else if (this.isPainting) target?.session.editor.end(`${target.region.name}: ${this.viewer.state.get().tool}`);
    this.sphere = null;
    this.isPainting = false;
  }

  resize(by: 1 | -1): void {
    const at = SIZES_MM.findIndex((size) => size >= this.sizeMm);
    this.sizeMm = SIZES_MM[Math.min(Math.max((at < 0 ? SIZES_MM.length : at) + by, 0), SIZES_MM.length - 1)] ?? this.sizeMm;
    this.draw();
  }

  undo(): void {
    this.hooks.target()?.session.editor.undo.undo();
  }

  redo(): void {
    this.hooks.target()?.session.editor.undo.redo();
  }

  attach(toolbar: HTMLElement): void {
    this.place = toolbar.querySelector('#paint-controls');
    on(toolbar, 'click', '[data-undo]', () => this.undo());
    on(toolbar, 'click', '[data-redo]', () => this.redo());
    on(toolbar, 'click', '[data-ball]', () => { this.isBall = !this.isBall; this.draw(); });
    on(toolbar, 'change', 'input', (field) => this.read(field as HTMLInputElement));
    this.draw();
  }

  private read(field: HTMLInputElement): void {
    const value = Number(field.value);
    if (field.name === 'size' && value > 0 && value <= 200) this.sizeMm = value;
    if (field.name === 'fraction' && value > 0 && value < 100) this.fraction = value / 100;
    if (field.name === 'threshold') this.thresholdBqPerMl = field.value === '' ? null : value * THOUSAND;
    this.draw();
  }

  draw(): void {
    if (!this.place) return;
    const { tool } = this.viewer.state.get();
    const target = this.hooks.target();
    const undo = target?.session.editor.undo;
    for (const [name, label] of [['undo', undo?.nextUndo], ['redo', undo?.nextRedo]] as const) {
      const button = this.place.parentElement?.querySelector<HTMLButtonElement>(`[data-${name}]`);
      if (button) { button.disabled = !label; button.title = label ? `${name === 'undo' ? 'Undo' : 'Redo'}: ${label}` : `Nothing to ${name}`; }
    }
    if (!['brush', 'erase', 'threshold', 'sphere'].includes(tool)) { fill(this.place, nothing); return; }
    const depth = tool === 'sphere' ? nothing : html`<button type="button" class="btn slim" data-ball aria-pressed="${String(this.isBall)}" title="Paint a disc in the slice, or a ball in depth">${this.isBall ? '3D' : '2D'}</button>`;
    const size = html`<label class="row fs12 t2 gap-1">${tool === 'sphere' ? 'Radius' : 'Size'} <span class="field mini wide"><input type="number" name="size" min="1" max="200" step="any" value="${this.sizeMm}"><span class="unit">mm</span></span></label>`;
    const extra = tool === 'threshold' && target
      ? html`<label class="row fs12 t2 gap-1">≥ <span class="field mini widest"><input type="number" step="any" min="0" name="threshold" value="${(this.threshold(target.region) / THOUSAND).toFixed(0)}"><span class="unit">kBq/mL</span></span></label>`
      : tool === 'sphere' ? html`<label class="row fs12 t2 gap-1">≥ <span class="field mini"><input type="number" step="any" min="1" max="99" name="fraction" value="${Math.round(this.fraction * 100)}"><span class="unit">%</span></span></label>` : nothing;
    fill(this.place, html`${size}${depth}${extra}`);
  }
}
