/** Values of a volume at points in LPS millimetres. Outside, and where the volume has no data, there is no value. */
import { centreOf, rigidMotionBack, toIndex } from './geometry';
import type { Vec3, Volume } from './volume';

export type Sampler = (x: number, y: number, z: number) => number;

/** Value of the voxel that contains a point: the one to read out. Null outside the volume and where data are missing. */
export function nearestValue({ header, voxels }: Volume, world: Vec3): number | null {
  const [i, j, k] = toIndex(header, world).map(Math.round) as [number, number, number];
  const [nx, ny, nz] = header.dimensions;
  if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) return null;
  const value = voxels[i + nx * (j + ny * k)];
  return value === undefined || !Number.isFinite(value) || value === header.missing_value ? null : value;
}

/** Trilinear interpolation; NaN outside the centres of the outer voxels and next to missing data. */
export function makeSampler({ header, voxels }: Volume): Sampler {
  const [nx, ny, nz] = header.dimensions;
  const [sx, sy, sz] = header.spacing_mm;
  const [ox, oy, oz] = header.origin_lps_mm;
  const slice = nx * ny;
  const missing = header.missing_value ?? Number.NaN;
  const stepX = nx > 1 ? 1 : 0;
  const stepY = ny > 1 ? nx : 0;
  const stepZ = nz > 1 ? slice : 0;
  const value = (at: number): number => {
    const found = voxels[at] ?? Number.NaN;
    return found === missing ? Number.NaN : found;
  };
  return (wx, wy, wz) => {
    const x = (wx - ox) / sx;
    const y = (wy - oy) / sy;
    const z = (wz - oz) / sz;
    if (!(x >= 0 && y >= 0 && z >= 0 && x <= nx - 1 && y <= ny - 1 && z <= nz - 1)) return Number.NaN;
    const i = Math.min(Math.floor(x), Math.max(nx - 2, 0));
    const j = Math.min(Math.floor(y), Math.max(ny - 2, 0));
    const k = Math.min(Math.floor(z), Math.max(nz - 2, 0));
    const fx = x - i;
    const fy = y - j;
    const fz = z - k;
    const edge = (at: number): number => (fx === 0 ? value(at) : value(at) * (1 - fx) + value(at + stepX) * fx);
    const face = (at: number): number => (fy === 0 ? edge(at) : edge(at) * (1 - fy) + edge(at + stepY) * fy);
    const start = i + nx * j + slice * k;
    return fz === 0 ? face(start) : face(start) * (1 - fz) + face(start + stepZ) * fz;
  };
}

/** A copy of a volume moved rigidly about its centre, for looking at before the server moves it exactly. Outside is 0 or missing. */
export function movedCopy(volume: Volume, id: string, shiftMm: Vec3, rotationDeg: Vec3): Volume {
  const { header } = volume;
  const [nx, ny, nz] = header.dimensions;
  const back = rigidMotionBack(shiftMm, rotationDeg, centreOf(header));
  const sample = makeSampler(volume);
  const outside = header.missing_value ?? 0;
  const voxels = new Float32Array(nx * ny * nz);
  const [ox, oy, oz] = header.origin_lps_mm;
  const [sx, sy, sz] = header.spacing_mm;
  const start = back([ox, oy, oz]);
  // The motion is affine, so each voxel is a step from its neighbour.
  const step = ([x, y, z]: Vec3): Vec3 => { const to = back([ox + x, oy + y, oz + z]); return [to[0] - start[0], to[1] - start[1], to[2] - start[2]]; };
  const [di, dj, dk] = [step([sx, 0, 0]), step([0, sy, 0]), step([0, 0, sz])];
  for (let k = 0, at = 0; k < nz; k += 1) {
    for (let j = 0; j < ny; j += 1) {
      for (let i = 0; i < nx; i += 1, at += 1) {
        const value = sample(start[0] + i * di[0] + j * dj[0] + k * dk[0], start[1] + i * di[1] + j * dj[1] + k * dk[1], start[2] + i * di[2] + j * dj[2] + k * dk[2]);
        voxels[at] = Number.isNaN(value) ? outside : value;
      }
    }
  }
  return { id, header: { ...header, dtype: 'float32' }, voxels };
}
