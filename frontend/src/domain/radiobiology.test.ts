import { expect, it } from 'vitest';
import { alphaWeight, betweenCycles, parseRadiobiology, radiobiologyLines, withAlphaWeight, withBetweenCycles } from './radiobiology';

it('reads what it writes', () => {
  const values = { Kidney: { alpha_beta_gy: 2.6, repair_half_time_h: 2.8, source: 'Pamphlet 20; table 1' } };
  expect(parseRadiobiology(radiobiologyLines(values))).toEqual(values);
  expect(parseRadiobiology('\n  \n')).toEqual({});
});

it.each(['Kidney', 'Kidney; 2.6; 2.8', 'Kidney; zero; 2.8; a', 'Kidney; 2.6; -1; a', '; 2.6; 2.8; a'])('refuses "%s"', (line) => {
  expect(() => parseRadiobiology(line)).toThrow('Write');
});

it('keeps the spread between cycles apart from the regions', () => {
  const regions = { Kidney: { alpha_beta_gy: 2.6, repair_half_time_h: 2.8, source: 'Pamphlet 20' } };
  const values = withBetweenCycles(regions, '15', ' own cohort ');
  expect(betweenCycles(values)).toEqual({ cv: 0.15, source: 'own cohort' });
  expect(radiobiologyLines(values)).toBe(radiobiologyLines(regions));
  expect(withBetweenCycles(regions, ' ', '')).toEqual(regions);
  expect(betweenCycles(regions)).toBeNull();
});

it.each([['15', ''], ['0', 'a'], ['many', 'a']])('refuses a spread of "%s" with source "%s"', (percent, source) => {
  expect(() => withBetweenCycles({}, percent, source)).toThrow('needs a percentage');
});

it('keeps the RBE of alpha particles apart from the regions', () => {
  const values = withAlphaWeight({}, '5', 'MIRD Pamphlet 22');
  expect(alphaWeight(values)).toEqual({ rbe: 5, source: 'MIRD Pamphlet 22' });
  expect(radiobiologyLines(values)).toBe('');
  expect(withAlphaWeight({}, '', '')).toEqual({});
  expect(() => withAlphaWeight({}, '0.5', 'a')).toThrow('1 or more');
  expect(() => withAlphaWeight({}, '5', '')).toThrow('source');
});
