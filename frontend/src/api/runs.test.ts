import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isOpen, watchRun, type Run } from './runs';

const run = (state: string, progress: number): Run => ({ id: 'r', kind: 'k', label: 'Dose', state, progress, message: '', error_code: null, error_message: null, cycle_id: null, result_id: null });
beforeEach(() => { vi.useFakeTimers(); vi.stubGlobal('document', { querySelector: () => null }); });
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });

it('follows a run to its end and reports every answer', async () => {
  const answers = [run('QUEUED', 0), run('RUNNING', 0.5), run('SUCCEEDED', 1)];
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(answers.shift()))));
  const seen: string[] = [];
  const ended = watchRun('r', (now) => seen.push(now.state));
  await vi.advanceTimersByTimeAsync(20_000);
  expect((await ended).state).toBe('SUCCEEDED');
  expect(seen).toEqual(['QUEUED', 'RUNNING', 'SUCCEEDED']);
});

it.each([['queued', true], ['running', true], ['failed', false], ['CANCELLED', false]])('%s is open: %s', (state, expected) => {
  expect(isOpen(run(state, 0))).toBe(expected);
});
