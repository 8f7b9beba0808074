import { beforeEach, expect, it, vi } from 'vitest';
import type { Vec3, VolumeHeader } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import type { Viewer } from '../../viewer/viewer';
import { SplineTool } from './spline_tool';

const header = { dimensions: [100, 100, 10], spacing_mm: [1, 1, 3], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader;
/** Two pixels of the pane are a millimetre. */
const viewer = {
  shownAt: () => ({ resolved: { base: { id: 'ct', header } } }), placeOf: (_: number, [x, y]: Vec3) => [2 * x, 2 * y], schedule: () => undefined, sketch: null,
} as unknown as Viewer;
const close = vi.fn();
let tool: SplineTool;

const at = (x: number, y: number, z = 3, isOpposite = false): PaintPoint => ({ point: [x, y, z], plane: 'axial', index: 0, isOpposite });
function click(x: number, y: number, z = 3, isOpposite = false): void {
  tool.press(at(x, y, z, isOpposite));
  tool.release();
}
const marks = (): readonly Vec3[] => viewer.sketch?.marks ?? [];
const closedAround = (): { points: Vec3[]; isRemoving: boolean } => {
  const [line, isRemoving] = close.mock.calls[0] as [{ plane: string; points: Vec3[] }, boolean];
  expect(line.plane).toBe('axial');
  return { points: line.points, isRemoving };
};
const square = (): void => { for (const [x, y] of [[20, 20], [60, 20], [60, 60], [20, 60]] as const) click(x, y); };

beforeEach(() => {
  close.mockClear();
  viewer.sketch = null;
  tool = new SplineTool(viewer, { timePointId: () => 't1', close });
});

it('closes by a click on the first point, through every point that was clicked', () => {
  square();
  expect(close).not.toHaveBeenCalled();
  click(21, 21); // near enough to mean the first
  const { points, isRemoving } = closedAround();
  for (const corner of [[20, 20, 3], [60, 20, 3], [60, 60, 3], [20, 60, 3]]) expect(points).toContainEqual(corner);
  expect(points.length).toBeGreaterThanOrEqual(160 / 0.5);
  expect([isRemoving, viewer.sketch]).toEqual([false, null]);
});

it('drags a point, the first too, before it closes', () => {
  square();
  tool.press(at(60, 60));
  tool.move(at(70, 66));
  tool.release();
  tool.press(at(20, 20));
  tool.move(at(20.5, 20)); // a hand that trembles
  tool.move(at(10, 12));
  tool.release();
  expect(close).not.toHaveBeenCalled();
  expect(marks()).toEqual([[10, 12, 3], [60, 20, 3], [70, 66, 3], [20, 60, 3]]);
  expect(tool.finish()).toBe(true);
  expect(closedAround().points).toContainEqual([70, 66, 3]);
});

it('sets a new point where the button goes up', () => {
  click(20, 20);
  tool.press(at(50, 20));
  tool.move(at(60, 25));
  tool.release();
  expect(marks()).toEqual([[20, 20, 3], [60, 25, 3]]);
});

it('takes points back one by one until nothing is left, and closes nothing with two', () => {
  square();
  tool.back();
  tool.back();
  expect([marks().length, tool.finish()]).toEqual([2, false]);
  expect([tool.back(), tool.back(), tool.back()]).toEqual([true, true, false]);
  expect(viewer.sketch).toBeNull();
  square();
  tool.cancel();
  expect([viewer.sketch, tool.finish(), close.mock.calls.length]).toEqual([null, false, 0]);
});

it('shows the curve as the next click would make it, and not beside a point that would be held', () => {
  square();
  const set = viewer.sketch?.points.length ?? 0;
  tool.hover(at(5, 40));
  expect(viewer.sketch?.points.length).toBeGreaterThan(set);
  expect(marks()).toHaveLength(4);
  tool.hover(at(60, 61));
  expect(viewer.sketch?.points).toHaveLength(set);
});

it('begins anew on another slice, and Shift on its first point removes', () => {
  square();
  click(30, 30, 6, true);
  expect(marks()).toEqual([[30, 30, 6]]);
  click(50, 30, 6);
  click(50, 50, 6);
  tool.finish();
  expect(closedAround().isRemoving).toBe(true);
  expect(closedAround().points.every(([, , z]) => z === 6)).toBe(true);
});

it('takes no second point from the second click of a double click', () => {
  square();
  click(20, 60);
  expect(marks()).toHaveLength(4);
});
