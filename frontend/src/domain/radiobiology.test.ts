import { expect, it } from 'vitest';
import { parseRadiobiology, radiobiologyLines } from './radiobiology';

it('reads what it writes', () => {
  const values = { Kidney: { alpha_beta_gy: 2.6, repair_half_time_h: 2.8, source: 'Pamphlet 20; table 1' } };
  expect(parseRadiobiology(radiobiologyLines(values))).toEqual(values);
  expect(parseRadiobiology('\n  \n')).toEqual({});
});

it.each(['Kidney', 'Kidney; 2.6; 2.8', 'Kidney; zero; 2.8; a', 'Kidney; 2.6; -1; a', '; 2.6; 2.8; a'])('refuses "%s"', (line) => {
  expect(() => parseRadiobiology(line)).toThrow('Write');
});
