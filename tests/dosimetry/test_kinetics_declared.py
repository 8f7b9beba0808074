"""One scan and a declared half-life, voxel by voxel."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.declared import declared_relative_uncertainty, integrate_declared
from dosimetry.kinetics.single_time_point import fit_single_time_point

HOUR_S = 3600.0
LU177_PER_S = np.log(2.0) / (159.528 * HOUR_S)


def test_voxels_add_up_to_the_region_of_the_same_half_life():
    image = np.random.default_rng(3).random((3, 4, 5)).astype(np.float32) * 1e6
    tia = integrate_declared(image, time_s=72 * HOUR_S, effective_half_life_s=50 * HOUR_S, voxel_volume_ml=0.1)
    fit = fit_single_time_point(
        time_s=72 * HOUR_S,
        activity_bq=float(image.sum(dtype=np.float64)) * 0.1,
        activity_standard_uncertainty_bq=1.0,
        effective_half_life_s=50 * HOUR_S,
        effective_half_life_standard_uncertainty_s=5 * HOUR_S,
        nuclide_decay_constant_per_s=LU177_PER_S,
        source="test",
    ).fits[0]
    # float32 voxels.
    assert tia.sum(dtype=np.float64) == pytest.approx(fit.time_integrated_activity_bq_s, rel=1e-6)


def test_negative_voxels_hold_nothing():
    tia = integrate_declared(np.array([[[-1.0, 2.0]]]), time_s=1.0, effective_half_life_s=10.0, voxel_volume_ml=1.0)
    assert tia[0, 0, 0] == 0.0
    assert tia[0, 0, 1] > 0.0


@pytest.mark.parametrize("change", [{"time_s": 0.0}, {"effective_half_life_s": -1.0}, {"voxel_volume_ml": np.nan}])
def test_values_not_above_zero_are_refused(change):
    chosen = {"time_s": 1.0, "effective_half_life_s": 1.0, "voxel_volume_ml": 1.0} | change
    with pytest.raises(InvalidInputError) as caught:
        integrate_declared(np.ones((1, 1, 1)), **chosen)
    assert caught.value.code == "half_life_range"


def test_a_half_life_brings_nothing_where_the_curve_turns():
    """TIA = A exp(l t)/l: against central differences, and zero at t = T/ln 2."""
    half_life_s, u_s = 50.0 * HOUR_S, 5.0 * HOUR_S

    def tia(half_life, time_s):
        decay = np.log(2.0) / half_life
        return np.exp(decay * time_s) / decay

    for time_s in (4.0 * HOUR_S, 48.0 * HOUR_S, 168.0 * HOUR_S):
        step = 1e-4 * half_life_s
        slope = (tia(half_life_s + step, time_s) - tia(half_life_s - step, time_s)) / (2.0 * step)
        stated = declared_relative_uncertainty(
            time_s=time_s, effective_half_life_s=half_life_s, effective_half_life_standard_uncertainty_s=u_s
        )
        # Central differences at a step of 1e-4.
        assert stated == pytest.approx(abs(slope) * u_s / tia(half_life_s, time_s), rel=1e-6)
    stated = declared_relative_uncertainty(
        time_s=half_life_s / np.log(2.0),
        effective_half_life_s=half_life_s,
        effective_half_life_standard_uncertainty_s=u_s,
    )
    assert stated == pytest.approx(0.0, abs=1e-12)
