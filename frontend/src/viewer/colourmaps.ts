/** Colour maps with the points that both the images and the colour bars use. */
export type ColourMapName = 'hot' | 'inferno' | 'viridis' | 'grey' | 'inverse-grey' | 'magenta' | 'green';
type Point = readonly [at: number, red: number, green: number, blue: number];

export const COLOUR_MAPS: Record<ColourMapName, readonly Point[]> = {
  grey: [[0, 0, 0, 0], [1, 255, 255, 255]],
  'inverse-grey': [[0, 255, 255, 255], [1, 0, 0, 0]],
  magenta: [[0, 255, 255, 255], [1, 190, 0, 130]],
  green: [[0, 255, 255, 255], [1, 0, 128, 60]],
  hot: [[0, 20, 0, 8], [0.12, 84, 10, 18], [0.35, 178, 40, 16], [0.6, 232, 130, 18], [0.82, 252, 216, 92], [1, 255, 255, 255]],
  inferno: [[0, 0, 0, 4], [0.2, 60, 9, 101], [0.4, 136, 34, 106], [0.6, 205, 66, 71], [0.8, 246, 142, 25], [1, 252, 255, 164]],
  viridis: [[0, 68, 1, 84], [0.13, 71, 44, 122], [0.25, 59, 81, 139], [0.38, 44, 113, 142], [0.5, 33, 144, 141], [0.63, 39, 173, 129], [0.75, 92, 200, 99], [0.88, 170, 220, 50], [1, 253, 231, 37]],
};

/** Colour of one map at a fraction of its window. */
export function colourAt(name: ColourMapName, fraction: number): readonly [number, number, number] {
  const points = COLOUR_MAPS[name];
  const held = Math.min(Math.max(fraction, 0), 1);
  const upper = points.findIndex(([at]) => at >= held);
  const high = points[Math.max(upper, 0)] ?? ([1, 255, 255, 255] as const);
  const low = points[Math.max(upper - 1, 0)] ?? high;
  const part = high[0] === low[0] ? 0 : (held - low[0]) / (high[0] - low[0]);
  const mix = (channel: 1 | 2 | 3): number => Math.round(low[channel] + part * (high[channel] - low[channel]));
  return [mix(1), mix(2), mix(3)];
}

/** Draws a map from top (upper end) to bottom on a canvas of a colour bar. */
export function paintBar(canvas: HTMLCanvasElement, name: ColourMapName): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  canvas.width = 1;
  canvas.height = 128;
  for (let y = 0; y < 128; y += 1) {
    context.fillStyle = `rgb(${colourAt(name, 1 - y / 127).join(',')})`;
    context.fillRect(0, y, 1, 1);
  }
}
