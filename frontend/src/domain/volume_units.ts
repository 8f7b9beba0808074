/** Units of voxels and the units in which people read them: the browser divides by a thousand, nothing more. */
import { formatNumber, MISSING, type MaybeQuantity } from './quantity';
import type { Window } from './volume';

export interface ShownUnit {
  unit: string;
  /** Shown value per voxel value. */
  factor: number;
}

const SHOWN: Record<string, ShownUnit> = {
  'Bq/mL': { unit: 'kBq/mL', factor: 1e-3 }, mGy: { unit: 'Gy', factor: 1e-3 }, 'mGy/h': { unit: 'Gy/h', factor: 1e-3 },
};

export const shownUnit = (voxelUnit: string): ShownUnit => SHOWN[voxelUnit] ?? { unit: voxelUnit, factor: 1 };

/** The window from zero to the largest voxel of a region, in the unit of the voxels; null where nothing was measured. */
export function regionWindow(maximum: MaybeQuantity, voxelUnit = 'Bq/mL'): Window | null {
  if (!maximum || !(maximum.value > 0)) return null;
  const { unit, factor } = shownUnit(voxelUnit);
  if (maximum.unit !== unit && maximum.unit !== voxelUnit) return null;
  return { lower: 0, upper: maximum.unit === unit ? maximum.value / factor : maximum.value };
}

/** A voxel value with its shown unit; a dash where there is none. */
export function formatVoxel(value: number | null, voxelUnit: string): string {
  if (value === null) return MISSING;
  const { unit, factor } = shownUnit(voxelUnit);
  if (voxelUnit === 'HU') return `${Math.round(value)} HU`;
  return `${formatNumber(value * factor)} ${unit}`.trim();
}
