/** Draws the server's figures. Nothing here computes a clinical number, and nothing can be sent to a third party. */
// @ts-expect-error the dist package has no types
import Plotly from 'plotly.js-cartesian-dist-min';
import { each, html, type Html } from '../domain/html';
import { themedData, themedLayout } from './theme';

export interface Figure {
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
  table?: { head: string[]; rows: (string | number | null)[][] } | null;
}

type Handler = (event: { points?: { x: unknown; y: unknown; curveNumber: number; pointNumber: number; data: Record<string, unknown> }[] }) => void;

interface PlotElement extends HTMLElement {
  on?: (name: string, handler: Handler) => void;
  removeAllListeners?: (name: string) => void;
}

interface PlotLibrary {
  react(element: HTMLElement, data: unknown[], layout: unknown, config: unknown): Promise<unknown>;
  purge(element: HTMLElement): void;
  Plots: { resize(element: HTMLElement): Promise<unknown> };
}

const library = Plotly as PlotLibrary;
const CONFIG = {
  responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: '',
  modeBarButtonsToRemove: ['sendDataToCloud', 'sendChartToCloud', 'lasso2d', 'select2d', 'autoScale2d'], displayModeBar: false,
};
const drawn = new Map<HTMLElement, Figure>();
/** A table beside a chart grows and shrinks without a change of the window, which is all that Plotly itself listens to. */
const sizes = new ResizeObserver((entries) => { for (const { target } of entries) fitFigure(target as HTMLElement); });

/** Shows a figure in an element, in the present theme; the same element may be drawn again at any time. */
export async function renderFigure(element: HTMLElement, figure: Figure): Promise<void> {
  drawn.set(element, figure);
  sizes.observe(element);
  const layout = inTableOrder(figure);
  await library.react(element, themedData(figure.data), themedLayout(layout, figure.data), CONFIG);
  element.dataset.ready = 'true';
}

/** Categories stand in the order of the figure's table, not in the order in which traces happen to name them. */
function inTableOrder({ layout, table }: Figure): Record<string, unknown> {
  const axis = layout.xaxis as Record<string, unknown> | undefined;
  if (axis?.type !== 'category' || axis.categoryarray || !table) return layout;
  return { ...layout, xaxis: { ...axis, categoryorder: 'array', categoryarray: table.rows.map((row) => row[0]) } };
}

/** Calls `run` for one Plotly event of an element, instead of any handler before it. */
export function onFigure(element: PlotElement, name: 'plotly_hover' | 'plotly_unhover' | 'plotly_click', run: Handler): void {
  element.removeAllListeners?.(name);
  element.on?.(name, run);
}

/** Draws a figure again in the size that its element has now. */
export function fitFigure(element: HTMLElement): void {
  if (drawn.has(element) && element.dataset.ready === 'true' && element.clientHeight > 0) void library.Plots.resize(element);
}

export function clearFigure(element: HTMLElement): void {
  drawn.delete(element);
  sizes.unobserve(element);
  library.purge(element);
  delete element.dataset.ready;
}

/** The figure's numbers as a table that opens beside the chart. */
export function figureTable(figure: Figure, title = 'Numbers of this chart'): Html {
  const table = figure.table;
  if (!table) return html``;
  return html`<details class="chart-table"><summary>${title}</summary>
    <table class="table dense flush"><thead><tr>${each(table.head, (head) => html`<th class="num">${head}</th>`)}</tr></thead>
    <tbody>${each(table.rows, (row) => html`<tr>${each(row, (cell) => html`<td class="num">${cell ?? '—'}</td>`)}</tr>`)}</tbody></table></details>`;
}

document.addEventListener('themechange', () => {
  for (const [element, figure] of drawn) {
    if (element.isConnected) void renderFigure(element, figure);
    else drawn.delete(element);
  }
});
