import { describe, expect, it, vi } from 'vitest';
import { MAX_STEPS, UndoStack } from './undo';

function counter(): { value: number; stack: UndoStack; add: (by: number) => void } {
  const state = { value: 0, stack: new UndoStack(), add: (by: number): void => {
    state.value += by;
    state.stack.push({ label: `add ${by}`, undo: () => { state.value -= by; }, redo: () => { state.value += by; } });
  } };
  return state;
}

describe('UndoStack', () => {
  it('takes back in order and does again in order', () => {
    const state = counter();
    state.add(1);
    state.add(10);
    expect(state.stack.undo()).toBe('add 10');
    expect(state.stack.undo()).toBe('add 1');
    expect(state.stack.undo()).toBeNull();
    expect(state.value).toBe(0);
    expect(state.stack.redo()).toBe('add 1');
    expect(state.stack.nextRedo).toBe('add 10');
    expect(state.value).toBe(1);
  });

  it('forgets what was taken back once something new is done', () => {
    const state = counter();
    state.add(1);
    state.stack.undo();
    state.add(5);
    expect(state.stack.redo()).toBeNull();
    expect(state.value).toBe(5);
  });

  it(`keeps ${MAX_STEPS} steps`, () => {
    const state = counter();
    for (let n = 0; n < MAX_STEPS + 7; n += 1) state.add(1);
    while (state.stack.undo() !== null) { /* until nothing is left */ }
    expect(state.value).toBe(7);
  });

  it('tells when it changes, also when it is cleared', () => {
    const told = vi.fn();
    const stack = new UndoStack(told);
    stack.push({ label: 'a', undo: () => undefined, redo: () => undefined });
    stack.undo();
    stack.clear();
    expect(told).toHaveBeenCalledTimes(3);
    expect(stack.nextUndo).toBeNull();
  });
});
