"""One scan and a declared half-life, voxel by voxel."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.region_scaled import integrate_declared, replace_in_region
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


def test_edge_voxels_are_shared():
    fitted, declared = np.full((1, 1, 3), 10.0, np.float32), np.full((1, 1, 3), 20.0, np.float32)
    shared = replace_in_region(fitted, declared, fraction=np.array([[[0.0, 0.25, 1.0001]]]))
    assert shared.ravel().tolist() == [10.0, 12.5, 20.0]


@pytest.mark.parametrize("change", [{"time_s": 0.0}, {"effective_half_life_s": -1.0}, {"voxel_volume_ml": np.nan}])
def test_values_not_above_zero_are_refused(change):
    chosen = {"time_s": 1.0, "effective_half_life_s": 1.0, "voxel_volume_ml": 1.0} | change
    with pytest.raises(InvalidInputError) as caught:
        integrate_declared(np.ones((1, 1, 1)), **chosen)
    assert caught.value.code == "half_life_range"


def test_maps_of_different_shapes_are_refused():
    with pytest.raises(InvalidInputError):
        replace_in_region(np.ones((1, 1, 1), np.float32), np.ones((1, 1, 2), np.float32), fraction=np.ones((1, 1, 1)))
