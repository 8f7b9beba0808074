import { describe, expect, it } from 'vitest';
import { inputsOf, rowsOf, valuesOf, type Method } from './phantom_fields';
import { begunFrom, factorOf } from './phantoms';

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

describe('valuesOf', () => {
  const forms: Record<Method, Record<string, string>> = {
    planar: { nuclide: 'Lu-177', activity_mbq: '100', activity_standard_uncertainty_mbq: '2', assay_to_start_min: '30', duration_s: '600', counts: '500000' },
    cylinder: { nuclide: 'Lu-177', assay_at: '2026-03-02T09:30:00', activity_mbq: '800', activity_standard_uncertainty_mbq: '12' },
    sphere: { nuclide: 'Lu-177', assay_at: '2026-07-02T23:30:15', activity_mbq: '80', activity_standard_uncertainty_mbq: '1', sphere_diameter_mm: '60', centres_lps_mm: '20, 10.5, -8' },
    dead_time: { nuclide: 'Lu-177', is_decaying: 'false', model: 'non_paralysable', duration_s: '60', rows: '100, 900\n200, 1700\n300, 2400' },
    recovery: { nuclide: 'Lu-177', assay_at: '2026-03-02T09:30:00', concentration_kbq_per_ml: '500', relative_standard_uncertainty_percent: '5', diameters_mm: '10, 13, 17', centres_lps_mm: '1, 2, 3\n4, 5, 6\n7, 8, 9', reconstruction: 'Camera 1' },
  };
  it.each(Object.keys(forms) as Method[])('gives the form of a %s back as it was typed', (method) => {
    expect(valuesOf(method, inputsOf(method, forms[method]))).toEqual(forms[method]);
  });
  it('reads centres as rows of three numbers', () => {
    expect(inputsOf('sphere', forms.sphere)).toMatchObject({ centres_lps_mm: [[20, 10.5, -8]] });
    expect(() => rowsOf('1; 2', 3)).toThrow('three numbers');
  });
});

describe('begunFrom', () => {
  const scan = { id: 's1', description: '', camera: '', nuclide: 'Lu-177', units: 'counts', started_at: null, is_projections: false };
  const item = { method: 'sphere' as const, inputs: { nuclide: 'Lu-177', sphere_diameter_mm: 60 }, result: { centre_lps_mm: [20.04, 10, -8.26] }, scan };
  it('brings what was typed, the scan and the centre that was found', () => {
    expect(begunFrom(item, [scan])).toEqual({ nuclide: 'Lu-177', sphere_diameter_mm: '60', series: 's1', centres_lps_mm: '20, 10, -8.3' });
  });
  it('brings the settings with which its projections were reconstructed', () => {
    const usual = { camera: 'Symbia ME', penetration_share: 0, penetration_fwhm_mm: 0, n_iterations: 10, n_subsets: 15, post_filter_fwhm_mm: 0, scatter: 'simulated', has_attenuation: true, dead_time_s: 0, dead_time_model: 'paralysable', n_replicates: 0 };
    const inputs = { ...item.inputs, spect: { n_iterations: 4, has_attenuation: false, scatter: 'windows' } };
    const begun = begunFrom({ ...item, inputs }, [{ id: 's1', spect: usual }]);
    expect(begun).toMatchObject({ camera: 'Symbia ME', iterations: '4', subsets: '15', scatter: 'windows' });
    expect(begun).not.toHaveProperty('attenuation');
  });
  it('leaves the centre out when the scan is gone: it holds for no other', () => {
    expect(begunFrom(item, [{ id: 's2' }])).toEqual({ nuclide: 'Lu-177', sphere_diameter_mm: '60' });
  });
});

describe('factorOf', () => {
  const base = { label: 'Planar source in air', inputs: { nuclide: 'Lu-177', activity_mbq: 100 }, camera: 'NM1', at: '2026-03-02T10:00:00Z' };
  it('makes a factor of projections from a planar source, of its reconstruction from a cylinder', () => {
    const result = { calibration_cps_per_mbq: 9, standard_uncertainty_cps_per_mbq: 0.2 };
    expect(factorOf({ ...base, method: 'planar', result })).toMatchObject({ reconstruction: 'Projections, one head', value: 9, u: 0.2, source: 'Planar source in air, 100 MBq, measured here 2026-03-02' });
    expect(factorOf({ ...base, method: 'cylinder', result })?.reconstruction).toBe('');
    const own = 'Projections, one head: OSEM 10 x 15, no filter';
    expect(factorOf({ ...base, method: 'cylinder', result: { ...result, reconstruction: own } })?.reconstruction).toBe(own);
  });
  it('makes none from a dead time', () => {
    expect(factorOf({ ...base, method: 'dead_time', result: { dead_time_us: 2 } })).toBeNull();
  });
});
