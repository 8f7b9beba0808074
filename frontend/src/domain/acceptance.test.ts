import { describe, expect, it } from 'vitest';
import { acceptanceCsv, bySource, decided, driftText, sourceName, undecided, type AcceptanceGroup } from './acceptance';

const group = (values: Partial<AcceptanceGroup> = {}): AcceptanceGroup => ({
  source: 'model', source_label: 'AI model', version: 'organs 1.0 (12ab34cd)', region_name: 'Liver', n_proposed: 10, n_unchanged: 4, n_edited: 3, n_rejected: 1,
  dice: { low: 0.9, median: 0.95, high: 0.98 }, median_hands_on_s: 12.5, n_timed: 8, ...values,
});
const propagated = group({ source: 'propagated', source_label: 'propagated', version: '', dice: { low: null, median: null, high: null }, median_hands_on_s: null });

describe('acceptance', () => {
  it('leaves what nobody decided out of what was decided', () => {
    expect([decided(group()), undecided(group())]).toEqual([8, 2]);
  });
  it('names a model by its version, other sources by their kind', () => {
    expect([sourceName(group()), sourceName(group({ version: '' })), sourceName(propagated)]).toEqual(['organs 1.0 (12ab34cd)', 'AI model', 'Propagated']);
  });
  it('puts models before what they are compared with', () => {
    expect(bySource([propagated, group(), group({ region_name: 'Spleen' })]).map(([name, rows]) => [name, rows.length])).toEqual([['organs 1.0 (12ab34cd)', 2], ['Propagated', 1]]);
  });
  it('says what got worse and what to do', () => {
    expect(driftText({ version: 'organs 1', n_before: 40, n_changed_before: 8, n_lately: 20, n_changed_lately: 14 }))
      .toMatch(/^organs 1: of its newest 20 proposals 14 were edited or rejected, of the 40 before 8\. Look for/);
  });
  it('writes a table that says nothing where nothing is known', () => {
    const [head, first, second] = acceptanceCsv([group(), propagated]).split('\r\n');
    expect(head?.split(',')).toHaveLength(13);
    expect(first).toBe('model,organs 1.0 (12ab34cd),Liver,10,4,3,1,2,0.9,0.95,0.98,12.5,8');
    expect(second).toBe('propagated,,Liver,10,4,3,1,2,,,,,8');
  });
});
