/** The lanes of a course on one axis of days. Every number comes from the server; this only places marks. */
import { each, html, nothing, type Html } from '../domain/html';
import { formatNumber, formatFixed, decimalsFor, formatPlain } from '../domain/quantity';
import { frame, horizontalGrid, path, stairBand, stairs, svg, ticks, verticalGrid, type Frame, type Range } from './svg';

export interface DoseLine { name: string; colour: string; days: number[]; doses_gy: number[]; u_gy: number[] }
export interface DoseRow { name: string; lines: DoseLine[]; limit_gy: number | null; limit_source: string }
export interface LabRow { kind: string; name: string; unit: string; days: number[]; values: number[] }
export interface Timeline {
  administrations: { day: number; activity_gbq: number; is_planned: boolean; url: string }[];
  scans: { day: number; text: string; url: string }[];
  dose_rows: DoseRow[];
  lab_rows: LabRow[];
  today_day: number;
  day_range: [number, number];
}

interface Lane { size: { width: number; height: number }; days: Range; dayTicks: readonly number[]; today: number }

const LEFT = 40;
const RIGHT = 20;

export const dayTicks = (range: Range): number[] => {
  const span = range.max - range.min;
  const step = [7, 14, 28, 56, 84, 182].find((days) => span / days <= 9) ?? 364;
  const first = Math.ceil(range.min / step);
  return Array.from({ length: Math.max(Math.floor(range.max / step) - first + 1, 0) }, (_, i) => (first + i) * step);
};

function ground(lane: Lane, inside: Frame): Html {
  const { top, bottom } = inside.margins;
  const isShown = lane.today >= lane.days.min && lane.today <= lane.days.max;
  return html`${verticalGrid(lane.dayTicks, inside)}${isShown
    ? html`<line class="today" x1="${inside.x(lane.today)}" x2="${inside.x(lane.today)}" y1="${top}" y2="${lane.size.height - bottom}"></line>` : nothing}`;
}

/** A mark that opens a step: reached by the arrow keys, named for screen readers. */
function mark(url: string, label: string, day: number, shape: Html): Html {
  return url ? html`<g class="mark" role="link" tabindex="-1" data-url="${url}" data-day="${day}" aria-label="${label}">${shape}<title>${label}</title></g>` : shape;
}

export function administrationLane(lane: Lane, rows: Timeline['administrations']): Html {
  const highest = Math.max(...rows.map((row) => row.activity_gbq), 1);
  const inside = frame(lane.size, { top: 4, right: RIGHT, bottom: 1, left: LEFT }, lane.days, { min: 0, max: highest * 1.4 });
  const isTodayShown = lane.today <= lane.days.max;
  return svg(lane.size, 'Administrations', html`${ground(lane, inside)}${each(rows, (row) => {
    const [x, y] = [inside.x(row.day), inside.y(row.activity_gbq)];
    const text = row.is_planned ? 'planned' : `${formatFixed(row.activity_gbq, 2)} GBq`;
    const box = html`<rect class="bar-box ${row.is_planned ? 'planned' : ''}" x="${x - 4}" y="${y}" width="8" height="${inside.y(0) - y}"></rect>`;
    const isLeft = x > 120 && !row.is_planned;
    return html`${mark(row.url, `Day ${Math.round(row.day)}, ${text}`, row.day, box)}<text x="${isLeft ? x - 9 : x + 9}" y="${y + 9}" text-anchor="${isLeft ? 'end' : 'start'}">${text}</text>`;
  })}${isTodayShown ? html`<text class="today" x="${inside.x(lane.today) + 5}" y="12">Today, day ${Math.round(lane.today)}</text>` : nothing}`);
}

export function scanLane(lane: Lane, scans: Timeline['scans']): Html {
  const inside = frame(lane.size, { top: 2, right: RIGHT, bottom: 2, left: LEFT }, lane.days, { min: 0, max: 1 });
  return svg(lane.size, 'Scans', html`${ground(lane, inside)}${each(scans, (scan) =>
    mark(scan.url, `Scan, ${scan.text}`, scan.day, html`<circle class="point" cx="${inside.x(scan.day)}" cy="${inside.y(0.5)}" r="4"></circle>`))}`);
}

