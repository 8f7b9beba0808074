/** Values of a volume at points in LPS millimetres. Outside, and where the volume has no data, there is no value. */
import { toIndex } from './geometry';
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
