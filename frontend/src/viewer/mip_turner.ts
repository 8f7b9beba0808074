/** Turns a maximum projection: by drag, by a slider, or by itself until it is stopped; step by step where less motion is wanted. */
import { element } from './pane_texts';

const STEP_DEGREES = 15;
const FRAME_MS = 160;
/** Pixels of a drag that turn the patient by one step, and from where on a press is a drag. */
const PIXELS_PER_STEP = 24;
const LEAST_DRAG = 6;

export class MipTurner {
  degrees = 0;
  /** Whether the last press was a drag: its click decides nothing. */
  wasDragged = false;
  private readonly slider = document.createElement('input');
  private readonly player = document.createElement('button');
  private timer = 0;

  constructor(private readonly root: HTMLElement, private readonly onChange: () => void) {
    const bar = element('div', 'mip-turn');
    Object.assign(this.player, { type: 'button', className: 'mip-play' });
    this.player.addEventListener('click', () => (this.timer ? this.stop() : this.play()));
    Object.assign(this.slider, { type: 'range', min: '0', max: String(360 - STEP_DEGREES), step: String(STEP_DEGREES), value: '0' });
    this.slider.setAttribute('aria-label', 'Side, degrees from the front towards the left of the patient');
    this.slider.addEventListener('input', () => { this.stop(); this.turnTo(Number(this.slider.value)); });
    // The page's keys would take the arrows for slices and time points.
    this.slider.addEventListener('keydown', (event) => { if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation(); });
    bar.append(this.player, this.slider);
    bar.addEventListener('click', (event) => event.stopPropagation());
    bar.addEventListener('pointerdown', (event) => event.stopPropagation());
    root.append(bar);
    this.tellPlay();
    this.listen();
  }

  private listen(): void {
    let start: { x: number; degrees: number } | null = null;
    this.root.addEventListener('pointerdown', (event) => {
      this.wasDragged = false;
      start = event.button === 0 ? { x: event.clientX, degrees: this.degrees } : null;
    });
    this.root.addEventListener('pointermove', (event) => {
      if (!start || event.buttons === 0) return;
      const moved = event.clientX - start.x;
      if (Math.abs(moved) < LEAST_DRAG && !this.wasDragged) return;
      this.wasDragged = true;
      this.stop();
      this.turnTo(start.degrees - STEP_DEGREES * Math.round(moved / PIXELS_PER_STEP));
    });
    this.root.addEventListener('pointerup', () => { start = null; });
    this.root.addEventListener('pointerleave', () => { start = null; });
  }

  turnTo(degrees: number): void {
    this.degrees = ((degrees % 360) + 360) % 360;
    this.slider.value = String(this.degrees);
    this.onChange();
  }

  private play(): void {
    if (window.matchMedia('(prefers-reduced-motion: reduce)').matches) { this.turnTo(this.degrees + STEP_DEGREES); return; }
    this.timer = window.setInterval(() => { if (this.root.isConnected) this.turnTo(this.degrees + STEP_DEGREES); else this.stop(); }, FRAME_MS);
    this.tellPlay();
  }

  private stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.tellPlay();
  }

  private tellPlay(): void {
    const isTurning = this.timer !== 0;
    this.player.textContent = isTurning ? 'Stop' : 'Turn';
    this.player.setAttribute('aria-pressed', String(isTurning));
  }
}
