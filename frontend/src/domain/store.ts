/** State that parts of a page share: read it, patch it, and watch one part of it. It holds no voxels and no results. */
export class Store<State extends object> {
  private state: State;
  private readonly watchers = new Set<(state: State) => void>();

  constructor(initial: State) {
    this.state = initial;
  }

  get(): Readonly<State> {
    return this.state;
  }

  set(patch: Partial<State>): void {
    const isChanged = (Object.keys(patch) as (keyof State)[]).some((key) => !Object.is(this.state[key], patch[key]));
    if (!isChanged) return;
    this.state = { ...this.state, ...patch };
    for (const watcher of [...this.watchers]) watcher(this.state);
  }

  /** Calls `run` when the chosen part changes; returns the function that ends this. */
  watch<Part>(select: (state: State) => Part, run: (part: Part) => void): () => void {
    let last = select(this.state);
    const watcher = (state: State): void => {
      const now = select(state);
      if (Object.is(now, last)) return;
      last = now;
      run(now);
    };
    this.watchers.add(watcher);
    return () => { this.watchers.delete(watcher); };
  }
}
