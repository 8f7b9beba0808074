import { expect, it } from 'vitest';
import { isClosed } from './isolines';
import { boxesOf, labelCentre, labelOutlines, labelSlice, labelsPresent } from './volume_labels';
import type { VolumeHeader } from './volume';

const header: VolumeHeader = {
  kind: 'labels', dimensions: [4, 5, 6], spacing_mm: [1, 1, 1], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'uint8', unit: '', frame_of_reference_uid: '1', sha256: '',
};
const at = (i: number, j: number, k: number): number => i + 4 * (j + 5 * k);
const labels = new Uint8Array(120);
labels[at(1, 2, 3)] = 7;
labels[at(2, 2, 3)] = 7;
labels[at(3, 4, 5)] = 9;

it.each([['axial', 3, 4, 5, 1 + 2 * 4], ['coronal', 2, 4, 6, 1 + 3 * 4], ['sagittal', 1, 5, 6, 2 + 3 * 5]] as const)(
  'cuts the %s slice', (plane, slice, width, height, place) => {
    const cut = labelSlice(header, labels, plane, slice);
    expect([cut.width, cut.height, cut.labels[place]]).toEqual([width, height, 7]);
  },
);

it('finds each label of a slice and its box', () => {
  expect(boxesOf(labelSlice(header, labels, 'axial', 3))).toEqual(new Map([[7, { left: 1, top: 2, right: 2, bottom: 2 }]]));
});

it('outlines half way between inside and outside, also at the edge of the volume', () => {
  const [line = []] = labelOutlines(labelSlice(header, labels, 'axial', 3)).get(7) ?? [];
  expect(isClosed(line)).toBe(true);
  const xs = line.filter((_, i) => i % 2 === 0);
  expect([Math.min(...xs), Math.max(...xs)]).toEqual([0.5, 2.5]);
  const edge = labelOutlines(labelSlice(header, labels, 'axial', 5)).get(9)?.[0] ?? [];
  expect(Math.max(...edge.filter((_, i) => i % 2 === 0))).toBe(3.5);
});

it('finds the centre, and none of what is not there', () => {
  expect(labelCentre(header, labels, 9)).toEqual([3, 4, 5]);
  expect(labelCentre(header, labels, 1)).toBeNull();
  expect(labelsPresent(labels)).toEqual(new Set([7, 9]));
});
