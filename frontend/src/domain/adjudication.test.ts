import { describe, expect, it } from 'vitest';
import { choicesBody, possible, type Choice } from './adjudication';

const row = (id: string, first: boolean, second: boolean, dice: number | null = 0.9) => ({ region: { id }, readers: [first ? {} : null, second ? {} : null], dice });

describe('adjudication', () => {
  it('offers what gives a contour', () => {
    expect(possible(row('a', true, true))).toEqual(['reader_1', 'reader_2', 'union', 'intersection']);
    expect(possible(row('a', true, false, null))).toEqual(['reader_1']);
    expect(possible(row('a', false, true, null))).toEqual(['reader_2']);
  });
  it('offers no intersection of contours that share nothing', () => {
    expect(possible(row('a', true, true, 0))).toEqual(['reader_1', 'reader_2', 'union']);
  });
  it('sends what was chosen and leaves the rest as it is', () => {
    const chosen = new Map<string, Choice>([['a', { take: 'union', editsFurther: true }], ['c', { take: 'reader_2', editsFurther: false }]]);
    const rows = [row('a', true, true), row('b', true, true), row('c', true, false, null)];
    expect(choicesBody(rows, chosen)).toEqual([{ region_id: 'a', take: 'union', edits_further: true }]);
  });
});
