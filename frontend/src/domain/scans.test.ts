import { expect, it } from 'vitest';
import { scansText } from './scans';

const scan = (number: number, isUsed: boolean, isExcluded = false) => ({ number, is_used: isUsed, is_excluded: isExcluded });

it('counts the scans of a fitted curve', () => {
  expect(scansText([scan(1, true), scan(2, true)])).toBe('2 of 2 scans used');
  expect(scansText([scan(1, true), scan(2, false, true), scan(3, true)])).toBe('2 of 3 scans used');
  expect(scansText([scan(1, true)])).toBe('1 of 1 scan used');
});

it('says which scans a declared half-life passes over', () => {
  expect(scansText([scan(1, false), scan(2, true)])).toBe('last of 2 scans; scan 1 not used');
  expect(scansText([scan(1, false), scan(2, false, true), scan(3, true)])).toBe('last of 3 scans; scans 1, 2 not used');
});
