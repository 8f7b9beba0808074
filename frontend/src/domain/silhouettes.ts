/** Labels of a volume seen from one side: what each covers, its outline, and which of them lies under a point. */
import type { Point2 } from './geometry';
import type { Polyline } from './isolines';
import { toPicture, type Turn } from './turned_projection';
import type { Vec3, VolumeHeader } from './volume';
import { labelOutlines } from './volume_labels';

/** A label as seen; places in the picture are mm to the right of its middle, and height. */
export interface Silhouette {
  label: number;
  outlines: Polyline[];
  /** Middle of its box and half its sides, mm. */
  middle: Point2;
  half: Point2;
  covers: (place: Point2) => boolean;
  area: number;
}

/** Middles of the voxels of every label, three numbers a voxel, LPS mm. */
export function labelPoints({ dimensions: [nx, ny], spacing_mm: s, origin_lps_mm: o }: VolumeHeader, labels: Uint8Array): Map<number, number[]> {
  const points = new Map<number, number[]>();
  for (let at = 0; at < labels.length; at += 1) {
    const label = labels[at] as number;
    if (label === 0) continue;
    const list = points.get(label) ?? [];
    list.push(o[0] + (at % nx) * s[0], o[1] + (Math.floor(at / nx) % ny) * s[1], o[2] + Math.floor(at / (nx * ny)) * s[2]);
    points.set(label, list);
  }
  return points;
}

/** The silhouettes of all labels from one side, largest first, so that small ones lie above. */
export function silhouettes({ spacing_mm: [sx, sy, sz] }: Pick<VolumeHeader, 'spacing_mm'>, points: ReadonlyMap<number, readonly number[]>, turn: Turn): Silhouette[] {
  const step: Point2 = [Math.max(sx, sy), sz];
  return [...points].map(([label, list]) => silhouette(label, list, step, turn)).sort((a, b) => b.area - a.area);
}

function silhouette(label: number, list: readonly number[], [right, up]: Point2, turn: Turn): Silhouette {
  const columns: number[] = [];
  const rows: number[] = [];
  const placeOf = (i: number): Point2 => toPicture(turn, [list[i], list[i + 1], list[i + 2]] as unknown as Vec3);
  // Counted from the first voxel: seen along an axis, columns are those of the voxels.
  const [x0, z0] = placeOf(0);
  for (let i = 0; i < list.length; i += 3) {
    const [x, z] = placeOf(i);
    columns.push(Math.round((x - x0) / right));
    rows.push(Math.round((z - z0) / up));
  }
  const [left, bottom] = [smallest(columns), smallest(rows)];
  const width = -smallest(columns.map((value) => -value)) - left + 1;
  const height = -smallest(rows.map((value) => -value)) - bottom + 1;
  const mask = new Uint8Array(width * height);
  columns.forEach((column, n) => { mask[(rows[n] as number - bottom) * width + column - left] = 1; });
  const lines = labelOutlines({ width, height, labels: mask }).get(1) ?? [];
  const outlines = lines.map((line) => line.map((value, n) => (n % 2 === 0 ? x0 + (value + left) * right : z0 + (value + bottom) * up)));
  return {
    label, outlines, area: mask.reduce((sum, one) => sum + one, 0) * right * up,
    middle: [x0 + (left + (width - 1) / 2) * right, z0 + (bottom + (height - 1) / 2) * up], half: [(width / 2) * right, (height / 2) * up],
    covers: ([x, z]) => {
      const [column, row] = [Math.round((x - x0) / right) - left, Math.round((z - z0) / up) - bottom];
      return column >= 0 && row >= 0 && column < width && row < height && mask[row * width + column] === 1;
    },
  };
}

const smallest = (values: readonly number[]): number => values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);

/** The smallest label that covers a place, or null. */
export function silhouetteAt(seen: readonly Silhouette[], place: Point2): Silhouette | null {
  return seen.findLast((one) => one.covers(place)) ?? null;
}
