/** Measured points with their uncertainty and the fitted line with its 95 % band; with `hasIdentity` also where nothing would be lost. */
import { each, html, nothing, type Html } from '../domain/html';
import { formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, svg, ticks, type Frame, type Point } from './svg';

export interface Measured { x: readonly number[]; y: readonly number[]; standard_uncertainty?: readonly number[] }
export interface Fitted { x: readonly number[]; y: readonly number[]; low_95?: readonly number[]; high_95?: readonly number[] }
interface Parts { points: Measured; line: Fitted; size: { width: number; height: number }; label: string; xLabel: string; hasIdentity: boolean }
const MARGINS = { top: 8, right: 12, bottom: 34, left: 52 };

const pairs = (x: readonly number[], y: readonly number[]): Point[] => x.map((value, i) => [value, y[i] ?? 0] as const);

export function fitPlot({ points, line, size, label, xLabel, hasIdentity }: Parts): Html {
  const u = points.standard_uncertainty ?? [];
  const right = Math.max(...points.x, ...line.x);
  const top = Math.max(...points.y.map((y, i) => y + (u[i] ?? 0)), ...line.y, ...(line.high_95 ?? [])) * 1.08;
  const inside = frame(size, MARGINS, { min: 0, max: right }, { min: 0, max: top });
  const bottom = size.height - MARGINS.bottom;
  const end = Math.min(right, top);
  return html`<div class="small-plot mt-3">${svg(size, label, html`${horizontalGrid(ticks({ min: 0, max: top }, 4), inside, formatPlain)}${each(ticks({ min: 0, max: right }, 4), (value) =>
    html`<text x="${inside.x(value)}" y="${bottom + 14}" text-anchor="middle">${formatPlain(value)}</text>`)}<text x="${inside.x(right / 2)}" y="${bottom + 29}" text-anchor="middle">${xLabel}</text>
    ${band(line, inside)}${hasIdentity ? html`<path class="line dash" d="${path([[0, 0], [end, end]], inside)}"></path>` : nothing}<path class="line" d="${path(pairs(line.x, line.y), inside)}"></path>${each(pairs(points.x, points.y), (point, i) => mark(point, u[i], inside))}`)}</div>`;
}

function band({ x, low_95: low, high_95: high }: Fitted, inside: Frame): Html {
  if (!low || !high) return nothing;
  return html`<path class="band outer" d="${path([...pairs(x, low), ...pairs(x, high).reverse()], inside)}Z"></path>`;
}

function mark([x, y]: Point, u: number | undefined, inside: Frame): Html {
  const bar = u === undefined ? nothing : html`<line class="whisker" x1="${inside.x(x)}" x2="${inside.x(x)}" y1="${inside.y(y - u)}" y2="${inside.y(y + u)}"></line>`;
  return html`${bar}<circle class="point" cx="${inside.x(x)}" cy="${inside.y(y)}" r="3"></circle>`;
}
