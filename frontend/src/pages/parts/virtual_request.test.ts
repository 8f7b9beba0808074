import { describe, expect, it } from 'vitest';
import { requestFields, requestOf, scannerWords } from './virtual_request';

const USUAL = { dose_level: 'low_dose', has_contrast: false, breathing_mm: 4, field_of_view_mm: 0 };
const SCANNER = { doselevel: 'low_dose', breathing: '4', field: '0', dead: '0', septa: '0', septawidth: '0', corrected: 'on' };
const AS_USUAL = { ct: USUAL, is_corrected: true };

describe('what a virtual patient shall be', () => {
  it('is left to the seed', () => { expect(requestOf({ ...SCANNER, sex: '', height: '', mass: '', lesions: 'drawn', asked: '', arms: 'on' })).toEqual({ ...AS_USUAL, is_arms_up: true }); });
  it('may be a body and lesions of one\'s own', () => {
    expect(requestOf({ ...SCANNER, sex: 'female', height: '160', mass: '55', lesions: 'asked', asked: 'Liver 10 x 3\n bone 2.5' })).toEqual({
      ...AS_USUAL,
      body: { sex: 'female', height_cm: 160, mass_kg: 55 }, is_arms_up: false,
      lesions: [{ site: 'liver', volume_ml: 10, n: 3 }, { site: 'bone', volume_ml: 2.5, n: 1 }],
    });
  });
  it('may be without lesions', () => { expect(requestOf({ lesions: 'none' }).lesions).toEqual([]); });
  it('is refused in halves', () => {
    expect(() => requestOf({ sex: 'male', height: '180', mass: '' })).toThrow(/needs sex, height and mass/);
    expect(() => requestOf({ lesions: 'asked', asked: 'three in the liver' })).toThrow(/no lesion/);
    expect(() => requestOf({ lesions: 'asked', asked: '' })).toThrow(/Write a line/);
    expect(() => requestOf({ lesions: 'drawn', asked: 'liver 10' })).toThrow(/As below/);
  });
  it('may be seen by another CT and by a camera with faults', () => {
    const asked = requestOf({ ...SCANNER, doselevel: 'diagnostic', contrast: 'on', breathing: '9', field: '500', dead: '2.5', septa: '4', septawidth: '60' });
    expect(asked).toMatchObject({ ct: { dose_level: 'diagnostic', has_contrast: true, breathing_mm: 9, field_of_view_mm: 500 }, faults: { dead_time_us: 2.5, penetration_share: 0.04, penetration_fwhm_mm: 60 }, is_corrected: true });
    expect(requestOf({ ...SCANNER, dead: '1', corrected: undefined as unknown as string }).is_corrected).toBe(false);
    expect(() => requestOf({ ...SCANNER, septa: '4' })).toThrow(/width/);
    expect(scannerWords({ ct: asked.ct, faults: { dead_time_s: 2.5e-6, penetration_share: 0.04, penetration_fwhm_mm: 60 } }, USUAL)).toBe('CT diagnostic; CT with contrast agent; CT with breathing of 9 mm; CT of 500 mm; dead time 2.5 µs; 4 % through septa, 60 mm wide');
    expect(scannerWords({ ct: USUAL }, USUAL)).toBe('');
    expect(scannerWords({}, USUAL)).toBe('');
  });
  it('names the places of lesions', () => { expect(String(requestFields(['liver', 'bone'], USUAL))).toContain('liver, bone'); });
});
