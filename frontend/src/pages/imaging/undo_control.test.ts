import { beforeEach, expect, it, vi } from 'vitest';
import { inTurn } from '../../domain/once';
import { UndoStack } from '../../domain/undo';
import type { ContourSession } from './contour_session';
import { UndoControl } from './undo_control';
import type { RegionContour } from './wire';

const region = (id: string, label: number, more: Partial<RegionContour> = {}): RegionContour => ({ id, label, name: `Region ${id}`, kind: 'organ', state: 'edited', is_locked: false, ...more } as unknown as RegionContour);
let regions: RegionContour[] = [];
let undo = new UndoStack();
const did: string[] = [];
const page = {
  turn: inTurn(), saved: vi.fn(), refuse: vi.fn(), region: () => regions[0], change: vi.fn(async (work: Promise<unknown>, said: string) => { await work; did.push(said); }),
  session: () => ({ editor: { undo }, contours: { regions }, spared: () => new Set(regions.slice(1).filter((item) => item.state === 'accepted').map((item) => item.label)) } as unknown as ContourSession),
};
const control = new UndoControl(page);
const stroke = (...labels: number[]): void => undo.push({ label: 'stroke', changes: { kind: 'organs', labels: new Set(labels) }, undo: () => { did.push('back'); return undefined; }, redo: () => { did.push('forth'); return undefined; } });
const served = (): void => undo.push({ label: 'margin', isByRevision: true, undo: () => { did.push('asked'); return Promise.resolve(); }, redo: () => { did.push('asked again'); return Promise.resolve(); } });

beforeEach(() => {
  vi.clearAllMocks();
  page.saved.mockImplementation(() => { did.push('saved'); return Promise.resolve(true); });
  did.length = 0;
  regions = [region('a', 1), region('b', 2)];
  undo = new UndoStack();
});

it('takes strokes back here, without the server', async () => {
  stroke(1);
  await control.step('undo');
  await control.step('redo');
  expect(did).toEqual(['back', 'forth']);
});

it('saves strokes before a step of the server, and says what was done', async () => {
  served();
  await control.step('undo');
  await control.step('redo');
  expect(did).toEqual(['saved', 'asked', 'Taken back: margin', 'saved', 'asked again', 'Done again: margin']);
});

it('asks the server for nothing when strokes are not saved, or when the save brought a revision of others', async () => {
  served();
  page.saved.mockResolvedValueOnce(false);
  await control.step('undo');
  page.saved.mockImplementationOnce(() => { undo.clear(); return Promise.resolve(true); });
  await control.step('undo');
  expect(did).toEqual([]);
});

it('leaves what was locked or accepted since, and says what to do', async () => {
  stroke(1, 2);
  regions = [region('a', 1), region('b', 2, { state: 'accepted' })];
  await control.step('undo');
  regions = [region('a', 1, { is_locked: true }), region('b', 2)];
  await control.step('undo');
  expect(page.refuse.mock.calls).toEqual([['Region b is accepted: select it first'], ['Region a is locked: unlock it first']]);
  expect(did).toEqual([]);
});

it('waits for a decision that is on its way, which is then the step that goes back', async () => {
  stroke(1);
  let decide = (): void => undefined;
  const decision = page.turn(async () => { await new Promise<void>((resolve) => { decide = resolve; }); served(); });
  const back = control.step('undo');
  await Promise.resolve();
  decide();
  await Promise.all([decision, back]);
  expect([did.includes('back'), did.at(-1), undo.nextUndo]).toEqual([false, 'Taken back: margin', 'stroke']);
});

it('takes one step of the server for a key that is held, and two for a key that is pressed twice', async () => {
  served();
  served();
  served();
  let save = (): void => undefined;
  page.saved.mockImplementationOnce(() => new Promise((resolve) => { save = () => resolve(true); }));
  const first = control.step('undo');
  await vi.waitFor(() => expect(page.saved).toHaveBeenCalledOnce());
  await Promise.all([control.step('undo', true), control.step('undo', true)]);
  save();
  await first;
  expect(did.filter((what) => what === 'asked')).toEqual(['asked']);
  await Promise.all([control.step('undo'), control.step('undo')]);
  expect(did.filter((what) => what === 'asked')).toHaveLength(3);
});
