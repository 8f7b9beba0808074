import { describe, expect, it } from 'vitest';
import { decimalsFor, formatFixed, formatNumber, formatPlain, formatQuantity, formatUncertainty, formatValue, MISSING } from './quantity';

const thin = '\u2009';

describe('formatQuantity', () => {
  it.each([
    [5.5231, 0.4412, 'Gy', '5.52 ± 0.44 Gy'],
    [10869.4, 313.2, 'MBq·h', `10${thin}869 ± 313 MBq·h`],
    [0.7452, 0.0823, 'Gy/GBq', '0.745 ± 0.082 Gy/GBq'],
    [51.62, 2.31, 'h', '51.6 ± 2.3 h'],
  ])('%f ± %f %s', (value, u, unit, expected) => {
    expect(formatQuantity({ value, unit, standard_uncertainty: u })).toBe(expected);
  });

  it('shows a dash, never zero, for what is missing', () => {
    expect(formatQuantity(null)).toBe(MISSING);
    expect(formatQuantity({ value: Number.NaN, unit: 'Gy' })).toBe(MISSING);
    expect(formatValue(undefined)).toBe(MISSING);
    expect(formatNumber(Number.POSITIVE_INFINITY)).toBe(MISSING);
  });

  it('shows a true zero as zero', () => {
    expect(formatQuantity({ value: 0, unit: 'Gy' })).toBe('0 Gy');
  });

  it('never drops the unit and never invents an uncertainty', () => {
    expect(formatQuantity({ value: 7.4, unit: 'GBq', standard_uncertainty: null })).toBe('7.40 GBq');
    expect(formatUncertainty({ value: 7.4, unit: 'GBq' })).toBe('');
  });
});

describe('digits', () => {
  it.each([
    [0.0996, 2],
    [0.0951, 3],
    [0.44, 2],
    [9.96, 0],
    [313, 0],
  ])('u = %f has %i decimals', (u, decimals) => expect(decimalsFor(u)).toBe(decimals));

  it('writes minus, thin spaces and no negative zero', () => {
    expect(formatFixed(-12345.6, 1)).toBe(`\u221212${thin}345.6`);
    expect(formatFixed(1234, 0)).toBe('1234');
    expect(formatFixed(-0.0004, 2)).toBe('0.00');
  });

  it('keeps ticks as short as they are', () => {
    expect([5, 0.5, -10, 0.1 + 0.2].map(formatPlain)).toEqual(['5', '0.5', '\u221210', '0.3']);
  });

  it('doubles the uncertainty for k = 2 in the same decimals', () => {
    expect(formatUncertainty({ value: 5.52, unit: 'Gy', standard_uncertainty: 0.44 }, 2)).toBe('0.88');
  });
});
