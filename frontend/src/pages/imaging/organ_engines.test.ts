import { describe, expect, it } from 'vitest';
import { isInDoubt } from './region_list';
import { organEngines, regionsOf } from './organ_engines';
import type { RegionContour } from './wire';

const ours = { label: 'organs 1 (ab)', regions: ['Liver', 'Parotid left'], usual: ['Liver'] };
const theirs = { label: 'totalsegmentator 2.18.0 fast (cd)', regions: ['Liver'], usual: ['Liver'] };

describe('the engines that draw organs', () => {
  it('offers ours first', () => { expect(organEngines({ network: ours, totalsegmentator: theirs }).map((engine) => engine.name)).toEqual(['organs', 'totalsegmentator']); });
  it('offers the other alone where ours is not enabled', () => { expect(organEngines({ network: null, totalsegmentator: theirs })).toHaveLength(1); });
  it('names each region once and says who alone knows it', () => {
    expect(regionsOf(organEngines({ network: ours, totalsegmentator: theirs }))).toEqual([{ name: 'Liver', only: '' }, { name: 'Parotid left', only: 'organs' }]);
  });
});

describe('a reason to look twice', () => {
  const region = (level: string): RegionContour => ({ reasons: [{ code: 'x', level, message: 'm' }] }) as unknown as RegionContour;
  it('is a warning', () => { expect(isInDoubt(region('ask'))).toBe(true); });
  it('is not a note, as that a network gives no confidence', () => { expect(isInDoubt(region('note'))).toBe(false); });
});
