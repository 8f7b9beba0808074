/** Shapes on one slice, in voxel coordinates of that slice: what lies inside a closed line, and the holes of a mask. */
import { PLANE_AXES, at, toIndex, type Plane, type Point2 } from './geometry';
import type { Vec3, Volume, VolumeHeader } from './volume';

/** One slice as rows of voxels: columns along the plane's right axis, rows along its down axis, both by rising index. */
export interface SliceSize { width: number; height: number }

export function sliceSize({ dimensions }: VolumeHeader, plane: Plane): SliceSize {
  const { right, down } = PLANE_AXES[plane];
  return { width: at(dimensions, right), height: at(dimensions, down) };
}

/** The values of one slice of an image, in the order of `SliceSize`. */
export function imageSlice({ header, voxels }: Volume, plane: Plane, slice: number): SliceSize & { values: Float32Array } {
  const { right, down, normal } = PLANE_AXES[plane];
  const size = sliceSize(header, plane);
  const [nx, ny] = header.dimensions;
  const steps: Vec3 = [1, nx, nx * ny];
  const start = slice * at(steps, normal);
  const values = Float32Array.from({ length: size.width * size.height }, (_, n) => voxels[start + (n % size.width) * at(steps, right) + Math.floor(n / size.width) * at(steps, down)] as number);
  return { ...size, values };
}

/** Where points of the patient lie on a slice; whole numbers are voxel centres. */
export function onSlice(header: VolumeHeader, plane: Plane, points: readonly Vec3[]): Point2[] {
  const { right, down } = PLANE_AXES[plane];
  return points.map((point) => {
    const index = toIndex(header, point);
    return [at(index, right), at(index, down)];
  });
}

/**
 * Voxels whose centre a closed line winds around; the last point joins the first.
 * The winding counts, not even and odd: a hand that draws past its start, or crosses itself, leaves no gap there.
 */
export function insideOf({ width, height }: SliceSize, line: readonly Point2[]): Uint8Array {
  const mask = new Uint8Array(width * height);
  if (line.length < 3) return mask;
  const ys = line.map(([, y]) => y);
  const first = Math.max(0, Math.ceil(Math.min(...ys)));
  const last = Math.min(height - 1, Math.floor(Math.max(...ys)));
  for (let y = first; y <= last; y += 1) {
    let winding = 0;
    let from = 0;
    for (const { x, turn } of crossings(line, y)) {
      if (winding !== 0) fillRow(mask, y * width, Math.max(0, Math.ceil(from)), Math.min(width - 1, Math.ceil(x) - 1));
      winding += turn;
      from = x;
    }
  }
  return mask;
}

/** Where a closed line crosses a row, from left to right, and whether downwards or upwards. */
function crossings(line: readonly Point2[], y: number): { x: number; turn: 1 | -1 }[] {
  const found: { x: number; turn: 1 | -1 }[] = [];
  line.forEach(([x1, y1], n) => {
    const [x2, y2] = line[(n + 1) % line.length] as Point2;
    // An edge holds its upper end and not its lower one, so that no corner counts twice.
    if ((y1 <= y) === (y2 <= y)) return;
    found.push({ x: x1 + ((y - y1) / (y2 - y1)) * (x2 - x1), turn: y2 > y1 ? 1 : -1 });
  });
  return found.sort((a, b) => a.x - b.x);
}

function fillRow(mask: Uint8Array, start: number, from: number, to: number): void {
  if (to >= from) mask.fill(1, start + from, start + to + 1);
}

/** What a mask encloses: voxels outside it from which no path over shared edges leads to the border of the slice. */
export function holesOf({ width, height }: SliceSize, mask: Uint8Array): Uint8Array {
  const open = new Uint8Array(mask.length);
  for (let x = 0; x < width; x += 1) for (const y of [0, height - 1]) flood({ width, height }, mask, open, y * width + x);
  for (let y = 0; y < height; y += 1) for (const x of [0, width - 1]) flood({ width, height }, mask, open, y * width + x);
  return Uint8Array.from(mask, (value, n) => (value === 0 && open[n] === 0 ? 1 : 0));
}

/** The one hole of a mask that holds a voxel; empty where the voxel lies in no hole. */
export function holeAt(size: SliceSize, mask: Uint8Array, [x, y]: Point2): Uint8Array {
  const holes = holesOf(size, mask);
  const found = new Uint8Array(mask.length);
  const [column, row] = [Math.round(x), Math.round(y)];
  if (column < 0 || column >= size.width || row < 0 || row >= size.height) return found;
  const start = row * size.width + column;
  if (holes[start] === 1) flood(size, holes.map((value) => 1 - value), found, start);
  return found;
}

/** Marks every voxel that is joined to one over shared edges, never through `walls`. */
function flood({ width, height }: SliceSize, walls: Uint8Array, marks: Uint8Array, start: number): void {
  const waiting = [start];
  for (let n = waiting.pop(); n !== undefined; n = waiting.pop()) {
    if (walls[n] !== 0 || marks[n] !== 0) continue;
    marks[n] = 1;
    const x = n % width;
    if (x > 0) waiting.push(n - 1);
    if (x < width - 1) waiting.push(n + 1);
    if (n >= width) waiting.push(n - width);
    if (n < width * (height - 1)) waiting.push(n + width);
  }
}

export const countOf = (mask: Uint8Array): number => mask.reduce((sum, value) => sum + value, 0);
