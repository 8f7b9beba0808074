import { expect, it } from 'vitest';
import { ADDED, labelDifference, REMOVED } from './label_difference';

it('marks what joined and what left one region, and nothing of the others', () => {
  const then = Uint8Array.from([1, 1, 0, 2, 2, 3]);
  const now = Uint8Array.from([1, 0, 1, 1, 0, 2]);
  expect([...labelDifference(then, now, 1) ?? []]).toEqual([0, REMOVED, ADDED, ADDED, 0, 0]);
  expect([...labelDifference(then, now, 3) ?? []]).toEqual([0, 0, 0, 0, 0, REMOVED]);
});

it('compares nothing over two grids', () => {
  expect(labelDifference(new Uint8Array(3), new Uint8Array(4), 1)).toBeNull();
});
