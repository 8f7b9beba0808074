import { beforeEach, expect, it, vi } from 'vitest';
import { inTurn } from '../../domain/once';
import { Decisions } from './contour_decisions';
import type { ContourSession } from './contour_session';
import type { RegionContour } from './wire';

const region = (id: string, state: string): RegionContour => ({ id, name: `Region ${id}`, kind: 'organ', state, is_locked: false, findings: [] } as unknown as RegionContour);
let regions: RegionContour[] = [];
let unsaved = new Set<string>();
let isCanAccept = true;
const session = {
  contours: { get regions() { return regions; } }, get unsaved() { return unsaved; }, region: (id: string) => regions.find((item) => item.id === id), setState: vi.fn(() => Promise.resolve()), reject: vi.fn(() => Promise.resolve()),
};
const page = {
  turn: inTurn(),
  saved: vi.fn(), ask: vi.fn(), select: vi.fn(), change: vi.fn((work: Promise<unknown>, said: string) => work.then(() => said)),
  get canAccept() { return isCanAccept; }, session: () => session as unknown as ContourSession, regionId: () => 'a', isReviewing: () => false,
  timed: (_now: ContourSession, _id: string, send: (seconds: number | null) => Promise<unknown>) => send(3).then(() => undefined),
};
const decisions = new Decisions(page as never);

beforeEach(() => {
  vi.clearAllMocks();
  unsaved = new Set();
  isCanAccept = true;
  page.saved.mockImplementation(() => Promise.resolve(true));
});

it('reopens what was rejected, and nothing else', async () => {
  regions = [region('a', 'rejected')];
  await decisions.reopen();
  expect(session.setState).toHaveBeenCalledExactlyOnceWith({ region_id: 'a', state: 'edited', hands_on_s: 3 }, 'Region a reopened');
  expect(page.change).toHaveBeenCalledWith(expect.anything(), 'Region a reopened');
  for (const state of ['proposed', 'edited', 'accepted', 'none']) {
    regions = [region('a', state)];
    await decisions.reopen();
  }
  isCanAccept = false;
  regions = [region('a', 'rejected')];
  await decisions.reopen();
  expect(session.setState).toHaveBeenCalledOnce();
});

it('says what to do instead of accepting a rejected region', async () => {
  regions = [region('a', 'rejected')];
  await decisions.accept();
  expect(page.ask).toHaveBeenCalledExactlyOnceWith('Region a is rejected: reopen it first');
  expect([page.saved.mock.calls.length, session.setState.mock.calls.length]).toEqual([0, 0]);
});

it.each(['rejected', 'none'])('accepts a %s region that was drawn on, once the strokes are saved', async (state) => {
  regions = [region('a', state)];
  unsaved = new Set(['a']);
  page.saved.mockImplementation(() => { regions = [region('a', 'edited')]; return Promise.resolve(true); });
  await decisions.accept();
  expect(session.setState).toHaveBeenCalledExactlyOnceWith({ region_id: 'a', state: 'accepted', hands_on_s: 3 }, 'Region a accepted');
});

it('accepts nothing while something is not saved, and goes to the next region after it did', async () => {
  regions = [region('a', 'proposed'), region('b', 'proposed')];
  page.saved.mockResolvedValueOnce(false);
  await decisions.accept();
  expect(session.setState).not.toHaveBeenCalled();
  session.setState.mockImplementationOnce(() => { regions = [region('a', 'accepted'), region('b', 'proposed')]; return Promise.resolve(); });
  await decisions.accept();
  expect(page.select).toHaveBeenCalledExactlyOnceWith('b');
});

it('takes decisions one after the other, each on the region that was chosen when it was asked for', async () => {
  regions = [region('a', 'proposed'), region('b', 'proposed')];
  await Promise.all([decisions.accept('a'), decisions.reject('b'), decisions.accept('b')]);
  expect(session.setState.mock.calls).toEqual([
    [{ region_id: 'a', state: 'accepted', hands_on_s: 3 }, 'Region a accepted'], [{ region_id: 'b', state: 'rejected', hands_on_s: 3 }, 'Region b rejected'],
    [{ region_id: 'b', state: 'accepted', hands_on_s: 3 }, 'Region b accepted'],
  ]);
});

it('goes on from a rejected region that waited, and stays at one that was accepted before', async () => {
  regions = [region('a', 'proposed'), region('b', 'proposed')];
  session.setState.mockImplementationOnce(() => { regions = [region('a', 'rejected'), region('b', 'proposed')]; return Promise.resolve(); });
  await decisions.reject();
  expect(page.select).toHaveBeenCalledExactlyOnceWith('b');
  regions = [region('a', 'accepted'), region('b', 'proposed')];
  session.setState.mockImplementationOnce(() => { regions = [region('a', 'rejected'), region('b', 'proposed')]; return Promise.resolve(); });
  await decisions.reject();
  expect(page.select).toHaveBeenCalledOnce();
});

it('rejects the faint candidates together, the chosen one first', async () => {
  const faint = (id: string): RegionContour => ({ ...region(id, 'proposed'), kind: 'lesion', reasons: [{ code: 'faint', level: 'ask', message: '' }] });
  regions = [faint('b'), faint('a'), region('c', 'proposed')];
  await decisions.rejectFaint();
  expect(session.reject).toHaveBeenCalledExactlyOnceWith(['a', 'b'], 3, '2 faint candidates rejected');
  regions = [faint('b'), region('a', 'proposed')];
  await decisions.rejectFaint();
  isCanAccept = false;
  regions = [faint('a'), faint('b')];
  await decisions.rejectFaint();
  expect(session.reject).toHaveBeenCalledOnce();
});
