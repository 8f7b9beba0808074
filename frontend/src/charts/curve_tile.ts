/** The small time-activity curve of the region list: sampled by the server, drawn in a stretching box. */
import { each, html, nothing, type Html } from '../domain/html';
import { frame, path } from './svg';

export interface SmallCurve {
  times_h: number[];
  activities_mbq: number[];
  points: { time_h: number; activity_mbq: number; standard_uncertainty_mbq: number | null; is_excluded: boolean }[];
  last_scan_h: number;
  end_h: number;
  /** Up to here the curve is assumed, not measured: drawn dotted. */
  assumed_until_h?: number;
}

const SIZE = { width: 160, height: 88 };

export function curveTile(curve: SmallCurve | null, name: string): Html {
  if (!curve) return nothing;
  const highest = Math.max(...curve.activities_mbq, ...curve.points.map((p) => p.activity_mbq + (p.standard_uncertainty_mbq ?? 0)), 0);
  const inside = frame(SIZE, { top: 6, right: 2, bottom: 2, left: 4 }, { min: 0, max: curve.end_h }, { min: 0, max: highest * 1.02 || 1 });
  const samples = curve.times_h.map((time, i) => [time, curve.activities_mbq[i] ?? 0] as const);
  const assumedUntil = curve.assumed_until_h ?? 0;
  const nAssumed = samples.filter(([time]) => time < assumedUntil).length;
  const assumed = nAssumed > 0 ? html`<path class="line thin dot" d="${path(samples.slice(0, nAssumed + 1), inside)}"></path>` : nothing;
  const line = path(samples.slice(nAssumed), inside);
  const tail = inside.x(curve.last_scan_h);
  const [bottom, right] = [inside.y(0), inside.x(curve.end_h)];
  return html`<svg viewBox="0 0 160 88" preserveAspectRatio="none" role="img" aria-label="Activity of ${name} over time">
    <rect class="normal" x="${tail}" y="4" width="${Math.max(right - tail, 0)}" height="${bottom - 4}"></rect>
    <path class="axis thin" d="M${inside.x(0)} ${bottom}H${right}"></path>${assumed}<path class="line thin" d="${line}"></path>
    ${each(curve.points, (point) => {
      const [x, y] = [inside.x(point.time_h), inside.y(point.activity_mbq)];
      const u = point.standard_uncertainty_mbq ?? 0;
      return html`<path class="line thin" d="M${x} ${inside.y(point.activity_mbq - u)}V${inside.y(point.activity_mbq + u)}"></path><path class="dot-mark ${point.is_excluded ? 'hollow' : ''}" d="M${x} ${y}h0"></path>`;
    })}</svg>`;
}
