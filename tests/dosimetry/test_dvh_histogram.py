"""Dose-volume histogram: spheres in a linear dose, order statistics, V_x, small and misplaced regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.dvh.histogram import DoseVolumeHistogram, dose_volume_histogram
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.volume import Grid, Volume

CENTRE_MM = np.array([1.3, -0.7, 0.4])
GRADIENT_GY_PER_MM = 0.2


def grid_of(n, spacing_mm):
    start = -0.5 * (n - 1) * spacing_mm
    return Grid(shape_zyx=(n, n, n), spacing_xyz_mm=(spacing_mm,) * 3, origin_lps_mm=(start, start, start))


def centres_mm(grid):
    return grid.index_to_lps_mm(np.indices(grid.shape_zyx).transpose(1, 2, 3, 0))


def linear_dose(grid, axis=0):
    """D = 20 + 0.2 x Gy, x in mm from the centre of the sphere along one axis."""
    values = 20.0 + GRADIENT_GY_PER_MM * (centres_mm(grid)[..., axis] - CENTRE_MM[axis])
    return Volume(values=values.astype(np.float32), grid=grid, unit="Gy")


def sphere(grid, radius_mm):
    return np.linalg.norm(centres_mm(grid) - CENTRE_MM, axis=-1) <= radius_mm


def share_above(u):
    """V(u > t) of a sphere, u = x / r."""
    return (2.0 - 3.0 * u + u**3) / 4.0


@pytest.fixture(scope="module")
def large():
    """A sphere of 30 mm on 1 mm voxels in a dose on 4 mm voxels."""
    mask_grid = grid_of(68, 1.0)
    return dose_volume_histogram(linear_dose(grid_of(24, 4.0)), mask=sphere(mask_grid, 30.0), mask_grid=mask_grid)


@pytest.mark.parametrize("u", [-0.9, -0.5, 0.0, 0.3, 0.831925])
def test_volume_at_dose_of_a_sphere(large, u):
    dose_gy = 20.0 + GRADIENT_GY_PER_MM * 30.0 * u
    # Half a mask voxel moves the level by 0.5 mm of a disc of at most 3/4 of the volume per radius.
    assert large.volume_at_dose_fraction(dose_gy) == pytest.approx(share_above(u), abs=0.75 * 0.5 / 30.0)
    if u == 0.831925:
        assert share_above(u) == pytest.approx(0.02, abs=1e-6)


@pytest.mark.parametrize(("percent", "expected_gy"), [(95.0, 15.6242), (5.0, 24.3758), (25.0, 22.0838)])
def test_dose_at_volume_of_a_sphere(large, percent, expected_gy):
    # Half a mask voxel (0.5 mm) times the gradient. D25 solves 2 - 3t + t^3 = 1, t = 0.347296.
    assert large.dose_at_volume_gy(percent) == pytest.approx(expected_gy, abs=0.1)


def test_volume_and_mean_of_a_sphere(large):
    # A mask of 1 mm voxels holds a sphere of 30 mm to about 0.1 %.
    assert large.volume_ml == pytest.approx(113.0973, rel=2e-3)
    assert large.mean_gy == pytest.approx(20.0, abs=0.01)
    assert large.fraction_in_grid == 1.0


@pytest.mark.parametrize(("spacing_mm", "n_effective", "is_shown"), [(4.0, 14.0, False), (2.0, 113.0, True)])
def test_d98_of_a_small_sphere_is_hidden_on_coarse_dose(spacing_mm, n_effective, is_shown):
    mask_grid = grid_of(36, 0.5)
    dose = linear_dose(grid_of(12, spacing_mm))
    found = dose_volume_histogram(dose, mask=sphere(mask_grid, 6.0), mask_grid=mask_grid)
    assert found.n_effective == pytest.approx(n_effective, abs=0.6)
    assert found.is_shown(98.0) is is_shown
    assert found.is_shown(2.0) is is_shown
    assert found.is_shown(50.0)
    # Sub-sampled: half a mask voxel times the gradient, hidden or not.
    assert found.dose_at_volume_gy(95.0) == pytest.approx(19.1248, abs=0.05)
    assert found.dose_at_volume_gy(5.0) == pytest.approx(20.8752, abs=0.05)


def test_a_mask_as_coarse_as_the_dose_errs_by_less_than_voxel_sorting():
    grid = grid_of(24, 4.0)
    mask = sphere(grid, 30.0)
    found = dose_volume_histogram(linear_dose(grid), mask=mask, mask_grid=grid)
    # Plain sorting may be 0.4 Gy off (half a voxel of 4 mm); interpolated sub-voxels stay below it.
    assert found.dose_at_volume_gy(98.0) == pytest.approx(15.0085, abs=0.4)
    assert found.dose_at_volume_gy(2.0) == pytest.approx(24.9915, abs=0.4)
    assert found.mean_gy == pytest.approx(float(linear_dose(grid).values[mask].mean()), abs=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_are_not_mixed_up(axis):
    """A slab thick along z only: the gradient shows its extent along each axis."""
    mask_grid = Grid(shape_zyx=(8, 4, 2), spacing_xyz_mm=(1.0, 2.0, 3.0), origin_lps_mm=(-4.0, 2.0, 5.0))
    dose_grid = Grid(shape_zyx=(20, 20, 20), spacing_xyz_mm=(3.0, 2.5, 4.0), origin_lps_mm=(-20.0, -20.0, -10.0))
    found = dose_volume_histogram(
        linear_dose(dose_grid, axis), mask=np.ones(mask_grid.shape_zyx, dtype=bool), mask_grid=mask_grid
    )
    extents_mm = (2 * 1.0, 4 * 2.0, 8 * 3.0)
    middles_mm = (-4.0 + 0.5, 2.0 + 3.0, 5.0 + 10.5)
    # The outermost of 8 sub-voxels lies a sixteenth of a voxel inside.
    inside = extents_mm[axis] - (1.0, 2.0, 3.0)[axis] / 8.0
    assert found.mean_gy == pytest.approx(20.0 + 0.2 * (middles_mm[axis] - CENTRE_MM[axis]), abs=1e-4)
    assert found.maximum_gy - found.minimum_gy == pytest.approx(0.2 * inside, abs=1e-4)


def test_a_turned_dose_grid_gives_the_same_histogram():
    mask_grid = grid_of(20, 1.0)
    mask = sphere(mask_grid, 8.0)
    straight = linear_dose(grid_of(24, 2.0))
    values = straight.values[:, ::-1, ::-1].copy()
    last = straight.grid.origin_lps_mm[0] + 23 * 2.0
    flipped = Grid(
        shape_zyx=(24, 24, 24),
        spacing_xyz_mm=(2.0, 2.0, 2.0),
        origin_lps_mm=(last, last, straight.grid.origin_lps_mm[2]),
        direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    )
    turned = Volume(values=values, grid=flipped, unit="Gy")
    first, second = (dose_volume_histogram(dose, mask=mask, mask_grid=mask_grid) for dose in (straight, turned))
    # float32 interpolation.
    assert second.sorted_doses_gy == pytest.approx(first.sorted_doses_gy, abs=1e-5)


def histogram(doses, n_effective=100.0):
    values = np.sort(np.asarray(doses, dtype=np.float32))[::-1]
    return DoseVolumeHistogram(sorted_doses_gy=values, volume_ml=10.0, n_effective=n_effective, fraction_in_grid=1.0)


DOSES = st.lists(st.floats(0.0, 200.0, width=32), min_size=1, max_size=60)


@settings(deadline=None, max_examples=100)
@given(DOSES, st.floats(0.01, 99.99))
def test_dose_at_volume_and_volume_at_dose_are_inverse(doses, percent):
    found = histogram(doses)
    dose_gy = found.dose_at_volume_gy(percent)
    # At least x % receive D_x, and less than x % receive more.
    assert found.volume_at_dose_fraction(dose_gy) >= percent / 100.0 - 1e-9
    above = float(np.nextafter(np.float32(dose_gy), np.float32(np.inf)))
    assert found.volume_at_dose_fraction(above) < percent / 100.0 + 1e-9
    assert found.minimum_gy <= dose_gy <= found.maximum_gy


@settings(deadline=None, max_examples=100)
@given(DOSES, st.floats(0.0, 250.0), st.floats(0.0, 50.0))
def test_volume_at_dose_counts_and_falls(doses, dose_gy, more_gy):
    found = histogram(doses)
    counted = float(np.mean(np.asarray(doses, dtype=np.float64) >= dose_gy))
    assert found.volume_at_dose_fraction(dose_gy) == pytest.approx(counted, abs=1e-12)
    assert found.volume_at_dose_fraction(dose_gy + more_gy) <= found.volume_at_dose_fraction(dose_gy)


def test_volume_at_dose_at_its_ends():
    found = histogram([1.0, 2.0, 3.0, 4.0])
    assert [found.volume_at_dose_fraction(gy) for gy in (-1.0, 0.0, 1.0, 2.0, 2.5, 4.0, 4.1)] == [
        1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0,
    ]  # fmt: skip


def test_dose_at_volume_takes_exact_order_statistics():
    found = histogram(range(1, 101))
    assert [found.dose_at_volume_gy(x) for x in (1.0, 1.01, 2.0, 50.0, 98.0, 99.5)] == [
        100.0,
        99.0,
        99.0,
        51.0,
        3.0,
        1.0,
    ]


@settings(deadline=None, max_examples=50)
@given(DOSES, st.floats(0.01, 100.0))
def test_scaling_the_dose_scales_every_quantity(doses, scale):
    one, many = histogram(doses), histogram(np.asarray(doses, dtype=np.float32) * np.float32(scale))
    assert many.mean_gy == pytest.approx(scale * one.mean_gy, rel=1e-5, abs=1e-30)
    assert many.dose_at_volume_gy(95.0) == pytest.approx(scale * one.dose_at_volume_gy(95.0), rel=1e-5, abs=1e-30)


def test_curve_falls_from_one_and_integrates_to_the_mean(large):
    doses, fractions = large.curve(2001)
    assert (doses[0], fractions[0]) == (0.0, 1.0)
    assert doses[-1] == large.maximum_gy
    assert np.all(np.diff(fractions) <= 0.0)
    # The area under V(d) is the mean; 2000 steps of 13 mGy.
    assert np.trapezoid(fractions, doses) == pytest.approx(large.mean_gy, abs=0.02)
    assert fractions[1000] == large.volume_at_dose_fraction(doses[1000])


def test_curve_of_no_dose():
    doses, fractions = histogram([0.0, 0.0]).curve(3)
    assert doses.tolist() == [0.0, 0.0, 0.0]
    assert fractions.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("percent", "needed"), [(98.0, 50.0), (2.0, 50.0), (95.0, 20.0), (5.0, 20.0), (50.0, 2.0)])
def test_number_of_voxels_that_a_quantity_needs(percent, needed):
    assert histogram([1.0], n_effective=needed * (1.0 + 1e-9)).is_shown(percent)
    assert not histogram([1.0], n_effective=needed * (1.0 - 1e-9)).is_shown(percent)


@pytest.mark.parametrize("percent", [0.0, 100.0, -1.0, 101.0, np.nan])
def test_refuses_a_share_outside_the_volume(percent):
    found = histogram([1.0, 2.0])
    for quantity in (found.dose_at_volume_gy, found.is_shown):
        with pytest.raises(InvalidInputError, match="between 0 and 100 %") as caught:
            quantity(percent)
        assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("dose_gy", [np.nan, np.inf])
def test_refuses_a_level_that_is_not_a_number(dose_gy):
    with pytest.raises(InvalidInputError, match="finite number"):
        histogram([1.0]).volume_at_dose_fraction(dose_gy)


def test_one_voxel_is_its_own_histogram():
    dose = Volume(values=np.full((3, 3, 3), 7.0, dtype=np.float32), grid=grid_of(3, 4.0), unit="Gy")
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    found = dose_volume_histogram(dose, mask=mask, mask_grid=dose.grid)
    assert (found.minimum_gy, found.mean_gy, found.maximum_gy) == (7.0, 7.0, 7.0)
    assert found.volume_ml == pytest.approx(0.064)
    assert found.n_effective == pytest.approx(1.0)
    assert not found.is_shown(50.0)


def test_a_region_partly_outside_says_so():
    grid = grid_of(10, 2.0)
    shifted = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(2.0, 2.0, 2.0), origin_lps_mm=(7.0, -3.0, -3.0))
    found = dose_volume_histogram(linear_dose(grid), mask=np.ones((4, 4, 4), dtype=bool), mask_grid=shifted)
    # The grid ends at x = 10 mm; voxels at 7 and 9 mm are inside, at 11 and 13 mm outside.
    assert found.fraction_in_grid == pytest.approx(0.5)
    assert found.volume_ml == pytest.approx(64 * 0.008)
    # From its last centre to its edge the dose is held.
    assert found.maximum_gy == pytest.approx(20.0 + 0.2 * (9.0 - 1.3), abs=1e-4)


def dose_and_mask():
    grid = grid_of(4, 2.0)
    return {"dose": linear_dose(grid), "mask": np.ones((4, 4, 4), dtype=bool), "mask_grid": grid}


def test_refuses_an_empty_region():
    arguments = dose_and_mask()
    arguments["mask"][:] = False
    with pytest.raises(InvalidInputError, match="region is empty") as caught:
        dose_volume_histogram(arguments.pop("dose"), **arguments)
    assert caught.value.code == "empty_region"


def test_refuses_a_region_outside_the_dose():
    far = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(2.0, 2.0, 2.0), origin_lps_mm=(100.0, 0.0, 0.0))
    arguments = {**dose_and_mask(), "mask_grid": far}
    with pytest.raises(InvalidInputError, match="outside the dose grid") as caught:
        dose_volume_histogram(arguments.pop("dose"), **arguments)
    assert caught.value.code == "region_outside"


def test_refuses_a_mask_of_another_shape():
    arguments = {**dose_and_mask(), "mask": np.ones((4, 4, 5), dtype=bool)}
    with pytest.raises(GeometryMismatchError, match=r"\(4, 4, 5\).*\(4, 4, 4\)") as caught:
        dose_volume_histogram(arguments.pop("dose"), **arguments)
    assert caught.value.code == "geometry_mismatch"


def test_refuses_what_is_not_a_dose():
    arguments = dose_and_mask()
    activity = arguments.pop("dose")
    with pytest.raises(InvalidInputError, match="got Bq s") as caught:
        dose_volume_histogram(activity.with_values(activity.values, unit="Bq s"), **arguments)
    assert caught.value.code == "not_gy"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_a_dose_that_is_not_finite_in_the_region(value):
    arguments = dose_and_mask()
    dose = arguments.pop("dose")
    dose.values[1, 1, 1] = value
    with pytest.raises(InvalidInputError, match="not a finite number") as caught:
        dose_volume_histogram(dose, **arguments)
    assert caught.value.code == "not_finite"
