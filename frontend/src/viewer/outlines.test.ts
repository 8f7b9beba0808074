import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { VolumeHeader } from '../domain/volume';
import { OutlineCache } from './outlines';
import type { LabelLayer } from './scan';

const header: VolumeHeader = {
  kind: 'labels', dimensions: [8, 8, 4], spacing_mm: [1, 1, 1], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'uint8', unit: '', frame_of_reference_uid: '1', sha256: '',
};
const layerOf = (voxels: Uint8Array, version = 1): LabelLayer => ({ kind: 'organs', volume: { id: 'new-organs', header, voxels }, version, looks: new Map() });

beforeAll(() => {
  vi.stubGlobal('Path2D', class { moveTo(): void { /* no picture in this test */ } lineTo(): void { /* nor here */ } closePath(): void { /* nor here */ } });
});

describe('OutlineCache', () => {
  it('traces a slice again only when its labels changed', () => {
    const cache = new OutlineCache();
    const voxels = new Uint8Array(8 * 8 * 4);
    voxels[64 + 27] = 3;
    const before = cache.get(layerOf(voxels), 'axial', 1);
    expect([...before.keys()]).toEqual([3]);
    voxels[128 + 27] = 5;
    expect(cache.get(layerOf(voxels, 2), 'axial', 1)).toBe(before);
    voxels[64 + 36] = 5;
    const after = cache.get(layerOf(voxels, 3), 'axial', 1);
    expect([...after.keys()]).toEqual([3, 5]);
  });

  it('keeps volumes apart that have the same name and version, as new contours of two time points do', () => {
    const cache = new OutlineCache();
    const [first, second] = [new Uint8Array(8 * 8 * 4), new Uint8Array(8 * 8 * 4)];
    first[27] = 1;
    second[27] = 2;
    expect([...cache.get(layerOf(first), 'axial', 0).keys()]).toEqual([1]);
    expect([...cache.get(layerOf(second), 'axial', 0).keys()]).toEqual([2]);
  });
});
