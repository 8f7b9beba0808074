/** An outline that follows the edges of the shown image: a click sets a point, the wire runs to the pointer, a click on the first point closes. */
import { PLANE_AXES, sliceIndexOf, toSlice, toWorld, withAxis, at as part, type Plane, type Point2 } from '../../domain/geometry';
import { edgesOf, wireFrom, type Wire } from '../../domain/livewire';
import { imageSlice, onSlice } from '../../domain/slice_shapes';
import type { Vec3, Volume, Window } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import { isNear, MIN_POINTS, placeOf, type PointHooks, type PointTool } from './point_tool';

interface Begun {
  place: string;
  plane: Plane;
  volume: Volume;
  edges: ReturnType<typeof edgesOf>;
  /** Points of the line up to each click, in order. */
  parts: Vec3[][];
  wire: Wire;
  isRemoving: boolean;
}

export class LivewireTool implements PointTool {
  private begun: Begun | null = null;

  constructor(private readonly viewer: Viewer, private readonly hooks: PointHooks) {}

  press(at: PaintPoint): void {
    const begun = this.begun;
    if (begun?.place !== this.placeOf(at)) { this.begin(at); return; }
    if (begun.parts.length >= MIN_POINTS && this.isAtStart(at, begun)) { this.finish(); return; }
    begun.parts.push(this.pathTo(begun, at.point));
    this.seed(begun, at.point);
    this.show(begun, []);
  }

  hover(at: PaintPoint): void {
    const { begun } = this;
    if (begun && begun.place === this.placeOf(at)) this.show(begun, this.pathTo(begun, at.point));
  }

  /** A wire goes on from click to click: the button changes nothing. */
  move(at: PaintPoint): void {
    this.hover(at);
  }

  release(): void { /* the click was taken when the button went down */ }

  /** Closes the line along the edges back to its first point; returns whether there was one to close. */
  finish(): boolean {
    const { begun } = this;
    const first = begun?.parts[0]?.[0];
    if (!begun || !first || begun.parts.length < MIN_POINTS) return false;
    const points = [...begun.parts.flat(), ...this.pathTo(begun, first)];
    const { plane, isRemoving } = begun;
    this.cancel();
    this.hooks.close({ plane, points }, isRemoving);
    return true;
  }

  /** Takes the last click back; returns whether there was one. */
  back(): boolean {
    const { begun } = this;
    if (!begun) return false;
    begun.parts.pop();
    const last = begun.parts.at(-1)?.at(-1);
    if (!last) { this.cancel(); return true; }
    this.seed(begun, last);
    this.show(begun, []);
    return true;
  }

  cancel(): void {
    if (!this.begun) return;
    this.begun = null;
    this.viewer.sketch = null;
    this.viewer.schedule();
  }

  private begin(at: PaintPoint): void {
    const resolved = this.viewer.shownAt(at.index)?.resolved;
    const volume = resolved?.base;
    const slice = volume ? sliceIndexOf(volume.header, at.plane, at.point) : -1;
    if (!resolved || !volume || slice < 0) return;
    const { emissionWindow, ctWindow } = this.viewer.state.get();
    const edges = edgesOf(windowed(imageSlice(volume, at.plane, slice), resolved.isBaseEmission ? emissionWindow : ctWindow));
    const first = toSlice(volume.header, at.plane, at.point, slice);
    this.begun = { place: this.placeOf(at), plane: at.plane, volume, edges, parts: [[first]], wire: () => [], isRemoving: at.isOpposite ?? false };
    this.seed(this.begun, first);
    this.show(this.begun, []);
  }

  private placeOf(at: PaintPoint): string {
    return placeOf(this.viewer, this.hooks.timePointId(), at);
  }

  private isAtStart(at: PaintPoint, { parts }: Begun): boolean {
    const first = parts[0]?.[0];
    return first !== undefined && isNear(this.viewer, at, first);
  }

  private seed(begun: Begun, point: Vec3): void {
    const [seed] = onSlice(begun.volume.header, begun.plane, [point]);
    if (seed) begun.wire = wireFrom(begun.edges, seed);
  }

  private pathTo({ volume, plane, wire, parts }: Begun, point: Vec3): Vec3[] {
    const [to] = onSlice(volume.header, plane, [point]);
    const first = parts[0]?.[0];
    return to && first ? wire(to).map((place) => this.worldOf(volume, plane, place, first)) : [];
  }

  private worldOf({ header }: Volume, plane: Plane, [column, row]: Point2, onDepthOf: Vec3): Vec3 {
    const { right, down, normal } = PLANE_AXES[plane];
    const index = withAxis(withAxis([0, 0, 0], right, column), down, row);
    return withAxis(toWorld(header, index), normal, part(onDepthOf, normal));
  }

  private show({ plane, parts, isRemoving }: Begun, wire: readonly Vec3[]): void {
    this.viewer.sketch = { plane, points: [...parts.flat(), ...wire], isRemoving, isOpen: true, marks: parts.map((points) => points.at(-1)).filter((point): point is Vec3 => point !== undefined) };
    this.viewer.schedule();
  }
}

/** Edges count as the window shows them: what is cut off above and below has none. */
function windowed<Slice extends { values: Float32Array }>(slice: Slice, { lower, upper }: Window): Slice {
  return { ...slice, values: slice.values.map((value) => Math.min(Math.max(value, lower), upper)) };
}
