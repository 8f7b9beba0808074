import { describe, expect, it } from 'vitest';
import { formOf, settingsOf } from './spect_options';

const typed = { camera: 'Symbia HE', iterations: '10', subsets: '15', filter: '0', scatter: 'windows', attenuation: 'on', dead: '2.5', model: 'paralysable', septa: '30', septawidth: '60' };

describe('the settings of a reconstruction', () => {
  it('go to the server in its units', () => {
    expect(settingsOf(typed)).toEqual({ camera: 'Symbia HE', penetration_share: 0.3, penetration_fwhm_mm: 60, n_iterations: 10, n_subsets: 15, post_filter_fwhm_mm: 0, scatter: 'windows', has_attenuation: true, dead_time_us: 2.5, dead_time_model: 'paralysable' });
  });
  it('come back as they are typed', () => {
    const now = { camera: 'Symbia HE', penetration_share: 0.3, penetration_fwhm_mm: 60, n_iterations: 10, n_subsets: 15, post_filter_fwhm_mm: 0, scatter: 'windows', has_attenuation: true, dead_time_s: 2.5e-6, dead_time_model: 'paralysable' };
    expect(formOf(now)).toEqual(typed);
    expect(formOf({ ...now, has_attenuation: false })).not.toHaveProperty('attenuation');
  });
  it('need a camera and a width for septal penetration', () => {
    expect(() => settingsOf({ ...typed, septawidth: '0' })).toThrow(/width/);
    expect(() => settingsOf({ ...typed, camera: '' })).toThrow(/camera/);
    expect(settingsOf({ ...typed, camera: '', septa: '0' }).penetration_share).toBe(0);
  });
  it('simulate scatter for a camera with a CT only', () => {
    expect(() => settingsOf({ ...typed, scatter: 'simulated', attenuation: undefined as unknown as string })).toThrow(/attenuation/);
  });
});
