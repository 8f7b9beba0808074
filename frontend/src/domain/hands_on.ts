/** How long a person worked on a thing: while it was chosen, the page visible, and the person not idle. */
export const IDLE_AFTER_MS = 60_000;

export class HandsOnClock {
  private readonly counted = new Map<string, number>();
  private lastMs: number | null;

  /** `chosen` names what is worked on now, empty when nothing is. */
  constructor(private readonly chosen: () => string, private readonly nowMs: () => number = () => Date.now()) {
    this.lastMs = nowMs();
  }

  /** The person did something: the time since the last sign of life counts, but no more than a minute of it. */
  used(): void {
    const now = this.nowMs();
    const key = this.chosen();
    if (this.lastMs !== null && key) this.counted.set(key, (this.counted.get(key) ?? 0) + Math.min(Math.max(now - this.lastMs, 0), IDLE_AFTER_MS));
    if (this.lastMs !== null) this.lastMs = now;
  }

  /** Nobody sees the page: nothing counts until it is shown again. */
  hide(): void {
    this.used();
    this.lastMs = null;
  }

  show(): void {
    this.lastMs = this.nowMs();
  }

  /** Seconds since the last action on a thing; null: it was never chosen, so nothing is known. */
  secondsOf(key: string): number | null {
    if (key === this.chosen()) this.used();
    const ms = this.counted.get(key);
    return ms === undefined ? null : Math.round(ms / 100) / 10;
  }

  restart(key: string): void {
    this.counted.delete(key);
  }
}
