/** Hatched fills: a difference is told by the way of its lines as well as by its colour. */
export type Hatch = 'rising' | 'falling';

const TILE_PX = 6;
const tiles = new Map<string, HTMLCanvasElement>();

export function hatchPattern(context: CanvasRenderingContext2D, hatch: Hatch, colour: string): CanvasPattern | null {
  const key = `${hatch} ${colour}`;
  const tile = tiles.get(key) ?? newTile(hatch, colour);
  tiles.set(key, tile);
  return context.createPattern(tile, 'repeat');
}

function newTile(hatch: Hatch, colour: string): HTMLCanvasElement {
  const tile = document.createElement('canvas');
  tile.width = TILE_PX;
  tile.height = TILE_PX;
  const context = tile.getContext('2d');
  if (!context) return tile;
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.beginPath();
  // One line over the tile and its two neighbours, so that the lines join across tiles.
  for (const shift of [-TILE_PX, 0, TILE_PX]) {
    context.moveTo(shift, hatch === 'rising' ? TILE_PX : 0);
    context.lineTo(shift + TILE_PX, hatch === 'rising' ? 0 : TILE_PX);
  }
  context.stroke();
  return tile;
}
