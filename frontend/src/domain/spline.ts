/**
 * A smooth closed curve through points: centripetal Catmull-Rom, by the pyramid of Barry and Goldman. Knots at the square root of the
 * distance leave no cusp and no loop between two points, however unequal their distances are (Yuksel, Schaefer and Keyser,
 * Parameterization and applications of Catmull-Rom curves, Computer-Aided Design 43, 2011, doi:10.1016/j.cad.2010.08.008).
 */
import type { Vec3 } from './volume';

const distance = (a: Vec3, b: Vec3): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** Where a straight line that is at `a` at the knot `from`, and at `b` at `to`, lies at `t`. */
function between(a: Vec3, b: Vec3, [from, to]: readonly [from: number, to: number], t: number): Vec3 {
  const share = (t - from) / (to - from);
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])];
}

type Four = readonly [Vec3, Vec3, Vec3, Vec3];

/** Points of the curve from the second of four points up to, and without, the third. */
function segment([a, b, c, d]: Four, count: number): Vec3[] {
  const t1 = Math.sqrt(distance(a, b));
  const t2 = t1 + Math.sqrt(distance(b, c));
  const t3 = t2 + Math.sqrt(distance(c, d));
  return Array.from({ length: count }, (_, n) => {
    const t = t1 + ((t2 - t1) * n) / count;
    const [ab, bc, cd] = [between(a, b, [0, t1], t), between(b, c, [t1, t2], t), between(c, d, [t2, t3], t)];
    return between(between(ab, bc, [0, t2], t), between(bc, cd, [t1, t3], t), [t1, t2], t);
  });
}

/** The curve through points and back to the first, at least every `stepMm`; two points are a line, and equal neighbours one point. */
export function closedCurve(points: readonly Vec3[], stepMm: number): Vec3[] {
  const apart = points.filter((point, n) => n === 0 || distance(point, points[n - 1] as Vec3) > 0);
  while (apart.length > 1 && distance(apart[0] as Vec3, apart[apart.length - 1] as Vec3) === 0) apart.pop();
  if (apart.length < 3) return apart;
  const at = (n: number): Vec3 => apart[(n + apart.length) % apart.length] as Vec3;
  return apart.flatMap((point, n) => segment([at(n - 1), point, at(n + 1), at(n + 2)], Math.max(1, Math.ceil(distance(point, at(n + 1)) / stepMm))));
}
