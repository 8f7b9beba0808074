/** A volume as the server sends it: a header and raw voxels, C order (z, y, x). A wrong one throws; nothing is repaired. */
export type Vec3 = readonly [number, number, number];

export interface Window {
  lower: number;
  upper: number;
}

export interface VolumeHeader {
  kind: string;
  dimensions: Vec3;
  spacing_mm: Vec3;
  origin_lps_mm: Vec3;
  direction: readonly number[];
  dtype: 'int16' | 'uint8' | 'float32';
  unit: string;
  frame_of_reference_uid: string;
  value_range?: readonly [number, number] | null;
  missing_value?: number | null;
  window?: Window | null;
  is_downsampled?: boolean;
  source_spacing_mm?: Vec3 | null;
  sha256: string;
}

export type Voxels = Int16Array | Uint8Array | Float32Array;

export interface Volume {
  id: string;
  header: VolumeHeader;
  voxels: Voxels;
}

export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VolumeError';
  }
}

const ARRAYS = { int16: Int16Array, uint8: Uint8Array, float32: Float32Array } as const;
const LPS_AXES = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const AXIS_TOLERANCE = 1e-6;

const isTriple = (value: unknown): value is Vec3 =>
  Array.isArray(value) && value.length === 3 && value.every((item) => typeof item === 'number' && Number.isFinite(item));

export const countVoxels = (header: VolumeHeader): number => header.dimensions[0] * header.dimensions[1] * header.dimensions[2];

/** Refuses a header whose geometry is missing or not on the LPS axes. */
export function checkHeader(header: VolumeHeader): void {
  if (!(header.dtype in ARRAYS)) throw new VolumeError(`Voxels of type "${String(header.dtype)}" cannot be shown.`);
  if (!isTriple(header.dimensions) || !header.dimensions.every((n) => Number.isInteger(n) && n > 0)) {
    throw new VolumeError(`The volume has no valid size; found ${String(header.dimensions)}.`);
  }
  if (!isTriple(header.spacing_mm) || !header.spacing_mm.every((mm) => mm > 0)) {
    throw new VolumeError(`The volume has no valid voxel size; found ${String(header.spacing_mm)}.`);
  }
  if (!isTriple(header.origin_lps_mm)) throw new VolumeError('The volume has no position.');
  const isOnAxes = Array.isArray(header.direction) && header.direction.length === 9
    && header.direction.every((value: number, i: number) => Math.abs(value - (LPS_AXES[i] ?? 0)) < AXIS_TOLERANCE);
  if (!isOnAxes) throw new VolumeError('The volume does not lie on the patient axes (LPS).');
}

/** Views the bytes of a body as voxels after checking their number. */
export function readVoxels(header: VolumeHeader, body: ArrayBuffer): Voxels {
  const ArrayType = ARRAYS[header.dtype];
  const expected = countVoxels(header) * ArrayType.BYTES_PER_ELEMENT;
  if (body.byteLength !== expected) {
    throw new VolumeError(`The volume has ${body.byteLength} bytes; its header says ${expected}.`);
  }
  return new ArrayType(body);
}

export const toHex = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export function checkDigest(header: VolumeHeader, digestHex: string): void {
  if (digestHex !== header.sha256) throw new VolumeError('The voxels do not have the digest that the header names. Reload the page.');
}

/** Whether two headers describe the same voxel grid. */
export function isSameGrid(a: VolumeHeader, b: VolumeHeader): boolean {
  const isClose = (p: Vec3, q: Vec3): boolean => p.every((value, axis) => Math.abs(value - (q[axis] ?? Number.NaN)) < 1e-3);
  return a.dimensions.every((n, axis) => n === b.dimensions[axis]) && isClose(a.spacing_mm, b.spacing_mm) && isClose(a.origin_lps_mm, b.origin_lps_mm);
}
