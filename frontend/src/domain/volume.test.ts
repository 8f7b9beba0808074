import { describe, expect, it } from 'vitest';
import { checkDigest, checkHeader, isSameGrid, readVoxels, VolumeError, type VolumeHeader } from './volume';

const header: VolumeHeader = {
  kind: 'dose', dimensions: [2, 3, 4], spacing_mm: [3.2, 3.2, 3], origin_lps_mm: [-1, -2, -3], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'float32', unit: 'mGy', frame_of_reference_uid: '1.2', sha256: 'abc',
};

describe('checkHeader', () => {
  it('takes a header on the patient axes', () => expect(() => checkHeader(header)).not.toThrow());

  it.each([
    ['voxel size zero', { spacing_mm: [3.2, 0, 3] }], ['voxel size missing', { spacing_mm: undefined }], ['negative voxel size', { spacing_mm: [3.2, -3.2, 3] }],
    ['no position', { origin_lps_mm: [0, 0] }], ['a turned volume', { direction: [0, 1, 0, 1, 0, 0, 0, 0, 1] }], ['a tilted volume', { direction: [1, 0, 0, 0, 0.99, 0.1, 0, -0.1, 0.99] }],
    ['no direction', { direction: [] }], ['half a voxel', { dimensions: [2, 3, 4.5] }], ['unknown numbers', { dtype: 'float64' }],
  ])('refuses %s', (_, change) => expect(() => checkHeader({ ...header, ...change } as VolumeHeader)).toThrow(VolumeError));
});

describe('readVoxels', () => {
  it('reads exactly the bytes that the header promises', () => {
    expect(readVoxels(header, new ArrayBuffer(96))).toBeInstanceOf(Float32Array);
    expect(() => readVoxels(header, new ArrayBuffer(95))).toThrow('95 bytes');
    expect(() => readVoxels({ ...header, dtype: 'int16' }, new ArrayBuffer(96))).toThrow(VolumeError);
  });
});

it('refuses voxels with another digest', () => {
  expect(() => checkDigest(header, 'abd')).toThrow(VolumeError);
  expect(() => checkDigest(header, 'abc')).not.toThrow();
});

it('tells grids apart', () => {
  expect(isSameGrid(header, { ...header, unit: 'Gy' })).toBe(true);
  expect(isSameGrid(header, { ...header, origin_lps_mm: [-1, -2, -2.9] })).toBe(false);
});
