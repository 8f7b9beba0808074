/** Figures come with the colours of the dark tokens; the page shows them in the theme that is in use. */
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

/** Axis look of every figure; what the figure itself says wins, except for colours. */
function axisTheme(name: string): Axis {
  const shared = { gridcolor: token('--chart-grid'), linecolor: token('--chart-axis'), zerolinecolor: token('--chart-axis'), zeroline: false, ticks: '', automargin: true };
  return name.startsWith('x') ? { ...shared, showline: true } : { ...shared, showline: false };
}

/** The layout of a figure with fonts, grid, hover labels and margins of the style sheet. */
export function themedLayout(layout: Record<string, unknown>): Record<string, unknown> {
  const own = inTheme(layout);
  const axes = new Set(['xaxis', 'yaxis', ...Object.keys(own).filter((key) => /^[xy]axis\d*$/.test(key))]);
  const styled = Object.fromEntries([...axes].map((name) => {
    const given = (own[name] ?? {}) as Axis;
    const title = given.title as { text?: string } | undefined;
    return [name, { ...axisTheme(name), ...given, title: title ? { standoff: 6, ...title, font: { size: 11, color: token('--text-2') } } : undefined }];
  }));
  return {
    margin: { l: 56, r: 18, t: 22, b: 40 }, showlegend: false, hovermode: 'closest', ...own,
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: token('--font'), size: 11, color: token('--text-2') },
    hoverlabel: { bgcolor: token('--bg-raised'), bordercolor: token('--line-strong'), font: { color: token('--text'), size: 12 } },
    ...styled,
  };
}
