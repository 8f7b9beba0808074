/** What outlines share that are set point by point: clicks stay on one slice of one scan, and Enter closes. */
import { sliceIndexOf } from '../../domain/geometry';
import type { Vec3 } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import type { SliceLine } from './outline_edits';

export interface PointHooks {
  timePointId: () => string;
  close: (line: SliceLine, isRemoving: boolean) => void;
}

export interface PointTool {
  press: (at: PaintPoint) => void;
  /** The pointer moves with the button down, or without it. */
  move: (at: PaintPoint) => void;
  hover: (at: PaintPoint) => void;
  release: () => void;
  /** Closes the line; returns whether there was one to close. */
  finish: () => boolean;
  /** Takes the last point back; returns whether there was one. */
  back: () => boolean;
  cancel: () => void;
}

/** Fewer points than these enclose nothing. */
export const MIN_POINTS = 3;
const NEAR_PX = 9;

/** The slice of the scan that a line lies on; on another one it waits. */
export function placeOf(viewer: Viewer, timePointId: string, { plane, point, index }: PaintPoint): string {
  const base = viewer.shownAt(index)?.resolved.base;
  return `${timePointId} ${base?.id ?? ''} ${plane} ${base ? sliceIndexOf(base.header, plane, point) : -1}`;
}

/** Whether a hand that points at a place means a point. */
export function isNear(viewer: Viewer, { index, point }: PaintPoint, other: Vec3): boolean {
  const [a, b] = [viewer.placeOf(index, other), viewer.placeOf(index, point)];
  return Boolean(a && b && Math.hypot(a[0] - b[0], a[1] - b[1]) <= NEAR_PX);
}
