import { describe, expect, it } from 'vitest';
import { isClosed, isoSegments, joinSegments, pathText } from './isolines';

const N = 48;
const CENTRE = 23.5;
const cone = (): Float32Array => Float32Array.from({ length: N * N }, (_, i) => 30 - Math.hypot((i % N) - CENTRE, Math.floor(i / N) - CENTRE));

describe('isoSegments', () => {
  it('lays the level of a cone on a circle', () => {
    const segments = isoSegments(cone(), N, N, 15);
    expect(segments.length).toBeGreaterThan(200);
    for (let i = 0; i < segments.length; i += 2) {
      // Linear interpolation between voxels of a cone is wrong by the curvature alone.
      expect(Math.abs(Math.hypot((segments[i] as number) - CENTRE, (segments[i + 1] as number) - CENTRE) - 15)).toBeLessThan(0.02);
    }
  });

  it('draws nothing beside missing values, and never a line to zero', () => {
    const values = cone();
    values.fill(Number.NaN, 0, N * 24);
    const rows = isoSegments(values, N, N, 15).filter((_, i) => i % 2 === 1);
    expect(rows.length).toBeGreaterThan(0);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(24);
  });

  it('separates the two corners of a saddle', () => {
    expect(isoSegments([1, 0, 0, 1], 2, 2, 0.5)).toHaveLength(8);
    expect(isoSegments([0, 1, 1, 0], 2, 2, 0.5)).toHaveLength(8);
  });

  it('is empty where all is above or all below', () => {
    expect(isoSegments(new Float32Array(9).fill(2), 3, 3, 1)).toEqual([]);
    expect(isoSegments(new Float32Array(9), 3, 3, 1)).toEqual([]);
  });
});

describe('joinSegments', () => {
  it('makes one closed line of a circle, so that dashes run on', () => {
    const lines = joinSegments(isoSegments(cone(), N, N, 15));
    expect(lines).toHaveLength(1);
    expect(isClosed(lines[0] ?? [])).toBe(true);
    expect(pathText(lines)).toMatch(/^M[^MZ]*Z$/);
  });

  it('keeps every segment', () => {
    const segments = isoSegments(cone(), N, N, 15);
    const n = joinSegments(segments).reduce((sum, line) => sum + line.length / 2 - 1, 0);
    expect(n).toBe(segments.length / 4);
  });

  it('leaves an open line open', () => {
    const ramp = Float32Array.from({ length: 16 }, (_, i) => i % 4);
    const lines = joinSegments(isoSegments(ramp, 4, 4, 1.5));
    expect(lines).toHaveLength(1);
    expect(isClosed(lines[0] ?? [])).toBe(false);
    expect(pathText(lines)).toBe('M1.50 3.00L1.50 2.00L1.50 1.00L1.50 0.00');
  });
});
