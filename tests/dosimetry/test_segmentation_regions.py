"""Volume and activity of regions with known content, and masks carried to another time point."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.regions import measure_region, propagate_mask
from dosimetry.volume import Grid, RigidTransform, Volume

GRID = Grid(shape_zyx=(20, 24, 28), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
CT_GRID = Grid(shape_zyx=(80, 96, 112), spacing_xyz_mm=(1.0, 1.0, 1.0), origin_lps_mm=(-1.5, -1.5, -1.5))


def block(shape=GRID.shape_zyx, z=(6, 14), y=(7, 17), x=(8, 20)):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def image(values, *, unit="Bq/mL", grid=GRID):
    return Volume(values=np.asarray(values, dtype=np.float32), grid=grid, unit=unit)


def codes(measured):
    return {finding.code: finding.level for finding in measured.findings}


def test_a_uniform_region_holds_concentration_times_volume():
    measured = measure_region(block(), GRID, image(np.where(block(), 2e5, 0.0)))
    assert measured.n_voxels == 960
    assert measured.volume_ml == pytest.approx(61.44)
    assert measured.activity_bq == pytest.approx(61.44 * 2e5)
    assert measured.mean_activity_concentration_bq_per_ml == pytest.approx(2e5)
    assert measured.maximum_activity_concentration_bq_per_ml == pytest.approx(2e5)
    assert (measured.fraction_in_image, codes(measured)) == (1.0, {})


def test_the_activity_of_a_fine_mask_is_that_of_the_coarse_one():
    fine = np.kron(block(), np.ones((4, 4, 4), dtype=bool)).astype(bool)
    values = np.random.default_rng(5).uniform(1e4, 1e5, size=GRID.shape_zyx)
    coarse_measured = measure_region(block(), GRID, image(values))
    fine_measured = measure_region(fine, CT_GRID, image(values))
    # The fine mask fills the coarse voxels exactly; float32 sums.
    assert fine_measured.volume_ml == pytest.approx(coarse_measured.volume_ml)
    assert fine_measured.activity_bq == pytest.approx(coarse_measured.activity_bq, rel=1e-5)


def test_parts_of_voxels_count_as_parts():
    fine = block(CT_GRID.shape_zyx, (22, 44), (26, 50), (30, 61))
    measured = measure_region(fine, CT_GRID, image(np.full(GRID.shape_zyx, 3e4)))
    assert measured.activity_bq == pytest.approx(3e4 * measured.volume_ml, rel=1e-5)


def test_the_uncertainty_is_half_a_voxel_of_the_surface():
    measured = measure_region(block(), GRID, image(np.where(block(), 1e5, 0.0)))
    faces_mm2 = 2 * 16.0 * (8 * 10 + 8 * 12 + 10 * 12)
    # At the surface the mean of inside and outside is half the concentration; 2/3 for the faces of a voxel surface.
    expected = 2 / 3 * faces_mm2 * (0.5 * 4.0 / np.sqrt(3.0)) / 1e3 * 0.5e5
    assert measured.activity_standard_uncertainty_bq == pytest.approx(expected, rel=1e-6)
    doubled = measure_region(block(), GRID, image(np.where(block(), 2e5, 0.0)))
    assert doubled.activity_standard_uncertainty_bq == pytest.approx(2.0 * expected, rel=1e-6)


def test_the_surface_at_the_border_of_the_image_counts_with_what_lies_inside():
    cornered = block(z=(0, 8), y=(14, 24), x=(16, 28))
    measured = measure_region(cornered, GRID, image(np.full(GRID.shape_zyx, 1e5)))
    faces_mm2 = 2 * 16.0 * (8 * 10 + 8 * 12 + 10 * 12)
    expected = 2 / 3 * faces_mm2 * (0.5 * 4.0 / np.sqrt(3.0)) / 1e3 * 1e5
    assert measured.activity_standard_uncertainty_bq == pytest.approx(expected, rel=1e-6)


def test_a_region_cut_by_the_image_says_so():
    mask_grid = Grid(shape_zyx=(20, 24, 28), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, -40.0))
    measured = measure_region(block(), mask_grid, image(np.ones(GRID.shape_zyx)))
    assert measured.fraction_in_image == pytest.approx(0.5, abs=1e-6)
    assert codes(measured) == {"cut_by_image": "ask"}
    assert "Only 50 %" in measured.findings[0].message


def test_a_small_region_warns_of_partial_volume():
    measured = measure_region(block(z=(9, 11), y=(9, 11), x=(9, 11)), GRID, image(np.ones(GRID.shape_zyx)))
    assert codes(measured) == {"small_region": "note"}
    assert "10 mm across" in measured.findings[0].message


@pytest.mark.parametrize(
    ("mask", "grid", "unit", "code", "message"),
    [
        (block(), GRID, "counts", "units", "needs an image in Bq/mL; got counts"),
        (np.zeros(GRID.shape_zyx, dtype=bool), GRID, "Bq/mL", "empty_region", "draw it or reject it"),
        (
            block(),
            Grid(shape_zyx=GRID.shape_zyx, spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(900.0, 0.0, 0.0)),
            "Bq/mL",
            "region_outside",
            "outside the emission image",
        ),
    ],
    ids=["counts", "empty", "outside"],
)
def test_regions_that_cannot_be_measured_are_refused(mask, grid, unit, code, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        measure_region(mask, grid, image(np.ones(GRID.shape_zyx), unit=unit))
    assert caught.value.code == code


def test_a_mask_of_another_shape_is_refused():
    for call in (
        lambda: measure_region(block()[1:], GRID, image(np.ones(GRID.shape_zyx))),
        lambda: propagate_mask(block()[1:], GRID, onto=GRID, transform=RigidTransform.identity()),
    ):
        with pytest.raises(GeometryMismatchError, match="The mask has shape") as caught:
            call()
        assert caught.value.code == "geometry_mismatch"


def test_a_mask_moves_with_the_patient():
    shift = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(8.0, -4.0, 12.0))
    moved = propagate_mask(block(), GRID, onto=GRID, transform=shift)
    assert np.array_equal(moved, block(z=(9, 17), y=(6, 16), x=(10, 22)))
    back = propagate_mask(moved, GRID, onto=GRID, transform=shift.inverse())
    assert np.array_equal(back, block())


def test_a_turned_mask_keeps_its_volume_and_place():
    turn = RigidTransform.from_euler(
        angles_xyz_rad=(0.1, -0.2, 0.3), shift_lps_mm=(5.0, -3.0, 2.0), centre_lps_mm=(55.0, 46.0, 38.0)
    )
    moved = propagate_mask(block(), GRID, onto=GRID, transform=turn)
    # The half level of an interpolated box of 8 x 10 x 12 voxels loses a little at edges and corners.
    assert moved.sum() == pytest.approx(block().sum(), rel=0.03)
    centre = GRID.index_to_lps_mm(np.argwhere(block()).mean(axis=0))
    found = GRID.index_to_lps_mm(np.argwhere(moved).mean(axis=0))
    assert found == pytest.approx(turn.apply(centre), abs=0.4)


def test_a_mask_outside_the_target_is_empty():
    far = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(900.0, 0.0, 0.0))
    assert not propagate_mask(block(), GRID, onto=GRID, transform=far).any()
