/** A small plot of a few lines with axes, for the inspector: drawn as SVG at a fixed size. */
import { each, html, nothing, type Html } from '../domain/html';
import { formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, svg, ticks } from './svg';

export interface SmallLine { name: string; values: readonly number[]; isDashed?: boolean }
export interface SmallPlot {
  label: string;
  x: readonly number[];
  lines: readonly SmallLine[];
  xUnit: string;
  yUnit: string;
  /** A vertical line, as at the best time. */
  mark?: number;
  /** A horizontal line, as at the wanted value. */
  level?: number;
}

const SIZE = { width: 262, height: 124 };
const MARGINS = { top: 8, right: 14, bottom: 24, left: 40 };

/** The range of all values, with the level in it and a little air. */
export function rangeOf(plot: SmallPlot): { min: number; max: number } {
  const values = [...plot.lines.flatMap((line) => line.values), ...(plot.level === undefined ? [] : [plot.level])].filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const air = 0.06 * (high - low || 1);
  return { min: low < 0 ? low - air : 0, max: high + air };
}

export function smallLines(plot: SmallPlot): Html {
  const [first, last] = [plot.x[0] ?? 0, plot.x.at(-1) ?? 1];
  const y = rangeOf(plot);
  const inside = frame(SIZE, MARGINS, { min: first, max: last }, y);
  const bottom = SIZE.height - MARGINS.bottom;
  const mark = plot.mark === undefined ? nothing : html`<line class="mark-line" x1="${inside.x(plot.mark)}" x2="${inside.x(plot.mark)}" y1="${MARGINS.top}" y2="${bottom}"></line>`;
  const level = plot.level === undefined ? nothing : html`<line class="level-line" x1="${MARGINS.left}" x2="${SIZE.width - MARGINS.right}" y1="${inside.y(plot.level)}" y2="${inside.y(plot.level)}"></line>`;
  return html`<div class="small-plot">${svg(SIZE, plot.label, html`${horizontalGrid(ticks(y, 4), inside, (value) => formatPlain(value))}
    ${each(ticks({ min: first, max: last }, 5), (value) => html`<text x="${inside.x(value)}" y="${bottom + 14}" text-anchor="middle">${formatPlain(value)}</text>`)}
    <text class="unit" x="${MARGINS.left - 7}" y="${bottom + 14}" text-anchor="end">${plot.xUnit}</text><text class="unit" x="${MARGINS.left + 4}" y="${MARGINS.top + 6}">${plot.yUnit}</text>
    ${level}${mark}${each(plot.lines, (line) => html`<path class="line ${line.isDashed ? 'dash' : ''}" d="${path(plot.x.map((value, i) => [value, line.values[i] ?? 0] as const), inside)}"><title>${line.name}</title></path>`)}`)}</div>`;
}
