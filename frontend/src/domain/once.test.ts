import { expect, it } from 'vitest';
import { inTurn, oneAtATime } from './once';

it('ignores a call while the one before still runs, and takes the next one', async () => {
  const calls: number[] = [];
  let finish: () => void = () => undefined;
  const run = oneAtATime((n: number) => { calls.push(n); return new Promise<void>((resolve) => { finish = resolve; }); });
  const first = run(1);
  await run(2);
  finish();
  await first;
  const third = run(3);
  finish();
  await third;
  expect(calls).toEqual([1, 3]);
});

it('takes the next call after one that failed', async () => {
  let n = 0;
  const run = oneAtATime(() => { n += 1; return Promise.reject(new Error('refused')); });
  await expect(run()).rejects.toThrow('refused');
  await expect(run()).rejects.toThrow('refused');
  expect(n).toBe(2);
});

it('lets work wait for what was asked for before, also after a failure', async () => {
  const calls: string[] = [];
  const queue = inTurn();
  let finish: () => void = () => undefined;
  const first = queue(() => { calls.push('first begins'); return new Promise<void>((resolve) => { finish = () => { calls.push('first ends'); resolve(); }; }); });
  const second = queue(() => { calls.push('second'); return Promise.reject(new Error('refused')); });
  const third = queue(() => { calls.push('third'); return Promise.resolve(); });
  await Promise.resolve();
  finish();
  await first;
  await expect(second).rejects.toThrow('refused');
  await third;
  expect(calls).toEqual(['first begins', 'first ends', 'second', 'third']);
});
