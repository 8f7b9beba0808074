import { describe, expect, it } from 'vitest';
import { formOf, replicatesText, settingsOf } from './spect_options';

const shown = { camera: 'Symbia HE', iterations: '10', subsets: '15', filter: '0', scatter: 'windows', attenuation: 'on', dead: '2.5', model: 'paralysable', septa: '30', septawidth: '60' };
/** The dialog has a field more than the form of a phantom. */
const typed = { ...shown, replicates: '20' };

describe('the settings of a reconstruction', () => {
  it('go to the server in its units', () => {
    expect(settingsOf(typed)).toEqual({ camera: 'Symbia HE', penetration_share: 0.3, penetration_fwhm_mm: 60, n_iterations: 10, n_subsets: 15, post_filter_fwhm_mm: 0, scatter: 'windows', has_attenuation: true, dead_time_us: 2.5, dead_time_model: 'paralysable', n_replicates: 20 });
  });
  it('come back as they are typed', () => {
    const now = { camera: 'Symbia HE', penetration_share: 0.3, penetration_fwhm_mm: 60, n_iterations: 10, n_subsets: 15, post_filter_fwhm_mm: 0, scatter: 'windows', has_attenuation: true, dead_time_s: 2.5e-6, dead_time_model: 'paralysable' };
    expect(formOf({ ...now, n_replicates: 20 })).toEqual(shown);
    expect(formOf({ ...now, n_replicates: 0, has_attenuation: false })).not.toHaveProperty('attenuation');
  });
  it('ask for no replicates where the form has no field for them', () => {
    expect(settingsOf(shown)).toHaveProperty('n_replicates', 0);
  });
  it('need a camera and a width for septal penetration', () => {
    expect(() => settingsOf({ ...typed, septawidth: '0' })).toThrow(/width/);
    expect(() => settingsOf({ ...typed, camera: '' })).toThrow(/camera/);
    expect(settingsOf({ ...typed, camera: '', septa: '0' }).penetration_share).toBe(0);
  });
  it('simulate scatter for a camera with a CT only', () => {
    expect(() => settingsOf({ ...typed, scatter: 'simulated', attenuation: undefined as unknown as string })).toThrow(/attenuation/);
  });
  it('hold no noise replicates, or enough for a spread', () => {
    expect(settingsOf({ ...typed, replicates: '0' }).n_replicates).toBe(0);
    expect(() => settingsOf({ ...typed, replicates: '4' })).toThrow(/5 noise replicates/);
  });
});

describe('what is said of noise replicates', () => {
  it('tells their time and how well the noise is then known', () => {
    expect(replicatesText(0, 10)).toMatch(/^Off/);
    expect(replicatesText(3, 10)).toMatch(/5 at least/);
    expect(replicatesText(20, 10)).toContain('about 23 min more');
    expect(replicatesText(20, 10)).toContain('known to 16 %');
    expect(replicatesText(5, 1)).toContain('about 1 min more');
    expect(replicatesText(Number.NaN, 10)).toMatch(/^Off/);
  });
});
