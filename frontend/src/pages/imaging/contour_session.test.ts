import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { getJson, getTagged, postJson, send } from '../../api/client';
import { ADDED, REMOVED } from '../../domain/label_difference';
import type { VolumeHeader } from '../../domain/volume';
import { loadVolume, packVoxels } from '../../viewer/volumes';
import { ContourSession } from './contour_session';
import type { Contours, RegionContour } from './wire';

vi.mock('../../api/client', async (original) => ({ ...await original<object>(), send: vi.fn(), getJson: vi.fn(), getTagged: vi.fn(), postJson: vi.fn() }));
vi.mock('../../viewer/volumes', () => ({ loadVolume: vi.fn(), packVoxels: vi.fn() }));

const [LIVER, KIDNEY, SPLEEN] = [1, 2, 3];
const header = { dimensions: [4, 1, 1], spacing_mm: [1, 1, 1], origin_lps_mm: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as unknown as VolumeHeader;
const events = { onPaint: vi.fn(), onUndo: vi.fn(), onSaveState: vi.fn() };
/** Organs by revision; the server's newest is the last. */
let revisions: Record<number, number[]> = {};
let draft: { base: number; voxels: number[] } | null = null;

const newest = (): number => Math.max(...Object.keys(revisions).map(Number));
const contours = (): Contours => ({
  revision: { number: newest() }, grid: header, layers: { organs: { volume: `organs ${newest()}` }, lesions: { volume: null } }, regions: [], editors: [], history: [],
  draft: draft && { organs: { base_number: draft.base, at: '2026-01-01T00:00:00Z' } },
} as unknown as Contours);
const opened = (): Promise<ContourSession> => ContourSession.open('t1', events);
const organsOf = (session: ContourSession): number[] => Array.from(session.editor.layer('organs')?.volume.voxels ?? [], Number);
const changedOf = (session: ContourSession): number[] => [...session.editor.changedLabels('organs')].sort();

function paint({ editor }: ContourSession, at: number, label: number): void {
  editor.begin('organs', { point: [at, 0, 0], plane: 'axial', index: 0 } as never, { label, radiusMm: 0.1, plane: 'axial', isBall: false, locked: new Set() });
  editor.end('stroke');
}

beforeEach(() => {
  revisions = { 5: [LIVER, 0, KIDNEY, 0] };
  draft = null;
  vi.stubGlobal('window', { setTimeout: () => 0, clearTimeout: () => undefined });
  vi.mocked(getTagged).mockImplementation(() => Promise.resolve({ data: contours() as never, etag: null }));
  vi.mocked(getJson).mockImplementation((url) => Promise.resolve({ volume: `organs ${url.split('/').at(-2) ?? ''}` } as never));
  vi.mocked(loadVolume).mockImplementation((id) => Promise.resolve({ id, header, voxels: Uint8Array.from(revisions[Number(id.split(' ')[1])] ?? []) }));
  vi.mocked(send).mockImplementation(() => Promise.resolve(new Response(Uint8Array.from(draft?.voxels ?? []), { headers: { 'X-Base-Number': String(draft?.base) } })));
});
afterEach(() => { vi.unstubAllGlobals(); });

it('keeps strokes over a newer revision and leaves the regions of others exactly as they saved them', async () => {
  const session = await opened();
  paint(session, 1, LIVER);
  paint(session, 3, LIVER);
  revisions[6] = [LIVER, 0, SPLEEN, SPLEEN];
  await session.reload();
  expect(organsOf(session)).toEqual([LIVER, LIVER, SPLEEN, SPLEEN]);
  expect([changedOf(session), session.editor.revision, session.editor.undo.nextUndo]).toEqual([[LIVER], 6, null]);
});

it('takes back what a save has settled, as a change that waits for the next one', async () => {
  const session = await opened();
  paint(session, 1, LIVER);
  vi.mocked(send).mockImplementationOnce(() => {
    revisions[6] = [LIVER, LIVER, KIDNEY, 0];
    return Promise.resolve(new Response(JSON.stringify({ number: 6 })));
  });
  vi.mocked(packVoxels).mockResolvedValueOnce({ body: new Blob(), sha256: '' });
  await session.editor.save('Liver: drawn');
  await session.reload();
  expect([session.editor.revision, session.editor.isChanged, session.editor.undo.nextUndo]).toEqual([6, false, 'stroke']);
  await session.editor.undo.undo();
  expect([organsOf(session), changedOf(session)]).toEqual([[LIVER, 0, KIDNEY, 0], [LIVER]]);
});

it('takes a newer revision of what was not drawn on', async () => {
  const session = await opened();
  revisions[6] = [0, 0, 0, SPLEEN];
  await session.reload();
  expect([organsOf(session), session.editor.isChanged]).toEqual([[0, 0, 0, SPLEEN], false]);
});

it('keeps a stroke that still goes on', async () => {
  const session = await opened();
  session.editor.begin('organs', { point: [1, 0, 0], plane: 'axial', index: 0 } as never, { label: LIVER, radiusMm: 0.1, plane: 'axial', isBall: false, locked: new Set() });
  revisions[6] = [0, 0, 0, SPLEEN];
  await session.reload();
  expect([organsOf(session), changedOf(session)]).toEqual([[LIVER, LIVER, 0, SPLEEN], [LIVER]]);
});

it('keeps voxels and what can be taken back while the revision is the same', async () => {
  const session = await opened();
  paint(session, 1, LIVER);
  await session.reload();
  expect(organsOf(session)).toEqual([LIVER, LIVER, KIDNEY, 0]);
  expect(session.editor.undo.nextUndo).toBe('stroke');
});

it('drops strokes only when asked to', async () => {
  const session = await opened();
  paint(session, 1, LIVER);
  await session.drop();
  expect([organsOf(session), session.editor.isChanged]).toEqual([[LIVER, 0, KIDNEY, 0], false]);
});

it('restores only what the draft changed of its own revision: the kidney that a colleague accepted since stays', async () => {
  revisions[6] = [LIVER, 0, 0, KIDNEY];
  draft = { base: 5, voxels: [LIVER, LIVER, KIDNEY, 0] };
  const session = await opened();
  expect(session.drafts()).toEqual(['organs']);
  expect(await session.restore('organs')).toBe(true);
  expect(organsOf(session)).toEqual([LIVER, LIVER, 0, KIDNEY]);
  expect(changedOf(session)).toEqual([LIVER]);
});

it('restores a draft of before the first revision, and nothing from one that changed nothing', async () => {
  draft = { base: 0, voxels: [0, 0, 0, SPLEEN] };
  const session = await opened();
  expect(await session.restore('organs')).toBe(true);
  expect([organsOf(session), changedOf(session)]).toEqual([[LIVER, 0, KIDNEY, SPLEEN], [SPLEEN]]);
  draft = { base: 5, voxels: [LIVER, 0, KIDNEY, 0] };
  const other = await opened();
  expect([await other.restore('organs'), other.editor.isChanged]).toEqual([false, false]);
});

it('refuses a draft of another grid, and one without the revision it was drawn on', async () => {
  const session = await opened();
  draft = { base: 0, voxels: [1, 2] };
  await expect(session.restore('organs')).rejects.toThrow();
  draft = { base: Number.NaN, voxels: [LIVER, 0, KIDNEY, 0] };
  await expect(session.restore('organs')).rejects.toThrow('on which revision');
  expect(session.editor.isChanged).toBe(false);
});

it('draws the difference of the chosen region from a revision, and follows strokes when they end', async () => {
  const session = await opened();
  session.contours.regions = [{ id: 'a', label: LIVER, kind: 'organ', name: 'Liver', colour: 'r1', state: 'edited' } as RegionContour];
  revisions[4] = [LIVER, LIVER, 0, 0];
  const difference = (): number[] | null => {
    const layer = session.layers('a', false).find(({ kind }) => kind === 'difference');
    return layer ? Array.from(layer.volume.voxels, Number) : null;
  };
  expect(difference()).toBeNull();
  await session.compare(4);
  expect([session.comparedNumber, difference()]).toEqual([4, [0, REMOVED, 0, 0]]);
  session.editor.begin('organs', { point: [3, 0, 0], plane: 'axial', index: 0 } as never, { label: LIVER, radiusMm: 0.1, plane: 'axial', isBall: false, locked: new Set() });
  expect(difference()).toEqual([0, REMOVED, 0, 0]);
  session.editor.end('stroke');
  expect(difference()).toEqual([0, REMOVED, 0, ADDED]);
  expect(session.layers('b', false).some(({ kind }) => kind === 'difference')).toBe(false);
  session.endComparison();
  expect([session.comparedNumber, session.ghost, difference()]).toEqual([null, null, null]);
});

it('shows a revision beside without a difference, until it is compared', async () => {
  const session = await opened();
  revisions[4] = [LIVER, LIVER, 0, 0];
  await session.showGhost(4);
  expect([session.ghost?.number, session.comparedNumber]).toEqual([4, null]);
  await session.compare(4);
  expect([session.ghost?.number, session.comparedNumber]).toEqual([4, 4]);
  await session.showGhost(4);
  expect([session.ghost, session.comparedNumber]).toEqual([null, null]);
});

describe('what the server does is a step', () => {
  const regions = [[LIVER, 'liver'], [KIDNEY, 'kidney']].map(([label, id]) => ({ id, label, kind: 'organ', name: id, colour: 'r1', state: 'edited', is_locked: false }) as RegionContour);
  const sent: unknown[] = [];
  /** The server answers the next request with a revision of these voxels. */
  const answers = (...voxels: number[]): void => {
    vi.mocked(postJson).mockImplementationOnce((url, body, headers) => {
      sent.push([url.split('/').at(-1), body, headers?.['If-Match']]);
      revisions[newest() + 1] = voxels;
      return Promise.resolve({ number: newest() } as never);
    });
  };
  async function openedWithRegions(): Promise<ContourSession> {
    vi.mocked(getTagged).mockImplementation(() => Promise.resolve({ data: { ...contours(), regions } as never, etag: null }));
    return opened();
  }
  beforeEach(() => { sent.length = 0; });

  it('goes back by revision, with the neighbours that lost voxels by it, and forth again', async () => {
    const session = await openedWithRegions();
    const { undo } = session.editor;
    answers(LIVER, LIVER, LIVER, 0);
    await session.operate({ region_id: 'liver' }, 'margin');
    expect([session.isServing, organsOf(session), undo.nextUndo]).toEqual([true, [LIVER, 0, KIDNEY, 0], null]);
    await session.reload();
    expect([session.isServing, organsOf(session), undo.nextUndo, session.editor.revision]).toEqual([false, [LIVER, LIVER, LIVER, 0], 'liver: margin', 6]);
    expect(undo.next('undo')?.changes).toEqual({ kind: 'organs', labels: new Set([LIVER, KIDNEY]) });
    answers(LIVER, 0, KIDNEY, 0);
    await undo.undo();
    await session.reload();
    expect([organsOf(session), undo.nextUndo, undo.nextRedo]).toEqual([[LIVER, 0, KIDNEY, 0], null, 'liver: margin']);
    answers(LIVER, LIVER, LIVER, 0);
    await undo.redo();
    await session.reload();
    expect([organsOf(session), undo.nextUndo]).toEqual([[LIVER, LIVER, LIVER, 0], 'liver: margin']);
    expect(sent).toEqual([
      ['operations', { region_id: 'liver' }, '"5"'],
      ['restore', { number: 5, region_ids: ['liver', 'kidney'], hands_on_s: null }, '"6"'],
      ['restore', { number: 6, region_ids: ['liver', 'kidney'], hands_on_s: null }, '"7"'],
    ]);
  });

  it('leaves the strokes before it as steps that still go back exactly', async () => {
    const session = await openedWithRegions();
    const { undo } = session.editor;
    paint(session, 1, LIVER);
    vi.mocked(send).mockImplementationOnce(() => { revisions[6] = [LIVER, LIVER, KIDNEY, 0]; return Promise.resolve(new Response(JSON.stringify({ number: 6 }))); });
    vi.mocked(packVoxels).mockResolvedValueOnce({ body: new Blob(), sha256: '' });
    await session.editor.save('Liver: drawn');
    await session.reload();
    answers(0, LIVER, KIDNEY, 0);
    await session.operate({ region_id: 'liver' }, 'largest');
    await session.reload();
    answers(LIVER, LIVER, KIDNEY, 0);
    await undo.undo();
    await session.reload();
    await undo.undo();
    expect([organsOf(session), changedOf(session), undo.nextUndo]).toEqual([[LIVER, 0, KIDNEY, 0], [LIVER], null]);
    await undo.redo();
    expect([organsOf(session), undo.nextRedo]).toEqual([[LIVER, LIVER, KIDNEY, 0], 'liver: largest']);
  });

  it('takes a decision back without new voxels, and no lock', async () => {
    const session = await openedWithRegions();
    answers(LIVER, 0, KIDNEY, 0);
    await session.setState({ region_id: 'liver', state: 'accepted' }, 'Liver accepted');
    expect([session.editor.revision, session.isServing, session.editor.undo.nextUndo]).toEqual([6, false, 'Liver accepted']);
    answers(LIVER, 0, KIDNEY, 0);
    await session.setLock({ region_id: 'kidney', is_locked: true });
    answers(LIVER, 0, KIDNEY, 0);
    await session.editor.undo.undo();
    await session.reload();
    expect(sent.at(-1)).toEqual(['restore', { number: 5, region_ids: ['liver'], hands_on_s: null }, '"7"']);
    expect([session.editor.undo.nextUndo, session.editor.undo.nextRedo, session.editor.revision]).toEqual([null, 'Liver accepted', 8]);
  });

  it('ends with the revision of somebody else that came between', async () => {
    const session = await openedWithRegions();
    paint(session, 1, LIVER);
    answers(LIVER, LIVER, LIVER, 0);
    await session.operate({ region_id: 'liver' }, 'margin');
    revisions[7] = [LIVER, 0, SPLEEN, SPLEEN];
    await session.reload();
    expect([session.editor.undo.nextUndo, session.isServing, organsOf(session)]).toEqual([null, false, [LIVER, LIVER, SPLEEN, SPLEEN]]);
  });

  it('lets people draw again when the server refused', async () => {
    const session = await openedWithRegions();
    vi.mocked(postJson).mockRejectedValueOnce(new Error('Unlock first: Liver.'));
    await expect(session.operate({ region_id: 'liver' }, 'margin')).rejects.toThrow('Unlock first');
    await session.reload();
    expect([session.isServing, session.editor.undo.nextUndo, organsOf(session)]).toEqual([false, null, [LIVER, 0, KIDNEY, 0]]);
  });
});
