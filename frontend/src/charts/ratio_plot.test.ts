import { describe, expect, it } from 'vitest';
import { ratioPlot, reach } from './ratio_plot';

const row = (ratio: number | null, u: number | null = 0.01) => ({ name: 'Liver', colour: 'r1', ratio, u, bar: 0.05 });

describe('ratioPlot', () => {
  it('reaches over error and two uncertainties, in tens, between 10 and 60 %', () => {
    expect(reach([row(1.01)])).toBe(10);
    expect(reach([row(0.83, 0.03)])).toBe(30);
    expect(reach([row(9)])).toBe(60);
    expect(reach([])).toBe(10);
  });
  it('draws a region that was not given an uncertainty without a whisker', () => {
    expect(String(ratioPlot([row(1.02)], 400, 'x'))).toContain('whisker');
    expect(String(ratioPlot([row(1.02, null)], 400, 'x'))).not.toContain('whisker');
  });
  it('keeps a line for a region without a result, with a dash and no point', () => {
    const drawn = String(ratioPlot([row(1.02), row(null, null)], 400, 'x'));
    expect(drawn.match(/class="bar-band"/g)).toHaveLength(2);
    expect(drawn.match(/<circle/g)).toHaveLength(1);
    expect(drawn).toContain('>—</text>');
    expect(reach([row(null, null)])).toBe(10);
  });
  it('keeps the truth in the middle', () => {
    const drawn = String(ratioPlot([row(1)], 400, 'x'));
    const middle = /mark-line" x1="([\d.]+)"/.exec(drawn)?.[1];
    expect(drawn).toContain(`cx="${middle}"`);
  });
});
