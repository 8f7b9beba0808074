/** Wraps work so that a second call is ignored while the first still runs: a key pressed twice asks the server once. */
export function oneAtATime<Arguments extends unknown[]>(work: (...values: Arguments) => Promise<void>): (...values: Arguments) => Promise<void> {
  let isRunning = false;
  return async (...values) => {
    if (isRunning) return;
    isRunning = true;
    try { await work(...values); } finally { isRunning = false; }
  };
}

/** Takes work that must not overlap: each waits for what was asked for before, and a failure stops nobody. */
export function inTurn(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
