/** Maximum projection of the emission image, inverse grey, from any side. For orientation only: a click jumps to the place, or decides about a lesion. */
import type { Point2 } from '../domain/geometry';
import { formatNumber } from '../domain/quantity';
import { fromPicture, middleOf, projectTurned, sideOf, toPicture, turnOf, type Turn } from '../domain/turned_projection';
import type { Vec3, Volume, Window } from '../domain/volume';
import { shownUnit } from '../domain/volume_units';
import { inverseGrey, projectMaximum, type Projection } from '../domain/volume_projection';
import { MipLesions, type LesionReview } from './mip_lesions';
import { MipTurner } from './mip_turner';
import { element, PaneTexts } from './pane_texts';
import type { LabelLayer } from './scan';

interface Fit { left: number; top: number; scale: number; aspect: number }

export class MipPane {
  readonly root = element('div', 'pane light mip');
  private readonly canvas = this.root.appendChild(document.createElement('canvas'));
  private readonly texts = new PaneTexts(this.root);
  private readonly picture = document.createElement('canvas');
  private readonly lesions: MipLesions;
  private readonly turner: MipTurner | null;
  private volume: Volume | null = null;
  /** Sides that were seen, kept for the next turn: one takes tens of milliseconds. */
  private readonly sides = new Map<number, { turn: Turn; projection: Projection }>();
  private turn: Turn | null = null;
  private projection: Projection | null = null;
  private shownKey = '';
  private drawnKey = '';

  constructor(onJump: (point: Vec3) => void, onChange: () => void, review: LesionReview | null) {
    this.lesions = new MipLesions(this.root, onChange);
    this.lesions.review = review;
    this.turner = review ? new MipTurner(this.root, onChange) : null;
    this.root.addEventListener('click', (event) => {
      if (this.turner?.wasDragged) return;
      const place = this.placeAt(event);
      const label = place && review ? this.lesions.at(place) : null;
      if (label !== null) { review?.choose(label); return; }
      const point = place ? this.pointAt(place) : null;
      if (point) onJump(point);
    });
    if (review) {
      this.root.addEventListener('pointermove', (event) => { if (event.target === this.canvas) this.pointTo(event); });
      this.root.addEventListener('pointerleave', () => this.lesions.point(null));
    }
    this.root.setAttribute('role', review ? 'group' : 'img');
  }

  private pointTo(event: PointerEvent): void {
    const place = this.placeAt(event);
    this.lesions.point(place ? this.lesions.at(place) : null);
    this.canvas.classList.toggle('on-lesion', place !== null && this.lesions.at(place) !== null);
  }

  show(volume: Volume | null, window: Window, words: { title: string; when: string }, layer: LabelLayer | null): void {
    const degrees = this.turner?.degrees ?? 0;
    if (volume !== this.volume) { this.volume = volume; this.sides.clear(); this.turn = null; }
    if (volume && degrees !== this.turn?.degrees) {
      const turn = turnOf(volume.header, degrees);
      const side = this.sides.get(degrees) ?? { turn, projection: projectTurned(volume, turn) };
      this.sides.set(degrees, side);
      ({ turn: this.turn, projection: this.projection } = side);
      this.shownKey = '';
    }
    if (!volume || !this.projection || !this.turn) return;
    this.lesions.show(layer, this.turn);
    const key = `${degrees} ${window.lower} ${window.upper} ${words.title} ${words.when}`;
    if (key === this.shownKey) return;
    this.shownKey = key;
    const { width, height } = this.projection;
    this.picture.width = width;
    this.picture.height = height;
    this.picture.getContext('2d')?.putImageData(new ImageData(inverseGrey(this.projection, window.lower, window.upper), width, height), 0, 0);
    const { unit, factor } = shownUnit(volume.header.unit);
    const side = sideOf(degrees);
    this.texts.set('tl', 'MIP', ` ${side}, ${words.title}`, words.when);
    this.texts.set('br', '', `${formatNumber(window.lower * factor)} – ${formatNumber(window.upper * factor)} ${unit}`);
    this.root.dataset.degrees = String(degrees);
    this.root.setAttribute('aria-label', `Maximum projection, ${side} view, ${words.title}, ${words.when}`);
  }

  private fit(): Fit | null {
    if (!this.volume || !this.projection) return null;
    const { header } = this.volume;
    const { clientWidth: w, clientHeight: h } = this.root;
    const aspect = header.spacing_mm[2] / header.spacing_mm[0];
    const scale = Math.min(w / this.projection.width, h / (this.projection.height * aspect));
    return { scale, aspect, left: (w - this.projection.width * scale) / 2, top: (h - this.projection.height * aspect * scale) / 2 };
  }

