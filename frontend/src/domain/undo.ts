/** What a person can take back: the last fifty steps, in order. */
export interface Step {
  label: string;
  undo: () => void;
  redo: () => void;
  /** Which regions of which layer it changes. */
  changes?: { kind: string; labels: ReadonlySet<number> };
}

export const MAX_STEPS = 50;

export class UndoStack {
  private done: Step[] = [];
  private undone: Step[] = [];

  constructor(private readonly onChange: () => void = () => undefined) {}

  /** Adds a step that has already happened; steps that were taken back are gone from then on. */
  push(step: Step): void {
    this.done = [...this.done, step].slice(-MAX_STEPS);
    this.undone = [];
    this.onChange();
  }

  undo(): string | null {
    const step = this.done.pop();
    if (!step) return null;
    step.undo();
    this.undone.push(step);
    this.onChange();
    return step.label;
  }

  redo(): string | null {
    const step = this.undone.pop();
    if (!step) return null;
    step.redo();
    this.done.push(step);
    this.onChange();
    return step.label;
  }

  clear(): void {
    this.done = [];
    this.undone = [];
    this.onChange();
  }

  /** The step that would be taken back, or done again, next. */
  next(way: 'undo' | 'redo'): Step | null {
    const steps = way === 'undo' ? this.done : this.undone;
    return steps[steps.length - 1] ?? null;
  }

  get nextUndo(): string | null {
    return this.next('undo')?.label ?? null;
  }

  get nextRedo(): string | null {
    return this.next('redo')?.label ?? null;
  }
}
