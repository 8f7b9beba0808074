import { describe, expect, it } from 'vitest';
import { MOST_MONTHS, newest, outcomeBars, shares, type OutcomeMonth } from './outcome_bars';

const month = (name: string, n_unchanged = 1, n_edited = 2, n_rejected = 1): OutcomeMonth => ({ month: name, n_unchanged, n_edited, n_rejected });

describe('outcomeBars', () => {
  it('stacks shares of what was decided up to 100 %', () => {
    expect(shares(month('2026-03'))).toEqual([['unchanged', 0, 25], ['edited', 25, 75], ['rejected', 75, 100]]);
  });
  it('draws nothing of a month without decisions', () => {
    expect(shares(month('2026-03', 0, 0, 0)).every(([, from, to]) => from === 0 && to === 0)).toBe(true);
  });
  it('keeps the newest months, oldest first', () => {
    const many = Array.from({ length: 15 }, (_, i) => month(`20${String(30 - i)}-01`));
    expect(newest(many)).toHaveLength(MOST_MONTHS);
    expect(newest(many).at(-1)?.month).toBe('2030-01');
  });
  it('says in words what a bar shows', () => {
    expect(String(outcomeBars([month('2026-03')], 'Trend').text)).toContain('2026-03: 1 unchanged, 2 edited, 1 rejected');
  });
});
