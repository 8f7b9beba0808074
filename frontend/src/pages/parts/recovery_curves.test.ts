import { describe, expect, it } from 'vitest';
import { recoveryOf } from './phantoms';
import { section, type RecoveryCurve } from './recovery_curves';

const curve: RecoveryCurve = { id: 'k', measurement_id: 'm', camera: 'Camera 1', nuclide: 'Lu-177', reconstruction: '10 x 15', b1_ml: 6, b2: 1.2, volume_range_ml: [1, 30], is_confirmed: false, confirmed_by: null, is_withdrawn: false, author: 'Physicist A' };

describe('the list of recovery curves', () => {
  it('lets a quality lead confirm a draft and withdraw it, and nobody else', () => {
    expect(String(section([curve], true))).toMatch(/data-confirm-recovery="k".*data-withdraw-recovery="k"/s);
    expect(String(section([curve], false))).not.toContain('data-confirm-recovery');
  });
  it('leaves a withdrawn curve without buttons', () => { expect(String(section([{ ...curve, is_withdrawn: true }], true))).not.toContain('<button'); });
  it('says where curves come from when there is none', () => { expect(String(section([], true))).toContain('Measure the recovery of spheres'); });
});

describe('a measurement', () => {
  const measured = { id: 'm', method: 'recovery' as const, result: { b1_ml: 6, b2: 1.2, covariance: [[1, 0], [0, 1]] }, camera: 'Camera 1' };
  it('becomes a curve only with its covariance', () => {
    expect(recoveryOf(measured)).toEqual({ measurement_id: 'm', camera: 'Camera 1' });
    expect(recoveryOf({ ...measured, result: { b1_ml: 6, b2: 1.2 } })).toBeNull();
    expect(recoveryOf({ ...measured, method: 'sphere' })).toBeNull();
  });
});
