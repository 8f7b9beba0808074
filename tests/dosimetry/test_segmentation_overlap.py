"""Organ minus lesion, and masks as shares of other voxels: nothing counted twice, no volume lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import GeometryMismatchError
from dosimetry.segmentation.overlap import coverage_fraction, coverage_part, subtract_lesions
from dosimetry.volume import Grid, RigidTransform

FINE = Grid(shape_zyx=(16, 18, 20), spacing_xyz_mm=(1.0, 1.5, 2.0), origin_lps_mm=(3.0, -4.0, 5.0))


def block(shape, z, y, x):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def test_no_voxel_belongs_to_an_organ_and_a_lesion():
    liver = block((8, 8, 8), (0, 8), (0, 8), (0, 5))
    kidney = block((8, 8, 8), (0, 8), (0, 8), (6, 8))
    lesions = {
        "Lesion 1": block((8, 8, 8), (2, 4), (2, 4), (3, 7)),
        "Lesion 2": block((8, 8, 8), (3, 5), (2, 4), (0, 4)),
    }
    before = liver.copy()
    organs, said = subtract_lesions({"Liver": liver, "Kidney": kidney}, lesions)
    assert np.array_equal(liver, before)
    for organ in organs.values():
        assert not any((organ & lesion).any() for lesion in lesions.values())
    assert organs["Liver"].sum() == 320 - 8 - 16 + 2
    assert said["Liver"] == (
        "Liver = contour minus Lesion 1 (2.5 % of it).",
        "Liver = contour minus Lesion 2 (5.0 % of it).",
    )
    assert said["Kidney"] == ("Kidney = contour minus Lesion 1 (3.1 % of it).",)


def test_organs_without_lesions_stay():
    liver = block((4, 4, 4), (0, 2), (0, 4), (0, 4))
    organs, said = subtract_lesions({"Liver": liver}, {"Lesion": block((4, 4, 4), (3, 4), (3, 4), (3, 4))})
    assert np.array_equal(organs["Liver"], liver)
    assert said == {"Liver": ()}
    assert subtract_lesions({}, {}) == ({}, {})


def test_a_mask_on_its_own_grid_is_itself():
    mask = block(FINE.shape_zyx, (2, 9), (3, 11), (4, 15))
    assert np.array_equal(coverage_fraction(mask, FINE, FINE), mask.astype(np.float32))
    assert not coverage_fraction(np.zeros_like(mask), FINE, FINE).any()


def test_voxels_of_twice_the_size_take_their_exact_share():
    coarse = Grid(shape_zyx=(8, 9, 10), spacing_xyz_mm=(2.0, 3.0, 4.0), origin_lps_mm=(3.5, -3.25, 6.0))
    mask = np.random.default_rng(4).random(FINE.shape_zyx) < 0.5
    expected = mask.reshape(8, 2, 9, 2, 10, 2).mean(axis=(1, 3, 5))
    assert coverage_fraction(mask, FINE, coarse) == pytest.approx(expected, abs=1e-6)


@given(
    spacing=st.tuples(*[st.floats(0.9, 6.0)] * 3),
    shift=st.tuples(*[st.floats(-2.0, 2.0)] * 3),
    angles=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
)
@settings(max_examples=25, deadline=None)
def test_the_volume_is_kept_on_any_grid_that_holds_it(spacing, shift, angles):
    counts = tuple(int(np.ceil(84.0 / step)) for step in spacing[::-1])
    centre = FINE.index_to_lps_mm(np.array([8.0, 9.0, 10.0]))
    origin = tuple(float(value) for value in centre + np.array(shift) - 42.0)
    onto = Grid(shape_zyx=counts, spacing_xyz_mm=spacing, origin_lps_mm=origin)
    turn = RigidTransform.from_euler(angles_xyz_rad=angles, shift_lps_mm=shift, centre_lps_mm=tuple(centre))
    mask = block(FINE.shape_zyx, (2, 14), (3, 15), (4, 18))
    fraction = coverage_fraction(mask, FINE, onto, transform=turn)
    assert float(fraction.sum(dtype=np.float64)) * onto.voxel_volume_ml == pytest.approx(
        mask.sum() * FINE.voxel_volume_ml, rel=1e-5
    )


def test_the_transform_takes_points_of_the_mask_to_the_target():
    onto = Grid(shape_zyx=(16, 18, 40), spacing_xyz_mm=(1.0, 1.5, 2.0), origin_lps_mm=(3.0, -4.0, 5.0))
    mask = block(FINE.shape_zyx, (5, 6), (5, 6), (5, 6))
    shift = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(15.0, 3.0, -4.0))
    fraction = coverage_fraction(mask, FINE, onto, transform=shift)
    assert np.argwhere(fraction > 0.99).tolist() == [[3, 7, 20]]


def test_what_lies_outside_the_target_is_lost_not_folded_in():
    half = Grid(shape_zyx=(16, 18, 10), spacing_xyz_mm=(1.0, 1.5, 2.0), origin_lps_mm=(3.0, -4.0, 5.0))
    mask = block(FINE.shape_zyx, (2, 14), (3, 15), (5, 15))
    assert coverage_fraction(mask, FINE, half).sum() == pytest.approx(mask.sum() / 2)
    far = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(1.0, 1.0, 1.0), origin_lps_mm=(500.0, 0.0, 0.0))
    assert not coverage_fraction(mask, FINE, far).any()


def test_the_part_is_all_of_the_fraction():
    onto = Grid(shape_zyx=(9, 12, 11), spacing_xyz_mm=(2.7, 2.1, 1.9), origin_lps_mm=(0.0, -6.0, 4.0))
    turn = RigidTransform.from_euler(angles_xyz_rad=(0.2, 0.0, 0.1), shift_lps_mm=(1.0, 2.0, -1.0))
    for mask in (block(FINE.shape_zyx, (0, 5), (3, 11), (4, 15)), np.zeros(FINE.shape_zyx, dtype=bool)):
        for transform in (None, turn):
            whole = coverage_fraction(mask, FINE, onto, transform=transform)
            box, part = coverage_part(mask, FINE, onto, transform=transform)
            assert np.array_equal(whole[box], part)
            assert whole.sum(dtype=np.float64) == part.sum(dtype=np.float64)
            assert bool(part.any()) == bool(mask.any())


def test_a_mask_on_another_grid_is_refused():
    with pytest.raises(GeometryMismatchError, match="The mask has shape") as caught:
        coverage_fraction(np.ones((2, 2, 2), dtype=bool), FINE, FINE)
    assert caught.value.code == "geometry_mismatch"


def test_parallel_grids_divide_voxels_exactly():
    # Slices of 3 mm on voxels of 4 mm, shifted by a fifth: no voxel inside is more or less than full.
    fine = Grid(shape_zyx=(40, 30, 30), spacing_xyz_mm=(2.0, 2.0, 3.0), origin_lps_mm=(0.7, 0.3, 0.1))
    coarse = Grid(shape_zyx=(29, 14, 14), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(2.0, 2.0, 2.0))
    mask = np.zeros(fine.shape_zyx, dtype=bool)
    mask[5:33, 4:26, 4:26] = True
    fraction = coverage_fraction(mask, fine, coarse)
    assert fraction[6:22, 4:11, 4:11] == pytest.approx(1.0, abs=1e-5)
    assert fraction.max() <= 1.0 + 1e-5
    assert fraction.sum(dtype=np.float64) * 64.0 == pytest.approx(mask.sum() * 12.0, rel=1e-5)
