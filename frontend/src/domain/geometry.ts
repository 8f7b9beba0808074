/** Points, planes and slices in LPS millimetres. Volumes lie on the LPS axes, so planes are pairs of axes. */
import type { Vec3, VolumeHeader } from './volume';

export type Plane = 'axial' | 'coronal' | 'sagittal';
export type Axis = 0 | 1 | 2;
export type Point2 = readonly [number, number];

export interface PlaneAxes {
  /** Axis that runs to the right of the screen, always towards its positive end. */
  right: Axis;
  /** Axis that runs down the screen, and whether downwards is its positive end. */
  down: Axis;
  isDownPositive: boolean;
  normal: Axis;
}

/** Radiological convention: the patient's right is on the left of axial and coronal panes, the head is up. */
export const PLANE_AXES: Record<Plane, PlaneAxes> = {
  axial: { right: 0, down: 1, isDownPositive: true, normal: 2 },
  coronal: { right: 0, down: 2, isDownPositive: false, normal: 1 },
  sagittal: { right: 1, down: 2, isDownPositive: false, normal: 0 },
};

const LETTERS: readonly (readonly [negative: string, positive: string])[] = [['R', 'L'], ['A', 'P'], ['F', 'H']];

/** Where a pane lies in the patient: the world point of its top left corner, and the steps of one CSS pixel. */
export interface PaneFrame {
  origin: Vec3;
  right: Vec3;
  down: Vec3;
  width: number;
  height: number;
}

export const at = (point: Vec3, axis: Axis): number => point[axis];

export const add = (a: Vec3, b: Vec3, factor = 1): Vec3 => [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]];
export const subtract = (a: Vec3, b: Vec3): Vec3 => add(a, b, -1);
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const norm = (a: Vec3): number => Math.sqrt(dot(a, a));
export const withAxis = (point: Vec3, axis: Axis, value: number): Vec3 =>
  [axis === 0 ? value : point[0], axis === 1 ? value : point[1], axis === 2 ? value : point[2]];

/** Continuous voxel index of a world point; whole numbers are voxel centres. */
export const toIndex = (header: VolumeHeader, world: Vec3): Vec3 => [
  (world[0] - header.origin_lps_mm[0]) / header.spacing_mm[0],
  (world[1] - header.origin_lps_mm[1]) / header.spacing_mm[1],
  (world[2] - header.origin_lps_mm[2]) / header.spacing_mm[2],
];

export const toWorld = (header: VolumeHeader, index: Vec3): Vec3 => [
  header.origin_lps_mm[0] + index[0] * header.spacing_mm[0],
  header.origin_lps_mm[1] + index[1] * header.spacing_mm[1],
  header.origin_lps_mm[2] + index[2] * header.spacing_mm[2],
];

export const centreOf = (header: VolumeHeader): Vec3 =>
  toWorld(header, [(header.dimensions[0] - 1) / 2, (header.dimensions[1] - 1) / 2, (header.dimensions[2] - 1) / 2]);

/** Nearest slice of a plane, or -1 outside the volume. */
export function sliceIndexOf(header: VolumeHeader, plane: Plane, world: Vec3): number {
  const { normal } = PLANE_AXES[plane];
  const index = Math.round(at(toIndex(header, world), normal));
  return index >= 0 && index < at(header.dimensions, normal) ? index : -1;
}

export const countSlices = (header: VolumeHeader, plane: Plane): number => at(header.dimensions, PLANE_AXES[plane].normal);

/** A point moved to the centre of a slice, within the volume. */
export function toSlice(header: VolumeHeader, plane: Plane, point: Vec3, slice: number): Vec3 {
  const { normal } = PLANE_AXES[plane];
  const held = Math.min(Math.max(Math.round(slice), 0), at(header.dimensions, normal) - 1);
  return withAxis(point, normal, at(header.origin_lps_mm, normal) + held * at(header.spacing_mm, normal));
}

