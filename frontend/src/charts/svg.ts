/** Scales and marks of the small charts that are drawn as SVG at the size of their box. */
import { each, html, nothing, type Html } from '../domain/html';

export interface Margins { top: number; right: number; bottom: number; left: number }
export interface Range { min: number; max: number }

export interface Frame {
  width: number;
  height: number;
  margins: Margins;
  x: (value: number) => number;
  y: (value: number) => number;
}

export type Point = readonly [x: number, y: number];

const round = (value: number): number => Math.round(value * 10) / 10;

/** A frame in pixels for two ranges; y grows upwards. */
export function frame(size: { width: number; height: number }, margins: Margins, x: Range, y: Range): Frame {
  const inner = { width: size.width - margins.left - margins.right, height: size.height - margins.top - margins.bottom };
  const share = (value: number, range: Range): number => (value - range.min) / (range.max - range.min || 1);
  return {
    ...size, margins,
    x: (value) => round(margins.left + share(value, x) * inner.width),
    y: (value) => round(margins.top + (1 - share(value, y)) * inner.height),
  };
}

/** Round steps that give at most `wanted` ticks between two values. */
export function ticks(range: Range, wanted: number): number[] {
  const raw = (range.max - range.min) / Math.max(wanted, 1);
  if (!(raw > 0)) return [range.min];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? raw;
  const first = Math.ceil(range.min / step);
  const n = Math.floor(range.max / step) - first + 1;
  return Array.from({ length: Math.max(n, 0) }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}

export function path(points: readonly Point[], inside: Frame): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${inside.x(x)} ${inside.y(y)}`).join('');
}

/** A staircase that holds each value until the next point. */
export function stairs(points: readonly Point[], inside: Frame): string {
  return points.map(([x, y], i) => (i === 0 ? `M${inside.x(x)} ${inside.y(y)}` : `H${inside.x(x)}V${inside.y(y)}`)).join('');
}

/** The area between a lower and an upper staircase. */
export function stairBand(rows: readonly (readonly [x: number, low: number, high: number])[], inside: Frame): string {
  const upper: string[] = [];
  const lower: Point[] = [];
  rows.forEach(([x, low, high], i) => {
    upper.push(i === 0 ? `M${inside.x(x)} ${inside.y(high)}` : `H${inside.x(x)}V${inside.y(high)}`);
    const before = rows[i - 1];
    if (before) lower.push([x, before[1]]);
    lower.push([x, low]);
  });
  const back = lower.reverse().map(([x, y]) => `L${inside.x(x)} ${inside.y(y)}`).join('');
  return `${upper.join('')}${back}Z`;
}

export function horizontalGrid(values: readonly number[], inside: Frame, label: (value: number) => string): Html {
  const right = inside.width - inside.margins.right;
  return html`${each(values, (value) => html`<line class="grid" x1="${inside.margins.left}" x2="${right}" y1="${inside.y(value)}" y2="${inside.y(value)}"></line><text x="${inside.margins.left - 7}" y="${inside.y(value) + 4}" text-anchor="end">${label(value)}</text>`)}`;
}

export function verticalGrid(values: readonly number[], inside: Frame): Html {
  const bottom = inside.height - inside.margins.bottom;
  return html`${each(values, (value) => html`<line class="grid" x1="${inside.x(value)}" x2="${inside.x(value)}" y1="${inside.margins.top}" y2="${bottom}"></line>`)}`;
}

export function svg(size: { width: number; height: number }, label: string, content: Html): Html {
  const name = label ? html`role="group" aria-label="${label}"` : nothing;
  return html`<svg width="${size.width}" height="${size.height}" ${name}>${content}</svg>`;
}
