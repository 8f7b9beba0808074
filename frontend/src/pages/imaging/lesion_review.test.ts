import { expect, it } from 'vitest';
import { decided, faintLesions, lesionBeside, lesionWords, openLesion } from './lesion_review';
import type { RegionContour } from './wire';

const region = (id: string, state: string, more: Partial<RegionContour> = {}): RegionContour => ({
  id, label: Number(id), kind: 'lesion', name: `Lesion ${id}`, colour: 'r6', state, source: 'model', is_locked: false,
  volume: { value: 4.2, unit: 'mL' }, mean: null, maximum: { value: 812, unit: 'kBq/mL' }, activity: { value: 2.5, unit: 'MBq' }, ...more,
});

it('says what is known, and what a click does', () => {
  const words = lesionWords(region('3', 'proposed', { confidence: 0.874 }), true);
  expect(words[0]).toBe('Lesion 3, proposed');
  expect(words).toContain('Probability 87 %');
  expect(words.join(' ')).toMatch(/4\.20 mL.*812 kBq\/mL.*2\.50 MBq/);
  expect(words.at(-1)).toBe('Click accepts it');
  expect(lesionWords(region('3', 'accepted'), true).at(-1)).toBe('Click rejects it');
  expect(lesionWords(region('3', 'proposed'), false).join(' ')).not.toMatch(/Click/);
});

it('accepts what is not accepted, and takes an acceptance back', () => {
  expect(['proposed', 'edited', 'rejected', 'accepted'].map((state) => decided(region('1', state)))).toEqual(['accepted', 'accepted', 'accepted', 'rejected']);
});

it('calls faint what waits and is marked so', () => {
  const reasons = [{ code: 'faint', level: 'ask', message: '' }];
  const all = [region('1', 'proposed', { reasons }), region('2', 'rejected', { reasons }), region('3', 'proposed'), region('4', 'edited', { reasons }), region('5', 'proposed', { kind: 'organ', reasons })];
  expect(faintLesions(all).map(({ id }) => id)).toEqual(['1', '4']);
});

it('goes round the lesions that are drawn and leaves organs out', () => {
  const all = [region('9', 'accepted', { kind: 'organ' }), region('1', 'accepted'), region('2', 'none'), region('3', 'proposed')];
  expect(lesionBeside(all, '1', 1)?.id).toBe('3');
  expect(lesionBeside(all, '3', 1)?.id).toBe('1');
  expect(lesionBeside(all, '9', 1)?.id).toBe('1');
  expect(lesionBeside(all, '9', -1)?.id).toBe('3');
  expect(lesionBeside([], '1', 1)).toBeUndefined();
  expect(openLesion(all)?.id).toBe('3');
});
