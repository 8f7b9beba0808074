/** Region outlines of a pane, traced from the live label voxels in any plane. Dashes and width say the state without colour. */
import { PLANE_AXES, at, sliceIndexOf, worldToFrame, type PaneFrame, type Plane } from '../domain/geometry';
import { isClosed, type Polyline } from '../domain/isolines';
import { labelOutlines, labelSlice } from '../domain/volume_labels';
import type { Vec3, VolumeHeader } from '../domain/volume';
import { hatchPattern } from './hatching';
import type { LabelLayer, RegionLook } from './scan';

const FILL = 0.12;
export const DASHES: Record<string, number[]> = { proposed: [5, 3], rejected: [1.5, 4] };
const GHOST_DASH = [1.5, 3];

const MAX_SLICES = 60;

type Paths = ReadonlyMap<number, Path2D>;
interface Traced { version: number; labels: Uint8Array; paths: Paths }

/** Traced outlines of the last slices of each label volume. After a stroke only slices whose labels changed are traced again; the others keep the same paths. */
export class OutlineCache {
  private readonly volumes = new WeakMap<Uint8Array, Map<string, Traced>>();

  get({ volume, version }: LabelLayer, plane: Plane, slice: number): Paths {
    const traced = this.volumes.get(volume.voxels) ?? new Map<string, Traced>();
    this.volumes.set(volume.voxels, traced);
    const key = `${plane}:${slice}`;
    const known = traced.get(key);
    if (known?.version === version) return known.paths;
    const cut = labelSlice(volume.header, volume.voxels, plane, slice);
    if (known && isSame(known.labels, cut.labels)) {
      known.version = version;
      return known.paths;
    }
    const paths = new Map([...labelOutlines(cut)].map(([label, lines]) => [label, pathOf(lines)]));
    if (!known && traced.size >= MAX_SLICES) traced.delete(traced.keys().next().value ?? '');
    traced.set(key, { version, labels: cut.labels.slice(), paths });
    return paths;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

function pathOf(lines: readonly Polyline[]): Path2D {
  const path = new Path2D();
  for (const line of lines) {
    path.moveTo(line[0] as number, line[1] as number);
    for (let i = 2; i < line.length; i += 2) path.lineTo(line[i] as number, line[i + 1] as number);
    if (isClosed(line)) path.closePath();
  }
  return path;
}

/** From in-plane voxel indices to CSS pixels of a pane. */
export function sliceToPane(header: VolumeHeader, plane: Plane, frame: PaneFrame): DOMMatrix {
  const { right, down } = PLANE_AXES[plane];
  const start = worldToFrame(frame, header.origin_lps_mm);
  const unit = (axis: 0 | 1 | 2): Vec3 => [0, 1, 2].map((n) => at(header.origin_lps_mm, n as 0 | 1 | 2) + (n === axis ? at(header.spacing_mm, axis) : 0)) as unknown as Vec3;
  const stepRight = worldToFrame(frame, unit(right));
  const stepDown = worldToFrame(frame, unit(down));
  return new DOMMatrix([stepRight[0] - start[0], stepRight[1] - start[1], stepDown[0] - start[0], stepDown[1] - start[1], start[0], start[1]]);
}

export interface ShownOutlines { layer: LabelLayer; paths: Paths }

/** What a pane shows of each layer; the same paths mean the same outlines. */
export function outlinesAt(plane: Plane, cursor: Vec3, layers: readonly LabelLayer[], cache: OutlineCache): ShownOutlines[] {
  return layers.flatMap((layer): ShownOutlines[] => {
    const slice = sliceIndexOf(layer.volume.header, plane, cursor);
    return slice < 0 ? [] : [{ layer, paths: cache.get(layer, plane, slice) }];
  });
}

export function drawOutlines({ context, frame, plane }: { context: CanvasRenderingContext2D; frame: PaneFrame; plane: Plane }, outlines: readonly ShownOutlines[]): void {
  for (const { layer, paths } of outlines) {
    const matrix = sliceToPane(layer.volume.header, plane, frame);
    const sorted = [...paths].sort(([a], [b]) => Number(layer.looks.get(a)?.isSelected ?? false) - Number(layer.looks.get(b)?.isSelected ?? false));
    for (const [label, path] of sorted) {
      const look = layer.looks.get(label);
      if (!look?.isVisible) continue;
      const shown = new Path2D();
      shown.addPath(path, matrix);
      strokeRegion(context, shown, look, layer.isGhost ?? false);
    }
  }
}

function strokeRegion(context: CanvasRenderingContext2D, path: Path2D, look: RegionLook, isGhost: boolean): void {
  context.lineJoin = 'round';
  context.strokeStyle = look.colour;
  context.globalAlpha = 1;
  if (look.hatch) {
    context.fillStyle = hatchPattern(context, look.hatch, look.colour) ?? look.colour;
    context.fill(path, 'evenodd');
  }
  if (look.isSelected && !isGhost) {
    context.fillStyle = look.colour;
    context.globalAlpha = FILL;
    context.fill(path, 'evenodd');
    context.globalAlpha = 1;
  }
  context.lineWidth = isGhost ? 1.1 : look.isSelected ? 2.2 : 1.6;
  context.setLineDash(isGhost ? GHOST_DASH : (DASHES[look.state] ?? []));
  context.stroke(path);
  context.setLineDash([]);
}
