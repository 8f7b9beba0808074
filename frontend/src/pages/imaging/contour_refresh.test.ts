import { expect, it, vi } from 'vitest';
import { refreshSessions } from './contour_refresh';
import type { ContourSession } from './contour_session';

const calls: string[] = [];
const session = (name: string, isChanged: boolean): ContourSession => ({
  editor: { isChanged, dispose: () => undefined, saveDraft: () => { calls.push(`draft ${name}`); return Promise.resolve(); } },
  reload: () => { calls.push(`reload ${name}`); return Promise.resolve(); }, drop: vi.fn(() => { throw new Error('strokes were dropped'); }),
} as unknown as ContourSession);

it('keeps the strokes of every time point, drafted first, and forgets what holds none', async () => {
  calls.length = 0;
  const sessions = new Map([['open', session('open', true)], ['drawn', session('drawn', true)], ['seen', session('seen', false)]]);
  expect(await refreshSessions(sessions, 'open')).toBe(true);
  expect(calls).toEqual(['draft open', 'reload open', 'draft drawn', 'reload drawn']);
  expect([...sessions.keys()]).toEqual(['open', 'drawn']);
});

it('reads the open time point anew when nothing was drawn on it', async () => {
  calls.length = 0;
  expect(await refreshSessions(new Map([['open', session('open', false)]]), 'open')).toBe(false);
  expect(calls).toEqual(['reload open']);
});
