/** Lesions looked at in the maximum projection: what is said of each, what a click decides, and the way from one to the next. */
import { formatQuantity } from '../../domain/quantity';
import { isLesion, isOpen, openQuestions, percent } from './region_list';
import type { RegionContour } from './wire';

/** What a click makes of a lesion: it accepts, and takes an acceptance back as a rejection. */
export const decided = (region: RegionContour): 'accepted' | 'rejected' => (region.state === 'accepted' ? 'rejected' : 'accepted');

/** What is known of a lesion, name and state first; the last line says what a click does. */
export function lesionWords(region: RegionContour, canAccept: boolean): string[] {
  const of = (label: string, quantity: RegionContour['volume']): string[] => (quantity && quantity.value > 0 ? [`${label} ${formatQuantity(quantity)}`] : []);
  const trust = typeof region.confidence === 'number' ? [`Probability ${percent(region.confidence)}`] : [];
  const click = openQuestions(region) > 0 ? 'Answer its warnings first' : `Click ${decided(region) === 'accepted' ? 'accepts' : 'rejects'} it`;
  return [
    `${region.name}, ${region.state}`, ...trust, ...of('Volume', region.volume), ...of('Largest voxel', region.maximum), ...of('Activity', region.activity),
    ...(region.reasons ?? []).map((reason) => reason.message), ...(canAccept ? [click] : []),
  ];
}

/** The lesion `by` places on among those that are drawn, round and round; undefined without any. */
export function lesionBeside(regions: readonly RegionContour[], id: string, by: number): RegionContour | undefined {
  const list = regions.filter((region) => isLesion(region) && region.state !== 'none');
  const at = list.findIndex((region) => region.id === id);
  const next = at === -1 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % Math.max(list.length, 1);
  return list[next];
}

/** Candidates that wait and hardly stand out from noise: a person who has looked may reject them together. */
export const faintLesions = (regions: readonly RegionContour[]): RegionContour[] =>
  regions.filter((region) => isLesion(region) && isOpen(region) && (region.reasons ?? []).some(({ code }) => code === 'faint'));

export const openLesion = (regions: readonly RegionContour[]): RegionContour | undefined => regions.find((region) => isLesion(region) && isOpen(region));
