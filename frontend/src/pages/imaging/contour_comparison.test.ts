import { expect, it } from 'vitest';
import { comparisonTable, type ComparedRegion, type RevisionComparison } from './contour_comparison';

const ml = (value: number): { value: number; unit: string } => ({ value, unit: 'mL' });
const gy = (value: number): { value: number; unit: string } => ({ value, unit: 'Gy' });
const numbers = (volume: number): ComparedRegion['revisions'][number] => ({ state: 'edited', volume: ml(volume), activity: { value: 2 * volume, unit: 'MBq' } });
const liver: ComparedRegion = {
  region: { id: 'a', name: 'Liver', kind: 'organ', label: 1 }, revisions: [numbers(120), numbers(150)], dice: 0.8889, added: ml(31), removed: ml(1),
  doses: [gy(2.5), gy(2)], dose_change: { value: -20, unit: '%' }, dose_obstacles: ['', ''],
};
const gone: ComparedRegion = { ...liver, region: { ...liver.region, id: 'b', name: 'Spleen' }, revisions: [numbers(50), null], dice: null, added: null, removed: null, doses: [gy(1), null], dose_change: null, dose_obstacles: ['', 'No contour.'] };
const found: RevisionComparison = { then: { number: 3, at: '2026-01-01T00:00:00Z', note: '' }, now: { number: 7, at: '2026-01-02T00:00:00Z', note: '' }, is_same_grid: true, calculation_number: 4, regions: [liver, gone] };

/** The text of each cell of each row of the body. */
function cells(text: string): string[][] {
  const rows = text.slice(text.indexOf('<tbody>')).split('<tr').slice(1);
  return rows.map((row) => row.split('<td').slice(1).map((cell) => cell.slice(cell.indexOf('>') + 1).replace(/<[^>]*>/g, '').trim()));
}

it('sets volumes, agreement, activity and dose of then and now side by side', () => {
  const { text } = comparisonTable(found, { shownId: 'a', isOriginal: true, isUnsaved: false });
  expect(text).toContain('Original proposal (revision 3) and now (revision 7)');
  expect(text).toContain('preview from calculation 4');
  expect(cells(text)[0]).toEqual(['Liver', '120', '150', '31.0', '1.00', '0.889', '240', '300', '2.50', '2.00', '−20.0']);
});

it('shows a dash for what is not there, and says why a dose is missing', () => {
  const { text } = comparisonTable(found, { shownId: 'a', isOriginal: false, isUnsaved: true });
  expect(cells(text)[1]).toEqual(['Spleen not any more', '50.0', '—', '—', '—', '—', '100', '—', '1.00', '—', '—']);
  expect(text).toContain('title="No contour."');
  expect(text).toContain('Numbers are those of revision 7');
});

it('says that voxels of another grid are not compared, and that no dose is known', () => {
  const { text } = comparisonTable({ ...found, is_same_grid: false, calculation_number: null }, { shownId: '', isOriginal: false, isUnsaved: false });
  expect(text).toContain('another grid');
  expect(text).toContain('No dose is calculated yet');
  expect(text).not.toContain('added since');
});
