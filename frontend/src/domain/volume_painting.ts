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

/** One stroke: the voxels that it changed, with their labels before and after. */
export class Stroke {
  private readonly before = new Map<number, number>();

  constructor(private readonly header: VolumeHeader, private readonly labels: Uint8Array) {}

  get size(): number {
    return this.before.size;
  }

  /** Labels that this stroke wrote or replaced. */
  touched(): Set<number> {
    const touched = new Set<number>();
    for (const [at, label] of this.before) {
      touched.add(label);
      touched.add(this.labels[at] as number);
    }
    touched.delete(0);
    return touched;
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

  /** Writes where a mask of one slice has `value`; the mask counts columns and rows by rising index. */
  fillSlice({ plane, slice, mask, value = 1 }: { plane: Plane; slice: number; mask: Uint8Array; value?: 0 | 1 }, ink: Ink): void {
    const { right, down, normal } = PLANE_AXES[plane];
    if (slice < 0 || slice >= part(this.header.dimensions, normal)) return;
    const [nx, ny] = this.header.dimensions;
    const steps: Vec3 = [1, nx, nx * ny];
    const { width, height } = sliceSize(this.header, plane);
    const step = part(steps, right);
    for (let row = 0, n = 0; row < height; row += 1) {
      let at = slice * part(steps, normal) + row * part(steps, down);
      for (let column = 0; column < width; column += 1, n += 1, at += step) if (mask[n] === value) this.writeAt(at, ink);
    }
  }

  private write(i: number, j: number, k: number, ink: Ink): void {
    const [nx, ny] = this.header.dimensions;
    this.writeAt(i + nx * (j + ny * k), ink);
  }

  private writeAt(at: number, { label, onlyLabel = 0, locked }: Ink): void {
    const old = this.labels[at] as number;
    if (old === label || locked.has(old)) return;
    if (label === 0 && onlyLabel !== 0 && old !== onlyLabel) return;
    if (!this.before.has(at)) this.before.set(at, old);
    this.labels[at] = label;
  }

  /** Ends the stroke: two functions that take it back and do it again, exactly. */
  finish(): { undo: () => void; redo: () => void } {
    const places = Uint32Array.from(this.before.keys());
    const before = Uint8Array.from(this.before.values());
    const after = places.length === 0 ? new Uint8Array(0) : Uint8Array.from(places, (at) => this.labels[at] as number);
    const restore = (values: Uint8Array) => () => places.forEach((at, n) => { this.labels[at] = values[n] as number; });
    return { undo: restore(before), redo: restore(after) };
  }
}

interface Reach {
  low: number;
  high: number;
  square: (index: number) => number;
}
