import { describe, expect, it } from 'vitest';
import { inputsOf, rowsOf } from './phantom_fields';
import { factorOf } from './phantoms';

describe('inputsOf', () => {
  it('leaves empty optional fields out and sends numbers', () => {
    const sent = inputsOf('planar', { nuclide: 'Lu-177', activity_mbq: '100', activity_standard_uncertainty_mbq: '2', assay_to_start_min: '30', duration_s: '600', counts: '5e5', background_counts: '' });
    expect(sent).toEqual({ nuclide: 'Lu-177', activity_mbq: 100, activity_standard_uncertainty_mbq: 2, assay_to_start_min: 30, duration_s: 600, counts: 5e5 });
  });
  it('sends rows, models and a zone', () => {
    const sent = inputsOf('dead_time', { nuclide: 'Lu-177', is_decaying: 'false', model: 'paralysable', duration_s: '60', rows: '100; 900\n200, 1700\n 300 2400 ' });
    expect(sent).toMatchObject({ is_decaying: false, rows: [[100, 900], [200, 1700], [300, 2400]] });
    expect(inputsOf('recovery', { nuclide: 'Lu-177', assay_at: '2026-03-02T09:30', diameters_mm: '10, 13 17' })).toMatchObject({ diameters_mm: [10, 13, 17], assay_at: expect.stringMatching(/Z$/) as string });
  });
  it('names the line that cannot be read', () => {
    expect(() => rowsOf('1; 2\n3')).toThrow('Line 2');
    expect(() => rowsOf('1; x')).toThrow('no number');
  });
});

describe('factorOf', () => {
  const base = { label: 'Planar source in air', inputs: { nuclide: 'Lu-177', activity_mbq: 100 }, camera: 'NM1', at: '2026-03-02T10:00:00Z' };
  it('makes a factor of projections from a planar source, of its reconstruction from a cylinder', () => {
    const result = { calibration_cps_per_mbq: 9, standard_uncertainty_cps_per_mbq: 0.2 };
    expect(factorOf({ ...base, method: 'planar', result })).toMatchObject({ reconstruction: 'Projections, one head', value: 9, u: 0.2, source: 'Planar source in air, 100 MBq, measured here 2026-03-02' });
    expect(factorOf({ ...base, method: 'cylinder', result })?.reconstruction).toBe('');
  });
  it('makes none from a dead time', () => {
    expect(factorOf({ ...base, method: 'dead_time', result: { dead_time_us: 2 } })).toBeNull();
  });
});
