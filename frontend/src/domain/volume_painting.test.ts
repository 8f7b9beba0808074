import { describe, expect, it } from 'vitest';
import { Stroke, type Brush } from './volume_painting';
import type { VolumeHeader } from './volume';

const header: VolumeHeader = {
  kind: 'labels', dimensions: [21, 21, 11], spacing_mm: [1, 1, 2], origin_lps_mm: [-10, -10, -10], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  dtype: 'uint8', unit: '', frame_of_reference_uid: '1', sha256: '',
};
const empty = (): Uint8Array => new Uint8Array(21 * 21 * 11);
const brush = (change: Partial<Brush> = {}): Brush => ({ label: 2, radiusMm: 3, plane: 'axial', isBall: false, locked: new Set(), ...change });
const count = (labels: Uint8Array, label: number): number => labels.filter((value) => value === label).length;

describe('Stroke', () => {
  it('paints every voxel centre within the radius, in one slice only', () => {
    const labels = empty();
    new Stroke(header, labels).dab([0, 0, 0], brush());
    // Points of the unit lattice within a circle of radius 3: Gauss's circle problem, N(3) = 29.
    expect(count(labels, 2)).toBe(29);
    expect(count(labels.subarray(5 * 441, 6 * 441), 2)).toBe(29);
  });

  it('paints a ball in millimetres, not in voxels', () => {
    const labels = empty();
    new Stroke(header, labels).dab([0, 0, 0], brush({ isBall: true }));
    // Slices lie 2 mm apart: at 2 mm the radius is sqrt(5), and 21 lattice points lie within it.
    expect(count(labels.subarray(6 * 441, 7 * 441), 2)).toBe(21);
    expect(count(labels, 2)).toBe(29 + 2 * 21);
  });

  it('paints in the plane of the pane', () => {
    const labels = empty();
    new Stroke(header, labels).dab([0, 0, 0], brush({ plane: 'coronal', radiusMm: 2 }));
    const rows = new Set([...labels.keys()].filter((at) => labels[at] === 2).map((at) => Math.floor(at / 21) % 21));
    expect([...rows]).toEqual([10]);
  });

  it('always paints the voxel under the point', () => {
    const labels = empty();
    new Stroke(header, labels).dab([0.4, 0.4, 0.9], brush({ radiusMm: 0.1, isBall: true }));
    expect(count(labels, 2)).toBe(1);
  });

  it('spares locked regions and those beside the erased one', () => {
    const labels = empty().fill(7);
    new Stroke(header, labels).dab([0, 0, 0], brush({ locked: new Set([7]) }));
    expect(count(labels, 7)).toBe(labels.length);
    labels[5 * 441 + 10 * 21 + 10] = 3;
    new Stroke(header, labels).dab([0, 0, 0], brush({ label: 0, onlyLabel: 3 }));
    expect([count(labels, 0), count(labels, 3)]).toEqual([1, 0]);
  });

  it('paints only where it is accepted', () => {
    const labels = empty();
    new Stroke(header, labels).dab([0, 0, 0], brush({ accepts: (i) => i >= 10 }));
    expect(count(labels, 2)).toBe((29 - 7) / 2 + 7);
  });

  it('leaves no gap under a fast hand', () => {
    const labels = empty();
    new Stroke(header, labels).drag([-9, 0, 0], [9, 0, 0], brush({ radiusMm: 1 }));
    for (let i = 1; i <= 19; i += 1) if (i > 1) expect(labels[5 * 441 + 10 * 21 + i]).toBe(2);
  });

  it('is taken back and done again exactly, over crossings too', () => {
    const labels = empty().fill(1, 0, 2400);
    const before = labels.slice();
    const stroke = new Stroke(header, labels);
    stroke.dab([0, 0, 0], brush({ isBall: true }));
    stroke.drag([0, 0, 0], [4, 4, 0], brush({ isBall: true }));
    const after = labels.slice();
    const { undo, redo } = stroke.finish();
    undo();
    expect(labels).toEqual(before);
    redo();
    expect(labels).toEqual(after);
    expect(stroke.touched()).toEqual(new Set([1, 2]));
  });

  it('fills a mask of a slice in each plane, and what lies beside the mask', () => {
    const mask = new Uint8Array(21 * 11);
    mask[4 * 21 + 7] = 1;
    const labels = empty();
    new Stroke(header, labels).fillSlices({ plane: 'coronal', slices: [3, 3], mask }, { label: 2, locked: new Set() });
    new Stroke(header, labels).fillSlices({ plane: 'sagittal', slices: [5, 5], mask }, { label: 3, locked: new Set() });
    expect([labels[4 * 441 + 3 * 21 + 7], labels[4 * 441 + 7 * 21 + 5], count(labels, 0)]).toEqual([2, 3, labels.length - 2]);
    new Stroke(header, labels).fillSlices({ plane: 'coronal', slices: [3, 3], mask, value: 0 }, { label: 9, locked: new Set([3]) });
    expect([count(labels, 9), count(labels, 3)]).toEqual([21 * 11 - 1, 1]);
  });

  it('spares locked regions and those beside the erased one in a filled slice', () => {
    const labels = empty();
    labels.set([7, 3, 2], 5 * 441);
    const stroke = new Stroke(header, labels);
    stroke.fillSlices({ plane: 'axial', slices: [5, 5], mask: new Uint8Array(441).fill(1) }, { label: 0, onlyLabel: 2, locked: new Set([7]) });
    expect([...labels.subarray(5 * 441, 5 * 441 + 3)]).toEqual([7, 3, 0]);
    stroke.fillSlices({ plane: 'axial', slices: [5, 5], mask: new Uint8Array(441).fill(1) }, { label: 2, locked: new Set([7]) });
    expect([labels[5 * 441], count(labels, 2)]).toEqual([7, 440]);
    stroke.finish().undo();
    expect([...labels.subarray(5 * 441, 5 * 441 + 3)]).toEqual([7, 3, 2]);
    expect(labels.reduce((sum, value) => sum + value, 0)).toBe(12);
  });

  it.each(['axial', 'coronal', 'sagittal'] as const)('erases one label through all slices of the %s plane, and takes it back', (plane) => {
    const labels = empty();
    new Stroke(header, labels).dab([2, -3, 0], brush({ radiusMm: 4, isBall: true }));
    const [drawn, before] = [count(labels, 2), labels.slice()];
    labels.set([3, 3], 0);
    const stroke = new Stroke(header, labels);
    const mask = new Uint8Array(plane === 'axial' ? 441 : 231).fill(1);
    stroke.fillSlices({ plane, slices: [0, 20], mask }, { label: 0, onlyLabel: 2, locked: new Set() });
    expect([count(labels, 2), count(labels, 3), stroke.size]).toEqual([0, 2, drawn]);
    stroke.finish().undo();
    labels.set([0, 0], 0);
    expect(labels).toEqual(before);
  });

  it('erases nothing where its label is nowhere', () => {
    const labels = empty().fill(4, 0, 50);
    const stroke = new Stroke(header, labels);
    stroke.fillSlices({ plane: 'axial', slices: [0, 10], mask: new Uint8Array(441).fill(1) }, { label: 0, onlyLabel: 2, locked: new Set() });
    expect([stroke.size, count(labels, 4)]).toEqual([0, 50]);
  });

  it('does nothing outside the volume', () => {
    const labels = empty();
    const stroke = new Stroke(header, labels);
    stroke.dab([0, 0, 500], brush());
    stroke.dab([-400, 0, 0], brush({ isBall: true }));
    stroke.fillSlices({ plane: 'axial', slices: [11, 11], mask: new Uint8Array(441).fill(1) }, brush());
    stroke.fillSlices({ plane: 'axial', slices: [-1, -1], mask: new Uint8Array(441).fill(1) }, brush());
    expect(stroke.size).toBe(0);
  });
});
