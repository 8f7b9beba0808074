import { expect, it, vi } from 'vitest';
import { Store } from './store';

it('tells a watcher only when its part changed', () => {
  const store = new Store({ zoom: 1, tool: 'crosshair' });
  const seen = vi.fn();
  const stop = store.watch((state) => state.zoom, seen);
  store.set({ tool: 'brush' });
  store.set({ zoom: 1 });
  expect(seen).not.toHaveBeenCalled();
  store.set({ zoom: 2 });
  expect(seen).toHaveBeenCalledExactlyOnceWith(2);
  stop();
  store.set({ zoom: 3 });
  expect(seen).toHaveBeenCalledTimes(1);
  expect(store.get()).toEqual({ zoom: 3, tool: 'brush' });
});
