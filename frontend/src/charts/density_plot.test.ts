import { describe, expect, it } from 'vitest';
import type { DensityPoint } from '../domain/density';
import { densityPlot } from './density_plot';

const STANDARD: DensityPoint[] = [[-1000, 0], [1000, 2]];
const SIZE = { width: 238, height: 124 }; // 200 by 100 pixels inside the margins

const linesOf = (own: DensityPoint[] | null): string[] =>
  [...densityPlot({ own, standard: STANDARD, label: 'Curve', size: SIZE }).text.matchAll(/ d="([^"]*)"/g)].map((match) => match[1] ?? '');

describe('the plot of a density curve', () => {
  it('shows the default alone as the main line', () => {
    const text = densityPlot({ own: null, standard: STANDARD, label: 'Curve', size: SIZE }).text;
    expect(text).toContain('class="line main"');
    expect(text).not.toContain('dash');
    expect(text).toContain('aria-label="Curve"');
  });

  it('draws the own curve flat to the edges of the default, and marks its points', () => {
    const own: DensityPoint[] = [[-500, 1], [500, 1]];
    const [standard, line] = linesOf(own);
    // 2.1 g/mL is the top of the axis: 1 g/mL lies 47.6 of 100 pixels above the bottom at 106.
    expect(line).toBe('M30 58.4L80 58.4L180 58.4L230 58.4');
    expect(standard?.startsWith('M30 106')).toBe(true);
    expect(densityPlot({ own, standard: STANDARD, label: '', size: SIZE }).text.match(/<circle/g)).toHaveLength(2);
  });

  it('widens the axis to an own curve that reaches further', () => {
    const [standard] = linesOf([[-1000, 0.1], [3000, 2]]);
    expect(standard?.endsWith('L230 10.8')).toBe(true);
  });

  it('keeps its axis when a number was mistyped by orders of magnitude', () => {
    const [standard] = linesOf([[-1000, 0.1], [1e9, 2]]);
    expect(standard?.startsWith('M30 106')).toBe(true);
    expect(standard?.endsWith('L230 10.8')).toBe(true);
  });

  it('draws nothing for an own curve without points', () => expect(linesOf([])[1]).toBe(''));
});
