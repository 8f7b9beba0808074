/**
 * The path along edges from a seed to any voxel of a slice: "intelligent scissors".
 * Mortensen EN, Barrett WA, Intelligent scissors for image composition, SIGGRAPH 1995, 191-198, doi:10.1145/218380.218442.
 */
import type { Point2 } from './geometry';
import type { SliceSize } from './slice_shapes';

export interface ImageSlice extends SliceSize {
  values: Float32Array;
}

/** Weights of the paper: zero crossing of the Laplacian, direction of the gradient, its magnitude. */
const WEIGHTS = { crossing: 0.43, direction: 0.43, magnitude: 0.14 };
/** How far a wire reaches from its seed, in voxels: the paths of a whole slice would take too long to follow a hand. */
export const REACH = 96;
const STEPS: readonly (readonly [dx: number, dy: number])[] = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [1, -1], [-1, 1], [-1, -1]];

/** What a step onto a voxel costs, before its direction: 0 on a strong edge. */
interface Edges extends SliceSize {
  gx: Float32Array;
  gy: Float32Array;
  /** Weighted parts of zero crossing and magnitude. */
  still: Float32Array;
  diagonal: Float32Array;
}

/** Gradient and zero crossings of a slice, once for all wires on it. */
export function edgesOf({ width, height, values }: ImageSlice): Edges {
  const at = (x: number, y: number): number => values[Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)] as number;
  const n = width * height;
  const [gx, gy, laplacian, still, diagonal] = [new Float32Array(n), new Float32Array(n), new Float32Array(n), new Float32Array(n), new Float32Array(n)];
  let strongest = 0;
  for (let y = 0, i = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 1) {
      gx[i] = (at(x + 1, y) - at(x - 1, y)) / 2;
      gy[i] = (at(x, y + 1) - at(x, y - 1)) / 2;
      laplacian[i] = at(x + 1, y) + at(x - 1, y) + at(x, y + 1) + at(x, y - 1) - 4 * at(x, y);
      strongest = Math.max(strongest, Math.hypot(gx[i] as number, gy[i] as number));
    }
  }
  for (let i = 0; i < n; i += 1) {
    const weak = strongest > 0 ? 1 - Math.hypot(gx[i] as number, gy[i] as number) / strongest : 1;
    const crossing = WEIGHTS.crossing * (isCrossing(laplacian, width, height, i) ? 0 : 1);
    // The magnitude counts by the length of the step: 1 for a diagonal, 1/sqrt(2) for the others.
    still[i] = crossing + (WEIGHTS.magnitude * weak) / Math.SQRT2;
    diagonal[i] = crossing + WEIGHTS.magnitude * weak;
  }
  return { width, height, gx, gy, still, diagonal };
}

/** Whether the Laplacian is zero here, or changes sign to a neighbour that lies farther from zero. */
function isCrossing(laplacian: Float32Array, width: number, height: number, i: number): boolean {
  const here = laplacian[i] as number;
  const x = i % width;
  const y = Math.floor(i / width);
  return STEPS.slice(0, 4).some(([dx, dy]) => {
    if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) return false;
    const there = laplacian[i + dx + dy * width] as number;
    return here * there < 0 ? Math.abs(here) <= Math.abs(there) : here === 0 && there !== 0;
  });
}

/** Cost of the change of direction: none along an edge, most across it; both ends count. Without a gradient it is as across. */
function directionCost({ gx, gy }: Edges, p: number, q: number, dx: number, dy: number): number {
  const length = Math.hypot(dx, dy);
  const along = (i: number): number => {
    const norm = Math.hypot(gx[i] as number, gy[i] as number);
    return norm > 0 ? ((gy[i] as number) * dx - (gx[i] as number) * dy) / (norm * length) : 0;
  };
  const [first, second] = [along(p), along(q)];
  // The link points the way of the edge at its first end.
  const way = first >= 0 ? 1 : -1;
  return (Math.acos(Math.min(1, Math.abs(first))) + Math.acos(Math.min(1, Math.max(-1, way * second)))) / Math.PI;
}

export type Wire = (to: Point2) => Point2[];

/** The cheapest paths from a seed (Dijkstra); the wire leads to the nearest voxel within its reach. */
export function wireFrom(edges: Edges, seed: Point2): Wire {
  const { width, height } = edges;
  const [sx, sy] = [Math.round(Math.min(Math.max(seed[0], 0), width - 1)), Math.round(Math.min(Math.max(seed[1], 0), height - 1))];
  const box = { left: Math.max(0, sx - REACH), right: Math.min(width - 1, sx + REACH), top: Math.max(0, sy - REACH), bottom: Math.min(height - 1, sy + REACH) };
  const cost = new Float64Array(width * height).fill(Infinity);
  const from = new Int32Array(width * height).fill(-1);
  const isDone = new Uint8Array(width * height);
  const heap = new Heap(cost);
  const start = sy * width + sx;
  cost[start] = 0;
  heap.push(start, 0);
  for (let p = heap.pop(); p !== -1; p = heap.pop()) {
    if (isDone[p]) continue;
    isDone[p] = 1;
    const [x, y] = [p % width, Math.floor(p / width)];
    for (const [dx, dy] of STEPS) {
      if (x + dx < box.left || x + dx > box.right || y + dy < box.top || y + dy > box.bottom) continue;
      const q = p + dx + dy * width;
      if (isDone[q]) continue;
      const step = ((dx !== 0 && dy !== 0 ? edges.diagonal[q] : edges.still[q]) as number) + WEIGHTS.direction * directionCost(edges, p, q, dx, dy);
      const total = (cost[p] as number) + step;
      if (total < (cost[q] as number)) { cost[q] = total; from[q] = p; heap.push(q, total); }
    }
  }
  return (to) => {
    const x = Math.round(Math.min(Math.max(to[0], box.left), box.right));
    const y = Math.round(Math.min(Math.max(to[1], box.top), box.bottom));
    const path: Point2[] = [];
    for (let p = y * width + x; p !== -1; p = from[p] as number) path.push([p % width, Math.floor(p / width)]);
    return path.reverse();
  };
}

/** A binary heap of voxels by cost; one that got cheaper is pushed again, and the dearer entry is skipped when it comes. */
class Heap {
  private readonly voxels: number[] = [];
  private readonly costs: number[] = [];

  constructor(private readonly latest: Float64Array) {}

  push(voxel: number, cost: number): void {
    let at = this.voxels.push(voxel) - 1;
    this.costs.push(cost);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.costs[parent] as number) <= cost) break;
      this.swap(at, parent);
      at = parent;
    }
  }

  pop(): number {
    for (;;) {
      if (this.voxels.length === 0) return -1;
      const [voxel, cost] = [this.voxels[0] as number, this.costs[0] as number];
      this.removeFirst();
      if (cost <= (this.latest[voxel] as number)) return voxel;
    }
  }

  private removeFirst(): void {
    const [voxel, cost] = [this.voxels.pop() as number, this.costs.pop() as number];
    if (this.voxels.length === 0) return;
    this.voxels[0] = voxel;
    this.costs[0] = cost;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < this.costs.length && (this.costs[left] as number) < (this.costs[least] as number)) least = left;
      if (right < this.costs.length && (this.costs[right] as number) < (this.costs[least] as number)) least = right;
      if (least === at) return;
      this.swap(at, least);
      at = least;
    }
  }

  private swap(a: number, b: number): void {
    [this.voxels[a], this.voxels[b]] = [this.voxels[b] as number, this.voxels[a] as number];
    [this.costs[a], this.costs[b]] = [this.costs[b] as number, this.costs[a] as number];
  }
}
