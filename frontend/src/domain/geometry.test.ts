import { describe, expect, it } from 'vitest';
import {
  centreOf, countSlices, frameToWorld, hold, letterOf, lettersOf, mmPerPixel, rigidMotion, rigidMotionBack, scaleBar, sliceIndexOf, stepSlices, toIndex, toSlice, toWorld, worldToFrame,
  type PaneFrame,
} from './geometry';
import type { VolumeHeader } from './volume';

const header: VolumeHeader = {
  kind: 'ct', dimensions: [10, 20, 30], spacing_mm: [2, 3, 4], origin_lps_mm: [-9, -28.5, -58], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'int16', unit: 'HU', frame_of_reference_uid: '1.2', sha256: '',
};

describe('indices and points', () => {
  it('goes there and back', () => {
    expect(toIndex(header, toWorld(header, [3, 7, 11]))).toEqual([3, 7, 11]);
    expect(centreOf(header)).toEqual([0, 0, 0]);
  });

  it('names the slice by nearest centre, and none outside', () => {
    expect(sliceIndexOf(header, 'axial', [0, 0, -58 + 4 * 11 + 1.9])).toBe(11);
    expect(sliceIndexOf(header, 'axial', [0, 0, -58 - 2.1])).toBe(-1);
    expect(sliceIndexOf(header, 'coronal', [0, 1000, 0])).toBe(-1);
    expect(countSlices(header, 'sagittal')).toBe(10);
  });

  it('steps whole slices and stops at both ends', () => {
    const start = toSlice(header, 'axial', [1, 2, 3], 5);
    expect(stepSlices(header, 'axial', start, 2)).toEqual([1, 2, -58 + 28]);
    expect(stepSlices(header, 'axial', start, 99)[2]).toBe(-58 + 29 * 4);
    expect(stepSlices(header, 'axial', start, -99)[2]).toBe(-58);
  });

  it('holds a point inside', () => {
    expect(hold(header, [999, -999, 0])).toEqual([9, -28.5, 0]);
  });
});

describe('panes', () => {
  const axial: PaneFrame = { origin: [-100, -80, 12], right: [0.5, 0, 0], down: [0, 0.5, 0], width: 400, height: 320 };
  const coronal: PaneFrame = { origin: [-100, 5, 90], right: [0.5, 0, 0], down: [0, 0, -0.5], width: 400, height: 320 };

  it('maps pixels to points and back', () => {
    expect(frameToWorld(axial, [100, 40])).toEqual([-50, -60, 12]);
    expect(worldToFrame(coronal, frameToWorld(coronal, [33, 77]))).toEqual([33, 77]);
    expect(mmPerPixel(axial)).toBe(0.5);
  });

  it('puts the right of the patient on the left of the screen', () => {
    expect(lettersOf(axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    expect(lettersOf(coronal)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
    expect(letterOf([0, 0.9, 0.1])).toBe('P');
  });

  it('draws the longest round scale bar that fits', () => {
    expect(scaleBar(1, 90)).toEqual({ pixels: 50, text: '5 cm' });
    expect(scaleBar(0.04, 90)).toEqual({ pixels: 50, text: '2 mm' });
  });
});

describe('rigid motion', () => {
  it('turns x to y about z, around the pivot, then shifts', () => {
    const moved = rigidMotion([0, 0, 5], [0, 0, 90], [1, 1, 0])([2, 1, 0]);
    [1, 2, 5].forEach((value, axis) => expect(moved[axis]).toBeCloseTo(value, 12));
  });

  it.each([[[3, -2, 7], [10, -20, 30]], [[0, 0, 0], [0, 0, 1]]] as const)('is taken back exactly by its inverse: %s mm, %s°', (shift, rotation) => {
    const there = rigidMotion(shift, rotation, [4, 5, 6]);
    const back = rigidMotionBack(shift, rotation, [4, 5, 6]);
    const point = back(there([11, -12, 13]));
    [11, -12, 13].forEach((value, axis) => expect(point[axis]).toBeCloseTo(value, 10));
  });
});
