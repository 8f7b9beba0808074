/** Lesions above a maximum projection: outlines, a number beside each, and what is known of the one under the pointer. */
import type { Point2 } from '../domain/geometry';
import { labelPoints, silhouetteAt, silhouettes, type Silhouette } from '../domain/silhouettes';
import type { Turn } from '../domain/turned_projection';
import { DASHES } from './outlines';
import { element } from './pane_texts';
import type { LabelLayer, RegionLook } from './scan';

/** What the page says and does about a lesion; without it lesions are outlined only. */
export interface LesionReview {
  /** First line the name, the others what is known; the last says what a click does. */
  words: (label: number) => readonly string[];
  choose: (label: number) => void;
  /** A lesion was pointed at or reached by keyboard. */
  look: (label: number) => void;
}

/** From mm of the picture (right, height) to CSS pixels of the pane. */
export type ToPane = (place: Point2) => Point2;

const FILL = 0.18;
const CHIP = 24;
const RIM = 1.6;

export class MipLesions {
  private layer: LabelLayer | null = null;
  private points: { voxels: Uint8Array; version: number; points: Map<number, number[]> } | null = null;
  private seen: Silhouette[] = [];
  private seenKey: readonly unknown[] = [];
  private pointed: number | null = null;
  private readonly chips = new Map<number, HTMLButtonElement>();
  private readonly tip = element('div', 'mip-tip');
  review: LesionReview | null = null;

  constructor(private readonly root: HTMLElement, private readonly onChange: () => void) {
    this.tip.hidden = true;
    this.tip.setAttribute('role', 'tooltip');
    root.append(this.tip);
  }

  /** Everything that the picture of the lesions depends on besides the turn. */
  show(layer: LabelLayer | null, turn: Turn): void {
    this.layer = layer;
    if (!layer) { this.seen = []; this.seenKey = []; return; }
    const { voxels, header } = layer.volume;
    if (this.points?.voxels !== voxels || this.points.version !== layer.version) this.points = { voxels, version: layer.version, points: labelPoints(header, voxels) };
    const key = [this.points, turn.degrees];
    if (key.every((fact, n) => fact === this.seenKey[n])) return;
    this.seenKey = key;
    this.seen = silhouettes(header, this.points.points, turn);
  }

  /** Says when outlines must be drawn again. */
  get key(): string {
    return JSON.stringify([this.seen.map((one) => one.label), this.layer ? [...this.layer.looks.values()] : [], this.pointed, this.layer?.version, this.review !== null]);
  }

  private shown(): [Silhouette, RegionLook][] {
    return this.seen.flatMap((one): [Silhouette, RegionLook][] => {
      const look = this.layer?.looks.get(one.label);
      return look?.isVisible ? [[one, look]] : [];
    });
  }

  draw(context: CanvasRenderingContext2D, toPane: ToPane): void {
    const shown = this.shown();
    for (const [one, look] of shown) {
      const path = new Path2D();
      for (const line of one.outlines) {
        for (let i = 0; i < line.length; i += 2) {
          const [x, y] = toPane([line[i] as number, line[i + 1] as number]);
          if (i === 0) path.moveTo(x, y);
          else path.lineTo(x, y);
        }
        path.closePath();
      }
      const isPointed = one.label === this.pointed;
      context.strokeStyle = look.colourOnLight ?? look.colour;
      context.fillStyle = context.strokeStyle;
      context.globalAlpha = FILL;
      if (isPointed || look.isSelected) context.fill(path, 'evenodd');
      context.globalAlpha = 1;
      const width = isPointed || look.isSelected ? 2.4 : 1.6;
      // A white rim below keeps the line visible where the lesion itself is black.
      context.lineWidth = width + RIM;
      context.strokeStyle = '#fff';
      context.stroke(path);
      context.lineWidth = width;
      context.strokeStyle = context.fillStyle;
      context.setLineDash(DASHES[look.state] ?? []);
      context.stroke(path);
      context.setLineDash([]);
    }
    if (this.review) this.placeChips(shown, toPane);
    else this.clearChips([]);
  }

  private placeChips(shown: readonly [Silhouette, RegionLook][], toPane: ToPane): void {
    this.clearChips(shown.map(([one]) => one.label));
    for (const [one, look] of shown) {
      const chip = this.chips.get(one.label) ?? this.makeChip(one.label);
      const [x, y] = toPane([one.middle[0] + one.half[0], one.middle[1] + one.half[1]]);
      const { clientWidth, clientHeight } = this.root;
      chip.style.left = `${Math.min(Math.max(x + 2, 0), clientWidth - CHIP)}px`;
      chip.style.top = `${Math.min(Math.max(y - CHIP, 0), clientHeight - CHIP)}px`;
      chip.style.color = look.colourOnLight ?? look.colour;
      chip.dataset.state = look.state;
      chip.setAttribute('aria-label', (this.review?.words(one.label) ?? []).join(', '));
      chip.setAttribute('aria-pressed', String(look.state === 'accepted'));
    }
    if (this.pointed !== null) this.tell(this.pointed);
  }

  private makeChip(label: number): HTMLButtonElement {
    const chip = document.createElement('button');
    chip.type = 'button';
    chip.className = 'mip-chip';
    chip.dataset.lesion = String(label);
    chip.textContent = String(label);
    chip.addEventListener('click', (event) => { event.stopPropagation(); this.review?.choose(label); });
    chip.addEventListener('pointerenter', () => this.point(label));
    chip.addEventListener('pointerleave', () => this.point(null));
    chip.addEventListener('focus', () => { this.point(label); this.review?.look(label); });
    chip.addEventListener('blur', () => this.point(null));
    this.chips.set(label, chip);
    this.root.append(chip);
    return chip;
  }

  private clearChips(kept: readonly number[]): void {
    for (const [label, chip] of this.chips) {
      if (kept.includes(label)) continue;
      chip.remove();
      this.chips.delete(label);
    }
  }

  /** The lesion under a place of the picture, if any is shown there. */
  at(place: Point2): number | null {
    return silhouetteAt(this.shown().map(([one]) => one), place)?.label ?? null;
  }

  /** Marks the lesion under the pointer, and says what is known of it. */
  point(label: number | null): void {
    if (label === this.pointed) return;
    this.pointed = label;
    this.tell(label);
    this.onChange();
  }

  private tell(label: number | null): void {
    const words = label === null ? [] : (this.review?.words(label) ?? []);
    this.tip.hidden = words.length === 0;
    const chip = label === null ? undefined : this.chips.get(label);
    if (this.tip.hidden || !chip) return;
    this.tip.replaceChildren(...words.map((text, n) => {
      const line = document.createElement(n === 0 ? 'b' : 'span');
      line.textContent = text;
      return line;
    }));
    const [left, top] = [chip.offsetLeft + CHIP + 6, chip.offsetTop];
    const { clientWidth, clientHeight } = this.root;
    this.tip.style.left = `${left + this.tip.offsetWidth > clientWidth ? Math.max(chip.offsetLeft - this.tip.offsetWidth - 6, 0) : left}px`;
    this.tip.style.top = `${Math.max(Math.min(top, clientHeight - this.tip.offsetHeight - 4), 0)}px`;
  }
}
