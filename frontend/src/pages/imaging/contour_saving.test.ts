import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../../api/client';
import type { ContourSession } from './contour_session';
import { saveStrokes, type SavingPage } from './contour_saving';

const editor = { isChanged: true, save: vi.fn(), saveDraft: vi.fn(), undo: { clear: vi.fn() } };
const session = { editor, reload: vi.fn(), drop: vi.fn() };
const page = { ask: vi.fn<SavingPage['ask']>(), say: vi.fn(), refuse: vi.fn(), draw: vi.fn() };
const saved = (): Promise<boolean> => saveStrokes(session as unknown as ContourSession, 'Liver', page);

beforeEach(() => {
  vi.resetAllMocks();
  editor.isChanged = true;
  editor.save.mockImplementation(() => { editor.isChanged = false; return Promise.resolve(); });
  session.reload.mockImplementation(() => Promise.resolve());
});

it('is settled at once when nothing was drawn', async () => {
  editor.isChanged = false;
  expect(await saved()).toBe(true);
  expect(editor.save).not.toHaveBeenCalled();
  expect(await saveStrokes(undefined, '', page)).toBe(false);
});

it('saves under the name of the region and shows the new numbers', async () => {
  expect(await saved()).toBe(true);
  expect(editor.save).toHaveBeenCalledExactlyOnceWith('Liver: drawn');
  expect(editor.undo.clear).not.toHaveBeenCalled(); // what was saved may be taken back, as a further revision
  expect(page.draw).toHaveBeenCalledOnce();
});

it('is not settled, and says so, when somebody drew on meanwhile: nothing may be accepted without those strokes', async () => {
  editor.save.mockResolvedValue(undefined);
  expect(await saved()).toBe(false);
  expect(page.say).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('save again'), 'ask');
  expect(editor.undo.clear).not.toHaveBeenCalled();
});

it('is not settled either by a stroke of the time in which the numbers were read', async () => {
  session.reload.mockImplementation(() => { editor.isChanged = true; return Promise.resolve(); });
  expect(await saved()).toBe(false);
  expect(editor.undo.clear).not.toHaveBeenCalled();
});

it('shows what the server refused, and does not take it for a save of somebody else', async () => {
  const error = new ApiError(409, 'locked', 'Unlock first: Liver.');
  editor.save.mockRejectedValue(error);
  expect(await saved()).toBe(false);
  expect(page.refuse).toHaveBeenCalledExactlyOnceWith('Not saved; your draft is kept', error);
  expect(page.ask).not.toHaveBeenCalled();
});

it('does not call a save failed when only its numbers could not be read', async () => {
  session.reload.mockRejectedValue(new Error('The server did not answer.'));
  expect(await saved()).toBe(true);
  expect(page.refuse).toHaveBeenCalledExactlyOnceWith('Saved; its numbers could not be read', expect.any(Error));
});

const conflict = new ApiError(409, 'stale_revision', 'Somebody else saved.', { by: 'B', number: 6 });

it('keeps a draft and saves the own regions on top of the newest revision; nothing goes on before a look', async () => {
  editor.save.mockRejectedValueOnce(conflict);
  page.ask.mockResolvedValue('mine');
  expect(await saved()).toBe(false);
  expect(page.ask).toHaveBeenCalledExactlyOnceWith({ by: 'B', number: 6 });
  const orders = [editor.saveDraft, session.reload, editor.save].map((call) => call.mock.invocationCallOrder.at(-1) ?? 0);
  expect(orders[0]).toBeLessThan(page.ask.mock.invocationCallOrder[0] ?? 0);
  expect(editor.save).toHaveBeenCalledTimes(2);
  expect(editor.save.mock.invocationCallOrder[1]).toBeGreaterThan(session.reload.mock.invocationCallOrder[0] ?? 0);
  expect(session.drop).not.toHaveBeenCalled();
  expect(page.say).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('look at them before you accept'));
});

it('shows why the own regions could not be saved on top', async () => {
  const locked = new ApiError(409, 'locked', 'Unlock first: Liver.');
  editor.save.mockRejectedValueOnce(conflict).mockRejectedValueOnce(locked);
  page.ask.mockResolvedValue('mine');
  expect(await saved()).toBe(false);
  expect(page.refuse).toHaveBeenCalledExactlyOnceWith('Not saved; your strokes are kept here', locked);
  expect(page.refuse.mock.invocationCallOrder[0]).toBeGreaterThan(page.draw.mock.invocationCallOrder[0] ?? 0);
  expect(page.say).not.toHaveBeenCalled();
});

it('opens theirs when asked to, and leaves everything as it is when nobody decides', async () => {
  editor.save.mockRejectedValue(conflict);
  page.ask.mockResolvedValueOnce('theirs').mockResolvedValueOnce('wait');
  expect(await saved()).toBe(false);
  expect([session.drop.mock.calls.length, session.reload.mock.calls.length]).toEqual([1, 0]);
  expect(await saved()).toBe(false);
  expect(session.drop).toHaveBeenCalledOnce();
  expect(editor.saveDraft).toHaveBeenCalledTimes(2);
});
