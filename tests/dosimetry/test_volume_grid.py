"""Grids in patient coordinates, volumes, rigid transforms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.volume import Grid, RigidTransform, Volume

ANGLES = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
POINTS = st.tuples(*[st.floats(-500.0, 500.0)] * 3)


def grid(**changes):
    arguments = {"shape_zyx": (4, 5, 6), "spacing_xyz_mm": (2.0, 2.5, 3.0), "origin_lps_mm": (10.0, -20.0, 30.0)}
    return Grid(**{**arguments, **changes})


def turned(angles):
    rotation = RigidTransform.from_euler(angles_xyz_rad=angles, shift_lps_mm=(0.0, 0.0, 0.0)).as_array()[:3, :3]
    return tuple(float(value) for value in rotation.ravel())


def test_indices_are_z_y_x_and_points_x_y_z():
    assert grid().index_to_lps_mm(np.array([1.0, 0.0, 0.0])) == pytest.approx([10.0, -20.0, 33.0])
    assert grid().index_to_lps_mm(np.array([0.0, 1.0, 0.0])) == pytest.approx([10.0, -17.5, 30.0])
    assert grid().index_to_lps_mm(np.array([0.0, 0.0, 1.0])) == pytest.approx([12.0, -20.0, 30.0])


@given(angles=ANGLES, point=POINTS)
def test_points_come_back_from_their_indices(angles, point):
    oblique = grid(direction=turned(angles))
    back = oblique.index_to_lps_mm(oblique.lps_mm_to_index(np.array(point)))
    assert back == pytest.approx(point, abs=1e-9)


def test_arrays_of_points_keep_their_shape():
    points = np.zeros((3, 2, 3))
    assert grid().lps_mm_to_index(points).shape == (3, 2, 3)


def test_columns_of_the_direction_are_the_axes():
    # Axis x of the array runs to posterior, y to the head, z to the left.
    oblique = grid(direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    assert oblique.index_to_lps_mm(np.array([0.0, 0.0, 1.0])) == pytest.approx([10.0, -18.0, 30.0])
    assert oblique.index_to_lps_mm(np.array([0.0, 1.0, 0.0])) == pytest.approx([10.0, -20.0, 32.5])
    assert oblique.index_to_lps_mm(np.array([1.0, 0.0, 0.0])) == pytest.approx([13.0, -20.0, 30.0])
    assert not oblique.is_axis_aligned
    assert grid().is_axis_aligned


def test_counts_and_volume():
    assert grid().n_voxels == 120
    assert grid().voxel_volume_ml == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"shape_zyx": (0, 5, 6)}, "bad_grid", "at least 1"),
        ({"shape_zyx": (5, 6)}, "bad_grid", "three counts"),
        ({"spacing_xyz_mm": (0.0, 1.0, 1.0)}, "bad_spacing", "above zero"),
        ({"spacing_xyz_mm": (-1.0, 1.0, 1.0)}, "bad_spacing", "above zero"),
        ({"spacing_xyz_mm": (np.nan, 1.0, 1.0)}, "bad_spacing", "above zero"),
        ({"spacing_xyz_mm": (1.0, 1.0)}, "bad_spacing", "three axes"),
        ({"origin_lps_mm": (np.inf, 0.0, 0.0)}, "bad_origin", "finite origin"),
        ({"direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0)}, "bad_direction", "perpendicular unit"),
        ({"direction": (1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)}, "bad_direction", "perpendicular unit"),
        ({"direction": (np.nan,) * 9}, "bad_direction", "perpendicular unit"),
    ],
)
def test_impossible_grids_are_refused(changes, code, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        grid(**changes)
    assert caught.value.code == code


def test_grids_match_within_a_hundredth_of_a_millimetre():
    assert grid().matches(grid(origin_lps_mm=(10.009, -20.0, 30.0)))
    assert not grid().matches(grid(origin_lps_mm=(10.02, -20.0, 30.0)))
    assert not grid().matches(grid(shape_zyx=(4, 5, 7)))
    # 0.003 mm more per voxel is 0.015 mm at the sixth column.
    assert not grid().matches(grid(spacing_xyz_mm=(2.003, 2.5, 3.0)))
    assert not grid().matches(grid(direction=turned((0.01, 0.0, 0.0))))


def test_a_volume_has_the_shape_of_its_grid():
    volume = Volume(values=np.zeros((4, 5, 6)), grid=grid(), unit="HU", frame_of_reference_uid="2.25.1")
    changed = volume.with_values(np.ones((4, 5, 6)), unit="g/mL")
    assert (changed.unit, changed.frame_of_reference_uid) == ("g/mL", "2.25.1")
    assert volume.with_values(np.ones((4, 5, 6))).unit == "HU"
    with pytest.raises(GeometryMismatchError, match=r"shape \(6, 5, 4\), the grid says \(4, 5, 6\)") as caught:
        volume.with_values(np.zeros((6, 5, 4)))
    assert caught.value.code == "geometry_mismatch"


@given(angles=ANGLES, shift=POINTS, centre=POINTS, point=POINTS)
def test_a_transform_and_its_inverse_undo_each_other(angles, shift, centre, point):
    transform = RigidTransform.from_euler(angles_xyz_rad=angles, shift_lps_mm=shift, centre_lps_mm=centre)
    there = transform.apply(np.array(point))
    assert transform.inverse().apply(there) == pytest.approx(point, abs=1e-9)
    assert transform.after(transform.inverse()).as_array() == pytest.approx(np.eye(4), abs=1e-9)
    # The centre only shifts.
    assert transform.apply(np.array(centre)) == pytest.approx(np.add(centre, shift), abs=1e-9)


def test_rotations_go_about_x_then_y_then_z_and_turn_right_handed():
    quarter = np.pi / 2.0
    about_z = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, quarter), shift_lps_mm=(0.0, 0.0, 0.0))
    assert about_z.apply(np.array([1.0, 0.0, 0.0])) == pytest.approx([0.0, 1.0, 0.0])
    both = RigidTransform.from_euler(angles_xyz_rad=(quarter, 0.0, quarter), shift_lps_mm=(0.0, 0.0, 5.0))
    # (0, 1, 0) -x-> (0, 0, 1) -z-> (0, 0, 1), then the shift.
    assert both.apply(np.array([0.0, 1.0, 0.0])) == pytest.approx([0.0, 0.0, 6.0])
    assert about_z.rotation_angle_deg == pytest.approx(90.0)
    assert RigidTransform.identity().rotation_angle_deg == 0.0


def test_after_applies_the_other_first():
    quarter = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, np.pi / 2.0), shift_lps_mm=(0.0, 0.0, 0.0))
    shift = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(1.0, 0.0, 0.0))
    assert quarter.after(shift).apply(np.zeros(3)) == pytest.approx([0.0, 1.0, 0.0])
    assert shift.after(quarter).apply(np.zeros(3)) == pytest.approx([1.0, 0.0, 0.0])


def matrix(**entries):
    values = np.eye(4)
    for name, value in entries.items():
        values[int(name[1]), int(name[2])] = value
    return tuple(float(value) for value in values.ravel())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (matrix(m00=np.nan), "16 finite numbers"),
        (matrix(m03=np.inf), "16 finite numbers"),
        ((1.0, 0.0, 0.0), "16 finite numbers"),
        (matrix(m00=0.0), "not a rotation and a shift"),
        (matrix(m00=-1.0), "not a rotation and a shift"),
        (matrix(m01=0.1), "not a rotation and a shift"),
        (matrix(m30=1.0), "not a rotation and a shift"),
        (matrix(m00=1.01), "not a rotation and a shift"),
    ],
    ids=["nan", "infinite", "short", "singular", "mirrored", "sheared", "projective", "scaled"],
)
def test_matrices_that_are_not_rigid_are_refused(values, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        RigidTransform(matrix=values)
    assert caught.value.code == "bad_transform"
