"""Density from CT numbers: the published lines, continuity, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.dose.density import DEFAULT_DENSITY_CURVE, DensityCurve, density_from_hu
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid, Volume


def ct(values, unit="HU"):
    array = np.atleast_1d(np.asarray(values)).reshape(1, 1, -1)
    grid = Grid(shape_zyx=array.shape, spacing_xyz_mm=(1.0, 2.0, 3.0), origin_lps_mm=(5.0, 6.0, 7.0))
    return Volume(values=array, grid=grid, unit=unit, frame_of_reference_uid="1.2.3")


def density(values):
    return density_from_hu(ct(values)).values.ravel()


def test_points_of_the_curve_are_met():
    hu, expected = np.array(DEFAULT_DENSITY_CURVE.points).T
    # float32.
    assert density(hu) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("hu", "expected"),
    [
        (-98.0, 0.93), (-50.0, 1.018 - 0.893e-3 * 50), (0.0, 1.018), (14.0, 1.03),  # adipose to soft tissue
        (20.0, 1.03),
        (50.0, 1.003 + 1.169e-3 * 50), (99.0, 1.003 + 1.169e-3 * 99),  # connective tissue
        (100.0, 1.017 + 0.592e-3 * 100), (800.0, 1.017 + 0.592e-3 * 800), (1600.0, 1.017 + 0.592e-3 * 1600),  # bone
    ],
)  # fmt: skip
def test_tissue_densities_of_schneider_2000(hu, expected):
    # The formulas as in the paper, to its three decimals; the join at 100 HU departs by up to 0.044 there.
    tolerance = 0.045 if 23.0 < hu < 100.0 else 0.001
    assert density(hu) == pytest.approx(expected, abs=tolerance)


def test_outside_the_points_density_is_flat():
    assert density([-3000.0, -1024.0]) == pytest.approx(0.00121, rel=1e-6)
    assert density([2000.0, 3071.0, 30000.0]) == pytest.approx(1.9642, rel=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.floats(-1500.0, 3500.0), st.floats(0.0, 50.0))
def test_density_rises_with_hu_without_a_step(hu, step):
    low, high = density([hu, hu + step])
    # The steepest line, air to adipose, climbs 0.93 g/mL in 902 HU; float32 leaves 1e-7.
    assert -1e-6 <= high - low <= 0.9293 / 902.0 * step + 1e-6


def test_integers_and_floats_agree_and_the_place_is_kept():
    from_int = density_from_hu(ct(np.array([-1000, -98, 0, 55, 1600], dtype=np.int16)))
    from_float = density_from_hu(ct([-1000.0, -98.0, 0.0, 55.0, 1600.0]))
    assert np.array_equal(from_int.values, from_float.values)
    assert from_int.values.dtype == np.float32
    assert from_int.unit == "g/mL"
    assert from_int.grid == from_float.grid
    assert from_int.frame_of_reference_uid == "1.2.3"
    assert from_int.values.min() > 0.0


def test_a_scanners_own_curve_is_used():
    own = DensityCurve(points=((-1000.0, 0.001), (0.0, 1.0), (1000.0, 2.0)), source="calibration of the site")
    found = density_from_hu(ct([-500.0, 0.0, 250.0]), curve=own).values.ravel()
    assert found == pytest.approx([0.5005, 1.0, 1.25], rel=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        (),
        ((0.0, 1.0),),
        ((0.0, 1.0), (0.0, 1.1)),
        ((10.0, 1.0), (0.0, 1.1)),
        ((0.0, 0.0), (10.0, 1.1)),
        ((0.0, -1.0), (10.0, 1.1)),
        ((0.0, 1.0), (np.nan, 1.1)),
        ((0.0, 1.0), (10.0, np.nan)),
        ((0.0, 1.0), (np.inf, 1.1)),
    ],
)
def test_refuses_a_curve_that_does_not_rise_or_is_not_positive(points):
    with pytest.raises(InvalidInputError, match="rising HU") as caught:
        DensityCurve(points=points, source="test")
    assert caught.value.code == "bad_curve"


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (((0.0, 1.0),), "got 1"),
        (((0.0, 1.0), (20.0, 1.1), (10.0, 1.2)), "point 3 has 10 HU after 20 HU"),
        (((0.0, 1.0), (20.0, -1.1)), "point 2 has a density of -1.1"),
        (((-1000.0, 1.21), (0.0, 1000.0)), "point 2 has a density of 1000, allowed is up to 25 g/mL"),
        (((0.0, np.nan), (20.0, 1.1)), "point 1 holds a value that is not a finite number"),
    ],
)
def test_the_refusal_names_the_point(points, said):
    with pytest.raises(InvalidInputError, match=said):
        DensityCurve(points=points, source="test")


@pytest.mark.parametrize("unit", ["g/mL", "Bq/mL", "1"])
def test_refuses_what_is_not_in_hu(unit):
    with pytest.raises(InvalidInputError, match=rf"got {unit}") as caught:
        density_from_hu(ct([0.0], unit=unit))
    assert caught.value.code == "not_hu"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_a_ct_that_is_not_finite(value):
    with pytest.raises(InvalidInputError, match="not a finite number") as caught:
        density_from_hu(ct([0.0, value]))
    assert caught.value.code == "not_finite"
