import { describe, expect, it } from 'vitest';
import { fitPlot } from './fit_plot';

const base = { size: { width: 300, height: 170 }, label: 'Recovery', xLabel: 'Volume (mL)', hasIdentity: false };
const points = { x: [1, 10], y: [0.4, 0.9] };
const line = { x: [1, 5, 10], y: [0.4, 0.8, 0.9] };

describe('fitPlot', () => {
  it('draws a bar of one standard uncertainty through each point', () => {
    const drawn = String(fitPlot({ ...base, points: { ...points, standard_uncertainty: [0.02, 0.2] }, line }));
    expect(drawn.match(/class="whisker"/g)).toHaveLength(2);
    expect(drawn.match(/class="point"/g)).toHaveLength(2);
  });
  it('keeps bars and band inside the box', () => {
    const drawn = String(fitPlot({ ...base, points: { ...points, standard_uncertainty: [0.02, 0.5] }, line: { ...line, low_95: [0.3, 0.7, 0.8], high_95: [0.5, 0.9, 1.6] } }));
    expect(drawn).toContain('class="band outer"');
    expect([...drawn.matchAll(/y[12]="(-?[\d.]+)"/g)].map((match) => Number(match[1])).filter((y) => y < 0)).toEqual([]);
  });
  it('draws results of before, which hold neither', () => {
    const drawn = String(fitPlot({ ...base, points, line }));
    expect(drawn).not.toContain('whisker');
    expect(drawn).not.toContain('band');
    expect(drawn).toContain('class="line"');
  });
});
