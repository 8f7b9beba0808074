/** Which scans a curve rests on, in words. */
export interface ScanUse { number: number; is_excluded: boolean; is_used: boolean }

/** "3 of 4 scans used"; with a declared half-life "last of 2 scans; scan 1 not used". */
export function scansText(points: readonly ScanUse[]): string {
  const passedOver = points.filter((point) => !point.is_excluded && !point.is_used);
  const nUsed = points.length - points.filter((point) => !point.is_used).length;
  if (passedOver.length === 0) return `${nUsed} of ${points.length} ${points.length === 1 ? 'scan' : 'scans'} used`;
  const numbers = points.filter((point) => !point.is_used).map((point) => point.number);
  if (numbers.length === points.length) return `none of ${points.length} scans used`;
  return `last of ${points.length} scans; ${numbers.length === 1 ? 'scan' : 'scans'} ${numbers.join(', ')} not used`;
}
