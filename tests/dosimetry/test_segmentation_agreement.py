"""Agreement of two contours against counts and distances that follow from the shapes."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.agreement import SurfaceDistances, dice, surface_distances, two_reader_cv
from dosimetry.volume import Grid

SHAPE = (6, 10, 10)


def box(*slices) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[slices] = True
    return mask


WHOLE = box(slice(1, 5), slice(2, 6), slice(2, 6))
HALF = box(slice(1, 3), slice(2, 6), slice(2, 6))
APART = box(slice(1, 3), slice(7, 9), slice(7, 9))


def test_dice_of_the_same_of_a_half_and_of_nothing_shared():
    # Counts of voxels are exact, so is their ratio.
    assert dice(WHOLE, WHOLE) == 1.0
    assert dice(WHOLE, HALF) == 2 * 32 / (64 + 32)
    assert dice(WHOLE, APART) == 0.0
    assert dice(WHOLE, box(slice(0, 0))) == 0.0


def test_dice_does_not_know_which_came_first():
    assert dice(WHOLE, HALF) == dice(HALF, WHOLE)


def test_two_empty_masks_say_nothing():
    assert dice(box(slice(0, 0)), box(slice(0, 0))) is None


def test_masks_of_different_grids_are_refused():
    with pytest.raises(GeometryMismatchError, match="one grid"):
        dice(WHOLE, WHOLE[1:])


GRID = Grid(shape_zyx=SHAPE, spacing_xyz_mm=(2.0, 3.0, 5.0), origin_lps_mm=(0.0, 0.0, 0.0))


def test_the_same_surface_has_no_distance():
    assert surface_distances(WHOLE, WHOLE, grid=GRID) == SurfaceDistances(hausdorff_95_mm=0.0, mean_mm=0.0)


@pytest.mark.parametrize(("axis", "spacing_mm"), [(0, 5.0), (1, 3.0), (2, 2.0)])
def test_single_voxels_lie_apart_by_the_spacing_of_their_axis(axis, spacing_mm):
    first, second = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    first[2, 4, 4] = True
    place = [2, 4, 4]
    place[axis] += 3
    second[tuple(place)] = True
    found = surface_distances(first, second, grid=GRID)
    # Exact between voxel centres: only rounding of the sum differs.
    assert found.hausdorff_95_mm == pytest.approx(3 * spacing_mm)
    assert found.mean_mm == pytest.approx(3 * spacing_mm)


def test_the_larger_direction_counts_and_the_mean_takes_both():
    point = box(slice(2, 3), slice(4, 5), slice(0, 1))
    row = box(slice(2, 3), slice(4, 5), slice(0, 10))
    found = surface_distances(point, row, grid=GRID)
    # From the row 0, 2, ... 18 mm to the point, back 0: the 95th percentile of ten values lies at 8.55 steps.
    assert found.hausdorff_95_mm == pytest.approx(8.55 * 2.0)
    assert found.mean_mm == pytest.approx((90.0 + 0.0) / 11)
    assert surface_distances(row, point, grid=GRID) == found


def test_the_inside_of_a_region_does_not_count():
    solid = box(slice(0, 6), slice(0, 5), slice(0, 5))
    hollow = solid.copy()
    hollow[1:5, 1:4, 1:4] = False
    # Both have the same voxels at their surface: walls of one voxel are surface on either side.
    assert surface_distances(solid, hollow, grid=GRID).hausdorff_95_mm == 0.0


def test_there_is_no_distance_to_nothing():
    assert surface_distances(WHOLE, np.zeros(SHAPE, bool), grid=GRID) is None
    assert surface_distances(np.zeros(SHAPE, bool), WHOLE, grid=GRID) is None


def test_distances_need_the_grid_of_the_masks():
    with pytest.raises(GeometryMismatchError, match="one grid"):
        surface_distances(WHOLE, WHOLE[1:], grid=GRID)


def test_two_readers_by_hand():
    # |64 - 48| over the root of two times the mean 56.
    assert two_reader_cv(64.0, 48.0) == pytest.approx(16.0 / (2.0**0.5 * 56.0))
    assert two_reader_cv(48.0, 64.0) == two_reader_cv(64.0, 48.0)
    assert two_reader_cv(50.0, 50.0) == 0.0


def test_one_pair_gives_the_standard_deviation_of_two_samples():
    pair = np.array([31.0, 40.0])
    assert two_reader_cv(*pair) == pytest.approx(pair.std(ddof=1) / pair.mean())


@pytest.mark.parametrize("pair", [(0.0, 5.0), (5.0, -1.0), (np.nan, 5.0), (5.0, np.inf)])
def test_a_reading_without_volume_is_refused(pair):
    with pytest.raises(InvalidInputError, match="above zero"):
        two_reader_cv(*pair)
