import { describe, expect, it } from 'vitest';
import { densityAt, densityText, parseDensity, type DensityPoint } from './density';

const POINTS: DensityPoint[] = [[-1000, 0.0012], [0, 1], [1000, 2]];

describe('the text of a density curve', () => {
  it('is one point a line, and reads back as it was', () => {
    expect(densityText(POINTS)).toBe('-1000; 0.0012\n0; 1\n1000; 2');
    expect(parseDensity(densityText(POINTS))).toEqual(POINTS);
  });

  it('takes a comma or a point in numbers, a real minus sign, spaces and empty lines', () => {
    expect(parseDensity('  \u2212150 ;0,93\r\n\n 0; 1.0 \n+100;.5\n')).toEqual([[-150, 0.93], [0, 1], [100, 0.5]]);
  });

  it.each([['0; 1\n5', 2], ['0; 1\n\nwater; 1', 3], ['0; 1; 2', 1], ['0 1', 1], ['0; ', 1], ['0; 1e', 1], ['1,000.5; 1', 1], ['0; Infinity', 1]])(
    'names the line of %j', (text, line) => expect(() => parseDensity(text)).toThrow(`Line ${line} is not`),
  );
});

describe('density at a CT number', () => {
  it.each([[-1000, 0.0012], [-500, 0.5006], [0, 1], [250, 1.25], [1000, 2], [-3000, 0.0012], [4000, 2]])(
    'at %d HU is %d', (hu, expected) => expect(densityAt(POINTS, hu)).toBeCloseTo(expected, 12),
  );

  it('of no points is no number', () => expect(densityAt([], 0)).toBeNaN());
});
