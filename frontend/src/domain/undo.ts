/** What a person can take back: the last fifty steps, in order. */
export interface Step {
  label: string;
  /** A promise: the server does it, by a new revision. */
  undo: () => Promise<void> | undefined;
  redo: () => Promise<void> | undefined;
  /** Which regions of which layer it changes. */
  changes?: { kind: string; labels: ReadonlySet<number> };
  /** Goes back, and forth again, by revision of the server: it rests on what is saved. */
  isByRevision?: boolean;
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

  undo(): Promise<string | null> {
    return this.move('undo');
  }

  redo(): Promise<string | null> {
    return this.move('redo');
  }

  /** A step of this page moves at once; one of the server when it was done there, and stays where it is when it was refused. */
  private async move(way: 'undo' | 'redo'): Promise<string | null> {
    const step = this.next(way);
    if (!step) return null;
    const work = step[way]();
    if (work) await work;
    const isNext = this.next(way) === step; // else something was drawn meanwhile, and the step is no longer the one before it
    this.done = this.done.filter((other) => other !== step);
    this.undone = this.undone.filter((other) => other !== step);
    if (isNext) (way === 'undo' ? this.undone : this.done).push(step);
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
