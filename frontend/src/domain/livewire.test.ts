import { describe, expect, it } from 'vitest';
import type { Point2 } from './geometry';
import { edgesOf, REACH, wireFrom, type ImageSlice } from './livewire';

const [WIDTH, HEIGHT] = [64, 64];
/** A bright disc with a soft edge around the middle, as a scanner would blur it. */
function disc(radius: number): ImageSlice {
  const values = Float32Array.from({ length: WIDTH * HEIGHT }, (_, n) => 100 / (1 + Math.exp(Math.hypot((n % WIDTH) - 32, Math.floor(n / WIDTH) - 32) - radius)));
  return { width: WIDTH, height: HEIGHT, values };
}
const steps = (path: readonly Point2[]): number[] => path.slice(1).map(([x, y], n) => Math.max(Math.abs(x - (path[n] as Point2)[0]), Math.abs(y - (path[n] as Point2)[1])));

describe('wireFrom', () => {
  it('follows the edge of a disc instead of the chord', () => {
    const wire = wireFrom(edgesOf(disc(20)), [52, 32]);
    const path = wire([32, 52]);
    expect([path[0], path.at(-1)]).toEqual([[52, 32], [32, 52]]);
    // A quarter of the circle away; the chord would come as near as 14 voxels to the middle.
    for (const [x, y] of path) expect(Math.abs(Math.hypot(x - 32, y - 32) - 20)).toBeLessThan(1.6);
  });

  it('goes voxel by voxel and prefers the nearer way round', () => {
    const path = wireFrom(edgesOf(disc(20)), [52, 32])([46, 46]);
    expect(new Set(steps(path))).toEqual(new Set([1]));
    expect(path.every(([x, y]) => x >= 44 && y >= 31)).toBe(true);
  });

  it('closes around the disc from four seeds with its area inside', () => {
    const edges = edgesOf(disc(20));
    const seeds: Point2[] = [[52, 32], [32, 52], [12, 32], [32, 12], [52, 32]];
    const line = seeds.slice(1).flatMap((to, n) => wireFrom(edges, seeds[n] as Point2)(to));
    const area = Math.abs(line.reduce((sum, [x, y], n) => { const [a, b] = line[(n + 1) % line.length] as Point2; return sum + x * b - a * y; }, 0)) / 2;
    // The half level of the edge lies at radius 20; a path through voxel centres may stray by half a voxel along it.
    expect(Math.abs(area - Math.PI * 400)).toBeLessThan(0.5 * 2 * Math.PI * 20);
  });

  it('leads straight through an image without edges, and holds at the border and at its reach', () => {
    const flat: ImageSlice = { width: 300, height: 3, values: new Float32Array(900) };
    const wire = wireFrom(edgesOf(flat), [10, 1]);
    expect(wire([14, 1])).toEqual([[10, 1], [11, 1], [12, 1], [13, 1], [14, 1]]);
    expect(wire([-40, 1]).at(-1)).toEqual([0, 1]);
    expect(wire([299, 1]).at(-1)).toEqual([10 + REACH, 1]);
  });
});
