import { expect, it } from 'vitest';
import { logTicks } from './theme';

it('puts 1, 2 and 5 of every decade on a logarithmic axis', () => {
  expect(logTicks([0.4, 30, 0, -1])).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]);
  expect(logTicks([])).toEqual([]);
});

it('shows at least three ticks where the values lie within one decade', () => {
  const seen = (values: number[]): number[] => logTicks(values).filter((tick) => tick >= Math.min(...values) && tick <= Math.max(...values));
  expect(seen([120.2, 138.3, 176])).toEqual([130, 140, 150, 160, 170]);
  expect(seen([2.5, 8])).toEqual([3, 4, 5, 6, 7, 8]);
  expect(seen([4.15, 5.56]).length).toBeGreaterThanOrEqual(3);
  expect(logTicks([7])).toEqual([7]);
});
