/** Found against true: one line per region, its error in per cent with two standard uncertainties, the bar shaded. Without a result its line stays, with a dash. */
import { each, html, nothing, type Html } from '../domain/html';
import { formatPlain, MISSING } from '../domain/quantity';
import { frame, svg, ticks, verticalGrid } from './svg';

export interface Ratio { name: string; colour: string; ratio: number | null; u: number | null; bar: number }

const ROW_PX = 22;
const MARGINS = { top: 4, right: 12, bottom: 34, left: 112 };
const WIDEST = 60;

/** The range in per cent: round, the same to both sides, wide enough for most and never without end. */
export function reach(rows: readonly Ratio[]): number {
  const widest = Math.max(10, ...rows.map((row) => row.ratio === null ? 0 : 100 * (Math.abs(row.ratio - 1) + 2 * (row.u ?? 0))));
  return Math.min(Math.ceil(widest / 10) * 10, WIDEST);
}

export function ratioPlot(rows: readonly Ratio[], width: number, label: string): Html {
  const end = reach(rows);
  const size = { width, height: MARGINS.top + MARGINS.bottom + ROW_PX * rows.length };
  const inside = frame(size, MARGINS, { min: -end, max: end }, { min: 0, max: 1 });
  const steps = ticks({ min: -end, max: end }, 6);
  const bottom = size.height - MARGINS.bottom;
  const clipped = (percent: number): number => Math.max(-end, Math.min(end, percent));
  const point = (row: Ratio, y: number): Html => {
    if (row.ratio === null) return html`<text x="${inside.x(0)}" y="${y + 4}" text-anchor="middle">${MISSING}</text>`;
    const [x, spread] = [100 * (row.ratio - 1), 200 * (row.u ?? 0)];
    return html`${row.u === null ? nothing : html`<line class="whisker" x1="${inside.x(clipped(x - spread))}" x2="${inside.x(clipped(x + spread))}" y1="${y}" y2="${y}"></line>`}<circle class="point" cx="${inside.x(clipped(x))}" cy="${y}" r="3.5"></circle>`;
  };
  const line = (row: Ratio, i: number): Html => {
    const y = MARGINS.top + ROW_PX * (i + 0.5);
    const [left, right] = [inside.x(clipped(-100 * row.bar)), inside.x(clipped(100 * row.bar))];
    return html`<g data-colour="${row.colour}"><rect class="bar-band" x="${left}" y="${y - ROW_PX / 2}" width="${right - left}" height="${ROW_PX}"></rect><text x="${MARGINS.left - 8}" y="${y + 4}" text-anchor="end">${row.name}</text>
      ${point(row, y)}</g>`;
  };
  return html`<div class="small-plot">${svg(size, label, html`${verticalGrid(steps, inside)}${each([...rows], line)}<line class="mark-line" x1="${inside.x(0)}" x2="${inside.x(0)}" y1="${MARGINS.top}" y2="${bottom}"></line>${each(steps, (value) =>
    html`<text x="${inside.x(value)}" y="${bottom + 14}" text-anchor="middle">${formatPlain(value)}</text>`)}<text x="${inside.x(0)}" y="${bottom + 29}" text-anchor="middle">Error of absorbed dose (%)</text>`)}</div>`;
}
