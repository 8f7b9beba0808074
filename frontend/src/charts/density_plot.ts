/** A CT density curve beside the published default: density over CT number. */
import type { DensityPoint } from '../domain/density';
import { each, html, nothing, type Html } from '../domain/html';
import { formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, svg, ticks, verticalGrid, type Range } from './svg';

const MARGINS = { top: 6, right: 8, bottom: 18, left: 30 };
const CLIPPED = { min: -1e4, max: 1e5 }; // a typing error must not make the axis useless

function rangeOf(values: readonly number[]): Range {
  return { min: Math.min(...values), max: Math.max(...values) };
}

/** Draws `own` in colour over the dashed default; both run flat to the edges, as they are used. */
export function densityPlot(parts: { own: readonly DensityPoint[] | null; standard: readonly DensityPoint[]; label: string; size: { width: number; height: number } }): Html {
  const all = [...parts.standard, ...(parts.own ?? [])].filter(([hu, density]) => hu > CLIPPED.min && hu < CLIPPED.max && density < CLIPPED.max);
  const hu = rangeOf(all.map((point) => point[0]));
  const inside = frame(parts.size, MARGINS, hu, { min: 0, max: rangeOf(all.map((point) => point[1])).max * 1.05 });
  const line = (points: readonly DensityPoint[]): string => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return '';
    return path([[Math.min(hu.min, first[0]), first[1]], ...points, [Math.max(hu.max, last[0]), last[1]]], inside);
  };
  const huTicks = ticks(hu, 3);
  const densityTicks = ticks({ min: 0, max: rangeOf(all.map((point) => point[1])).max }, 3);
  return svg(parts.size, parts.label, html`${horizontalGrid(densityTicks, inside, formatPlain)}${verticalGrid(huTicks, inside)}${each(huTicks, (value) =>
    html`<text x="${inside.x(value)}" y="${parts.size.height - 5}" text-anchor="middle">${formatPlain(value)}</text>`)}
    <path class="line ${parts.own ? 'dash' : 'main'}" d="${line(parts.standard)}"></path>${parts.own
    ? html`<g data-colour="r1"><path class="line main" d="${line(parts.own)}"></path>${each(parts.own, ([x, y]) => html`<circle class="point" cx="${inside.x(x)}" cy="${inside.y(y)}" r="2.5"></circle>`)}</g>` : nothing}`);
}
