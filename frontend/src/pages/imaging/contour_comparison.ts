/** An earlier revision, or the original proposal, beside what is there now: region by region, with the numbers of the server. */
import { getJson } from '../../api/client';
import { formatShort } from '../../domain/dates';
import { each, html, nothing, type Html } from '../../domain/html';
import { bareNumber, icon, message, skeleton } from '../../domain/markup';
import { formatFixed, MISSING, type MaybeQuantity } from '../../domain/quantity';
import { fill, on } from '../parts/dom';
import { errorText } from '../parts/states';
import { differenceLegend } from './contour_difference';
import type { ContourSession } from './contour_session';

interface Numbers { state: string; volume: MaybeQuantity; activity: MaybeQuantity }

export interface ComparedRegion {
  region: { id: string; name: string; kind: string; label: number };
  revisions: (Numbers | null)[];
  dice: number | null;
  added: MaybeQuantity;
  removed: MaybeQuantity;
  doses: MaybeQuantity[];
  dose_change: MaybeQuantity;
  dose_obstacles: string[];
}

interface Head { number: number; at: string; note: string }

export interface RevisionComparison { then: Head; now: Head; is_same_grid: boolean; calculation_number: number | null; regions: ComparedRegion[] }

interface Hooks {
  session: () => ContourSession | undefined;
  regionId: () => string;
  select: (id: string) => void;
  /** The panes show another revision, or none. */
  redraw: () => void;
}

const change = (percent: MaybeQuantity): string => (percent ? `${percent.value < 0 ? '−' : '+'}${formatFixed(Math.abs(percent.value), 1)}` : MISSING);

function row(item: ComparedRegion, shownId: string): Html {
  const [then, now] = item.revisions;
  const dose = (n: 0 | 1): Html => html`<td class="num ${n === 0 ? 'gl' : ''}" title="${item.dose_obstacles[n] ?? ''}">${bareNumber(item.doses[n])}</td>`;
  return html`<tr tabindex="0" data-compared="${item.region.id}" aria-selected="${String(item.region.id === shownId)}"><td class="strong">${item.region.name}${now ? nothing : html` <span class="t3">not any more</span>`}${then ? nothing : html` <span class="t3">new</span>`}</td>
    <td class="num gl">${bareNumber(then?.volume)}</td><td class="num">${bareNumber(now?.volume)}</td><td class="num">${bareNumber(item.added)}</td><td class="num">${bareNumber(item.removed)}</td><td class="num">${item.dice === null ? MISSING : formatFixed(item.dice, 3)}</td>
    <td class="num gl">${bareNumber(then?.activity)}</td><td class="num">${bareNumber(now?.activity)}</td>${dose(0)}${dose(1)}<td class="num">${change(item.dose_change)}</td></tr>`;
}

export function comparisonTable(found: RevisionComparison, facts: { shownId: string; isOriginal: boolean; isUnsaved: boolean }): Html {
  const what = facts.isOriginal ? `Original proposal (revision ${found.then.number})` : `Revision ${found.then.number}, ${formatShort(found.then.at)}`;
  const grid = found.is_same_grid ? nothing : html`<p class="fs12 t2 pad">Drawn on images of another grid: volumes and doses are compared, voxels are not.</p>`;
  const unsaved = facts.isUnsaved ? html`<span class="fs12 t3">Numbers are those of revision ${found.now.number}; the panes show your strokes too.</span>` : nothing;
  const dose = found.calculation_number === null ? html`<span class="fs12 t3">No dose is calculated yet.</span>` : html`<span class="fs12 t3">Doses: preview from calculation ${found.calculation_number}.</span>`;
  return html`<div class="row compare-head"><h2 class="h2">${what} and now (revision ${found.now.number})</h2>${found.is_same_grid ? differenceLegend() : nothing}${unsaved}${dose}<button type="button" class="row-tool push" data-compare-close title="Close" aria-label="Close the comparison">${icon('close', 's')}</button></div>${grid}
    <table class="table dense"><thead><tr><th>Region</th><th class="num gl">Then (mL)</th><th class="num">Now (mL)</th><th class="num">Added (mL)</th><th class="num">Removed (mL)</th><th class="num" title="2 |A ∩ B| / (|A| + |B|), as drawn">Dice</th><th class="num gl">Then (MBq)</th><th class="num">Now (MBq)</th><th class="num gl">Then (Gy)</th><th class="num">Now (Gy)</th><th class="num" title="Of the absorbed dose, from then to now">Change (%)</th></tr></thead><tbody>${each(found.regions, (item) => row(item, facts.shownId))}</tbody></table>`;
}

export class ComparisonPanel {
  /** What was asked last; an answer to another question is dropped. */
  private asked = '';
  private found: RevisionComparison | null = null;
  private shownPoint = '';

  constructor(private readonly place: HTMLElement, private readonly hooks: Hooks) {
    on(place, 'click', '[data-compare-close]', () => this.close());
    on(place, 'click', '[data-compared]', (item) => hooks.select(item.dataset.compared ?? ''));
    on(place, 'keydown', '[data-compared]', (item, event) => { if (event.key === 'Enter') hooks.select(item.dataset.compared ?? ''); });
  }

  /** Opens the comparison with a revision, or closes it where it is open. */
  async toggle(number: number): Promise<void> {
    const session = this.hooks.session();
    if (!session) return;
    if (session.comparedNumber === number) { this.close(); return; }
    await session.compare(number);
    this.hooks.redraw();
  }

  close(): void {
    this.hooks.session()?.endComparison();
    this.hooks.redraw();
  }

  /** Follows the session: another time point, region or revision. */
  draw(): void {
    const session = this.hooks.session();
    const number = session?.comparedNumber ?? null;
    this.place.hidden = number === null;
    if (!session || number === null) { this.asked = ''; this.found = null; fill(this.place, nothing); return; }
    const key = `${session.timePointId} ${number} ${session.contours.revision?.number ?? 0}`;
    if (key !== this.asked) {
      // While a newer revision is compared the numbers of the one before stay; those of another pair do not.
      if (this.found?.then.number !== number || this.shownPoint !== session.timePointId) { this.found = null; fill(this.place, skeleton()); }
      this.asked = key;
      this.shownPoint = session.timePointId;
      void this.fetch(session, number, key);
    }
    if (this.found) this.fill(session, this.found);
  }

  /** Doses rest on other scans and on the newest calculation too: after whatever may have changed one of them. */
  forget(): void {
    this.asked = '';
  }

  private fill(session: ContourSession, found: RevisionComparison): void {
    const region = session.region(this.hooks.regionId());
    const scrolled = this.place.scrollTop;
    fill(this.place, comparisonTable(found, { shownId: region?.id ?? '', isOriginal: region?.original_number === found.then.number, isUnsaved: session.editor.isChanged }));
    this.place.scrollTop = scrolled;
  }

  private async fetch(session: ContourSession, number: number, key: string): Promise<void> {
    try {
      const found = await getJson<RevisionComparison>(`/api/time-points/${session.timePointId}/contours/compare/${number}`);
      if (this.asked !== key) return;
      this.found = found;
      this.fill(session, found);
    } catch (error) {
      if (this.asked === key) { this.found = null; fill(this.place, message('ask', 'The revisions cannot be compared', errorText(error))); }
    }
  }
}
