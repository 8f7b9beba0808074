/** Two readings of a region: what a person may take of them, and what was chosen so far. */
export type Take = 'reader_1' | 'reader_2' | 'union' | 'intersection';
export interface Choice { take: Take; editsFurther: boolean }
export interface Read { region: { id: string }; readers: readonly (object | null)[]; dice: number | null }
export interface ChoiceBody { region_id: string; take: Take; edits_further: boolean }

export const TAKES: Record<Take, string> = { reader_1: 'Reader 1', reader_2: 'Reader 2', union: 'Union', intersection: 'Intersection' };

/** What gives a contour: a reader who drew it, both together, and what they share where they share something. */
export function possible(row: Read): Take[] {
  const [first, second] = row.readers;
  const own: Take[] = [...(first ? ['reader_1' as const] : []), ...(second ? ['reader_2' as const] : [])];
  if (!first || !second) return own;
  return [...own, 'union', ...((row.dice ?? 0) > 0 ? ['intersection' as const] : [])];
}

/** The request of a decision; regions without a choice stay as they are. */
export function choicesBody(rows: readonly Read[], chosen: ReadonlyMap<string, Choice>): ChoiceBody[] {
  return rows.flatMap((row) => {
    const choice = chosen.get(row.region.id);
    return choice && possible(row).includes(choice.take) ? [{ region_id: row.region.id, take: choice.take, edits_further: choice.editsFurther }] : [];
  });
}
