import { describe, expect, it } from 'vitest';
import { methodLabel, partialVolumeFields, partialVolumeOf, partialVolumeSection, signed } from './partial_volume';

const FORM = { partial_volume: 'gtm', fwhm: '6', fwhm_u: '0.5', fwhm_source: ' spheres ', pv_iterations: '10' };

describe('partialVolumeOf', () => {
  it('sends nothing where nothing is corrected', () => {
    expect(partialVolumeOf({ ...FORM, partial_volume: 'none' })).toEqual({});
  });
  it('sends the resolution with its source, and iterations only to a method that has them', () => {
    const sent = { partial_volume: 'gtm', resolution_fwhm_mm: 6, resolution_standard_uncertainty_mm: 0.5, resolution_source: 'spheres' };
    expect(partialVolumeOf(FORM)).toEqual(sent);
    expect(partialVolumeOf({ ...FORM, partial_volume: 'iterative_yang' })).toEqual({ ...sent, partial_volume: 'iterative_yang', partial_volume_iterations: 10 });
  });
  it('refuses a correction without a resolution, and one that is not known at all', () => {
    expect(() => partialVolumeOf({ ...FORM, fwhm_source: ' ' })).toThrow('resolution');
    expect(() => partialVolumeOf({ ...FORM, fwhm_u: '6' })).toThrow('smaller');
  });
  it('sends a recovery curve with the statement about the reconstruction, and no resolution', () => {
    const unsaid = { ...FORM, partial_volume: 'recovery_curve', recovery_curve: 'k' };
    const form = { ...unsaid, same_reconstruction: 'on' };
    expect(partialVolumeOf(form)).toEqual({ partial_volume: 'recovery_curve', recovery_curve: 'k', is_same_reconstruction: true });
    expect(() => partialVolumeOf(unsaid)).toThrow('reconstruction of its phantom alone');
    expect(() => partialVolumeOf({ ...form, recovery_curve: '' })).toThrow('Choose the recovery curve');
  });
});

describe('the fields', () => {
  it('offer a recovery curve only where a confirmed one is of these scans', () => {
    expect(String(partialVolumeFields(null))).not.toContain('recovery_curve');
    const shown = String(partialVolumeFields({ partial_volume: 'recovery_curve', recovery_curve: 'k' }, [{ id: 'k', label: 'b1 6 mL' }]));
    expect(shown).toMatch(/value="recovery_curve"[^>]*selected/);
    expect(shown).toContain('b1 6 mL');
    expect(methodLabel('recovery_curve')).toContain('Recovery curve');
  });
});

describe('what it changed', () => {
  it('is told with its sign', () => {
    expect(signed({ value: 6.2, unit: '%' })).toBe('+6.2 %');
    expect(signed({ value: -3, unit: '%' })).toBe('−3.0 %');
  });
  it('names every region, or says that nothing is corrected', () => {
    const made = { method: 'gtm', text: 'geometric transfer matrix, 6 mm', changes: [{ region: 'Kidney left', colour: 'r1', change: { value: 15, unit: '%' } }] };
    expect(String(partialVolumeSection(made, '/k/'))).toMatch(/Kidney left.*\+15 %/s);
    expect(String(partialVolumeSection(null, '/k/'))).toContain('Not corrected');
  });
});
