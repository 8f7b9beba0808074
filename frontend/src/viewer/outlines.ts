/** Region outlines of a pane, traced from the live label voxels in any plane. Dashes and width say the state without colour. */
import { PLANE_AXES, at, sliceIndexOf, worldToFrame, type PaneFrame, type Plane } from '../domain/geometry';
import { isClosed, type Polyline } from '../domain/isolines';
import { labelOutlines, labelSlice } from '../domain/volume_labels';
import type { Vec3, VolumeHeader } from '../domain/volume';
import type { LabelLayer, RegionLook } from './scan';

const FILL = 0.12;
const DASHES: Record<string, number[]> = { proposed: [5, 3], rejected: [1.5, 4] };
const GHOST_DASH = [1.5, 3];

/** Traced outlines of the last slices; a stroke raises the layer's version and so forgets them. */
export class OutlineCache {
  private readonly traced = new Map<string, Map<number, Path2D>>();

  get(layer: LabelLayer, plane: Plane, slice: number): Map<number, Path2D> {
    const key = `${layer.volume.id}:${layer.kind}:${layer.version}:${plane}:${slice}`;
    const known = this.traced.get(key);
    if (known) return known;
    const lines = labelOutlines(labelSlice(layer.volume.header, layer.volume.voxels, plane, slice));
    const paths = new Map([...lines].map(([label, list]) => [label, pathOf(list)]));
    if (this.traced.size > 60) this.traced.delete(this.traced.keys().next().value ?? '');
    this.traced.set(key, paths);
    return paths;
  }
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

export interface OutlinePane { context: CanvasRenderingContext2D; frame: PaneFrame; plane: Plane; cursor: Vec3 }

export function drawOutlines({ context, frame, plane, cursor }: OutlinePane, layers: readonly LabelLayer[], cache: OutlineCache): void {
  for (const layer of layers) {
    const { header } = layer.volume;
    const slice = sliceIndexOf(header, plane, cursor);
    if (slice < 0) continue;
    const matrix = sliceToPane(header, plane, frame);
    const paths = [...cache.get(layer, plane, slice)].sort(([a], [b]) => Number(layer.looks.get(a)?.isSelected ?? false) - Number(layer.looks.get(b)?.isSelected ?? false));
    for (const [label, path] of paths) {
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
