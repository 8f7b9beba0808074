/** A number of the server: never without its unit, and with its standard uncertainty (k = 1) when it has one. */
export interface Quantity {
  value: number;
  unit: string;
  standard_uncertainty?: number | null;
}

export type MaybeQuantity = Quantity | null | undefined;

export const MISSING = '—';
const THIN_SPACE = '\u2009';
const MINUS = '\u2212';
const MAX_DECIMALS = 6;

/** Decimals that show two significant digits of the uncertainty; none above 10. */
export function decimalsFor(uncertainty: number): number {
  if (!(uncertainty > 0)) return 0;
  const decimals = 1 - Math.floor(Math.log10(uncertainty));
  const rounded = Number(uncertainty.toFixed(clampDecimals(decimals)));
  return clampDecimals(1 - Math.floor(Math.log10(rounded || uncertainty)));
}

function clampDecimals(decimals: number): number {
  return Math.min(Math.max(decimals, 0), MAX_DECIMALS);
}

/** Fixed decimals, a real minus sign, and thin spaces between thousands from 10 000 on. */
export function formatFixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const [whole = '0', fraction] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE) : whole;
  const digits = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return value < 0 && Number(value.toFixed(decimals)) !== 0 ? MINUS + digits : digits;
}

/** Three significant digits, never as an exponent unless the number is very small. */
export function formatNumber(value: number | null | undefined, significant = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -MAX_DECIMALS) return value.toExponential(significant - 1);
  return formatFixed(value, clampDecimals(significant - 1 - magnitude));
}

/** A number as short as it is, for axis ticks and limits that were typed: 5, 0.5, −10. */
export function formatPlain(value: number): string {
  const text = String(Number(value.toPrecision(6)));
  return value < 0 ? MINUS + text.slice(1) : text;
}

/** Value text alone; its decimals follow the uncertainty where there is one. */
export function formatValue(quantity: MaybeQuantity): string {
  if (!quantity || !Number.isFinite(quantity.value)) return MISSING;
  const u = quantity.standard_uncertainty;
  return u !== null && u !== undefined && u > 0 ? formatFixed(quantity.value, decimalsFor(u)) : formatNumber(quantity.value);
}

/** Uncertainty text with the decimals of the value; empty when there is none. */
export function formatUncertainty(quantity: MaybeQuantity, coverage = 1): string {
  const u = quantity?.standard_uncertainty;
  if (!quantity || !Number.isFinite(quantity.value) || u === null || u === undefined || !(u > 0)) return '';
  return formatFixed(u * coverage, decimalsFor(u));
}

/** "5.52 ± 0.44 Gy"; a missing or non-finite value is a dash without a unit, never zero. */
export function formatQuantity(quantity: MaybeQuantity): string {
  if (!quantity || !Number.isFinite(quantity.value)) return MISSING;
  const u = formatUncertainty(quantity);
  return `${formatValue(quantity)}${u ? ` ± ${u}` : ''} ${quantity.unit}`.trim();
}
