/** Measured points and the fitted line through them; with `hasIdentity` also where nothing would be lost. */
import { each, html, nothing, type Html } from '../domain/html';
import { formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, svg, ticks, type Point } from './svg';

interface Drawn { x: readonly number[]; y: readonly number[] }
const MARGINS = { top: 8, right: 12, bottom: 34, left: 52 };

const pairs = (drawn: Drawn): Point[] => drawn.x.map((x, i) => [x, drawn.y[i] ?? 0] as const);

export function fitPlot(parts: { points: Drawn; line: Drawn; size: { width: number; height: number }; label: string; xLabel: string; hasIdentity: boolean }): Html {
  const right = Math.max(...parts.points.x, ...parts.line.x);
  const top = Math.max(...parts.points.y, ...parts.line.y) * 1.08;
  const inside = frame(parts.size, MARGINS, { min: 0, max: right }, { min: 0, max: top });
  const bottom = parts.size.height - MARGINS.bottom;
  const end = Math.min(right, top);
  const steps = ticks({ min: 0, max: right }, 4);
  return html`<div class="small-plot mt-3">${svg(parts.size, parts.label, html`${horizontalGrid(ticks({ min: 0, max: top }, 4), inside, formatPlain)}${each(steps, (value) =>
    html`<text x="${inside.x(value)}" y="${bottom + 14}" text-anchor="middle">${formatPlain(value)}</text>`)}<text x="${inside.x(right / 2)}" y="${bottom + 29}" text-anchor="middle">${parts.xLabel}</text>
    ${parts.hasIdentity ? html`<path class="line dash" d="${path([[0, 0], [end, end]], inside)}"></path>` : nothing}<path class="line" d="${path(pairs(parts.line), inside)}"></path>${each(pairs(parts.points), ([x, y]) =>
    html`<circle class="point" cx="${inside.x(x)}" cy="${inside.y(y)}" r="3"></circle>`)}`)}</div>`;
}
