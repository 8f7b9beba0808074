import { expect, it } from 'vitest';
import { formatVoxel } from './volume_units';

it.each([
  [702_300, 'Bq/mL', '702 kBq/mL'], [5_930, 'mGy', '5.93 Gy'], [37.6, 'HU', '38 HU'], [null, 'Bq/mL', '—'], [0, 'mGy', '0 Gy'], [12, 'counts', '12.0 counts'],
])('%s %s', (value, unit, text) => expect(formatVoxel(value, unit)).toBe(text));
