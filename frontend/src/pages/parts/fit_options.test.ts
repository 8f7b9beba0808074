import { describe, expect, it } from 'vitest';
import { parametersOf } from './fit_options';

const usual = { model_mono_exponential: 'on', model_uptake_clearance: 'on', model_bi_exponential: 'on' };

describe('options of a fit', () => {
  it('sends nothing when nothing was changed', () => { expect(parametersOf(usual)).toEqual({}); });
  it('sends the half-life with its uncertainty and source', () => {
    expect(parametersOf({ ...usual, hours: '50', spread: '5', source: ' protocol ' })).toEqual({ effective_half_life_h: 50, effective_half_life_standard_uncertainty_h: 5, effective_half_life_source: 'protocol' });
  });
  it('refuses half a half-life', () => { expect(() => parametersOf({ ...usual, hours: '50' })).toThrow('together'); });
  it('sends other models, and refuses none', () => {
    expect(parametersOf({ model_clearance_retention: 'on' })).toEqual({ models: ['clearance_retention'] });
    expect(() => parametersOf({})).toThrow('one model');
  });
  it('sends the change between cycles and the aim', () => {
    expect(parametersOf({ ...usual, change: '10', wanted: '5' })).toEqual({ cycle_to_cycle_cv_percent: 10, wanted_cv_percent: 5 });
  });
});
