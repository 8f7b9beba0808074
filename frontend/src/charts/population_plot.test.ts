import { describe, expect, it } from 'vitest';
import { band, populationPlot } from './population_plot';

describe('population plot', () => {
  it('goes up the upper line and back the lower', () => {
    expect(band([1, 2], [3, 4], [5, 6])).toEqual([[1, 5], [2, 6], [2, 4], [1, 3]]);
  });
  it('draws two bands and the median', () => {
    const values = [90, 50];
    const text = populationPlot({ times_h: [24, 48], low_95: [60, 20], low_68: [80, 40], median: values, high_68: [95, 60], high_95: [120, 90] }, 'Curve of kidneys').toString();
    expect(text.match(/<path/g)).toHaveLength(3);
    expect(text).toContain('Curve of kidneys');
  });
});
