import { describe, expect, it } from 'vitest';
import { isAboveHardLimit } from './hard_limit';

const limit = { value: 9, unit: 'GBq', standard_uncertainty: null };

describe('isAboveHardLimit', () => {
  it.each([['9.01', 'GBq', true], ['9', 'GBq', false], ['9010', 'MBq', true], ['9000', 'MBq', false], ['7.4', 'GBq', false]])('%s %s', (value, unit, expected) => {
    expect(isAboveHardLimit(value, unit, limit)).toBe(expected);
  });

  it('knows nothing of an entry without number or unit, nor without a limit', () => {
    expect(isAboveHardLimit('12', '', limit)).toBe(false);
    expect(isAboveHardLimit('', 'GBq', limit)).toBe(false);
    expect(isAboveHardLimit('12', 'GBq', null)).toBe(false);
  });
});