export function doseLane(lane: Lane, row: DoseRow, nTicks: number): Html {
  const tops = row.lines.flatMap((line) => line.doses_gy.map((dose, i) => dose + (line.u_gy[i] ?? 0)));
  const highest = Math.max(...tops, row.limit_gy ?? 0, 0.1) * 1.15;
  const values: Range = { min: 0, max: highest };
  const inside = frame(lane.size, { top: 18, right: RIGHT, bottom: 8, left: LEFT }, lane.days, values);
  const start = inside.margins.left;
  const limit = row.limit_gy === null ? nothing : html`<line class="limit" x1="${start}" x2="${lane.size.width - RIGHT}" y1="${inside.y(row.limit_gy)}" y2="${inside.y(row.limit_gy)}"></line><text class="limit" x="${start + 4}" y="${inside.y(row.limit_gy) - 5}">Limit ${formatPlain(row.limit_gy)} Gy, ${row.limit_source}</text>`;
  return svg(lane.size, `${row.name} dose`, html`${ground(lane, inside)}<text x="8" y="11">Gy</text>
    ${horizontalGrid(ticks(values, nTicks), inside, formatPlain)}${each(row.lines, (line, i) => doseLine(line, i, inside))}${limit}`);
}

function doseLine(line: DoseLine, index: number, inside: Frame): Html {
  const points = line.days.map((day, i) => [day, line.doses_gy[i] ?? 0] as const);
  const band = line.days.map((day, i) => [day, Math.max((line.doses_gy[i] ?? 0) - (line.u_gy[i] ?? 0), 0), (line.doses_gy[i] ?? 0) + (line.u_gy[i] ?? 0)] as const);
  const last = points.at(-1);
  const u = line.u_gy.at(-1) ?? 0;
  if (!last) return nothing;
  const previous = points.at(-2) ?? last;
  const text = `${line.name} ${formatFixed(last[1], decimalsFor(u) || 2)}${u > 0 ? ` ± ${formatFixed(u, decimalsFor(u))}` : ''}${index > 0 ? ', dashed' : ''}`;
  return html`<g data-colour="${line.colour}">${index === 0 ? html`<path class="band" d="${stairBand(band, inside)}"></path>` : nothing}<path class="line ${index === 0 ? 'main' : 'dash'}" d="${stairs(points, inside)}"></path>
    <text class="own" x="${inside.x(previous[0]) + 12}" y="${inside.y(last[1]) + (index === 0 ? -8 : 16)}">${text}</text></g>`;
}

export function labLane(lane: Lane, row: LabRow): Html {
  const [low, high] = [Math.min(...row.values), Math.max(...row.values)];
  const spread = Math.max(high - low, high * 0.2);
  const values: Range = { min: Math.max(low - spread * 0.6, 0), max: high + spread * 0.6 };
  const inside = frame(lane.size, { top: 6, right: RIGHT, bottom: 6, left: LEFT }, lane.days, values);
  const points = row.days.map((day, i) => [day, row.values[i] ?? 0] as const);
  const last = points.at(-1);
  return svg(lane.size, row.name, html`${ground(lane, inside)}${horizontalGrid(ticks(values, 2), inside, formatPlain)}
    <path class="line" d="${path(points, inside)}"></path>${each(points, ([day, value]) => html`<circle class="point" cx="${inside.x(day)}" cy="${inside.y(value)}" r="2.8"><title>Day ${Math.round(day)}, ${formatNumber(value)} ${row.unit}</title></circle>`)}
    ${last ? html`<text x="${inside.x(last[0]) + 12}" y="${inside.y(last[1]) + 4}">${formatNumber(last[1])}</text>` : nothing}`);
}

export function axisLane(lane: Lane, inWeeks: boolean): Html {
  const inside = frame(lane.size, { top: 1, right: RIGHT, bottom: 1, left: LEFT }, lane.days, { min: 0, max: 1 });
  return svg(lane.size, '', html`<line class="axis" x1="${LEFT}" x2="${lane.size.width - RIGHT}" y1="1" y2="1"></line>
    ${each(lane.dayTicks, (day) => html`<text x="${inside.x(day)}" y="15" text-anchor="middle">${inWeeks ? formatPlain(day / 7) : day}</text>`)}
    <text x="${lane.size.width - RIGHT}" y="29" text-anchor="end">${inWeeks ? 'weeks' : 'days'} since first administration</text>`);
}
