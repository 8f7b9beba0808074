import { expect, it } from 'vitest';
import { differingLabels, withRegionsOf } from './label_merge';

const labels = (...values: number[]): Uint8Array => Uint8Array.from(values);

it('names the regions that gained and those that lost voxels', () => {
  expect([...differingLabels(labels(0, 1, 2, 3), labels(4, 1, 0, 3))].sort()).toEqual([2, 4]);
  expect([...differingLabels(labels(1, 2), labels(1, 3))].sort()).toEqual([2, 3]);
  expect(differingLabels(labels(1, 0), labels(1, 0)).size).toBe(0);
});

it('takes the named regions as I drew them and gives up what they no longer hold', () => {
  const merged = withRegionsOf({ mine: labels(1, 1, 0, 0), theirs: labels(0, 1, 1, 0), taken: new Set([1]) });
  expect([...merged]).toEqual([1, 1, 0, 0]);
});

it('leaves every voxel of a region that I did not change, also where I drew over it', () => {
  const merged = withRegionsOf({ mine: labels(1, 1, 1, 2), theirs: labels(0, 2, 3, 0), taken: new Set([1]) });
  expect([...merged]).toEqual([1, 2, 3, 0]);
});

it('does not bring back a region of others that they made smaller', () => {
  const merged = withRegionsOf({ mine: labels(2, 2, 1), theirs: labels(2, 0, 0), taken: new Set([1]) });
  expect([...merged]).toEqual([2, 0, 1]);
});
