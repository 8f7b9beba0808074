/** Takes steps back and does them again: strokes at once, what the server did by a further revision. */
import type { Step } from '../../domain/undo';
import { on } from '../parts/dom';
import { kindOf, type ContourSession } from './contour_session';
import type { RegionContour } from './wire';

export interface UndoPage {
  session: () => ContourSession | undefined;
  region: () => RegionContour | undefined;
  /** Work that waits for what was asked for before: a decision that is on its way is the step that goes back. */
  turn: (work: () => Promise<void>) => Promise<void>;
  saved: () => Promise<boolean>;
  change: (work: Promise<unknown>, said: string) => Promise<void>;
  refuse: (why: string) => void;
}

type Way = 'undo' | 'redo';

export class UndoControl {
  private isAtServer = false;
  private toolbar: HTMLElement | null = null;

  constructor(private readonly page: UndoPage) {}

  /** Takes a step back, or does it again; a key that is held waits for the server. */
  async step(way: Way, isRepeated = false): Promise<void> {
    if (isRepeated && this.isAtServer) return;
    await this.page.turn(() => this.move(way));
  }

  /** Never what a tool could not change now: regions that were locked or accepted since. */
  private async move(way: Way): Promise<void> {
    const [session, region] = [this.page.session(), this.page.region()];
    const stack = session?.editor.undo;
    const next = stack?.next(way);
    if (!session || !region || !stack || !next) return;
    const kept = keptBy(session, region, next);
    if (kept) { this.page.refuse(`${kept.name} is ${kept.is_locked ? 'locked' : 'accepted'}: ${kept.is_locked ? 'unlock' : 'select'} it first`); return; }
    if (!next.isByRevision) { await stack[way](); return; }
    this.isAtServer = true;
    try {
      // A revision of somebody else may have come with the save: it ends the history.
      if (await this.page.saved() && stack.next(way) === next) await this.page.change(stack[way](), `${way === 'undo' ? 'Taken back' : 'Done again'}: ${next.label}`);
    } finally { this.isAtServer = false; }
  }

  attach(toolbar: HTMLElement): void {
    this.toolbar = toolbar;
    on(toolbar, 'click', '[data-undo]', () => void this.step('undo'));
    on(toolbar, 'click', '[data-redo]', () => void this.step('redo'));
    document.addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || document.querySelector('dialog[open]')) return;
      const key = event.key.toLowerCase();
      const way = key === 'z' && !event.shiftKey ? 'undo' : key === 'y' || key === 'z' ? 'redo' : null;
      if (!way) return;
      event.preventDefault();
      void this.step(way, event.repeat);
    });
    this.draw();
  }

  draw(): void {
    const undo = this.page.session()?.editor.undo;
    for (const [name, label] of [['undo', undo?.nextUndo], ['redo', undo?.nextRedo]] as const) {
      const button = this.toolbar?.querySelector<HTMLButtonElement>(`[data-${name}]`);
      if (button) { button.disabled = !label; button.title = label ? `${name === 'undo' ? 'Undo' : 'Redo'}: ${label}` : `Nothing to ${name}`; }
    }
  }
}

function keptBy(session: ContourSession, chosen: RegionContour, { changes }: Step): RegionContour | undefined {
  if (!changes) return undefined;
  const spared = kindOf(chosen) === changes.kind ? session.spared(chosen) : new Set<number>();
  return session.contours.regions.find((item) => kindOf(item) === changes.kind && changes.labels.has(item.label) && (spared.has(item.label) || item.is_locked));
}
