/** How proposed contours fared: counts, agreement and time by source, version and region. */
import { csvLine } from './files';

export interface Outcomes { n_unchanged: number; n_edited: number; n_rejected: number }
export interface AcceptanceGroup extends Outcomes {
  source: string; source_label: string; version: string; region_name: string; n_proposed: number;
  dice: { low: number | null; median: number | null; high: number | null };
  median_hands_on_s: number | null; n_timed: number;
}
export interface AcceptanceMonth extends Outcomes { source: string; source_label: string; version: string; month: string }
/** A model version whose newest proposals were changed more often than those before, beyond chance. */
export interface AcceptanceDrift { version: string; n_before: number; n_changed_before: number; n_lately: number; n_changed_lately: number }
export interface Acceptance { groups: AcceptanceGroup[]; months: AcceptanceMonth[]; drifts: AcceptanceDrift[]; is_virtual: boolean }

const MODEL = 'model';

export const isOfModel = (row: { source: string }): boolean => row.source === MODEL;
export const decided = (row: Outcomes): number => row.n_unchanged + row.n_edited + row.n_rejected;
export const undecided = (row: AcceptanceGroup): number => row.n_proposed - decided(row);

/** The name of a source: a model's with its version, else what kind of source it is. */
export const sourceName = (row: { source: string; source_label: string; version: string }): string =>
  isOfModel(row) && row.version ? row.version : row.source_label.charAt(0).toUpperCase() + row.source_label.slice(1);

/** Rows in the order of the page, each source once: models first, as the thing that is judged. */
export function bySource<Row extends { source: string; source_label: string; version: string }>(rows: readonly Row[]): [name: string, rows: Row[]][] {
  const found = new Map<string, Row[]>();
  for (const row of [...rows].sort((a, b) => Number(isOfModel(b)) - Number(isOfModel(a)))) {
    const name = sourceName(row);
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return [...found];
}

export const driftText = (drift: AcceptanceDrift): string =>
  `${drift.version}: of its newest ${drift.n_lately} proposals ${drift.n_changed_lately} were edited or rejected, of the ${drift.n_before} before ${drift.n_changed_before}. Look for a new scanner, protocol or kind of patient; disable the network until you know.`;

const HEAD = ['source', 'version', 'region', 'proposed', 'accepted_unchanged', 'edited', 'rejected', 'not_decided', 'dice_lower_quartile', 'dice_median', 'dice_upper_quartile', 'median_hands_on_s', 'timed'];

export function acceptanceCsv(groups: readonly AcceptanceGroup[]): string {
  const lines = groups.map((row) => csvLine([
    row.source, row.version, row.region_name, row.n_proposed, row.n_unchanged, row.n_edited, row.n_rejected, undecided(row), row.dice.low, row.dice.median, row.dice.high, row.median_hands_on_s, row.n_timed,
  ]));
  return `${[csvLine(HEAD), ...lines].join('\r\n')}\r\n`;
}
