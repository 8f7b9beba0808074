import { describe, expect, it } from 'vitest';
import { requestFields, requestOf } from './virtual_request';

describe('what a virtual patient shall be', () => {
  it('is left to the seed', () => { expect(requestOf({ sex: '', height: '', mass: '', lesions: 'drawn', asked: '', arms: 'on' })).toEqual({ is_arms_up: true }); });
  it('may be a body and lesions of one\'s own', () => {
    expect(requestOf({ sex: 'female', height: '160', mass: '55', lesions: 'asked', asked: 'Liver 10 x 3\n bone 2.5' })).toEqual({
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
  it('names the places of lesions', () => { expect(String(requestFields(['liver', 'bone']))).toContain('liver, bone'); });
});
