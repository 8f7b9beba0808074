/** What an edit of the chosen region would change: fetched after each saved revision, shown as a preview. */
import { each, html, nothing, type Html } from '../../domain/html';
import { bareNumber, flag, message, number, skeleton } from '../../domain/markup';
import { formatFixed } from '../../domain/quantity';
import { fill } from '../parts/dom';
import { errorText } from '../parts/states';
import { fetchPreview, type Preview } from './wire';

const GUIDE_PERCENT = 5;

const sign = (percent: number): string => `${percent < 0 ? '−' : '+'}${formatFixed(Math.abs(percent), 1)} %`;

export function previewTable(preview: Preview): Html {
  if (!preview.is_changed) return html`<p class="fs12 t3">Dose of calculation ${preview.calculation_number} rests on this contour.</p>`;
  const changed = (percent: number | null): Html => (percent === null ? nothing : Math.abs(percent) >= GUIDE_PERCENT ? flag('ask', sign(percent)) : html`<span class="t3">${sign(percent)}</span>`);
  // Two lines a row: the inspector is narrower than both numbers beside their name.
  const rows = each(preview.rows, (row) => html`<li class="row between fs12"><span class="t2">${row.name}</span><span class="num">${changed(row.change_percent)}</span></li>
    <li class="row mb-2"><span class="num t3 push">${bareNumber(row.before)}</span><span class="t3">→</span><span class="num">${number(row.after)}</span></li>`);
  return html`${preview.obstacle ? message('ask', 'No new curve', preview.obstacle) : nothing}<ul>${rows}</ul>
    <p class="fs12 t3 mt-1">From calculation ${preview.calculation_number} to the saved contours: a preview. Fit and calculate again before anything counts.</p>`;
}

/** Follows the chosen region; an answer that comes after another was chosen, or of before `forget`, is dropped. */
export class Consequences {
  private wanted = '';
  private age = 0;
  private readonly known = new Map<string, Preview | null>();

  /** Other scans, calculations and limits count as well: after whatever may have changed one of them nothing is known. */
  forget(): void {
    this.age += 1;
    this.known.clear();
  }

  async show(place: HTMLElement, timePointId: string, regionId: string): Promise<void> {
    const key = `${this.age} ${timePointId} ${regionId}`;
    this.wanted = key;
    const kept = this.known.get(key);
    if (kept !== undefined) { this.draw(place, kept); return; }
    fill(place, skeleton());
    try {
      const found = await fetchPreview(timePointId, regionId);
      if (key.startsWith(`${this.age} `)) this.known.set(key, found);
      if (this.wanted === key) this.draw(place, found);
    } catch (error) { if (this.wanted === key) fill(place, message('ask', 'The preview could not be made', errorText(error))); }
  }

  private draw(place: HTMLElement, preview: Preview | null): void {
    place.hidden = preview === null;
    fill(place, preview === null ? nothing : html`<div class="sect"><div class="sect-head"><h2 class="h2">What it changes</h2><span class="fs12 t3 push">preview</span></div>${previewTable(preview)}</div>`);
  }
}
