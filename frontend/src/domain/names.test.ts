import { expect, it } from 'vitest';
import { formatName } from './names';

it.each([['DEMO^Patient 001', 'DEMO, Patient 001'], ['DEMO^Anna^Maria^^', 'DEMO, Anna Maria'], ['DEMO, Anna', 'DEMO, Anna'], ['', '']])(
  '%s', (name, shown) => expect(formatName(name)).toBe(shown),
);
