/** Outcomes of proposals month by month, as shares of what was decided; the number decided stands above each bar. */
import { each, html, type Html } from '../domain/html';
import { frame, horizontalGrid, svg } from './svg';

export interface OutcomeMonth { month: string; n_unchanged: number; n_edited: number; n_rejected: number }

const SIZE = { width: 268, height: 132 };
const MARGINS = { top: 18, right: 8, bottom: 24, left: 40 };
export const MOST_MONTHS = 12;
/** One month alone would be one broad block. */
const LEAST_SLOTS = 6;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The newest months, oldest first. */
export const newest = (months: readonly OutcomeMonth[]): OutcomeMonth[] => [...months].sort((a, b) => a.month.localeCompare(b.month)).slice(-MOST_MONTHS);

/** Shares in per cent, from the bottom: unchanged, edited, rejected. */
export function shares(month: OutcomeMonth): [outcome: string, from: number, to: number][] {
  const n = Math.max(month.n_unchanged + month.n_edited + month.n_rejected, 1);
  const [first, second] = [(100 * month.n_unchanged) / n, (100 * (month.n_unchanged + month.n_edited)) / n];
  return [['unchanged', 0, first], ['edited', first, second], ['rejected', second, second + (100 * month.n_rejected) / n]];
}

export function outcomeBars(months: readonly OutcomeMonth[], label: string): Html {
  const shown = newest(months);
  const inside = frame(SIZE, MARGINS, { min: 0, max: Math.max(shown.length, LEAST_SLOTS) }, { min: 0, max: 100 });
  const bar = (month: OutcomeMonth, i: number): Html => {
    const [left, right] = [inside.x(i + 0.15), inside.x(i + 0.85)];
    const middle = inside.x(i + 0.5);
    const n = month.n_unchanged + month.n_edited + month.n_rejected;
    const text = `${month.month}: ${month.n_unchanged} unchanged, ${month.n_edited} edited, ${month.n_rejected} rejected`;
    return html`<g><title>${text}</title>${each(shares(month), ([outcome, from, to]) => html`<rect class="outcome" data-outcome="${outcome}" x="${left}" width="${Math.round(10 * (right - left)) / 10}" y="${inside.y(to)}" height="${Math.round(10 * (inside.y(from) - inside.y(to))) / 10}"></rect>`)}<text x="${middle}" y="${MARGINS.top - 5}" text-anchor="middle">${n}</text><text x="${middle}" y="${SIZE.height - 8}" text-anchor="middle">${MONTHS[Number(month.month.slice(5)) - 1] ?? month.month}</text></g>`;
  };
  return html`<div class="small-plot">${svg(SIZE, label, html`${horizontalGrid([0, 50, 100], inside, (value) => `${value} %`)}${each(shown, bar)}`)}</div>`;
}
