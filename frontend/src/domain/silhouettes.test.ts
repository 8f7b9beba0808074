import { expect, it } from 'vitest';
import { labelPoints, silhouetteAt, silhouettes } from './silhouettes';
import { turnOf } from './turned_projection';
import type { VolumeHeader } from './volume';

const header: VolumeHeader = {
  kind: 'labels', dimensions: [12, 12, 6], spacing_mm: [2, 2, 4], origin_lps_mm: [-11, -11, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'uint8', unit: '', frame_of_reference_uid: '1', sha256: '',
};
const labels = new Uint8Array(12 * 12 * 6);
const fillBox = (label: number, [i0, i1]: number[], [j0, j1]: number[], [k0, k1]: number[]): void => {
  for (let k = k0 ?? 0; k <= (k1 ?? 0); k += 1) for (let j = j0 ?? 0; j <= (j1 ?? 0); j += 1) for (let i = i0 ?? 0; i <= (i1 ?? 0); i += 1) labels[i + 12 * (j + 12 * k)] = label;
};
fillBox(1, [1, 8], [1, 4], [0, 4]);
fillBox(2, [3, 4], [8, 9], [2, 3]);

it('covers from the front what the label covers, whatever its depth, and the smaller lies above', () => {
  const seen = silhouettes(header, labelPoints(header, labels), turnOf(header, 0));
  expect(seen.map((one) => one.label)).toEqual([1, 2]);
  expect(silhouetteAt(seen, [-11 + 2 * 3, 8])?.label).toBe(2);
  expect(silhouetteAt(seen, [-11 + 2 * 7, 8])?.label).toBe(1);
  expect(silhouetteAt(seen, [-11 + 2 * 11, 8])).toBeNull();
  expect(seen[1]?.middle).toEqual([-4, 10]);
  expect(seen[1]?.area).toBe(2 * 2 * 2 * 4);
});

it('tells labels apart from the side that lie behind each other from the front', () => {
  const seen = silhouettes(header, labelPoints(header, labels), turnOf(header, 90));
  const at = (y: number): number | undefined => silhouetteAt(seen, [y, 8])?.label;
  expect([at(-11 + 2 * 2), at(-11 + 2 * 8)]).toEqual([1, 2]);
});

it('has a closed outline round each label, without holes at a slant', () => {
  for (const degrees of [0, 45, 30]) {
    for (const one of silhouettes(header, labelPoints(header, labels), turnOf(header, degrees))) expect(one.outlines).toHaveLength(1);
  }
});
