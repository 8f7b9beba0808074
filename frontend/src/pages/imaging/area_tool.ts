/** An area that a hand draws on a slice, and what the server measures in it; it belongs to no region and is not saved. */
import { postJson } from '../../api/client';
import { formatValue, type MaybeQuantity } from '../../domain/quantity';
import type { Vec3 } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import { errorText } from '../parts/states';
import { shapeBetween } from './outline_edits';
import type { AreaShape } from './tool_controls';

export interface AreaNumbers {
  volume: MaybeQuantity;
  n_voxels: number;
  mean: MaybeQuantity;
  standard_deviation: MaybeQuantity;
  maximum: MaybeQuantity;
  activity: MaybeQuantity;
  ct_mean: MaybeQuantity;
  ct_standard_deviation: MaybeQuantity;
}

interface Hooks {
  shape: () => AreaShape;
  timePointId: () => string;
  refuse: (why: string) => void;
}

const MIN_POINTS = 3;
const text = (quantity: MaybeQuantity): string => (quantity && Number.isFinite(quantity.value) ? `${formatValue(quantity)} ${quantity.unit}` : '—');

/** The lines beside an area: emission, then CT where there is one. */
export function areaWords(numbers: AreaNumbers, modality: string): string[] {
  const words = [
    `${modality} mean ${text(numbers.mean)}, SD ${text(numbers.standard_deviation)}`, `max ${text(numbers.maximum)}`,
    `${text(numbers.activity)} in ${text(numbers.volume)}, ${numbers.n_voxels} voxels`,
  ];
  return numbers.ct_mean ? [...words, `CT mean ${text(numbers.ct_mean)}, SD ${text(numbers.ct_standard_deviation)}`] : words;
}

export class AreaTool {
  private begun: { at: PaintPoint; points: Vec3[] } | null = null;

  constructor(private readonly viewer: Viewer, private readonly hooks: Hooks) {}

  start(at: PaintPoint): void {
    this.begun = { at, points: [at.point] };
    this.show(null);
  }

  move({ point, plane }: PaintPoint): void {
    if (!this.begun || plane !== this.begun.at.plane) return;
    const shape = this.hooks.shape();
    this.begun.points = shape === 'freehand' ? [...this.begun.points, point] : shapeBetween(shape, plane, this.begun.at.point, point);
    this.viewer.sketch = { plane, points: this.begun.points };
    this.viewer.schedule();
  }

  end(): void {
    const { begun } = this;
    this.begun = null;
    if (begun && begun.points.length >= MIN_POINTS) void this.measure(begun.at.plane, begun.points);
  }

  cancel(): void {
    this.begun = null;
  }

  private async measure(plane: PaintPoint['plane'], points: readonly Vec3[]): Promise<void> {
    const area = { plane, points, words: ['Measuring'] };
    this.show(area);
    try {
      const numbers = await postJson<AreaNumbers>(`/api/time-points/${this.hooks.timePointId()}/area`, { plane, points_lps_mm: points });
      if (this.viewer.area === area) this.show({ ...area, words: areaWords(numbers, this.viewer.scans[this.viewer.main]?.modality ?? 'Emission') });
    } catch (error) {
      if (this.viewer.area === area) this.show(null);
      this.hooks.refuse(errorText(error));
    }
  }

  private show(area: Viewer['area']): void {
    this.viewer.area = area;
    this.viewer.schedule();
  }
}
