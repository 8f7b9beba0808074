import { expect, it } from 'vitest';
import { inverseGrey, projectMaximum } from './volume_projection';
import type { Volume } from './volume';

const volume: Volume = {
  id: 'v', voxels: new Float32Array(3 * 4 * 2),
  header: {
    kind: 'spect', dimensions: [3, 4, 2], spacing_mm: [1, 1, 1], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    dtype: 'float32', unit: 'Bq/mL', frame_of_reference_uid: '1', sha256: '',
  },
};
volume.voxels[2 + 3 * (1 + 4 * 1)] = 9;

it('keeps the largest value and where it lies, head up', () => {
  const front = projectMaximum(volume, 1);
  expect([front.width, front.height]).toEqual([3, 2]);
  expect(front.values[2]).toBe(9);
  expect(front.depth[2]).toBe(1);
  expect(front.values[2 + 3]).toBe(0);
  const side = projectMaximum(volume, 0);
  expect([side.width, side.values[1], side.depth[1]]).toEqual([4, 9, 2]);
});

it('is black at the upper end of the window and white at the lower', () => {
  const grey = inverseGrey(projectMaximum(volume, 1), 0, 9);
  expect([...grey.slice(8, 12)]).toEqual([0, 0, 0, 255]);
  expect([...grey.slice(0, 4)]).toEqual([255, 255, 255, 255]);
});
