/** The hard limit of a site: above it one prescriber is not enough. The server decides; this only says so while typing. */
import type { MaybeQuantity } from './quantity';

const GBQ: Record<string, number> = { MBq: 1e-3, GBq: 1 };

/** True when a typed activity with its unit lies above the limit (GBq); an unfinished entry is above nothing. */
export function isAboveHardLimit(value: string, unit: string, limit: MaybeQuantity): boolean {
  const factor = GBQ[unit];
  if (!limit || factor === undefined || value.trim() === '') return false;
  return Number(value) * factor > limit.value;
}
