/** Edits of one region by a closed line, a hole or a sphere. Each is one step to take back, and tells how many voxels it changed. */
import { PLANE_AXES, at, countSlices, sliceIndexOf, type Plane } from '../../domain/geometry';
import { countOf, holeAt, holesOf, insideOf, onSlice, sliceSize } from '../../domain/slice_shapes';
import type { Vec3, VolumeHeader } from '../../domain/volume';
import { labelSlice } from '../../domain/volume_labels';
import type { Ink, Stroke } from '../../domain/volume_painting';
import type { LabelEditor } from './label_editor';
import type { Kind } from './wire';

export interface EditTarget {
  editor: LabelEditor;
  kind: Kind;
  label: number;
  name: string;
  /** Labels of neighbours that stay as they are: locked, or accepted by a person. */
  spared: ReadonlySet<number>;
}

export interface SliceLine { plane: Plane; points: readonly Vec3[] }

const adding = ({ label, spared }: EditTarget): Ink => ({ label, locked: spared });
const removing = ({ label, spared }: EditTarget): Ink => ({ label: 0, onlyLabel: label, locked: spared });

const maskOf = (header: VolumeHeader, { plane, points }: SliceLine): Uint8Array => insideOf(sliceSize(header, plane), onSlice(header, plane, points));
const sliceOf = (header: VolumeHeader, { plane, points: [first] }: SliceLine): number => (first ? sliceIndexOf(header, plane, first) : -1);

function edited(target: EditTarget, what: string, edit: (stroke: Stroke, header: VolumeHeader) => void): number {
  return target.editor.apply(target.kind, `${target.name}: ${what}`, edit);
}

/** What a closed line encloses becomes the region on that slice, or is no longer. */
export function drawOutline(target: EditTarget, line: SliceLine, isRemoving: boolean): number {
  return edited(target, isRemoving ? 'outline removed' : 'outline drawn', (stroke, header) => {
    const here = sliceOf(header, line);
    stroke.fillSlices({ plane: line.plane, slices: [here, here], mask: maskOf(header, line) }, isRemoving ? removing(target) : adding(target));
  });
}

/** Cuts the region along a closed line: what lies inside goes, or what lies outside, on that slice or through all. */
export function cutOutline(target: EditTarget, line: SliceLine, { isKeeping, isThrough }: { isKeeping: boolean; isThrough: boolean }): number {
  return edited(target, `scissors, inside ${isKeeping ? 'kept' : 'removed'}`, (stroke, header) => {
    const mask = maskOf(header, line);
    if (countOf(mask) === 0) return; // a line without an area would keep nothing
    const here = sliceOf(header, line);
    const slices = isThrough ? [0, countSlices(header, line.plane) - 1] as const : [here, here] as const;
    stroke.fillSlices({ plane: line.plane, slices, mask, value: isKeeping ? 0 : 1 }, removing(target));
  });
}

/** Fills the hole of the region that holds a point of its slice, or every hole of that slice. */
export function fillHole(target: EditTarget, { plane, point }: { plane: Plane; point: Vec3 }, isEvery: boolean): number {
  const volume = target.editor.layer(target.kind)?.volume;
  const slice = volume ? sliceIndexOf(volume.header, plane, point) : -1;
  if (!volume || slice < 0) return 0;
  const size = sliceSize(volume.header, plane);
  const region = labelSlice(volume.header, volume.voxels, plane, slice).labels.map((value) => (value === target.label ? 1 : 0));
  const [place] = onSlice(volume.header, plane, [point]);
  const mask = isEvery || !place ? holesOf(size, region) : holeAt(size, region, place);
  return edited(target, isEvery ? 'holes of the slice filled' : 'hole filled', (stroke) => stroke.fillSlices({ plane, slices: [slice, slice], mask }, adding(target)));
}

/** A sphere of a diameter around a point becomes the region, or is no longer. */
export function placeSphere(target: EditTarget, { plane, point }: { plane: Plane; point: Vec3 }, { diameterMm, isRemoving }: { diameterMm: number; isRemoving: boolean }): number {
  return edited(target, `sphere of ${diameterMm} mm ${isRemoving ? 'removed' : 'placed'}`, (stroke) => {
    stroke.dab(point, { ...(isRemoving ? removing(target) : adding(target)), radiusMm: diameterMm / 2, plane, isBall: true });
  });
}

/** The corners of an ellipse or a rectangle that a hand drags from one corner of its box to the other. */
export function shapeBetween(shape: 'ellipse' | 'rectangle', plane: Plane, from: Vec3, to: Vec3): Vec3[] {
  const { right, down } = PLANE_AXES[plane];
  const corners = shape === 'rectangle' ? [[0, 0], [1, 0], [1, 1], [0, 1]] : Array.from({ length: 72 }, (_, n) => [0.5 + 0.5 * Math.cos((n * Math.PI) / 36), 0.5 + 0.5 * Math.sin((n * Math.PI) / 36)]);
  return corners.map(([x = 0, y = 0]) => {
    const point: [number, number, number] = [from[0], from[1], from[2]];
    point[right] = at(from, right) + x * (at(to, right) - at(from, right));
    point[down] = at(from, down) + y * (at(to, down) - at(from, down));
    return point;
  });
}
