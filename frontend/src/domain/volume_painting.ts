/** Painting in a label volume: discs and balls in millimetres, locked regions spared, every stroke exactly undoable. */
import { PLANE_AXES, at as part, toIndex, type Axis, type Plane } from './geometry';
import { sliceSize } from './slice_shapes';
import type { Vec3, VolumeHeader } from './volume';

/** What an edit writes, and what it leaves as it is. */
export interface Ink {
  /** Label to write; 0 erases. */
  label: number;
  /** Erase only this label; 0 erases every label that is not locked. */
  onlyLabel?: number;
  /** Labels that must not change. */
  locked: ReadonlySet<number>;
}

export interface Brush extends Ink {
  radiusMm: number;
  plane: Plane;
  isBall: boolean;
  /** Paints only where this says yes, for the threshold brush. */
  accepts?: (i: number, j: number, k: number) => boolean;
}

/** Labels of voxels in the order in which they were written. */
class Journal {
  private places = new Uint32Array(1024);
  private olds = new Uint8Array(1024);
  length = 0;

  push(place: number, old: number): void {
    if (this.length === this.places.length) {
      const { places, olds } = this;
      this.places = new Uint32Array(2 * places.length);
      this.olds = new Uint8Array(2 * olds.length);
      this.places.set(places);
      this.olds.set(olds);
    }
    this.places[this.length] = place;
    this.olds[this.length] = old;
    this.length += 1;
  }

  read(): { places: Uint32Array; olds: Uint8Array } {
    return { places: this.places.slice(0, this.length), olds: this.olds.slice(0, this.length) };
  }
}

/** One stroke: the voxels that it wrote, with their labels before and after. */
export class Stroke {
  private readonly journal = new Journal();

  constructor(private readonly header: VolumeHeader, private readonly labels: Uint8Array) {}

  /** Voxels written; with one ink none is written twice. */
  get size(): number {
    return this.journal.length;
  }

  /** Labels that this stroke wrote or replaced. */
  touched(): Set<number> {
    const is = new Uint8Array(256);
    const { places, olds } = this.journal.read();
    for (const old of olds) is[old] = 1;
    for (const place of places) is[this.labels[place] as number] = 1;
    return new Set(Array.from(is.keys()).filter((label) => label !== 0 && is[label] === 1));
  }

  /** Paints along the line between two points, so that a fast hand leaves no gaps. */
  drag(from: Vec3, to: Vec3, brush: Brush): void {
    const distance = Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
    const steps = Math.max(1, Math.ceil(distance / Math.max(brush.radiusMm / 2, 0.5)));
    for (let s = 1; s <= steps; s += 1) {
      const part = s / steps;
      this.dab([from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1]), from[2] + part * (to[2] - from[2])], brush);
    }
  }

  /** Paints one disc in the plane, or one ball. The voxel under the point always counts as inside. */
  dab(centre: Vec3, brush: Brush): void {
    const index = toIndex(this.header, centre);
    const nearest = index.map(Math.round);
    const { normal } = PLANE_AXES[brush.plane];
    const range = ([0, 1, 2] as const).map((axis) => this.reach(axis, index[axis], nearest[axis] as number, brush, normal));
    const [xs, ys, zs] = range as [Reach, Reach, Reach];
    const limit = brush.radiusMm * brush.radiusMm;
    for (let k = zs.low; k <= zs.high; k += 1) {
      for (let j = ys.low; j <= ys.high; j += 1) {
        for (let i = xs.low; i <= xs.high; i += 1) {
          const isCentre = i === nearest[0] && j === nearest[1] && k === nearest[2];
          if (!isCentre && xs.square(i) + ys.square(j) + zs.square(k) > limit) continue;
          if (brush.accepts && !brush.accepts(i, j, k)) continue;
          this.write(i, j, k, brush);
        }
      }
    }
  }

  private reach(axis: Axis, centre: number, nearest: number, brush: Brush, normal: Axis): Reach {
    const last = this.header.dimensions[axis] - 1;
    if (axis === normal && !brush.isBall) {
      const isInside = nearest >= 0 && nearest <= last;
      return { low: isInside ? nearest : 0, high: isInside ? nearest : -1, square: () => 0 };
    }
    const spacing = this.header.spacing_mm[axis];
    const half = brush.radiusMm / spacing;
    return {
      low: Math.max(0, Math.min(nearest, Math.ceil(centre - half))), high: Math.min(last, Math.max(nearest, Math.floor(centre + half))),
      square: (value) => ((value - centre) * spacing) ** 2,
    };
  }

  /** Writes where a mask has `value`, on every slice from one to another; the mask counts columns and rows by rising index. */
  fillSlices({ plane, slices: [from, to], mask, value = 1 }: { plane: Plane; slices: readonly [number, number]; mask: Uint8Array; value?: 0 | 1 }, ink: Ink): void {
    const { right, down, normal } = PLANE_AXES[plane];
    const [nx, ny] = this.header.dimensions;
    const steps: Vec3 = [1, nx, nx * ny];
    const { width, height } = sliceSize(this.header, plane);
    const step = part(steps, right);
    const [first, last] = this.placesOf(ink);
    for (let slice = Math.max(0, from); slice <= Math.min(to, part(this.header.dimensions, normal) - 1); slice += 1) {
      for (let row = 0; row < height; row += 1) {
        const start = slice * part(steps, normal) + row * part(steps, down);
        if (start > last || start + (width - 1) * step < first) continue;
        for (let column = 0; column < width; column += 1) if (mask[row * width + column] === value) this.writeAt(start + column * step, ink);
      }
    }
  }

  /** Between which places an ink can write anything: what erases one label has nothing to do before and after it. */
  private placesOf({ label, onlyLabel = 0 }: Ink): [number, number] {
    if (label !== 0 || onlyLabel === 0) return [0, this.labels.length - 1];
    return [this.labels.indexOf(onlyLabel), this.labels.lastIndexOf(onlyLabel)];
  }

  private write(i: number, j: number, k: number, ink: Ink): void {
    const [nx, ny] = this.header.dimensions;
    this.writeAt(i + nx * (j + ny * k), ink);
  }

  private writeAt(at: number, { label, onlyLabel = 0, locked }: Ink): void {
    const old = this.labels[at] as number;
    if (old === label || locked.has(old)) return;
    if (label === 0 && onlyLabel !== 0 && old !== onlyLabel) return;
    this.journal.push(at, old);
    this.labels[at] = label;
  }

  /** Ends the stroke: two functions that take it back and do it again, exactly. */
  finish(): { undo: () => void; redo: () => void } {
    const { places, olds } = this.journal.read();
    const news = Uint8Array.from(places, (at) => this.labels[at] as number);
    return {
      // Backwards: what was written twice ends as it was before the first time.
      undo: () => { for (let n = places.length - 1; n >= 0; n -= 1) this.labels[places[n] as number] = olds[n] as number; },
      redo: () => { places.forEach((at, n) => { this.labels[at] = news[n] as number; }); },
    };
  }
}

interface Reach {
  low: number;
  high: number;
  square: (index: number) => number;
}
