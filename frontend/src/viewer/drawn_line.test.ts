import { expect, it } from 'vitest';
import type { VolumeHeader } from '../domain/volume';
import { linesOn, type DrawnLine } from './drawn_line';

const header = { dimensions: [9, 9, 9], spacing_mm: [1, 1, 3], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader;

it('shows a line in panes of its plane, on its slice alone', () => {
  const line: DrawnLine = { plane: 'axial', points: [[1, 1, 6.2], [2, 1, 6.2]] };
  expect(linesOn([null, line], header, 'axial', [0, 0, 7.4])).toEqual([line]);
  expect(linesOn([line], header, 'axial', [0, 0, 7.6])).toEqual([]);
  expect(linesOn([line], header, 'coronal', [0, 1, 6.2])).toEqual([]);
  expect(linesOn([{ plane: 'axial', points: [] }], header, 'axial', [0, 0, 0])).toEqual([]);
});
