/** What a person decides on regions, one decision after the other: accept, reject, reopen, lock. */
import type { ContourSession } from './contour_session';
import { decided, faintLesions, openLesion } from './lesion_review';
import { isOpen, openQuestions } from './region_list';
import type { RegionContour } from './wire';

export interface DecisionPage {
  canAccept: boolean;
  session: () => ContourSession | undefined;
  regionId: () => string;
  isReviewing: () => boolean;
  /** Saves strokes first; false: something is still not saved. */
  saved: () => Promise<boolean>;
  /** Shows what came of the work, or why it was refused. */
  change: (work: Promise<unknown>, said: string) => Promise<void>;
  /** Sends with the seconds that the region took; they begin anew once the server has it. */
  timed: (now: ContourSession, id: string, send: (seconds: number | null) => Promise<unknown>) => Promise<void>;
  /** Work that waits for what was asked for before. */
  turn: (work: () => Promise<void>) => Promise<void>;
  ask: (text: string) => void;
  select: (id: string) => void;
}

export class Decisions {
  constructor(private readonly page: DecisionPage) {}

  private turn(work: () => Promise<void>): Promise<void> {
    return this.page.turn(work);
  }

  accept(id = this.page.regionId(), now = this.page.session()): Promise<void> {
    return this.turn(async () => {
      const chosen = this.stillOf(now, id);
      if (!now || !chosen || !this.mayAccept(now, chosen) || !(await this.page.saved())) return;
      // A stroke on a rejected or absent region opens it, once it is saved.
      const still = this.stillOf(now, id);
      if (!still || !isOpen(still) || this.waits(still)) return;
      await this.set(now, still, 'accepted');
      this.goOn(id);
    });
  }

  reject(id = this.page.regionId(), now = this.page.session()): Promise<void> {
    return this.turn(async () => {
      const chosen = this.stillOf(now, id);
      if (!now || !chosen || !this.page.canAccept || ['rejected', 'none'].includes(chosen.state) || !(await this.page.saved())) return;
      await this.set(now, chosen, 'rejected');
      if (isOpen(chosen)) this.goOn(id);
    });
  }

  /** Rejects the chosen candidate with all others that wait and are faint, once a person has looked at them. */
  rejectFaint(now = this.page.session()): Promise<void> {
    return this.turn(async () => {
      const id = this.page.regionId();
      if (!now || !this.page.canAccept || !(await this.page.saved()) || now !== this.page.session()) return;
      const ids = faintLesions(now.contours.regions).map((region) => region.id);
      if (!ids.includes(id)) return;
      const said = `${ids.length} faint ${ids.length === 1 ? 'candidate' : 'candidates'} rejected`;
      const chosenFirst = [id, ...ids.filter((other) => other !== id)];
      await this.page.change(this.page.timed(now, id, (seconds) => now.reject(chosenFirst, seconds, said)), said);
      this.goOn(id);
    });
  }

  /** Takes a rejection back: the contour waits for a decision again, with the reasons that were given for it. */
  reopen(id = this.page.regionId(), now = this.page.session()): Promise<void> {
    return this.turn(async () => {
      if (!now || !this.page.canAccept || this.stillOf(now, id)?.state !== 'rejected' || !(await this.page.saved())) return;
      const still = this.stillOf(now, id);
      if (still?.state === 'rejected') await this.set(now, still, 'edited', 'reopened');
    });
  }

  /** A click on a lesion in the projection: accepts it, or takes its acceptance back. */
  decide(find: () => RegionContour | undefined): Promise<void> {
    return this.turn(async () => {
      const [now, lesion] = [this.page.session(), find()];
      if (lesion) this.page.select(lesion.id);
      if (!now || !lesion || !this.page.canAccept || this.waits(lesion)) return;
      const state = decided(lesion);
      if (await this.page.saved()) await this.set(now, lesion, state);
    });
  }

  async lock(region: RegionContour, now = this.page.session()): Promise<void> {
    if (!now || !(await this.page.saved())) return;
    await this.page.change(now.setLock({ region_id: region.id, is_locked: !region.is_locked }), `${region.name} ${region.is_locked ? 'unlocked' : 'locked'}`);
  }

  /** Chooses the next region that waits, unless the person has gone elsewhere meanwhile. */
  private goOn(id: string): void {
    const known = this.page.session()?.contours.regions ?? [];
    const next = this.page.isReviewing() ? openLesion(known) : known.find(isOpen);
    if (next && this.page.regionId() === id) this.page.select(next.id);
  }

  private stillOf(now: ContourSession | undefined, id: string): RegionContour | undefined {
    return now === this.page.session() ? now?.region(id) : undefined;
  }

  private mayAccept(now: ContourSession, chosen: RegionContour): boolean {
    if (!this.page.canAccept) return false;
    const isUnsaved = now.unsaved.has(chosen.id);
    if (chosen.state === 'rejected' && !isUnsaved) this.page.ask(`${chosen.name} is rejected: reopen it first`);
    return (isOpen(chosen) || isUnsaved) && !this.waits(chosen);
  }

  private waits(region: RegionContour): boolean {
    const doesWait = openQuestions(region) > 0;
    if (doesWait) this.page.ask(`Answer the warnings of ${region.name} first`);
    return doesWait;
  }

  private set(now: ContourSession, { id, name }: RegionContour, state: 'accepted' | 'rejected' | 'edited', done: string = state): Promise<void> {
    return this.page.change(this.page.timed(now, id, (seconds) => now.setState({ region_id: id, state, hands_on_s: seconds }, `${name} ${done}`)), `${name} ${done}`);
  }
}
