/** Maximum projection of the emission image, anterior view, inverse grey. For orientation only: a click jumps to the place. */
import { formatNumber } from '../domain/quantity';
import type { Vec3, Volume, Window } from '../domain/volume';
import { shownUnit } from '../domain/volume_units';
import { inverseGrey, projectMaximum, type Projection } from '../domain/volume_projection';
import { element, PaneTexts } from './pane_texts';

interface Fit { left: number; top: number; scale: number; aspect: number }

export class MipPane {
  readonly root = element('div', 'pane light mip');
  private readonly canvas = this.root.appendChild(document.createElement('canvas'));
  private readonly texts = new PaneTexts(this.root);
  private readonly picture = document.createElement('canvas');
  private volume: Volume | null = null;
  private projection: Projection | null = null;
  private shownKey = '';
  private drawnKey = '';

  constructor(onJump: (point: Vec3) => void) {
    this.root.addEventListener('click', (event) => {
      const box = this.root.getBoundingClientRect();
      const point = this.pointAt(event.clientX - box.left, event.clientY - box.top);
      if (point) onJump(point);
    });
    this.root.setAttribute('role', 'img');
  }

  show(volume: Volume | null, window: Window, words: { title: string; when: string }): void {
    if (volume !== this.volume) {
      this.volume = volume;
      this.shownKey = '';
      this.projection = volume ? projectMaximum(volume, 1) : null;
    }
    if (!volume || !this.projection) return;
    const key = `${window.lower} ${window.upper} ${words.title} ${words.when}`;
    if (key === this.shownKey) return;
    this.shownKey = key;
    const { width, height } = this.projection;
    this.picture.width = width;
    this.picture.height = height;
    this.picture.getContext('2d')?.putImageData(new ImageData(inverseGrey(this.projection, window.lower, window.upper), width, height), 0, 0);
    const { unit, factor } = shownUnit(volume.header.unit);
    this.texts.set('tl', 'MIP', ` anterior, ${words.title}`, words.when);
    this.texts.set('br', '', `${formatNumber(window.lower * factor)} – ${formatNumber(window.upper * factor)} ${unit}`);
    this.root.setAttribute('aria-label', `Maximum projection, anterior view, ${words.title}, ${words.when}`);
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
    const key = JSON.stringify([this.volume?.id, this.shownKey, w, h, ratio, isCrosshairOn ? [cursor[0], cursor[2]] : null]);
    if (key === this.drawnKey) return;
    this.drawnKey = key;
    this.canvas.width = w * ratio;
    this.canvas.height = h * ratio;
    const context = this.canvas.getContext('2d');
    const fit = this.fit();
    if (!context || !fit || !this.projection || !this.volume) return;
    context.scale(ratio, ratio);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, w, h);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.picture, fit.left, fit.top, this.projection.width * fit.scale, this.projection.height * fit.aspect * fit.scale);
    this.frameTexts(fit);
    if (!isCrosshairOn) return;
    const { header } = this.volume;
    const x = fit.left + ((cursor[0] - header.origin_lps_mm[0]) / header.spacing_mm[0] + 0.5) * fit.scale;
    const y = fit.top + (this.projection.height - 0.5 - (cursor[2] - header.origin_lps_mm[2]) / header.spacing_mm[2]) * fit.aspect * fit.scale;
    context.strokeStyle = '#1d69a6';
    context.globalAlpha = 0.55;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, h);
    context.moveTo(0, y);
    context.lineTo(w, y);
    context.stroke();
  }

  private frameTexts(fit: Fit): void {
    if (!this.volume) return;
    const mm = this.volume.header.spacing_mm[0] / fit.scale;
    this.texts.frame({ origin: [0, 0, 0], right: [mm, 0, 0], down: [0, 0, -mm], width: this.root.clientWidth, height: this.root.clientHeight });
  }

  private pointAt(x: number, y: number): Vec3 | null {
    const fit = this.fit();
    if (!fit || !this.volume || !this.projection) return null;
    const column = Math.floor((x - fit.left) / fit.scale);
    const row = Math.floor((y - fit.top) / (fit.scale * fit.aspect));
    const { width, height, depth } = this.projection;
    if (column < 0 || row < 0 || column >= width || row >= height) return null;
    const { origin_lps_mm: o, spacing_mm: s } = this.volume.header;
    return [o[0] + column * s[0], o[1] + (depth[row * width + column] ?? 0) * s[1], o[2] + (height - 1 - row) * s[2]];
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
