/** The words on a pane: title, window, letters, scale bar, readings and colour bar. Each sits on its own plate. */
import { lettersOf, mmPerPixel, scaleBar, type PaneFrame } from '../domain/geometry';
import { formatNumber } from '../domain/quantity';
import { shownUnit } from '../domain/volume_units';
import type { Window } from '../domain/volume';
import { paintBar, type ColourMapName } from './colourmaps';

const MAX_BAR_PIXELS = 90;

export interface BarFacts {
  map: ColourMapName;
  window: Window;
  voxelUnit: string;
  threshold: number | null;
}

export class PaneTexts {
  private readonly places = new Map<string, HTMLElement>();
  private readonly bar: HTMLElement;
  private readonly barCanvas: HTMLCanvasElement;
  private readonly scaleLine: HTMLElement;
  private readonly scaleText: HTMLElement;
  private readonly note: HTMLElement;
  private barMap = '';
  /** What stands where: writing the same again would lay out and paint the pane anew. */
  private readonly written = new Map<string, string>();

  constructor(root: HTMLElement) {
    for (const name of ['tl', 'tr', 'br', 'cL', 'cR', 'cT', 'cB', 'unit']) this.places.set(name, root.appendChild(element('div', `o ${name}`)));
    const bottom = root.appendChild(element('div', 'o bl'));
    this.scaleLine = bottom.appendChild(element('span', 'scale'));
    this.scaleText = bottom.appendChild(element('span', ''));
    this.note = bottom.appendChild(element('span', 'shown-above'));
    this.bar = root.appendChild(element('div', 'cbar'));
    this.barCanvas = this.bar.appendChild(document.createElement('canvas'));
    for (const percent of [0, 50, 100]) this.bar.appendChild(element('span', '')).style.top = `${percent}%`;
    this.bar.hidden = true;
  }

  private isWritten(place: string, words: unknown): boolean {
    const key = JSON.stringify(words);
    if (this.written.get(place) === key) return true;
    this.written.set(place, key);
    return false;
  }

  set(place: 'tl' | 'tr' | 'br', strong: string, text: string, second = ''): void {
    const found = this.places.get(place);
    if (!found || this.isWritten(place, [strong, text, second])) return;
    const bold = document.createElement('b');
    bold.textContent = strong;
    found.replaceChildren(...(strong ? [bold] : []), document.createTextNode(text));
    if (second) found.append(document.createElement('br'), document.createTextNode(second));
    found.hidden = !strong && !text && !second;
  }

  frame(frame: PaneFrame): void {
    if (this.isWritten('frame', [frame.right, frame.down])) return;
    const letters = lettersOf(frame);
    const places = { cL: letters.left, cR: letters.right, cT: letters.top, cB: letters.bottom };
    for (const [place, letter] of Object.entries(places)) (this.places.get(place) as HTMLElement).textContent = letter;
    const { pixels, text } = scaleBar(mmPerPixel(frame), MAX_BAR_PIXELS);
    this.scaleLine.style.width = `${pixels}px`;
    this.scaleText.textContent = text;
  }

  /** The colour bar with both ends, its unit, and from where on the wash is drawn. */
  colourBar(facts: BarFacts | null): void {
    if (this.isWritten('bar', facts)) return;
    const unitPlace = this.places.get('unit') as HTMLElement;
    this.bar.hidden = facts === null;
    this.bar.parentElement?.classList.toggle('has-bar', facts !== null);
    unitPlace.hidden = facts === null;
    this.note.textContent = '';
    if (!facts) return;
    if (this.barMap !== facts.map) { paintBar(this.barCanvas, facts.map); this.barMap = facts.map; }
    const { unit, factor } = shownUnit(facts.voxelUnit);
    const { lower, upper } = facts.window;
    [upper, (upper + lower) / 2, lower].forEach((value, n) => { (this.bar.children[n + 1] as HTMLElement).textContent = formatNumber(value * factor); });
    unitPlace.textContent = unit;
    if (facts.threshold !== null) this.note.textContent = `shown above ${formatNumber(facts.threshold * factor)} ${unit}`;
  }
}

export function element(tag: 'div' | 'span', classes: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = classes;
  return made;
}
