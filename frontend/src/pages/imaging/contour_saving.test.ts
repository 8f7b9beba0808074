import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../../api/client';
import type { ContourSession } from './contour_session';
import { saveStrokes, type SavingPage } from './contour_saving';

const editor = { isChanged: true, save: vi.fn(), saveDraft: vi.fn(), rebase: vi.fn(), undo: { clear: vi.fn() } };
const session = { editor, reload: vi.fn(), reloadNumbers: vi.fn(), newestLayers: vi.fn() };
const page = { ask: vi.fn<SavingPage['ask']>(), say: vi.fn(), refuse: vi.fn(), draw: vi.fn() };
const saved = (): Promise<boolean> => saveStrokes(session as unknown as ContourSession, 'Liver', page);

beforeEach(() => {
  vi.resetAllMocks();
  editor.isChanged = true;
  editor.save.mockImplementation(() => { editor.isChanged = false; return Promise.resolve(); });
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
  expect(editor.undo.clear).toHaveBeenCalledOnce();
  expect(page.draw).toHaveBeenCalledOnce();
});

it('is not settled, and says so, when somebody drew on meanwhile: nothing may be accepted without those strokes', async () => {
  editor.save.mockResolvedValue(undefined);
  expect(await saved()).toBe(false);
  expect(page.say).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('save again'), 'ask');
  expect(editor.undo.clear).not.toHaveBeenCalled();
});

it('shows what the server refused', async () => {
  const error = new ApiError(422, 'locked', 'Unlock first: Liver.');
  editor.save.mockRejectedValue(error);
  expect(await saved()).toBe(false);
  expect(page.refuse).toHaveBeenCalledExactlyOnceWith('Not saved; your draft is kept', error);
  expect(page.ask).not.toHaveBeenCalled();
});
