/** Lines of equal value on a regular grid, in grid coordinates, and their joining into long lines. */
export type Polyline = number[];

/** Marching squares: segments x1, y1, x2, y2, … of one level. A cell with a missing (NaN) corner has no line. */
export function isoSegments(values: ArrayLike<number>, width: number, height: number, level: number): number[] {
  const out: number[] = [];
  for (let y = 0; y < height - 1; y += 1) {
    for (let x = 0; x < width - 1; x += 1) {
      const at = y * width + x;
      const a = values[at] as number;
      const b = values[at + 1] as number;
      const c = values[at + width + 1] as number;
      const d = values[at + width] as number;
      const code = (a > level ? 1 : 0) | (b > level ? 2 : 0) | (c > level ? 4 : 0) | (d > level ? 8 : 0);
      if (code === 0 || code === 15 || Number.isNaN(a + b + c + d)) continue;
      addCell(out, code, { x, y, a, b, c, d, level });
    }
  }
  return out;
}

interface Cell { x: number; y: number; a: number; b: number; c: number; d: number; level: number }

function addCell(out: number[], code: number, { x, y, a, b, c, d, level }: Cell): void {
  const part = (from: number, to: number): number => (level - from) / (to - from);
  const top = (): number[] => [x + part(a, b), y];
  const right = (): number[] => [x + 1, y + part(b, c)];
  const bottom = (): number[] => [x + part(d, c), y + 1];
  const left = (): number[] => [x, y + part(a, d)];
  switch (code) {
    case 1: case 14: out.push(...left(), ...top()); break;
    case 2: case 13: out.push(...top(), ...right()); break;
    case 4: case 11: out.push(...right(), ...bottom()); break;
    case 8: case 7: out.push(...bottom(), ...left()); break;
    case 3: case 12: out.push(...left(), ...right()); break;
    case 6: case 9: out.push(...top(), ...bottom()); break;
    case 5: out.push(...left(), ...top(), ...right(), ...bottom()); break;
    default: out.push(...top(), ...right(), ...bottom(), ...left());
  }
}

const KEY_STEPS = 4096;

/** Joins segments that share an end into polylines, so that dashes run along the whole line; closed lines repeat the first point. */
export function joinSegments(segments: readonly number[]): Polyline[] {
  const keyOf = (x: number, y: number): number => Math.round(x * KEY_STEPS) * 67_108_864 + Math.round(y * KEY_STEPS);
  const ends = new Map<number, number[]>();
  const count = segments.length / 4;
  const link = (key: number, segment: number): void => {
    const list = ends.get(key);
    if (list) list.push(segment);
    else ends.set(key, [segment]);
  };
  const point = (segment: number, end: number): [number, number] => [segments[segment * 4 + end * 2] as number, segments[segment * 4 + end * 2 + 1] as number];
  for (let s = 0; s < count; s += 1) {
    link(keyOf(...point(s, 0)), s);
    link(keyOf(...point(s, 1)), s);
  }
  const isUsed = new Uint8Array(count);
  const walk = (line: Polyline): void => {
    for (;;) {
      const x = line[line.length - 2] as number;
      const y = line[line.length - 1] as number;
      const key = keyOf(x, y);
      const next = ends.get(key)?.find((segment) => !isUsed[segment]);
      if (next === undefined) return;
      isUsed[next] = 1;
      const first = point(next, 0);
      line.push(...(keyOf(...first) === key ? point(next, 1) : first));
    }
  };
  const lines: Polyline[] = [];
  for (let s = 0; s < count; s += 1) {
    if (isUsed[s]) continue;
    isUsed[s] = 1;
    const line: Polyline = [...point(s, 0), ...point(s, 1)];
    walk(line);
    const reversed = reverse(line);
    walk(reversed);
    lines.push(reversed);
  }
  return lines;
}

function reverse(line: Polyline): Polyline {
  const out: Polyline = [];
  for (let i = line.length - 2; i >= 0; i -= 2) out.push(line[i] as number, line[i + 1] as number);
  return out;
}

const CLOSE = 1e-3;
export const isClosed = (line: Polyline): boolean =>
  line.length > 6 && Math.abs((line[0] as number) - (line[line.length - 2] as number)) < CLOSE && Math.abs((line[1] as number) - (line[line.length - 1] as number)) < CLOSE;

/** The text of an SVG path. */
export function pathText(lines: readonly Polyline[], decimals = 2): string {
  let text = '';
  for (const line of lines) {
    const n = isClosed(line) ? line.length - 2 : line.length;
    for (let i = 0; i < n; i += 2) text += `${i === 0 ? 'M' : 'L'}${(line[i] as number).toFixed(decimals)} ${(line[i + 1] as number).toFixed(decimals)}`;
    if (n < line.length) text += 'Z';
  }
  return text;
}
