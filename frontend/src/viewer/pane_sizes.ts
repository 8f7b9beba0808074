/** Pictures follow the sizes of their panes: with the window, and within it when one is enlarged or a table takes its place. */
import type { ImageEngine } from './engine';

export class PaneSizes {
  private readonly observer = new ResizeObserver(() => this.fit());

  constructor(private readonly root: HTMLElement, private readonly engine: ImageEngine, private readonly onFit: () => void) {}

  watch(targets: readonly HTMLElement[]): void {
    this.observer.disconnect();
    for (const element of [this.root, ...targets]) this.observer.observe(element);
  }

  private fit(): void {
    if (!this.engine.resize()) requestAnimationFrame(() => this.fit());
    this.onFit();
  }
}
