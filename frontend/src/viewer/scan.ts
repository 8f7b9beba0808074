/** What one time point shows: its volumes, its words, its label layers. */
import type { Vec3, Volume } from '../domain/volume';
import { toWorld } from '../domain/geometry';
import type { Hatch } from './hatching';

export interface Scan {
  key: string;
  ct: Volume | null;
  emission: Volume | null;
  dose: Volume | null;
  /** "24.1 h p.i., 17 Nov 09:48" */
  when: string;
  modality: string;
  /** What the activity refers to: "decay to scan". */
  note?: string;
}

export interface RegionLook {
  label: number;
  colour: string;
  /** On inverse grey; the plain colour where it is missing. */
  colourOnLight?: string;
  state: string;
  isSelected: boolean;
  isVisible: boolean;
  /** Filled with lines, for a difference. */
  hatch?: Hatch;
}

export interface LabelLayer {
  kind: string;
  volume: Volume & { voxels: Uint8Array };
  looks: ReadonlyMap<number, RegionLook>;
  /** Rises with every change of the voxels, so that outlines are traced again. */
  version: number;
  /** A layer for comparison: thin dots, no fill. */
  isGhost?: boolean;
}

export const baseOf = (scan: Scan): Volume | null => scan.ct ?? scan.emission;

export interface Box {
  low: Vec3;
  high: Vec3;
}

const BODY_HU = -400;
const STEP = 2;

/** The box around the patient: where the CT is denser than air, or the emission image above two per cent of its window. */
export function bodyBox(volume: Volume): Box {
  const { header, voxels } = volume;
  const [nx, ny, nz] = header.dimensions;
  const limit = header.unit === 'HU' ? BODY_HU : (header.window?.upper ?? header.value_range?.[1] ?? 0) * 0.02;
  const low = [nx, ny, nz];
  const high = [-1, -1, -1];
  for (let k = 0; k < nz; k += STEP) {
    for (let j = 0; j < ny; j += STEP) {
      const row = nx * (j + ny * k);
      for (let i = 0; i < nx; i += STEP) {
        if ((voxels[row + i] as number) <= limit) continue;
        if (i < (low[0] as number)) low[0] = i;
        if (i > (high[0] as number)) high[0] = i;
        if (j < (low[1] as number)) low[1] = j;
        if (j > (high[1] as number)) high[1] = j;
        if (k < (low[2] as number)) low[2] = k;
        high[2] = k;
      }
    }
  }
  if ((high[0] as number) <= (low[0] as number)) return { low: toWorld(header, [0, 0, 0]), high: toWorld(header, [nx - 1, ny - 1, nz - 1]) };
  return { low: toWorld(header, low as unknown as Vec3), high: toWorld(header, high as unknown as Vec3) };
}

/** Centre of the hottest voxel: a sensible first place to look at. */
export function hottestPoint({ header, voxels }: Volume): Vec3 {
  let best = 0;
  for (let at = 1; at < voxels.length; at += 1) if ((voxels[at] as number) > (voxels[best] as number)) best = at;
  const [nx, ny] = header.dimensions;
  return toWorld(header, [best % nx, Math.floor(best / nx) % ny, Math.floor(best / (nx * ny))]);
}