/** A point moved by whole slices; the first and the last slice hold. Positive is towards the head, front of list or left. */
export function stepSlices(header: VolumeHeader, plane: Plane, point: Vec3, by: number): Vec3 {
  return toSlice(header, plane, point, Math.round(at(toIndex(header, point), PLANE_AXES[plane].normal)) + by);
}

/** A point held within the outer faces of a volume. */
export function hold(header: VolumeHeader, point: Vec3): Vec3 {
  const index = toIndex(header, point).map((value, axis) => Math.min(Math.max(value, 0), (header.dimensions[axis] ?? 1) - 1));
  return toWorld(header, [index[0] ?? 0, index[1] ?? 0, index[2] ?? 0]);
}

export const frameToWorld = (frame: PaneFrame, [x, y]: Point2): Vec3 => add(add(frame.origin, frame.right, x), frame.down, y);

export function worldToFrame(frame: PaneFrame, world: Vec3): Point2 {
  const offset = subtract(world, frame.origin);
  return [dot(offset, frame.right) / dot(frame.right, frame.right), dot(offset, frame.down) / dot(frame.down, frame.down)];
}

export const mmPerPixel = (frame: PaneFrame): number => norm(frame.right);

/** Letter of the side towards which a direction points: R L A P F H. */
export function letterOf(direction: Vec3): string {
  const sizes = direction.map(Math.abs);
  const axis = sizes.indexOf(Math.max(...sizes));
  return LETTERS[axis]?.[(direction[axis] ?? 0) > 0 ? 1 : 0] ?? '';
}

export interface Letters {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

export function lettersOf(frame: PaneFrame): Letters {
  const opposite = (direction: Vec3): Vec3 => [-direction[0], -direction[1], -direction[2]];
  return {
    left: letterOf(opposite(frame.right)), right: letterOf(frame.right),
    top: letterOf(opposite(frame.down)), bottom: letterOf(frame.down),
  };
}

const BAR_LENGTHS_MM = [1, 2, 5, 10, 20, 50, 100, 200];

/** The longest round length whose bar fits, with its pixels and its words. */
export function scaleBar(mmPerPx: number, maxPixels: number): { pixels: number; text: string } {
  const fitting = BAR_LENGTHS_MM.filter((mm) => mm / mmPerPx <= maxPixels);
  const mm = fitting[fitting.length - 1] ?? 1;
  return { pixels: mm / mmPerPx, text: mm >= 10 ? `${mm / 10} cm` : `${mm} mm` };
}

type Rotation = readonly [Vec3, Vec3, Vec3];

/** Rotation about x, then y, then z, in degrees; as rows. */
function rotationRows(rotationDeg: Vec3): Rotation {
  const [ax, ay, az] = rotationDeg.map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
  const [cx, sx, cy, sy, cz, sz] = [Math.cos(ax), Math.sin(ax), Math.cos(ay), Math.sin(ay), Math.cos(az), Math.sin(az)];
  return [
    [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
    [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
    [-sy, cy * sx, cy * cx],
  ];
}

/** Turns points about a pivot (x, then y, then z, degrees) and then shifts them. */
export function rigidMotion(shiftMm: Vec3, rotationDeg: Vec3, pivot: Vec3): (point: Vec3) => Vec3 {
  const rows = rotationRows(rotationDeg);
  return (point) => {
    const p = subtract(point, pivot);
    return add(add([dot(rows[0], p), dot(rows[1], p), dot(rows[2], p)], pivot), shiftMm);
  };
}

/** The motion that takes `rigidMotion` back. */
export function rigidMotionBack(shiftMm: Vec3, rotationDeg: Vec3, pivot: Vec3): (point: Vec3) => Vec3 {
  const rows = rotationRows(rotationDeg);
  const column = (n: Axis): Vec3 => [rows[0][n], rows[1][n], rows[2][n]];
  const columns = [column(0), column(1), column(2)] as const;
  return (point) => {
    const p = subtract(subtract(point, shiftMm), pivot);
    return add([dot(columns[0], p), dot(columns[1], p), dot(columns[2], p)], pivot);
  };
}
