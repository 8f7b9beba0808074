import { expect, it, vi } from 'vitest';
import { bindingsFor, VIEWER_KEYS } from './keys';

it('gives every key to one command', () => {
  const all = VIEWER_KEYS.flatMap((row) => row.keys.map((key) => key.toLowerCase()));
  expect(new Set(all).size).toBe(all.length);
});

it('leaves the keys of the shell alone', () => {
  const all = VIEWER_KEYS.flatMap((row) => row.keys);
  for (const key of ['?', 'Tab', 'Escape', 'Enter']) expect(all).not.toContain(key);
});

it('binds only what a page can do', () => {
  const run = vi.fn();
  const bound = bindingsFor({ accept: run });
  expect(bound.map((row) => row.keys)).toEqual([['A']]);
  bound[0]?.run();
  expect(run).toHaveBeenCalledOnce();
});
