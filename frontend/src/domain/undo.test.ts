import { describe, expect, it, vi } from 'vitest';
import { MAX_STEPS, UndoStack } from './undo';

function counter(): { value: number; stack: UndoStack; add: (by: number) => void } {
  const state = { value: 0, stack: new UndoStack(), add: (by: number): void => {
    state.value += by;
    state.stack.push({ label: `add ${by}`, undo: () => { state.value -= by; return undefined; }, redo: () => { state.value += by; return undefined; } });
  } };
  return state;
}

describe('UndoStack', () => {
  it('takes back in order and does again in order', async () => {
    const state = counter();
    state.add(1);
    state.add(10);
    expect(await state.stack.undo()).toBe('add 10');
    expect(await state.stack.undo()).toBe('add 1');
    expect(await state.stack.undo()).toBeNull();
    expect(state.value).toBe(0);
    expect(await state.stack.redo()).toBe('add 1');
    expect(state.stack.nextRedo).toBe('add 10');
    expect(state.value).toBe(1);
  });

  it('forgets what was taken back once something new is done', async () => {
    const state = counter();
    state.add(1);
    await state.stack.undo();
    state.add(5);
    expect(await state.stack.redo()).toBeNull();
    expect(state.value).toBe(5);
  });

  it(`keeps ${MAX_STEPS} steps`, async () => {
    const state = counter();
    for (let n = 0; n < MAX_STEPS + 7; n += 1) state.add(1);
    while (await state.stack.undo() !== null) { /* until nothing is left */ }
    expect(state.value).toBe(7);
  });

  it('tells when it changes, also when it is cleared', async () => {
    const told = vi.fn();
    const stack = new UndoStack(told);
    stack.push({ label: 'a', undo: () => undefined, redo: () => undefined });
    await stack.undo();
    stack.clear();
    expect(told).toHaveBeenCalledTimes(3);
    expect(stack.nextUndo).toBeNull();
  });

  describe('with steps of the server', () => {
    /** A step whose answers wait until they are let go. */
    function served(stack: UndoStack): { answer: () => void; refuse: () => void } {
      let settle: { resolve: () => void; reject: (error: Error) => void };
      const ask = (): Promise<void> => new Promise((resolve, reject) => { settle = { resolve, reject }; });
      stack.push({ label: 'margin', undo: ask, redo: ask, isByRevision: true });
      return { answer: () => settle.resolve(), refuse: () => settle.reject(new Error('no connection')) };
    }

    it('moves a step once the server has done it', async () => {
      const stack = new UndoStack();
      const server = served(stack);
      const back = stack.undo();
      expect([stack.nextUndo, stack.nextRedo]).toEqual(['margin', null]);
      server.answer();
      expect(await back).toBe('margin');
      expect([stack.nextUndo, stack.nextRedo]).toEqual([null, 'margin']);
      const again = stack.redo();
      server.answer();
      await again;
      expect([stack.nextUndo, stack.nextRedo]).toEqual(['margin', null]);
    });

    it('keeps a step that was refused where it is', async () => {
      const stack = new UndoStack();
      const server = served(stack);
      const back = stack.undo();
      server.refuse();
      await expect(back).rejects.toThrow('no connection');
      expect([stack.nextUndo, stack.nextRedo]).toEqual(['margin', null]);
    });

    it('offers nothing again once something was drawn while the server worked', async () => {
      const stack = new UndoStack();
      const server = served(stack);
      const back = stack.undo();
      stack.push({ label: 'stroke', undo: () => undefined, redo: () => undefined });
      server.answer();
      await back;
      expect([stack.nextUndo, stack.nextRedo]).toEqual(['stroke', null]);
      await stack.undo();
      expect([stack.nextUndo, stack.nextRedo]).toEqual([null, 'stroke']);
    });

    it('does not bring back what a revision of somebody else has ended', async () => {
      const stack = new UndoStack();
      const server = served(stack);
      const back = stack.undo();
      stack.clear();
      server.answer();
      await back;
      expect([stack.nextUndo, stack.nextRedo]).toEqual([null, null]);
    });
  });
});
