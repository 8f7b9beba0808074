import { describe, expect, it } from 'vitest';
import { rangeOf, smallLines } from './small_lines';

const plot = { label: 'Expected uncertainty', x: [24, 48, 72], lines: [{ name: 'expected', values: [9, 5, 4] }], xUnit: 'h', yUnit: '%' };

describe('small plot', () => {
  it('starts at zero and holds the wanted level', () => {
    expect(rangeOf(plot).min).toBe(0);
    expect(rangeOf(plot).max).toBeCloseTo(9.54);
    expect(rangeOf({ ...plot, level: 20 }).max).toBeCloseTo(21.2);
  });
  it('goes below zero where values do', () => {
    expect(rangeOf({ ...plot, lines: [{ name: 'error', values: [-30, 10] }] }).min).toBeLessThan(-30);
  });
  it('draws a line for each series and a mark', () => {
    const text = smallLines({ ...plot, mark: 72, lines: [...plot.lines, { name: 'other', values: [1, 2, 3], isDashed: true }] }).toString();
    expect(text.match(/<path/g)).toHaveLength(2);
    expect(text).toContain('mark-line');
    expect(text).toContain('Expected uncertainty');
  });
});
