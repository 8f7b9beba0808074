/** A line that a hand draws on a slice, and the words beside it; it shows in panes of its plane, on its slice. */
import { sliceIndexOf, worldToFrame, type PaneFrame, type Plane } from '../domain/geometry';
import type { Vec3, VolumeHeader } from '../domain/volume';

export interface DrawnLine {
  plane: Plane;
  points: readonly Vec3[];
  /** Dashed: what lies inside is removed. */
  isRemoving?: boolean;
  /** Not closed yet. */
  isOpen?: boolean;
  /** Points that a hand has set. */
  marks?: readonly Vec3[];
  words?: readonly string[];
}

const INK = '#ffe14d';
const LINE_PX = 15;

/** Those of some lines that lie on the slice of a pane. */
export function linesOn(lines: readonly (DrawnLine | null)[], header: VolumeHeader, plane: Plane, cursor: Vec3): DrawnLine[] {
  const slice = sliceIndexOf(header, plane, cursor);
  return lines.filter((line): line is DrawnLine => {
    const first = line?.points[0];
    return line?.plane === plane && first !== undefined && sliceIndexOf(header, plane, first) === slice;
  });
}

export function drawLine(context: CanvasRenderingContext2D, frame: PaneFrame, line: DrawnLine): void {
  const path = new Path2D();
  const places = line.points.map((point) => worldToFrame(frame, point));
  places.forEach(([x, y], n) => (n === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
  if (!line.isOpen) path.closePath();
  context.lineJoin = 'round';
  // Dark below bright: the line is seen on black lungs and on white bone.
  for (const [colour, width] of [['#000a', 3.4], [INK, 1.4]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(line.isRemoving ? [5, 3] : []);
    context.stroke(path);
  }
  context.setLineDash([]);
  context.fillStyle = INK;
  for (const [x, y] of (line.marks ?? []).map((point) => worldToFrame(frame, point))) context.fillRect(x - 2.5, y - 2.5, 5, 5);
  if (line.words?.length) drawWords(context, frame, places, line.words);
}

/** Right of the shape, or left of it where the pane ends. */
function drawWords(context: CanvasRenderingContext2D, frame: PaneFrame, places: readonly (readonly [number, number])[], words: readonly string[]): void {
  context.font = '11px system-ui, sans-serif';
  const width = Math.max(...words.map((text) => context.measureText(text).width)) + 10;
  const xs = places.map(([x]) => x);
  const right = Math.max(...xs) + 6;
  const x = right + width <= frame.width ? right : Math.max(Math.min(...xs) - 6 - width, 0);
  const height = words.length * LINE_PX + 4;
  const y = Math.min(Math.max(Math.min(...places.map(([, down]) => down)), 0), frame.height - height);
  context.fillStyle = '#000b';
  context.fillRect(x, y, width, height);
  context.fillStyle = '#fff';
  words.forEach((text, n) => context.fillText(text, x + 5, y + 13 + n * LINE_PX));
}
