import { describe, expect, it } from 'vitest';
import { closedCurve } from './spline';
import type { Vec3 } from './volume';

const STEP_MM = 0.5;
const around = (count: number, radius: number): Vec3[] => Array.from({ length: count }, (_, n) => [radius * Math.cos((2 * Math.PI * n) / count), radius * Math.sin((2 * Math.PI * n) / count), 7]);
const areaOf = (line: readonly Vec3[]): number => Math.abs(line.reduce((sum, [x, y], n) => { const [a, b] = line[(n + 1) % line.length] as Vec3; return sum + x * b - a * y; }, 0)) / 2;
const gap = (a: Vec3, b: Vec3): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
const nearest = (line: readonly Vec3[], point: Vec3): number => Math.min(...line.map((place) => gap(place, point)));
/** How often the closed line crosses itself. */
function crossings(line: readonly Vec3[]): number {
  const side = (p: Vec3, q: Vec3, r: Vec3): number => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  const at = (n: number): Vec3 => line[n % line.length] as Vec3;
  let found = 0;
  for (let i = 0; i < line.length; i += 1) {
    for (let j = i + 2; j < line.length; j += 1) {
      const [a, b, c, d] = [at(i), at(i + 1), at(j), at(j + 1)];
      if (i + line.length !== j + 1 && side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) found += 1;
    }
  }
  return found;
}

describe('closedCurve', () => {
  it('goes through every point, in order, and stays on their slice', () => {
    const points: Vec3[] = [[0, 0, 3], [10, 0, 3], [30, 12, 3], [8, 25, 3]];
    const line = closedCurve(points, STEP_MM);
    const places = points.map((point) => line.findIndex((place) => gap(place, point) < 1e-9));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBe(0);
    expect(line.every(([, , z]) => z === 3)).toBe(true);
  });

  it('is a circle through points of a circle, nearer with more of them', () => {
    const errors = [6, 8, 12].map((count) => Math.abs(areaOf(closedCurve(around(count, 20), STEP_MM)) / (Math.PI * 400) - 1));
    // A polygon of 8 corners lacks 10 % of the circle; cubics through them, one percent and less.
    expect(errors[1]).toBeLessThan(0.01);
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
  });

  it('has no gaps, and none wider where the curve bends', () => {
    const line = closedCurve(around(5, 30), STEP_MM);
    expect(Math.max(...line.map((place, n) => gap(place, line[(n + 1) % line.length] as Vec3)))).toBeLessThan(2 * STEP_MM);
  });

  it('neither loops nor runs off where points lie close beside far ones', () => {
    const points: Vec3[] = [[0, 0, 0], [40, 0, 0], [41, 1, 0], [42, 0, 0], [80, 30, 0], [0, 30, 0]];
    const line = closedCurve(points, STEP_MM);
    expect(crossings(line)).toBe(0);
    expect(Math.min(...line.map(([, y]) => y))).toBeGreaterThan(-8);
  });

  it('does not depend on where it begins or which way it goes', () => {
    const points: Vec3[] = [[0, 0, 0], [20, 3, 0], [25, 20, 0], [3, 14, 0]];
    const line = closedCurve(points, STEP_MM);
    const [first, ...rest] = points as [Vec3, ...Vec3[]];
    for (const other of [closedCurve([...rest, first], STEP_MM), closedCurve([...points].reverse(), STEP_MM)]) {
      expect(areaOf(other)).toBeCloseTo(areaOf(line), 6);
      expect(Math.max(...other.map((place) => nearest(line, place)))).toBeLessThan(STEP_MM);
    }
  });

  it('takes a point that was clicked twice once, and leaves two points a line', () => {
    const points = around(4, 10);
    expect(closedCurve(points.flatMap((point) => [point, point]).concat([points[0] as Vec3]), STEP_MM)).toEqual(closedCurve(points, STEP_MM));
    expect(closedCurve([[0, 0, 0], [5, 0, 0]], STEP_MM)).toEqual([[0, 0, 0], [5, 0, 0]]);
    expect(closedCurve([], STEP_MM)).toEqual([]);
  });
});
