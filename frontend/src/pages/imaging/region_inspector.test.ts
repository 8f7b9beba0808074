import { expect, it } from 'vitest';
import { regionInspector, type InspectorFacts } from './region_inspector';
import type { Contours, RegionContour } from './wire';

const REASON = { code: 'wrong_side', level: 'block', message: 'It lies on the other side of the spine.' };

function shown(state: string, { original = null, isUnsaved = false, ghost = null, compared = null, canAccept = true }: { original?: number | null; isUnsaved?: boolean; ghost?: number | null; compared?: number | null; canAccept?: boolean } = {}): string {
  const region = { id: 'a', label: 1, kind: 'organ', name: 'Liver', colour: 'r1', state, source: 'model', is_locked: false, reasons: [REASON], confidence: 0.2, volume: null, mean: null, activity: null, original_number: original } as RegionContour;
  const history = Array.from({ length: 30 }, (_, n) => ({ number: 45 - n, author: 'B', at: '2026-01-01T00:00:00Z', note: 'accepted: Spleen' }));
  const facts: InspectorFacts = { contours: { regions: [region], editors: [], history, revision: { number: 45 } } as unknown as Contours, region, isUnsaved, canEdit: true, canAccept, next: null, ghostNumber: ghost, comparedNumber: compared };
  return regionInspector(facts).text;
}

it('offers to reopen a rejected region, and shows why it was refused', () => {
  expect(shown('rejected')).toContain('data-reopen');
  expect(shown('rejected')).not.toContain('data-accept');
  expect(shown('rejected')).toContain(REASON.message);
  expect(shown('rejected', { canAccept: false })).not.toContain('data-reopen');
  for (const state of ['proposed', 'edited']) expect(shown(state)).toMatch(/^(?!.*data-reopen).*data-accept/s);
});

it('offers to accept a rejected region that was drawn on: saving opens it', () => {
  expect(shown('rejected', { isUnsaved: true })).toMatch(/^(?!.*data-reopen).*data-save.*data-accept/s);
});

it('keeps the original proposal within reach when the list no longer shows it', () => {
  expect(shown('accepted')).not.toContain('Original proposal');
  const text = shown('accepted', { original: 3 });
  expect(text).toContain('Original proposal');
  expect(text).toContain('data-ghost="3" aria-pressed="false"');
  expect(shown('accepted', { original: 3, ghost: 3 })).toContain('data-ghost="3" aria-pressed="true"');
});

it('compares every revision but the present one, and the original proposal, with now', () => {
  const text = shown('edited', { original: 3, compared: 44 });
  expect(text).not.toContain('data-compare="45"');
  expect(text).toContain('data-compare="44" aria-pressed="true"');
  expect(text).toContain('data-compare="3" aria-pressed="false"');
});

it('offers to reject faint candidates together where one of several is chosen', () => {
  const lesion = (id: string, code: string): RegionContour => ({ id, label: Number(id), kind: 'lesion', name: `Lesion ${id}`, colour: 'r6', state: 'proposed', source: 'model', is_locked: false, reasons: [{ code, level: 'ask', message: '' }], volume: null, mean: null, activity: null } as RegionContour);
  const regions = [lesion('1', 'faint'), lesion('2', 'unstable'), lesion('3', 'faint')];
  const text = (region: RegionContour | undefined, all: RegionContour[], canAccept = true): string =>
    region ? regionInspector({ contours: { regions: all, editors: [], history: [], revision: { number: 1 } } as unknown as Contours, region, isUnsaved: false, canEdit: true, canAccept, next: null, ghostNumber: null, comparedNumber: null }).text : '';
  expect(text(regions[0], regions)).toContain('Reject all 2 faint candidates');
  expect(text(regions[1], regions)).not.toContain('data-reject-faint');
  expect(text(regions[0], regions.slice(0, 2))).not.toContain('data-reject-faint');
  expect(text(regions[0], regions, false)).not.toContain('data-reject-faint');
});
