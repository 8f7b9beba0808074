import { expect, it } from 'vitest';
import { regionList, shownRegions } from './region_list';
import type { RegionContour } from './wire';

const region = (id: string, state: string): RegionContour => ({ id, label: Number(id), kind: 'organ', name: `Organ ${id}`, colour: 'r1', state, source: 'model', is_locked: false, volume: null, mean: null, activity: null } as RegionContour);
const shown = (states: readonly string[]): string =>
  regionList({ regions: states.map((state, i) => region(String(i + 1), state)), selectedId: '1', hidden: new Set(), unsaved: new Set(), canAdd: false, canEdit: true, showsRejected: false }).text;

it('counts a rejection as a decision: what is left to do falls to nothing', () => {
  expect(shown(['accepted', 'proposed', 'edited', 'rejected', 'none'])).toContain('2 of 4 decided');
  expect(shown(['accepted', 'rejected'])).toMatch(/2 of 2 decided.*aria-valuenow="100"/s);
  expect(shown([])).toMatch(/0 of 0 decided.*aria-valuenow="0"/s);
});

it('marks the chosen region, and only that one', () => {
  expect(shown(['accepted', 'accepted']).match(/aria-current="true"/g)).toHaveLength(1);
});

it('folds lesions that were rejected, here or at the other time points, but not the chosen one', () => {
  const lesion = (id: string, state: string, elsewhere = false): RegionContour => ({ ...region(id, state), kind: 'lesion', is_rejected_elsewhere: elsewhere });
  const regions = [region('1', 'rejected'), lesion('2', 'accepted'), lesion('3', 'rejected'), lesion('4', 'none', true), lesion('5', 'none')];
  const facts = { regions, selectedId: '2', hidden: new Set<string>(), unsaved: new Set<string>(), canAdd: false, canEdit: true };
  const ids = (selectedId: string, showsRejected: boolean): string => shownRegions(regions, selectedId, showsRejected).map((item) => item.id).join('');
  expect([ids('2', false), ids('3', false), ids('2', true)]).toEqual(['125', '1235', '12345']);
  expect(regionList({ ...facts, showsRejected: false }).text).toMatch(/aria-expanded="false">Show 2 rejected/);
  expect(regionList({ ...facts, showsRejected: true }).text).toMatch(/aria-expanded="true">Hide 2 rejected/);
  expect(regionList({ ...facts, regions: [lesion('2', 'accepted')], showsRejected: false }).text).not.toContain('data-show-rejected');
});
