/** Maximum projections from any side: the patient turns about the axis from feet to head. For orientation, never a number to report. */
import type { Point2 } from './geometry';
import type { Vec3, Volume, VolumeHeader } from './volume';
import type { Projection } from './volume_projection';

/** How a volume is looked at: 0 degrees from the front, 90 from the patient's left. Columns and depths are steps of one length. */
export interface Turn {
  degrees: number;
  cos: number;
  sin: number;
  /** Middle of the volume, LPS mm: what it turns about. */
  middle: readonly [x: number, y: number];
  step: number;
  width: number;
}

export function turnOf({ dimensions: [nx, ny], spacing_mm: [sx, sy], origin_lps_mm: [ox, oy] }: VolumeHeader, degrees: number): Turn {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.round(Math.cos(angle) * 1e12) / 1e12, Math.round(Math.sin(angle) * 1e12) / 1e12];
  return { degrees, cos, sin, middle: [ox + ((nx - 1) * sx) / 2, oy + ((ny - 1) * sy) / 2], step: sx, width: Math.ceil(Math.max(nx * sx, ny * sy) / sx) };
}

/** Right of the middle of the picture and height, mm, of a point. */
export function toPicture({ cos, sin, middle }: Turn, [x, y, z]: Vec3): Point2 {
  return [(x - middle[0]) * cos + (y - middle[1]) * sin, z];
}

/** The point at a place of the picture, `depth` mm behind the middle. */
export function fromPicture({ cos, sin, middle }: Turn, [right, z]: Point2, depth: number): Vec3 {
  return [middle[0] + right * cos - depth * sin, middle[1] + right * sin + depth * cos, z];
}

export const middleOf = ({ width }: Turn): number => (width - 1) / 2;

/** Largest values along each ray; nearest voxels, rows from the head down. The depth of a pixel is counted in steps from the front. */
export function projectTurned({ header, voxels }: Volume, turn: Turn): Projection {
  const [nx, ny, nz] = header.dimensions;
  const { width } = turn;
  const table = rayTable(header, turn);
  const values = new Float32Array(width * nz).fill(Number.NEGATIVE_INFINITY);
  const depth = new Uint16Array(width * nz);
  for (let k = 0; k < nz; k += 1) {
    const start = k * nx * ny;
    const row = (nz - 1 - k) * width;
    for (let column = 0, at = 0; column < width; column += 1) {
      for (let d = 0; d < width; d += 1, at += 1) {
        const from = table[at] as number;
        if (from < 0) continue;
        const value = voxels[start + from] as number;
        if (value > (values[row + column] as number)) {
          values[row + column] = value;
          depth[row + column] = d;
        }
      }
    }
  }
  return { width, height: nz, values, depth };
}

/** Which voxel of a slice each step of each ray meets; -1 outside. */
function rayTable({ dimensions: [nx, ny], spacing_mm: [sx, sy], origin_lps_mm: [ox, oy] }: VolumeHeader, turn: Turn): Int32Array {
  const { width, step } = turn;
  const table = new Int32Array(width * width);
  for (let column = 0, at = 0; column < width; column += 1) {
    for (let d = 0; d < width; d += 1, at += 1) {
      const [x, y] = fromPicture(turn, [(column - middleOf(turn)) * step, 0], (d - middleOf(turn)) * step);
      const i = Math.round((x - ox) / sx);
      const j = Math.round((y - oy) / sy);
      table[at] = i >= 0 && j >= 0 && i < nx && j < ny ? i + nx * j : -1;
    }
  }
  return table;
}

/** The side that is seen, in words. */
export function sideOf(degrees: number): string {
  const sides = ['anterior', 'left anterior oblique', 'left lateral', 'left posterior oblique', 'posterior', 'right posterior oblique', 'right lateral', 'right anterior oblique'];
  return sides[Math.round((((degrees % 360) + 360) % 360) / 45) % 8] ?? '';
}
