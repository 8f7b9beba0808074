"""Resampling: exact on its own grid, exact for linear fields, the right direction, the edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid, RigidTransform, Volume, resample

FIELD = np.array([0.3, -0.2, 0.5])
FILL = -1000.0


def grid(*, shape=(9, 10, 11), spacing=(2.0, 2.5, 3.0), origin=(-10.0, -12.0, -14.0), angles=None):
    if angles is None:
        return Grid(shape_zyx=shape, spacing_xyz_mm=spacing, origin_lps_mm=origin)
    rotation = RigidTransform.from_euler(angles_xyz_rad=angles, shift_lps_mm=(0.0, 0.0, 0.0)).as_array()[:3, :3]
    direction = tuple(float(value) for value in rotation.ravel())
    return Grid(shape_zyx=shape, spacing_xyz_mm=spacing, origin_lps_mm=origin, direction=direction)


def points(on):
    return on.index_to_lps_mm(np.moveaxis(np.indices(on.shape_zyx), 0, -1).astype(float))


def linear_field(on):
    """A value that rises evenly along a slanted direction."""
    return Volume(values=points(on) @ FIELD + 50.0, grid=on, unit="Bq/mL", frame_of_reference_uid="2.25.1")


@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-900.0, 900.0)] * 3),
    angles=st.tuples(*[st.floats(-3.0, 3.0)] * 3),
)
@settings(max_examples=60, deadline=None)
def test_a_volume_on_its_own_grid_is_itself_to_the_border(shape, spacing, origin, angles):
    on = grid(shape=shape, spacing=spacing, origin=origin, angles=angles)
    values = np.random.default_rng(2).random(shape)
    volume = Volume(values=values, grid=on, unit="Gy")
    same = resample(volume, onto=on, fill_value=FILL)
    # float32, and rounding of the two matrices.
    assert same.values == pytest.approx(values, abs=1e-5)
    nearest = resample(volume, onto=on, fill_value=FILL, interpolation="nearest")
    assert np.array_equal(nearest.values, values)


@pytest.mark.parametrize("angles", [None, (0.3, -0.2, 0.5)], ids=["aligned", "oblique"])
def test_a_linear_field_is_exact_inside_and_filled_outside(angles):
    source = grid()
    onto = grid(shape=(12, 9, 14), spacing=(1.7, 1.9, 2.1), origin=(-12.0, -9.0, -16.0), angles=angles)
    result = resample(linear_field(source), onto=onto, fill_value=FILL)
    index = source.lps_mm_to_index(points(onto))
    is_inside = np.all((index >= 0.0) & (index <= np.array(source.shape_zyx) - 1.0), axis=-1)
    assert 0 < is_inside.sum() < is_inside.size
    assert result.values[is_inside] == pytest.approx((points(onto) @ FIELD + 50.0)[is_inside], rel=1e-5)
    # A thousandth of a voxel beyond the border still counts as on it.
    is_outside = np.any((index < -1e-3) | (index > np.array(source.shape_zyx) - 1.0 + 1e-3), axis=-1)
    assert np.all(result.values[is_outside] == FILL)
    assert (result.unit, result.values.dtype, result.grid) == ("Bq/mL", np.float32, onto)


def test_the_transform_takes_fixed_points_to_the_moving_volume():
    volume = linear_field(grid())
    shift = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(2.0, 0.0, 3.0))
    onto = grid(shape=(4, 5, 6), origin=(-6.0, -6.0, -8.0))
    moved = resample(volume, onto=onto, transform=shift, frame_of_reference_uid="2.25.2")
    assert moved.values == pytest.approx((points(onto) + np.array([2.0, 0.0, 3.0])) @ FIELD + 50.0, rel=1e-5)
    assert moved.frame_of_reference_uid == "2.25.2"
    assert resample(volume, onto=onto).frame_of_reference_uid == "2.25.1"


def test_nearest_keeps_labels_and_their_type():
    labels = np.random.default_rng(3).integers(0, 5, size=(9, 10, 11)).astype(np.uint8)
    volume = Volume(values=labels, grid=grid(), unit="1")
    fine = grid(shape=(22, 25, 28), spacing=(0.71, 0.93, 1.13))
    result = resample(volume, onto=fine, interpolation="nearest")
    assert result.values.dtype == np.uint8
    index = np.rint(grid().lps_mm_to_index(points(fine))).astype(int)
    assert np.array_equal(result.values, labels[index[..., 0], index[..., 1], index[..., 2]])


def test_headers_with_rounded_positions_lose_no_border():
    source = grid()
    rounded = grid(origin=(-10.0004, -12.0004, -14.0004))
    result = resample(linear_field(source), onto=rounded, fill_value=FILL)
    assert result.values.min() > FILL


def test_grids_that_do_not_meet_give_the_fill_value():
    result = resample(linear_field(grid()), onto=grid(origin=(900.0, 0.0, 0.0)), fill_value=np.nan)
    assert np.isnan(result.values).all()


def test_unknown_interpolation_is_refused():
    with pytest.raises(InvalidInputError, match=r"one of \['linear', 'nearest'\]; got 'cubic'") as caught:
        resample(linear_field(grid()), onto=grid(), interpolation="cubic")
    assert caught.value.code == "invalid_input"
