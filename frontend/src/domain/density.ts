/** Points of a CT density curve as text, one "HU; g/mL" a line, and back. */
export type DensityPoint = readonly [hu: number, gPerMl: number];

const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/;

function numberOf(text: string): number {
  const plain = text.trim().replace('\u2212', '-');
  return NUMBER.test(plain) ? Number(plain.replace(',', '.')) : Number.NaN;
}

export const densityText = (points: readonly DensityPoint[]): string => points.map((point) => point.join('; ')).join('\n');

/** The points of a text; throws with the line that is not "HU; g/mL". What makes a curve, the server decides. */
export function parseDensity(text: string): DensityPoint[] {
  const points: DensityPoint[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const [hu = Number.NaN, gPerMl = Number.NaN, ...rest] = line.split(';').map(numberOf);
    if (rest.length > 0 || Number.isNaN(hu) || Number.isNaN(gPerMl)) {
      throw new Error(`Line ${i + 1} is not “HU; g/mL”, as in “-98; 0.93”: ${line.trim()}`);
    }
    points.push([hu, gPerMl]);
  });
  return points;
}

/** Density at a CT number: straight lines between the points, flat outside. */
export function densityAt(points: readonly DensityPoint[], hu: number): number {
  const after = points.findIndex((point) => point[0] >= hu);
  const high = points[after === -1 ? points.length - 1 : after];
  const low = points[after - 1];
  if (!high) return Number.NaN;
  if (!low || after === -1) return high[1];
  return low[1] + ((hu - low[0]) / (high[0] - low[0])) * (high[1] - low[1]);
}
