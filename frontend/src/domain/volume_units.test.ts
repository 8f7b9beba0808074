import { expect, it } from 'vitest';
import { formatVoxel, regionWindow } from './volume_units';

it.each([
  [702_300, 'Bq/mL', '702 kBq/mL'], [5_930, 'mGy', '5.93 Gy'], [37.6, 'HU', '38 HU'], [null, 'Bq/mL', '—'], [0, 'mGy', '0 Gy'], [12, 'counts', '12.0 counts'],
])('%s %s', (value, unit, text) => expect(formatVoxel(value, unit)).toBe(text));

it('windows a region from zero to its largest voxel, in the unit of the voxels', () => {
  expect(regionWindow({ value: 2620, unit: 'kBq/mL' })).toEqual({ lower: 0, upper: 2_620_000 });
  expect(regionWindow({ value: 2620, unit: 'Bq/mL' })).toEqual({ lower: 0, upper: 2620 });
  for (const nothing of [null, { value: 0, unit: 'kBq/mL' }, { value: 5, unit: 'Gy' }]) expect(regionWindow(nothing)).toBeNull();
});
