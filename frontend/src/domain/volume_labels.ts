/** Label volumes: one slice of them as masks, and the outlines of those masks in voxel coordinates. */
import { isoSegments, joinSegments, type Polyline } from './isolines';
import { PLANE_AXES, type Plane } from './geometry';
import type { VolumeHeader } from './volume';

export interface LabelSlice {
  width: number;
  height: number;
  labels: Uint8Array;
}

/** The labels of one slice; columns along the plane's right axis, rows along its down axis, both by rising index. */
export function labelSlice(header: VolumeHeader, labels: Uint8Array, plane: Plane, slice: number): LabelSlice {
  const [nx, ny, nz] = header.dimensions;
  if (plane === 'axial') return { width: nx, height: ny, labels: labels.subarray(slice * nx * ny, (slice + 1) * nx * ny) };
  const { right } = PLANE_AXES[plane];
  const width = right === 0 ? nx : ny;
  const out = new Uint8Array(width * nz);
  const stepRight = right === 0 ? 1 : nx;
  const start = right === 0 ? slice * nx : slice;
  for (let k = 0; k < nz; k += 1) {
    let from = start + k * nx * ny;
    for (let c = 0; c < width; c += 1, from += stepRight) out[k * width + c] = labels[from] as number;
  }
  return { width, height: nz, labels: out };
}

interface Box { left: number; top: number; right: number; bottom: number }

/** Bounding box of every label that occurs in a slice. */
export function boxesOf({ width, height, labels }: LabelSlice): Map<number, Box> {
  const boxes = new Map<number, Box>();
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const label = labels[at] as number;
      if (label === 0) continue;
      const box = boxes.get(label);
      if (!box) boxes.set(label, { left: x, top: y, right: x, bottom: y });
      else {
        if (x < box.left) box.left = x;
        if (x > box.right) box.right = x;
        box.bottom = y;
      }
    }
  }
  return boxes;
}

/** Outlines of every label of a slice, half way between voxels inside and outside, in voxel coordinates. */
export function labelOutlines(slice: LabelSlice): Map<number, Polyline[]> {
  const outlines = new Map<number, Polyline[]>();
  for (const [label, box] of boxesOf(slice)) {
    const width = box.right - box.left + 3;
    const height = box.bottom - box.top + 3;
    const mask = new Uint8Array(width * height);
    for (let y = box.top; y <= box.bottom; y += 1) {
      for (let x = box.left; x <= box.right; x += 1) {
        if (slice.labels[y * slice.width + x] === label) mask[(y - box.top + 1) * width + (x - box.left + 1)] = 1;
      }
    }
    const lines = joinSegments(isoSegments(mask, width, height, 0.5));
    for (const line of lines) {
      for (let i = 0; i < line.length; i += 2) {
        line[i] = (line[i] as number) + box.left - 1;
        line[i + 1] = (line[i + 1] as number) + box.top - 1;
      }
    }
    outlines.set(label, lines);
  }
  return outlines;
}

/** Voxel index of the centre of a label's bounding box, or null when the label does not occur. */
export function labelCentre(header: VolumeHeader, labels: Uint8Array, label: number): [number, number, number] | null {
  const [nx, ny] = header.dimensions;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let at = labels.indexOf(label); at !== -1; at = labels.indexOf(label, at + 1)) {
    const index = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    for (const axis of [0, 1, 2] as const) {
      low[axis] = Math.min(low[axis] as number, index[axis] as number);
      high[axis] = Math.max(high[axis] as number, index[axis] as number);
    }
  }
  if (low[0] === Infinity) return null;
  return [0, 1, 2].map((axis) => Math.round(((low[axis] as number) + (high[axis] as number)) / 2)) as [number, number, number];
}

/** Which labels occur in a volume. */
export function labelsPresent(labels: Uint8Array): Set<number> {
  const seen = new Uint8Array(256);
  for (const label of labels) seen[label] = 1;
  return new Set([...seen.keys()].filter((label) => label > 0 && seen[label] === 1));
}
