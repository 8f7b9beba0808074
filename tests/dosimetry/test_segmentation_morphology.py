"""Changes of shape on voxels that are not cubes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial import cKDTree

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import bounding_box, placed
from dosimetry.segmentation.morphology import (
    combine,
    fill_holes,
    interpolate_slices,
    keep_largest,
    margin,
    remove_islands,
    smooth,
)
from dosimetry.volume import Grid

GRID = Grid(shape_zyx=(20, 24, 28), spacing_xyz_mm=(1.0, 2.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
EMPTY = np.zeros(GRID.shape_zyx, dtype=bool)


def block(z, y, x):
    mask = EMPTY.copy()
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def refused(code, message, call, *arguments, **named):
    with pytest.raises(InvalidInputError, match=message) as caught:
        call(*arguments, **named)
    assert caught.value.code == code


def distances_mm(mask):
    """Distance of every voxel centre to the nearest centre of the mask, from a search tree."""
    spacing = np.array([4.0, 2.0, 1.0])
    points = np.indices(mask.shape).reshape(3, -1).T * spacing
    return cKDTree(np.argwhere(mask) * spacing).query(points)[0].reshape(mask.shape)


@pytest.mark.parametrize("margin_mm", [0.0, 1.0, 3.5, 8.0])
def test_growing_takes_all_centres_within_the_distance(margin_mm):
    mask = block((9, 11), (10, 12), (12, 15))
    assert np.array_equal(margin(mask, grid=GRID, margin_mm=margin_mm), distances_mm(mask) <= margin_mm)


def test_shrinking_keeps_what_is_farther_from_the_outside():
    mask = block((4, 15), (4, 20), (5, 23))
    # Planes at 4, 2, 1 mm: 3 mm take one plane across z, two rows, three columns from each side.
    expected = block((4, 15), (4, 20), (5, 23))
    expected &= distances_mm(~mask) > 3.0
    assert np.array_equal(margin(mask, grid=GRID, margin_mm=-3.0), expected)


def test_the_edge_of_the_image_counts_as_outside():
    full = np.ones(GRID.shape_zyx, dtype=bool)
    shrunk = margin(full, grid=GRID, margin_mm=-1.5)
    assert np.array_equal(shrunk, block((0, 20), (0, 24), (1, 27)))


def test_a_margin_that_leaves_nothing_is_refused():
    refused(
        "empty_region", "choose a smaller margin", margin, block((9, 10), (9, 10), (9, 10)), grid=GRID, margin_mm=-9
    )
    refused("empty_region", "draw it first", margin, EMPTY, grid=GRID, margin_mm=3.0)


def test_smoothing_keeps_a_plane_and_takes_a_spike():
    half = block((0, 20), (0, 24), (0, 14))
    spiked = half.copy()
    spiked[10, 12, 14:18] = True
    assert np.array_equal(smooth(half, grid=GRID, radius_mm=2.0), half)
    assert np.array_equal(smooth(spiked, grid=GRID, radius_mm=3.0), half)
    voxel = block((9, 10), (9, 10), (9, 10))
    refused("empty_region", "choose a smaller radius", smooth, voxel, grid=GRID, radius_mm=8.0)
    refused("bad_radius", "above zero", smooth, half, grid=GRID, radius_mm=0.0)
    refused("empty_region", "draw it first", smooth, EMPTY, grid=GRID, radius_mm=1.0)


def test_only_enclosed_cavities_are_filled():
    cup = block((4, 12), (4, 12), (4, 12)) & ~block((6, 12), (6, 10), (6, 10))
    assert np.array_equal(fill_holes(cup), cup)
    # On its slices the cup encloses all that it holds.
    assert np.array_equal(fill_holes(cup, by_slice=True), block((4, 12), (4, 12), (4, 12)))
    groove = block((4, 12), (4, 12), (4, 12)) & ~block((6, 10), (4, 10), (6, 10))
    assert np.array_equal(fill_holes(groove, by_slice=True), groove)
    shell = block((4, 12), (4, 12), (4, 12)) & ~block((6, 10), (6, 10), (6, 10))
    assert np.array_equal(fill_holes(shell), block((4, 12), (4, 12), (4, 12)))
    refused("empty_region", "draw it first", fill_holes, EMPTY)


def test_the_largest_part_stays():
    large, small = block((2, 8), (2, 8), (2, 8)), block((12, 15), (12, 15), (12, 15))
    # Parts that touch only at a corner are apart.
    corner = block((8, 9), (8, 9), (8, 9))
    assert np.array_equal(keep_largest(large | small | corner), large)
    alone = keep_largest(small)
    assert np.array_equal(alone, small)
    assert alone is not small
    refused("empty_region", "draw it first", keep_largest, EMPTY)


def test_islands_below_a_volume_go():
    large, small = block((2, 8), (2, 8), (2, 8)), block((12, 15), (12, 15), (12, 15))
    small_ml = 27 * GRID.voxel_volume_ml
    assert np.array_equal(remove_islands(large | small, grid=GRID, minimum_ml=1.01 * small_ml), large)
    assert np.array_equal(remove_islands(large | small, grid=GRID, minimum_ml=0.99 * small_ml), large | small)
    refused("empty_region", "smaller than this volume", remove_islands, small, grid=GRID, minimum_ml=50.0)
    refused("empty_region", "draw it first", remove_islands, EMPTY, grid=GRID, minimum_ml=1.0)


def test_slices_between_drawn_ones_change_evenly():
    drawn = block((4, 5), (4, 20), (4, 24)) | block((8, 9), (8, 16), (8, 20))
    filled = interpolate_slices(drawn)
    # Four rows and columns on each side in four steps: one at each slice. Corners are cut by at most one pixel.
    for k in range(4, 9):
        inset = k - 4
        expected = block((k, k + 1), (4 + inset, 20 - inset), (4 + inset, 24 - inset))[k]
        assert np.array_equal(filled[k][:, 14], expected[:, 14])
        assert np.array_equal(filled[k][12], expected[12])
        assert not (filled[k] & ~expected).any()
        assert np.count_nonzero(expected & ~filled[k]) <= 4
    assert np.array_equal(filled.any(axis=(1, 2)), [4 <= k <= 8 for k in range(20)])


def test_drawn_slices_are_left_as_they_are():
    drawn = block((4, 6), (4, 20), (4, 24)) | block((8, 9), (10, 12), (10, 12))
    filled = interpolate_slices(drawn)
    assert np.array_equal(filled[[4, 5, 8]], drawn[[4, 5, 8]])
    refused("too_few_slices", "at least two slices", interpolate_slices, block((4, 5), (4, 8), (4, 8)))
    refused("empty_region", "draw it first", interpolate_slices, EMPTY)


def test_booleans():
    first, second = block((2, 8), (2, 8), (2, 8)), block((4, 10), (4, 10), (4, 10))
    n_first, n_shared = 216, 64
    assert combine(first, second, operation="union").sum() == 2 * n_first - n_shared
    assert combine(first, second, operation="intersection").sum() == n_shared
    assert np.array_equal(combine(first, second, operation="difference"), first & ~second)
    refused("other_grid", "one grid", combine, first, first[1:], operation="union")
    refused("unknown_operation", "xor", combine, first, second, operation="xor")


@given(mask=arrays.arrays(bool, (4, 5, 6)), margin_voxels=st.tuples(*[st.integers(0, 3)] * 3))
@settings(max_examples=60, deadline=None)
def test_the_box_holds_all_and_puts_all_back(mask, margin_voxels):
    if not mask.any():
        refused("empty_region", "draw it first", bounding_box, mask)
        return
    box = bounding_box(mask, margin_voxels=margin_voxels)
    assert np.array_equal(placed(mask[box], box, mask.shape), mask)
    tight = bounding_box(mask)
    for wide, narrow, extra, size in zip(box, tight, margin_voxels, mask.shape, strict=True):
        assert (wide.start, wide.stop) == (max(narrow.start - extra, 0), min(narrow.stop + extra, size))
