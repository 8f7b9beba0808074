/** The time points under the viewer: picture, age, date, and what is to say about each. All pictures share one window. */
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { glyph, unit, type Level } from '../../domain/markup';
import { formatNumber } from '../../domain/quantity';
import type { Window } from '../../domain/volume';
import { drawThumbnail } from '../../viewer/mip_pane';
import { loadVolume } from '../../viewer/volumes';
import { fill, on } from '../parts/dom';
import { acquiredAt, ageOf } from './scans';
import type { TimePoint } from './wire';

export interface StripNote {
  level?: Level;
  text: string;
}

export class TimeStrip {
  private drawn = '';

  constructor(private readonly place: HTMLElement, private readonly onChoose: (id: string) => void) {
    on(place, 'click', '[data-time-point]', (item) => this.onChoose(item.dataset.timePoint ?? ''));
  }

  show(points: readonly TimePoint[], chosenId: string, window: Window | null, note: (point: TimePoint) => StripNote): void {
    const key = points.map((point) => `${point.id}${point.image?.emission_volume ?? ''}`).join();
    if (key !== this.drawn) {
      this.drawn = key;
      fill(this.place, html`${each(points, (point) => item(point))}`);
      if (window) void this.drawPictures(points, window);
    }
    for (const point of points) {
      const element = this.place.querySelector<HTMLElement>(`[data-time-point="${point.id}"]`);
      const words = element?.querySelector('.tp-note');
      element?.setAttribute('aria-selected', String(point.id === chosenId));
      if (!words) continue;
      const { level, text } = note(point);
      fill(words, level ? html`<span class="flag" data-l="${level}">${glyph(level)}<span>${text}</span></span>` : html`${text}`);
    }
  }

  private async drawPictures(points: readonly TimePoint[], window: Window): Promise<void> {
    for (const point of points) {
      const canvas = this.place.querySelector<HTMLCanvasElement>(`[data-time-point="${point.id}"] canvas`);
      if (!canvas || !point.image) continue;
      try {
        drawThumbnail(canvas, await loadVolume(point.image.emission_volume), window);
      } catch { canvas.hidden = true; /* the pane of this time point says why it cannot be shown */ }
    }
  }
}

function item(point: TimePoint): Html {
  const picture = point.image ? html`<canvas width="108" height="108" aria-hidden="true"></canvas>` : nothing;
  return html`<button type="button" class="tp" role="option" data-time-point="${point.id}" aria-selected="false">${picture}
    <div><b class="strong">${formatNumber(ageOf(point)?.value)} ${unit('h p.i.')}</b><span>${formatShort(acquiredAt(point))}</span><span class="t3 tp-note"></span></div></button>`;
}

/** The time point before or after one, staying at the ends. */
export function neighbour(points: readonly TimePoint[], id: string, by: 1 | -1): string {
  const at = points.findIndex((point) => point.id === id);
  return points[Math.min(Math.max(at + by, 0), points.length - 1)]?.id ?? id;
}
