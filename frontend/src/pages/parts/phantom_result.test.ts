import { describe, expect, it } from 'vitest';
import { centresOf, resultOf } from './phantom_result';

describe('resultOf', () => {
  const factor = { calibration_cps_per_mbq: 9.04, standard_uncertainty_cps_per_mbq: 0.14, mean_activity_mbq: 780, contributions_percent: { counting: 0.1 } };
  it('sets the factor of the whole image beside that of the region', () => {
    const shown = String(resultOf({ ...factor, whole_image_cps_per_mbq: 9.2, whole_image_difference_percent: 1.77, centre_lps_mm: [20.04, 10, -8.26] }, 'Cylinder'));
    expect(shown).toContain('From all counts of the image');
    expect(shown).toContain('9.200 cps/MBq (+1.8 %)');
    expect(shown).toMatch(/20, 10, [−-]8\.3 mm/);
  });
  it('says for which reconstruction alone a factor of projections holds', () => {
    expect(String(resultOf({ ...factor, reconstruction: 'Projections, one head: OSEM 4 x 8' }, 'Cylinder'))).toContain('Holds for “Projections, one head: OSEM 4 x 8”');
    expect(String(resultOf(factor, 'Cylinder'))).not.toContain('Holds for');
  });
  it('shows none where all counts were taken anyway', () => {
    expect(String(resultOf({ ...factor, whole_image_cps_per_mbq: null }, 'Cylinder'))).not.toContain('all counts of the image');
  });
  it('shows how well the recovery curve fits, and what bars and band mean', () => {
    const recovery = { b1_ml: 4, b2: 1.1, p_value: 0.3, reduced_chi_square: 1.2, spheres: [{ diameter_mm: 17, recovery: 0.45, standard_uncertainty: 0.01, centre_lps_mm: [1, 2, 3] }], points: { x: [2.6], y: [0.45], standard_uncertainty: [0.01] }, line: { x: [1, 5], y: [0.3, 0.6], low_95: [0.2, 0.5], high_95: [0.4, 0.7] } };
    const shown = String(resultOf(recovery, 'Recovery'));
    expect(shown).toContain('reduced χ² 1.2, p 0.30');
    expect(shown).toContain('at 1, 2, 3 mm');
    expect(shown).toContain('Band: 95 % of the fitted curve');
    expect(centresOf(recovery)).toEqual([[1, 2, 3]]);
  });
  it('draws the eye to a curve that does not fit', () => {
    expect(String(resultOf({ b1_ml: 4, b2: 1.1, p_value: 0.001, reduced_chi_square: 5 }, 'Recovery'))).toContain('ask');
  });
});
