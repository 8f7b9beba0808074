import { describe, expect, it } from 'vitest';
import { makeSampler, movedCopy, nearestValue } from './sampling';
import type { Volume } from './volume';

function volume(dimensions: [number, number, number], value: (i: number, j: number, k: number) => number, missing: number | null = null): Volume {
  const [nx, ny, nz] = dimensions;
  const voxels = new Float32Array(nx * ny * nz);
  for (let k = 0, at = 0; k < nz; k += 1) for (let j = 0; j < ny; j += 1) for (let i = 0; i < nx; i += 1, at += 1) voxels[at] = value(i, j, k);
  return {
    id: 'v', voxels,
    header: {
      kind: 'spect', dimensions, spacing_mm: [2, 3, 4], origin_lps_mm: [10, 20, 30], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      dtype: 'float32', unit: 'Bq/mL', frame_of_reference_uid: '1', sha256: '', missing_value: missing,
    },
  };
}
const linear = volume([5, 6, 7], (i, j, k) => 1 + 2 * i - 3 * j + 5 * k);

describe('nearestValue', () => {
  it('reads the voxel that contains the point', () => {
    expect(nearestValue(linear, [10 + 2 * 3 + 0.9, 20 + 3 * 2 - 1.4, 30 + 4 * 4 + 1.9])).toBe(1 + 6 - 6 + 20);
  });

  it('has no value outside, and none where data are missing', () => {
    expect(nearestValue(linear, [10 - 1.1, 20, 30])).toBeNull();
    expect(nearestValue(linear, [10, 20, 30 + 4 * 6.6])).toBeNull();
    expect(nearestValue(volume([2, 2, 2], () => -1, -1), [10, 20, 30])).toBeNull();
  });

  it('tells a true zero from no value', () => {
    expect(nearestValue(volume([2, 2, 2], () => 0, -1), [10, 20, 30])).toBe(0);
  });
});

describe('makeSampler', () => {
  it('is exact on a linear field', () => {
    const sample = makeSampler(linear);
    // Single precision voxels hold these numbers exactly.
    expect(sample(10 + 2 * 1.25, 20 + 3 * 2.5, 30 + 4 * 3.75)).toBeCloseTo(1 + 2.5 - 7.5 + 18.75, 10);
    expect(sample(10 + 2 * 4, 20 + 3 * 5, 30 + 4 * 6)).toBe(1 + 8 - 15 + 30);
  });

  it('is no number outside and beside missing data', () => {
    expect(makeSampler(linear)(9.99, 20, 30)).toBeNaN();
    const holed = volume([3, 1, 1], (i) => (i === 2 ? -1 : 4), -1);
    expect(makeSampler(holed)(10 + 1, 20, 30)).toBe(4);
    expect(makeSampler(holed)(10 + 3, 20, 30)).toBeNaN();
  });
});

describe('movedCopy', () => {
  it('shifts what is seen by the shift, and leaves the first volume alone', () => {
    const spot = volume([5, 5, 5], (i, j, k) => (i === 2 && j === 2 && k === 2 ? 8 : 0));
    const moved = movedCopy(spot, 'moved', [2, 0, -4], [0, 0, 0]);
    expect(moved.voxels.indexOf(8)).toBe(3 + 5 * (2 + 5 * 1));
    expect(spot.voxels.indexOf(8)).toBe(2 + 5 * (2 + 5 * 2));
    expect(moved.id).toBe('moved');
  });

  it('turns about the middle: a positive turn about z takes left to posterior', () => {
    const spot = volume([7, 7, 1], (i, j) => (i === 6 && j === 3 ? 8 : 0));
    spot.header = { ...spot.header, spacing_mm: [2, 2, 2], origin_lps_mm: [-6, -6, 0] };
    const turned = movedCopy(spot, 't', [0, 0, 0], [0, 0, 90]);
    expect(turned.voxels[3 + 7 * 6]).toBeCloseTo(8, 5);
  });
});
