/** Figures come with the colours of the dark tokens; the page shows them in the theme that is in use. */
import { ticks } from './svg';

const DARK: Record<string, string> = {
  '#56b4e9': '--r1', '#8fd0c5': '--r2', '#d9a066': '--r3', '#b797e0': '--r4', '#e6d66b': '--r5',
  '#f08fb6': '--r6', '#9fd16a': '--r7', '#f0b49a': '--r8', '#a3adb9': '--text-2',
  '#d7dde5': '--text', '#8793a1': '--text-3', '#f47f77': '--block', '#dcab50': '--ask', '#5fbf9b': '--ok',
  '#68b0ea': '--accent', '#20262e': '--line', '#1d232b': '--chart-grid', '#4a5563': '--chart-axis',
};
const RGBA = /^rgba\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*([\d.]+)\s*\)$/;

export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function hexOf(channels: readonly string[]): string {
  return `#${channels.map((channel) => Number(channel).toString(16).padStart(2, '0')).join('')}`;
}

function channelsOf(hex: string): string {
  const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1);
  return [0, 2, 4].map((i) => Number.parseInt(full.slice(i, i + 2), 16)).join(',');
}

/** One colour of a figure in the present theme; unknown colours stay as they are. */
export function themed(colour: string): string {
  const named = /^var\((--[\w-]+)\)$/.exec(colour);
  if (named?.[1]) return token(named[1]);
  const solid = DARK[colour.toLowerCase()];
  if (solid) return token(solid);
  const match = RGBA.exec(colour);
  if (!match) return colour;
  const base = DARK[hexOf(match.slice(1, 4))];
  return base ? `rgba(${channelsOf(token(base))},${match[4]})` : colour;
}

/** A copy of figure data or layout with every colour in the present theme. */
export function inTheme<Value>(value: Value): Value {
  if (typeof value === 'string') return (value.startsWith('#') || value.startsWith('rgba') || value.startsWith('var(') ? themed(value) : value) as Value;
  if (Array.isArray(value)) return (typeof value[0] === 'number' ? value : value.map((item: unknown) => inTheme(item))) as Value;
  if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inTheme<unknown>(item)])) as Value;
  }
  return value;
}

type Axis = Record<string, unknown>;
type Trace = Record<string, unknown>;

const TITLE_SHIFT_PX = 50;
const HOURS_TITLE = /^h p\.i\./;

const textOf = (axis: Axis): string => (axis.title as { text?: string } | undefined)?.text ?? '';
const axisNames = (layout: Record<string, unknown>): string[] =>
  [...new Set(['xaxis', 'yaxis', ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])];

const MIN_TICKS = 3;
const NARROW_TICKS = 8;
const DIGITS: readonly (readonly number[])[] = [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]];

/** Ticks at 1, 2 and 5 of each decade of the values on a logarithmic axis; closer ones where fewer than three would be seen. */
export function logTicks(values: readonly number[]): number[] {
  const shown = values.filter((value) => value > 0);
  if (shown.length === 0) return [];
  const [lowest, highest] = [Math.min(...shown), Math.max(...shown)];
  const first = Math.floor(Math.log10(lowest));
  const n = Math.ceil(Math.log10(highest)) - first + 1;
  const of = (digits: readonly number[]): number[] => Array.from({ length: n }, (_, i) => digits.map((digit) => Number((digit * 10 ** (first + i)).toPrecision(2)))).flat();
  const isSeen = (tick: number): boolean => tick >= lowest && tick <= highest;
  for (const digits of DIGITS) {
    const all = of(digits);
    if (all.filter(isSeen).length >= MIN_TICKS) return all;
  }
  return ticks({ min: lowest, max: highest }, NARROW_TICKS);
}

function valuesOn(axis: string, data: readonly Trace[]): number[] {
  const short = axis.replace('axis', '');
  return data.filter((trace) => (trace.yaxis ?? 'y') === short && Array.isArray(trace.y)).flatMap((trace) => trace.y as number[]);
}

/** Axis look of every figure; what the figure itself says wins, except for colours. */
function styledAxis(name: string, given: Axis, data: readonly Trace[]): Axis {
  const isX = name.startsWith('x');
  const shared = { gridcolor: token('--chart-grid'), linecolor: token('--chart-axis'), zerolinecolor: token('--chart-axis'), zeroline: false, ticks: '', showline: isX };
  const logarithmic = given.type === 'log' && !given.tickvals ? { tickvals: logTicks(valuesOn(name, data)), ticktext: logTicks(valuesOn(name, data)).map(String) } : {};
  const range = given.range as [number, number] | undefined;
  const hours = isX && range && HOURS_TITLE.test(textOf(given)) ? { tick0: 0, dtick: 24 * Math.max(1, Math.ceil((range[1] - range[0]) / 24 / 11)) } : {};
  const title = isX ? { standoff: 6, text: textOf(given), font: { size: 11, color: token('--text-2') } } : undefined;
  return { ...shared, ...logarithmic, ...hours, ...given, title };
}

/** The titles of y axes stand horizontally above their axis. */
function titleAnnotations(layout: Record<string, unknown>): Record<string, unknown>[] {
  return axisNames(layout).filter((name) => name.startsWith('y')).flatMap((name) => {
    const text = textOf((layout[name] ?? {}) as Axis);
    return text ? [{ text, xref: 'paper', x: 0, xanchor: 'left', xshift: -TITLE_SHIFT_PX, yref: `${name.replace('axis', '')} domain`, y: 1, yanchor: 'bottom', yshift: 5, showarrow: false, font: { size: 11, color: token('--text-2') } }] : [];
  });
}

/** The traces of a figure in the present theme, with plain error bars. */
export function themedData(data: readonly Trace[]): Trace[] {
  return inTheme(data).map((trace) => (trace.error_y ? { ...trace, error_y: { thickness: 1.2, width: 0, ...(trace.error_y as object) } } : trace));
}

/** The layout of a figure with fonts, grid, hover labels and margins of the style sheet. */
export function themedLayout(layout: Record<string, unknown>, data: readonly Trace[] = []): Record<string, unknown> {
  const own = inTheme(layout);
  const axes = Object.fromEntries(axisNames(own).map((name) => [name, styledAxis(name, (own[name] ?? {}) as Axis, data)]));
  return {
    margin: { l: 58, r: 18, t: 30, b: 48 }, showlegend: false, hovermode: 'closest', ...own,
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: token('--font'), size: 11, color: token('--text-2') },
    hoverlabel: { bgcolor: token('--bg-raised'), bordercolor: token('--line-strong'), font: { color: token('--text'), size: 12 } },
    annotations: [...((own.annotations as Record<string, unknown>[] | undefined) ?? []), ...titleAnnotations(own)],
    ...axes,
  };
}
