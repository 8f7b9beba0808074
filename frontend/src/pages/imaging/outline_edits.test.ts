import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Vec3, VolumeHeader } from '../../domain/volume';
import { LabelEditor, type LabelVolume } from './label_editor';
import { cutOutline, drawOutline, fillHole, placeSphere, shapeBetween, type EditTarget } from './outline_edits';

vi.mock('../../viewer/volumes', () => ({ packVoxels: vi.fn() }));

const [NX, NY, NZ] = [12, 10, 6];
const [LIVER, LOCKED, SPLEEN] = [1, 2, 3];
/** Voxels of 2 x 2 x 4 mm, so that an exchange of axes or of millimetres and voxels shows. */
const header = { dimensions: [NX, NY, NZ], spacing_mm: [2, 2, 4], origin_lps_mm: [100, 50, -8], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader;
const world = (i: number, j: number, k: number): Vec3 => [100 + 2 * i, 50 + 2 * j, -8 + 4 * k];
const square = (from: number, to: number, k: number): Vec3[] => [world(from, from, k), world(to, from, k), world(to, to, k), world(from, to, k)];
let editor: LabelEditor;
let target: EditTarget;

const voxels = (): Uint8Array => editor.layer('organs')?.volume.voxels ?? new Uint8Array();
const count = (label: number): number => voxels().filter((value) => value === label).length;
const at = (i: number, j: number, k: number): number => voxels()[i + NX * (j + NY * k)] as number;
const block = (label: number, [i1, i2]: number[], [j1, j2]: number[], [k1, k2]: number[]): void => {
  for (let k = k1 ?? 0; k <= (k2 ?? 0); k += 1) for (let j = j1 ?? 0; j <= (j2 ?? 0); j += 1) for (let i = i1 ?? 0; i <= (i2 ?? 0); i += 1) voxels()[i + NX * (j + NY * k)] = label;
};

beforeEach(() => {
  vi.stubGlobal('window', { setTimeout: () => 0, clearTimeout: () => undefined });
  const volume: LabelVolume = { id: 'v', header, voxels: new Uint8Array(NX * NY * NZ) };
  editor = new LabelEditor('t1', 5, { organs: volume }, { onPaint: () => undefined, onUndo: () => undefined, onSaveState: () => undefined });
  target = { editor, kind: 'organs', label: LIVER, name: 'Liver', spared: new Set([LOCKED]) };
});

describe('drawOutline', () => {
  it('makes a square on its slice alone, never over a locked region, and is one step to take back', () => {
    block(LOCKED, [4, 4], [4, 4], [2, 2]);
    expect(drawOutline(target, { plane: 'axial', points: square(2.5, 6.5, 2) }, false)).toBe(15);
    expect([count(LIVER), at(3, 3, 2), at(3, 3, 1), at(4, 4, 2)]).toEqual([15, LIVER, 0, LOCKED]);
    expect([...editor.changedLabels('organs')]).toEqual([LIVER]);
    void editor.undo.undo();
    expect([count(LIVER), editor.undo.nextRedo]).toEqual([0, 'Liver: outline drawn']);
    void editor.undo.redo();
    expect(count(LIVER)).toBe(15);
  });

  it('removes the region alone', () => {
    block(LIVER, [0, 5], [0, 9], [2, 2]);
    block(SPLEEN, [6, 11], [0, 9], [2, 2]);
    expect(drawOutline(target, { plane: 'axial', points: square(2.5, 8.5, 2) }, true)).toBe(18);
    expect([count(LIVER), count(SPLEEN)]).toEqual([42, 60]);
  });

  it('draws in the plane of the pane', () => {
    drawOutline(target, { plane: 'sagittal', points: [world(7, 2.5, 1.5), world(7, 5.5, 1.5), world(7, 5.5, 3.5), world(7, 2.5, 3.5)] }, false);
    expect([count(LIVER), at(7, 3, 2), at(7, 5, 3)]).toEqual([6, LIVER, LIVER]);
  });

  it('changes nothing, and leaves no step, without the middle of a voxel inside', () => {
    expect(drawOutline(target, { plane: 'axial', points: square(2.2, 2.4, 2) }, false)).toBe(0);
    expect([editor.undo.nextUndo, editor.isChanged]).toEqual([null, false]);
  });
});

describe('cutOutline', () => {
  const line = { plane: 'axial' as const, points: square(2.5, 6.5, 2) };
  beforeEach(() => {
    block(LIVER, [0, 8], [0, 9], [0, 5]);
    block(LOCKED, [9, 11], [0, 9], [0, 5]);
  });

  it('removes the inside on one slice or through all', () => {
    expect(cutOutline(target, line, { isKeeping: false, isThrough: false })).toBe(16);
    expect([at(3, 3, 2), at(3, 3, 3)]).toEqual([0, LIVER]);
    expect(cutOutline(target, line, { isKeeping: false, isThrough: true })).toBe(5 * 16);
    expect([at(3, 3, 3), at(2, 2, 3), count(LOCKED)]).toEqual([0, LIVER, 3 * 10 * 6]);
  });

  it('keeps the inside and leaves every neighbour', () => {
    expect(cutOutline(target, line, { isKeeping: true, isThrough: false })).toBe(90 - 16);
    expect([at(3, 3, 2), at(0, 0, 2), at(0, 0, 3), count(LOCKED)]).toEqual([LIVER, 0, LIVER, 180]);
    expect(cutOutline(target, line, { isKeeping: true, isThrough: true })).toBe(5 * 74);
    expect(count(LIVER)).toBe(6 * 16);
    void editor.undo.undo();
    void editor.undo.undo();
    expect(count(LIVER)).toBe(9 * 10 * 6);
  });

  it('keeps everything where the line has no area', () => {
    expect(cutOutline(target, { plane: 'axial', points: square(2, 2, 2) }, { isKeeping: true, isThrough: true })).toBe(0);
    expect(count(LIVER)).toBe(540);
  });
});

describe('fillHole', () => {
  beforeEach(() => {
    block(LIVER, [1, 5], [1, 5], [2, 2]);
    block(0, [2, 3], [2, 2], [2, 2]);
    block(LOCKED, [4, 4], [4, 4], [2, 2]);
    block(LIVER, [8, 10], [1, 3], [2, 2]);
    block(0, [9, 9], [2, 2], [2, 2]);
  });

  it('fills the hole under the point', () => {
    expect(fillHole(target, { plane: 'axial', point: world(2, 2, 2) }, false)).toBe(2);
    expect([at(3, 2, 2), at(9, 2, 2), at(4, 4, 2)]).toEqual([LIVER, 0, LOCKED]);
    expect(fillHole(target, { plane: 'axial', point: world(0, 0, 2) }, false)).toBe(0);
  });

  it('fills every hole of the slice but what is locked', () => {
    expect(fillHole(target, { plane: 'axial', point: world(0, 0, 2) }, true)).toBe(3);
    expect([at(3, 2, 2), at(9, 2, 2), at(4, 4, 2)]).toEqual([LIVER, LIVER, LOCKED]);
  });

  it('does nothing outside the volume', () => {
    expect(fillHole(target, { plane: 'axial', point: world(2, 2, 99) }, true)).toBe(0);
  });
});

describe('placeSphere', () => {
  it('has its diameter in millimetres', () => {
    // Radius 4 mm on 2 x 2 x 4 mm: the disc of 13 lattice points in the middle, and the point above and below.
    expect(placeSphere(target, { plane: 'axial', point: world(5, 5, 3) }, { diameterMm: 8, isRemoving: false })).toBe(15);
    expect([at(7, 5, 3), at(8, 5, 3), at(5, 5, 4), at(5, 5, 5)]).toEqual([LIVER, 0, LIVER, 0]);
  });

  it('is removed from the region alone, and spares what is locked', () => {
    block(LOCKED, [6, 6], [5, 5], [3, 3]);
    expect(placeSphere(target, { plane: 'axial', point: world(5, 5, 3) }, { diameterMm: 8, isRemoving: false })).toBe(14);
    block(SPLEEN, [5, 5], [5, 5], [3, 3]);
    expect(placeSphere(target, { plane: 'axial', point: world(5, 5, 3) }, { diameterMm: 8, isRemoving: true })).toBe(13);
    expect([count(LIVER), count(SPLEEN), count(LOCKED)]).toEqual([0, 1, 1]);
  });
});

it('drags shapes from corner to corner of their box', () => {
  expect(shapeBetween('rectangle', 'coronal', [0, 7, 10], [4, 99, 2])).toEqual([[0, 7, 10], [4, 7, 10], [4, 7, 2], [0, 7, 2]]);
  const ellipse = shapeBetween('ellipse', 'axial', [0, 0, 5], [8, 4, 5]);
  for (const [x, y, z] of ellipse) expect([((x - 4) / 4) ** 2 + ((y - 2) / 2) ** 2, z]).toEqual([expect.closeTo(1, 9), 5]);
});
