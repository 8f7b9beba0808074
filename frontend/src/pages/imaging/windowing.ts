/** The shared window compares scans; a hot region then lies solid black, so its own window shows its inside. */
import type { MaybeQuantity } from '../../domain/quantity';
import type { Window } from '../../domain/volume';
import { regionWindow } from '../../domain/volume_units';
import type { Viewer } from '../../viewer/viewer';

export class Windowing {
  constructor(private readonly viewer: Viewer | null, private readonly shared: () => Window | null, private readonly maximum: () => MaybeQuantity) {}

  to(what: 'region' | 'shared'): void {
    const emissionWindow = what === 'shared' ? this.shared() : regionWindow(this.maximum());
    if (!this.viewer || !emissionWindow) return;
    const tenth = emissionWindow.lower + 0.1 * (emissionWindow.upper - emissionWindow.lower);
    const { state } = this.viewer;
    state.set({ emissionWindow, emissionThreshold: what === 'shared' ? tenth : Math.min(state.get().emissionThreshold, tenth) });
  }

  toggle(): void {
    const shared = this.shared();
    const now = this.viewer?.state.get().emissionWindow;
    this.to(now && shared && now.lower === shared.lower && now.upper === shared.upper ? 'region' : 'shared');
  }
}
