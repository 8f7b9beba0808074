/** Largest values of an emission volume along one patient axis: a picture for orientation, never a number to report. */
import type { Axis } from './geometry';
import type { Volume } from './volume';

export interface Projection {
  width: number;
  height: number;
  values: Float32Array;
  /** Voxel index, along the axis looked through, of each largest value: where a click jumps to. */
  depth: Uint16Array;
}

/** Projects along y (anterior view) or x (lateral view); the picture's rows run from the head down. */
export function projectMaximum({ header, voxels }: Volume, along: Extract<Axis, 0 | 1>): Projection {
  const [nx, ny, nz] = header.dimensions;
  const width = along === 1 ? nx : ny;
  const values = new Float32Array(width * nz).fill(Number.NEGATIVE_INFINITY);
  const depth = new Uint16Array(width * nz);
  let at = 0;
  for (let k = 0; k < nz; k += 1) {
    const row = (nz - 1 - k) * width;
    for (let j = 0; j < ny; j += 1) {
      for (let i = 0; i < nx; i += 1, at += 1) {
        const value = voxels[at] as number;
        const target = row + (along === 1 ? i : j);
        if (value > (values[target] as number)) {
          values[target] = value;
          depth[target] = along === 1 ? j : i;
        }
      }
    }
  }
  return { width, height: nz, values, depth };
}

/** Grey picture with black for the most activity, RGBA, scaled to a window. */
export function inverseGrey(projection: Projection, lower: number, upper: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(projection.values.length * 4);
  const range = Math.max(upper - lower, Number.EPSILON);
  projection.values.forEach((value, i) => {
    const grey = 255 * (1 - Math.min(Math.max((value - lower) / range, 0), 1));
    pixels[i * 4] = grey;
    pixels[i * 4 + 1] = grey;
    pixels[i * 4 + 2] = grey;
    pixels[i * 4 + 3] = 255;
  });
  return pixels;
}
