"""An area on a slice against counted voxels, and its numbers against those of an exactly known image."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.area import area_mask, spread_in
from dosimetry.volume import Grid, Volume

GRID = Grid(shape_zyx=(6, 10, 12), spacing_xyz_mm=(2.0, 3.0, 4.0), origin_lps_mm=(100.0, 50.0, -8.0))


def square(low, high, axes, at):
    """Corners in voxel coordinates of a square in two axes, as LPS millimetres."""
    index = np.empty((4, 3))
    normal = ({0, 1, 2} - set(axes)).pop()
    index[:, normal] = at
    index[:, axes[0]] = [low, high, high, low]
    index[:, axes[1]] = [low, low, high, high]
    return np.array(GRID.origin_lps_mm) + index * np.array(GRID.spacing_xyz_mm)


@pytest.mark.parametrize(
    ("plane", "axes", "place"),
    [
        ("axial", (0, 1), np.s_[3, 2:5, 2:5]),
        ("coronal", (0, 2), np.s_[2:5, 3, 2:5]),
        ("sagittal", (1, 2), np.s_[2:5, 2:5, 3]),
    ],
)
def test_a_square_holds_its_voxels_in_each_plane(plane, axes, place):
    expected = np.zeros(GRID.shape_zyx, bool)
    expected[place] = True
    np.testing.assert_array_equal(area_mask(square(1.5, 4.5, axes, 3.2), plane=plane, grid=GRID), expected)


def test_a_line_drawn_twice_around_is_no_hole():
    points = square(1.5, 4.5, (0, 1), 3)
    once = area_mask(points, plane="axial", grid=GRID)
    np.testing.assert_array_equal(area_mask(np.concatenate([points, points]), plane="axial", grid=GRID), once)


def test_a_line_beyond_the_image_is_cut_at_its_border():
    assert area_mask(square(-50, 50, (0, 1), 0), plane="axial", grid=GRID).sum() == 10 * 12


@pytest.mark.parametrize(
    ("points", "code"),
    [
        (square(1.5, 4.5, (0, 1), 3)[:2], "area_open"),
        (square(1.5, 4.5, (0, 1), 6), "area_outside"),
        (square(1.5, 4.5, (0, 1), -1), "area_outside"),
        (square(1.2, 1.4, (0, 1), 3), "area_empty"),
        (square(40.0, 50.0, (0, 1), 3), "area_empty"),
    ],
)
def test_an_area_that_cannot_be_measured_says_why(points, code):
    with pytest.raises(InvalidInputError) as refused:
        area_mask(points, plane="axial", grid=GRID)
    assert refused.value.code == code


def test_mean_and_spread_of_known_values():
    mask = area_mask(square(1.5, 4.5, (0, 1), 3), plane="axial", grid=GRID)
    values = np.zeros(GRID.shape_zyx, np.float32)
    values[3, 2:5, 2:5] = np.arange(1, 10).reshape(3, 3)
    found = spread_in(mask, GRID, Volume(values=values, grid=GRID, unit="HU"))
    # One to nine: mean 5, variance (9² - 1) / 12.
    assert found.mean == pytest.approx(5.0)
    assert found.standard_deviation == pytest.approx(np.sqrt(80.0 / 12.0))


def test_voxels_count_by_their_share_inside():
    """Image voxels twice as wide: the area covers the first half and the second whole."""
    mask = np.zeros(GRID.shape_zyx, bool)
    mask[3, 4, 1:4] = True
    wide = Grid(shape_zyx=(6, 10, 6), spacing_xyz_mm=(4.0, 3.0, 4.0), origin_lps_mm=(101.0, 50.0, -8.0))
    values = np.zeros(wide.shape_zyx, np.float32)
    values[3, 4, 0], values[3, 4, 1] = 30.0, 60.0
    found = spread_in(mask, GRID, Volume(values=values, grid=wide, unit="HU"))
    assert found.mean == pytest.approx(50.0, rel=1e-6)
    assert found.standard_deviation == pytest.approx(np.sqrt((400.0 + 2.0 * 100.0) / 3.0), rel=1e-6)


def test_an_area_outside_the_image_has_no_numbers():
    mask = np.zeros(GRID.shape_zyx, bool)
    mask[0, 0, 0] = True
    far = Grid(shape_zyx=(2, 2, 2), spacing_xyz_mm=(2.0, 2.0, 2.0), origin_lps_mm=(500.0, 0.0, 0.0))
    with pytest.raises(InvalidInputError, match="outside the image"):
        spread_in(mask, GRID, Volume(values=np.zeros((2, 2, 2), np.float32), grid=far, unit="HU"))
