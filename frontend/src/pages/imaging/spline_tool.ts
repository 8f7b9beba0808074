/** An outline by a smooth closed curve: a click sets a point, points are dragged until a click on the first, Enter or a double click closes. */
import { at as part, PLANE_AXES, sliceIndexOf, toSlice, withAxis, type Plane } from '../../domain/geometry';
import { closedCurve } from '../../domain/spline';
import type { Vec3 } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import { isNear, MIN_POINTS, placeOf, type PointHooks, type PointTool } from './point_tool';

interface Begun {
  place: string;
  plane: Plane;
  points: Vec3[];
  /** The point under the button, and whether it moves. */
  held: { n: number; from: PaintPoint; hasMoved: boolean } | null;
  isRemoving: boolean;
}

/** Finer than any voxel: the line that is filled is the curve. */
const STEP_MM = 0.5;

export class SplineTool implements PointTool {
  private begun: Begun | null = null;

  constructor(private readonly viewer: Viewer, private readonly hooks: PointHooks) {}

  press(at: PaintPoint): void {
    const place = placeOf(this.viewer, this.hooks.timePointId(), at);
    if (this.begun?.place !== place) this.begun = this.beginAt(at, place);
    const { begun } = this;
    if (!begun) return;
    const known = begun.points.findIndex((point) => isNear(this.viewer, at, point));
    if (known < 0) begun.points.push(onDepth(begun, at.point));
    begun.held = { n: known < 0 ? begun.points.length - 1 : known, from: at, hasMoved: known < 0 };
    this.show(begun);
  }

  move(at: PaintPoint): void {
    const { begun } = this;
    if (!begun?.held || at.plane !== begun.plane) return;
    const { held } = begun;
    held.hasMoved ||= !isNear(this.viewer, at, held.from.point);
    if (held.hasMoved) begun.points[held.n] = onDepth(begun, at.point);
    this.show(begun);
  }

  release(): void {
    const { begun } = this;
    const held = begun?.held;
    if (!begun || !held) return;
    begun.held = null;
    if (held.n === 0 && !held.hasMoved) this.finish();
  }

  /** Shows the curve as a click here would make it. */
  hover(at: PaintPoint): void {
    const { begun } = this;
    if (!begun || begun.place !== placeOf(this.viewer, this.hooks.timePointId(), at)) return;
    this.show(begun, begun.points.some((point) => isNear(this.viewer, at, point)) ? [] : [onDepth(begun, at.point)]);
  }

  finish(): boolean {
    const { begun } = this;
    if (!begun || begun.points.length < MIN_POINTS) return false;
    this.cancel();
    this.hooks.close({ plane: begun.plane, points: closedCurve(begun.points, STEP_MM) }, begun.isRemoving);
    return true;
  }

  back(): boolean {
    const { begun } = this;
    if (!begun) return false;
    begun.points.pop();
    begun.held = null;
    if (begun.points.length === 0) this.cancel();
    else this.show(begun);
    return true;
  }

  cancel(): void {
    if (!this.begun) return;
    this.begun = null;
    this.viewer.sketch = null;
    this.viewer.schedule();
  }

  private beginAt(at: PaintPoint, place: string): Begun | null {
    const volume = this.viewer.shownAt(at.index)?.resolved.base;
    const slice = volume ? sliceIndexOf(volume.header, at.plane, at.point) : -1;
    if (!volume || slice < 0) return null;
    return { place, plane: at.plane, points: [toSlice(volume.header, at.plane, at.point, slice)], held: null, isRemoving: at.isOpposite ?? false };
  }

  private show({ plane, points, isRemoving }: Begun, more: readonly Vec3[] = []): void {
    const line = closedCurve([...points, ...more], STEP_MM);
    this.viewer.sketch = { plane, points: line, isRemoving, isOpen: line.length < MIN_POINTS, marks: [...points] };
    this.viewer.schedule();
  }
}

/** A hand that drags a point does not leave the slice. */
function onDepth({ plane, points: [first] }: Begun, point: Vec3): Vec3 {
  const { normal } = PLANE_AXES[plane];
  return first ? withAxis(point, normal, part(first, normal)) : point;
}
