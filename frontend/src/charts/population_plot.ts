/** The curve of a population: median and the bands in which 68 % and 95 % of new patients lie. */
import { each, html, type Html } from '../domain/html';
import { formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, svg, ticks } from './svg';

export interface PopulationCurve { times_h: number[]; low_95: number[]; low_68: number[]; median: number[]; high_68: number[]; high_95: number[] }

const SIZE = { width: 262, height: 170 };
const MARGINS = { top: 8, right: 10, bottom: 24, left: 40 };

/** Upper line forth and lower line back. */
export function band(times: readonly number[], low: readonly number[], high: readonly number[]): (readonly [number, number])[] {
  return [...times.map((time, i) => [time, high[i] ?? 0] as const), ...times.map((time, i) => [time, low[i] ?? 0] as const).reverse()];
}

export function populationPlot(curve: PopulationCurve, label: string): Html {
  const highest = Math.max(...curve.high_95, 1);
  const inside = frame(SIZE, MARGINS, { min: 0, max: curve.times_h.at(-1) ?? 1 }, { min: 0, max: highest });
  const bottom = SIZE.height - MARGINS.bottom;
  const hours = ticks({ min: 0, max: curve.times_h.at(-1) ?? 1 }, 5);
  const line = curve.times_h.map((time, i) => [time, curve.median[i] ?? 0] as const);
  return html`<div class="small-plot">${svg(SIZE, label, html`${horizontalGrid(ticks({ min: 0, max: highest }, 4), inside, (value) => formatPlain(value))}
    ${each(hours, (hour) => html`<text x="${inside.x(hour)}" y="${bottom + 14}" text-anchor="middle">${formatPlain(hour)}</text>`)}
    <text x="${MARGINS.left - 7}" y="${bottom + 14}" text-anchor="end">h</text>
    <path class="band outer" d="${path(band(curve.times_h, curve.low_95, curve.high_95), inside)}Z"></path><path class="band" d="${path(band(curve.times_h, curve.low_68, curve.high_68), inside)}Z"></path>
    <path class="line" d="${path(line, inside)}"></path>`)}</div>`;
}