  draw(cursor: Vec3, isCrosshairOn: boolean): void {
    const { clientWidth: w, clientHeight: h } = this.root;
    const ratio = window.devicePixelRatio || 1;
    const key = JSON.stringify([this.volume?.id, this.shownKey, w, h, ratio, isCrosshairOn ? cursor : null, this.lesions.key]);
    if (key === this.drawnKey) return;
    this.drawnKey = key;
    this.canvas.width = w * ratio;
    this.canvas.height = h * ratio;
    const context = this.canvas.getContext('2d');
    const fit = this.fit();
    if (!context || !fit || !this.projection || !this.turn) return;
    context.scale(ratio, ratio);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.picture, fit.left, fit.top, this.projection.width * fit.scale, this.projection.height * fit.aspect * fit.scale);
    this.frameTexts(fit, this.turn);
    this.lesions.draw(context, (place) => this.toPane(place));
    if (!isCrosshairOn) return;
    const [x, y] = this.toPane(toPicture(this.turn, cursor));
    context.strokeStyle = '#1d69a6';
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, h);
    context.moveTo(0, y);
    context.lineTo(w, y);
    context.stroke();
    context.globalAlpha = 1;
  }

  private frameTexts(fit: Fit, { cos, sin, step }: Turn): void {
    const mm = step / fit.scale;
    this.texts.frame({ origin: [0, 0, 0], right: [mm * cos, mm * sin, 0], down: [0, 0, -mm], width: this.root.clientWidth, height: this.root.clientHeight });
  }

  /** CSS pixels of a place of the picture, mm. */
  private toPane([right, z]: Point2): Point2 {
    const fit = this.fit();
    if (!fit || !this.volume || !this.projection || !this.turn) return [0, 0];
    const { header } = this.volume;
    const x = fit.left + (right / this.turn.step + middleOf(this.turn) + 0.5) * fit.scale;
    const y = fit.top + (this.projection.height - 0.5 - (z - header.origin_lps_mm[2]) / header.spacing_mm[2]) * fit.aspect * fit.scale;
    return [x, y];
  }

  /** Place of the picture, mm, under the pointer; null beside the picture. */
  private placeAt(event: MouseEvent): Point2 | null {
    const fit = this.fit();
    if (!fit || !this.volume || !this.projection || !this.turn) return null;
    const box = this.root.getBoundingClientRect();
    const column = (event.clientX - box.left - fit.left) / fit.scale - 0.5;
    const row = (event.clientY - box.top - fit.top) / (fit.scale * fit.aspect) - 0.5;
    const { width, height } = this.projection;
    if (column < -0.5 || row < -0.5 || column >= width - 0.5 || row >= height - 0.5) return null;
    const { origin_lps_mm: o, spacing_mm: s } = this.volume.header;
    return [(column - middleOf(this.turn)) * this.turn.step, o[2] + (height - 1 - row) * s[2]];
  }

  /** The hottest point behind a place of the picture. */
  private pointAt(place: Point2): Vec3 | null {
    if (!this.volume || !this.projection || !this.turn) return null;
    const { origin_lps_mm: o, spacing_mm: s } = this.volume.header;
    const column = Math.round(place[0] / this.turn.step + middleOf(this.turn));
    const row = this.projection.height - 1 - Math.round((place[1] - o[2]) / s[2]);
    const depth = ((this.projection.depth[row * this.projection.width + column] ?? 0) - middleOf(this.turn)) * this.turn.step;
    return fromPicture(this.turn, [(column - middleOf(this.turn)) * this.turn.step, o[2] + (this.projection.height - 1 - row) * s[2]], depth);
  }
}

/** A small picture of a scan for the time-point strip; all strips use the same window. */
export function drawThumbnail(canvas: HTMLCanvasElement, volume: Volume, window: Window): void {
  const projection = projectMaximum(volume, 1);
  const picture = document.createElement('canvas');
  picture.width = projection.width;
  picture.height = projection.height;
  picture.getContext('2d')?.putImageData(new ImageData(inverseGrey(projection, window.lower, window.upper), projection.width, projection.height), 0, 0);
  const context = canvas.getContext('2d');
  if (!context) return;
  const aspect = volume.header.spacing_mm[2] / volume.header.spacing_mm[0];
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  const scale = Math.min(canvas.width / projection.width, canvas.height / (projection.height * aspect));
  const [w, h] = [projection.width * scale, projection.height * aspect * scale];
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
}
