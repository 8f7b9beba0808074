import { expect, it } from 'vitest';
import { logTicks } from './theme';

it('puts 1, 2 and 5 of every decade on a logarithmic axis', () => {
  expect(logTicks([0.4, 30, 0, -1])).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]);
  expect(logTicks([])).toEqual([]);
});
