/** One pane with a slice: the place where the engine draws, and above it outlines, isodose lines, crosshair, ruler and words. */
import { PLANE_AXES, at, countSlices, norm, sliceIndexOf, subtract, worldToFrame, type PaneFrame, type Plane, type Point2 } from '../domain/geometry';
import type { Sampler } from '../domain/sampling';
import type { Vec3, Volume } from '../domain/volume';
import { drawLine, type DrawnLine } from './drawn_line';
import { IsodoseLayer, type IsodoseLevel } from './isodose';
import { drawOutlines, outlinesAt, type OutlineCache } from './outlines';
import { element, PaneTexts } from './pane_texts';
import type { LabelLayer } from './scan';

export interface Ruler { from: Vec3; to: Vec3; plane: Plane }

export interface OverlayFacts {
  cursor: Vec3;
  isCrosshairOn: boolean;
  layers: readonly LabelLayer[];
  outlines: OutlineCache;
  isodose: { sample: Sampler; levels: readonly IsodoseLevel[]; highlighted: number | null } | null;
  ruler: Ruler | null;
  /** Lines of this slice that a hand draws or drew. */
  lines: readonly DrawnLine[];
}

const CROSSHAIR = '#8cc8f7';

export class SlicePane {
  readonly root = element('div', 'pane');
  readonly target = layer('vp');
  private movingTarget: HTMLDivElement | null = null;
  readonly texts: PaneTexts;
  private readonly canvas = document.createElement('canvas');
  private readonly isodose = new IsodoseLayer();
  private readonly brush = element('div', 'brush-ring');
  private isodoseKey = '';
  /** What the canvas shows; it is drawn again only when one of these changed. */
  private drawn: readonly unknown[] = [];

  constructor(readonly id: string, readonly index: number, readonly plane: Plane) {
    this.canvas.className = 'outline';
    this.root.append(this.target, this.canvas, this.isodose.element, this.brush);
    this.texts = new PaneTexts(this.root);
    this.brush.hidden = true;
    this.root.setAttribute('role', 'img');
    this.root.dataset.pane = String(index);
    this.root.dataset.plane = plane;
  }

  describe(words: { title: string; second: string; base: Volume; cursor: Vec3; prefix: string }): void {
    const slice = sliceIndexOf(words.base.header, this.plane, words.cursor) + 1;
    const count = countSlices(words.base.header, this.plane);
    const where = slice > 0 ? `slice ${slice} of ${count}` : 'outside the image';
    this.texts.set('tl', words.title, ` ${this.plane}, ${where}`, words.second);
    this.root.setAttribute('aria-label', `${words.prefix}${words.title} ${this.plane}, ${where}, ${words.second}`);
  }

  draw(frame: PaneFrame, facts: OverlayFacts): void {
    this.drawCanvas(frame, facts);
    this.drawIsodose(frame, facts);
    this.texts.frame(frame);
  }

  private drawCanvas(frame: PaneFrame, facts: OverlayFacts): void {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = frame;
    const outlines = outlinesAt(this.plane, facts.cursor, facts.layers, facts.outlines);
    const crosshair = facts.isCrosshairOn ? worldToFrame(frame, facts.cursor).map(Math.round) : null;
    const ruler = facts.ruler?.plane === this.plane ? facts.ruler : null;
    const wanted = [frame, ratio, String(crosshair), ruler, facts.lines.length, ...facts.lines, ...outlines.flatMap(({ layer, paths }) => [paths, layer.isGhost, JSON.stringify([...layer.looks.values()])])];
    if (wanted.length === this.drawn.length && wanted.every((fact, n) => fact === this.drawn[n])) return;
    this.drawn = wanted;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const context = this.canvas.getContext('2d');
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    drawOutlines({ context, frame, plane: this.plane }, outlines);
    if (crosshair) this.drawCrosshair(context, frame, facts.cursor);
    if (ruler) drawRuler(context, frame, ruler);
    for (const line of facts.lines) drawLine(context, frame, line);
  }

  private drawIsodose(frame: PaneFrame, { isodose }: OverlayFacts): void {
    const key = isodose ? JSON.stringify([frame, isodose.levels, isodose.highlighted]) : '';
    if (key === this.isodoseKey) return;
    this.isodoseKey = key;
    if (isodose) this.isodose.draw(frame, isodose.sample, isodose.levels, isodose.highlighted);
    else this.isodose.clear();
  }

  private drawCrosshair(context: CanvasRenderingContext2D, frame: PaneFrame, cursor: Vec3): void {
    const [x, y] = worldToFrame(frame, cursor);
    context.strokeStyle = CROSSHAIR;
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, frame.height);
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(frame.width, Math.round(y) + 0.5);
    context.stroke();
    context.globalAlpha = 1;
  }

  /** A ring of the brush's size at the pointer; null hides it. */
  showBrush(place: { x: number; y: number; radius: number } | null): void {
    this.brush.hidden = place === null;
    if (!place) return;
    const { style } = this.brush;
    style.width = `${2 * place.radius}px`;
    style.height = `${2 * place.radius}px`;
    style.transform = `translate(${place.x - place.radius}px, ${place.y - place.radius}px)`;
  }

  /** The layer of a second image above the first, for comparing two scans; made when first asked for. */
  moving(): HTMLDivElement {
    this.movingTarget ??= layer('vp moving');
    this.target.after(this.movingTarget);
    return this.movingTarget;
  }

  /** Moves the spyglass, where one is in use. */
  spyAt([x, y]: Point2): void {
    this.movingTarget?.style.setProperty('--spy-x', `${x}px`);
    this.movingTarget?.style.setProperty('--spy-y', `${y}px`);
  }

  /** Depth of a point along the normal of this pane. */
  depthOf(point: Vec3): number {
    return at(point, PLANE_AXES[this.plane].normal);
  }
}

/** Cornerstone keeps a position that stands on the element, and would set its own otherwise. */
function layer(classes: string): HTMLDivElement {
  const made = element('div', classes) as HTMLDivElement;
  made.style.position = 'absolute';
  return made;
}

function drawRuler(context: CanvasRenderingContext2D, frame: PaneFrame, ruler: Ruler): void {
  const [x1, y1] = worldToFrame(frame, ruler.from);
  const [x2, y2] = worldToFrame(frame, ruler.to);
  context.strokeStyle = '#fff';
  context.lineWidth = 1.2;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
  const text = `${norm(subtract(ruler.to, ruler.from)).toFixed(1)} mm`;
  context.font = '11px system-ui, sans-serif';
  const width = context.measureText(text).width;
  context.fillStyle = '#0009';
  context.fillRect(x2 + 6, y2 - 9, width + 8, 17);
  context.fillStyle = '#fff';
  context.fillText(text, x2 + 10, y2 + 4);
}
