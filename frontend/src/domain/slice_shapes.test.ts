import { describe, expect, it } from 'vitest';
import type { Point2 } from './geometry';
import { countOf, holeAt, holesOf, imageSlice, insideOf, onSlice, sliceSize } from './slice_shapes';
import type { VolumeHeader } from './volume';

const header = { dimensions: [5, 6, 7], spacing_mm: [2, 3, 4], origin_lps_mm: [10, 20, 30], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader;
const size = { width: 12, height: 10 };
const rows = (mask: Uint8Array, width = size.width): string[] => Array.from({ length: mask.length / width }, (_, y) => mask.subarray(y * width, (y + 1) * width).join(''));
const read = (text: readonly string[]): Uint8Array => Uint8Array.from(text.join(''), Number);

describe('onSlice', () => {
  it('counts columns to the right and rows along the down axis by rising index', () => {
    expect(onSlice(header, 'axial', [[12, 26, 99]])).toEqual([[1, 2]]);
    expect(onSlice(header, 'coronal', [[12, 99, 42]])).toEqual([[1, 3]]);
    expect(onSlice(header, 'sagittal', [[99, 26, 42]])).toEqual([[2, 3]]);
    expect(sliceSize(header, 'sagittal')).toEqual({ width: 6, height: 7 });
  });
});

describe('imageSlice', () => {
  it('reads a slice of each plane in the order of its columns and rows', () => {
    const voxels = Float32Array.from({ length: 5 * 6 * 7 }, (_, n) => n);
    const value = (i: number, j: number, k: number): number => i + 5 * (j + 6 * k);
    const read2 = (plane: 'axial' | 'coronal' | 'sagittal', slice: number): number[] => { const found = imageSlice({ id: 'v', header, voxels }, plane, slice); return [found.width, found.height, found.values[2 * found.width + 1] as number]; };
    expect(read2('axial', 3)).toEqual([5, 6, value(1, 2, 3)]);
    expect(read2('coronal', 3)).toEqual([5, 7, value(1, 3, 2)]);
    expect(read2('sagittal', 3)).toEqual([6, 7, value(3, 1, 2)]);
  });
});

describe('insideOf', () => {
  it('takes the voxels whose centres lie inside', () => {
    const mask = insideOf(size, [[1.5, 2.5], [4.5, 2.5], [4.5, 5.5], [1.5, 5.5]]);
    expect(rows(mask).slice(2, 7)).toEqual(['000000000000', '001110000000', '001110000000', '001110000000', '000000000000']);
  });

  it('gives the area of a circle, whichever way it was drawn', () => {
    const wide = { width: 101, height: 101 };
    const circle = Array.from({ length: 360 }, (_, n): Point2 => [50 + 40 * Math.cos((n * Math.PI) / 180), 50 + 40 * Math.sin((n * Math.PI) / 180)]);
    const inside = insideOf(wide, circle);
    // Lattice points of a circle differ from its area by a fraction of its circumference.
    expect(Math.abs(countOf(inside) - Math.PI * 1600)).toBeLessThan(0.1 * 2 * Math.PI * 40);
    expect(insideOf(wide, [...circle].reverse())).toEqual(inside);
  });

  it('counts no shared corner or edge twice: two triangles make their square', () => {
    const [a, b, c, d]: Point2[] = [[1, 1], [8, 1], [8, 8], [1, 8]];
    const square = insideOf(size, [a, b, c, d] as Point2[]);
    const [first, second] = [insideOf(size, [a, b, c] as Point2[]), insideOf(size, [a, c, d] as Point2[])];
    expect(Uint8Array.from(first, (value, n) => value + (second[n] as number))).toEqual(square);
  });

  it('leaves no gap where the hand drew past its start', () => {
    const square: Point2[] = [[1.5, 1.5], [7.5, 1.5], [7.5, 7.5], [1.5, 7.5]];
    expect(insideOf(size, [...square, ...square])).toEqual(insideOf(size, square));
  });

  it('is cut at the border of the slice, and empty without an area', () => {
    expect(countOf(insideOf(size, [[-50, -50], [50, -50], [50, 50], [-50, 50]]))).toBe(120);
    expect(countOf(insideOf(size, [[1, 1], [6, 6]]))).toBe(0);
    expect(countOf(insideOf(size, []))).toBe(0);
  });
});

describe('holes', () => {
  const ring = read(['000000000000', '011111011100', '010001010100', '010001011100', '011111000000', '000000000000', '110000000000', '010000000000', '110000000000', '000000000000']);

  it('are enclosed in the slice; what opens to the border is none', () => {
    expect(rows(holesOf(size, ring))).toEqual(['000000000000', '000000000000', '001110001000', '001110000000', '000000000000', '000000000000', '000000000000', '000000000000', '000000000000', '000000000000']);
  });

  it('are closed over corners: a ring of voxels that touch at corners encloses', () => {
    expect(countOf(holesOf({ width: 5, height: 5 }, read(['00000', '00100', '01010', '00100', '00000'])))).toBe(1);
  });

  it('are found one by one', () => {
    expect(countOf(holeAt(size, ring, [3.2, 2.1]))).toBe(6);
    expect(countOf(holeAt(size, ring, [8, 2]))).toBe(1);
    expect([holeAt(size, ring, [1, 1]), holeAt(size, ring, [0, 0]), holeAt(size, ring, [-9, 40])].map(countOf)).toEqual([0, 0, 0]);
  });
});
