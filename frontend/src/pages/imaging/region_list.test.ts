import { expect, it } from 'vitest';
import { regionList } from './region_list';
import type { RegionContour } from './wire';

const region = (id: string, state: string): RegionContour => ({ id, label: Number(id), kind: 'organ', name: `Organ ${id}`, colour: 'r1', state, source: 'model', is_locked: false, volume: null, mean: null, activity: null } as RegionContour);
const shown = (states: readonly string[]): string =>
  regionList({ regions: states.map((state, i) => region(String(i + 1), state)), selectedId: '1', hidden: new Set(), unsaved: new Set(), canAdd: false, canEdit: true }).text;

it('counts a rejection as a decision: what is left to do falls to nothing', () => {
  expect(shown(['accepted', 'proposed', 'edited', 'rejected', 'none'])).toContain('2 of 4 decided');
  expect(shown(['accepted', 'rejected'])).toMatch(/2 of 2 decided.*aria-valuenow="100"/s);
  expect(shown([])).toMatch(/0 of 0 decided.*aria-valuenow="0"/s);
});

it('marks the chosen region, and only that one', () => {
  expect(shown(['accepted', 'accepted']).match(/aria-current="true"/g)).toHaveLength(1);
});
