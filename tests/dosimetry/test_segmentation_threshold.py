"""Regions by sphere, threshold and growing: known shapes, and every refusal."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.threshold import (
    level_of_maximum,
    region_grow,
    sphere_mask,
    threshold_fixed,
    threshold_in_sphere,
)
from dosimetry.volume import Grid, Volume

GRID = Grid(shape_zyx=(20, 30, 40), spacing_xyz_mm=(2.0, 2.5, 3.0), origin_lps_mm=(-40.0, -30.0, 100.0))


def image(values=None):
    return Volume(values=np.zeros(GRID.shape_zyx) if values is None else values, grid=GRID, unit="Bq/mL")


def point(z, y, x):
    return tuple(float(value) for value in GRID.index_to_lps_mm(np.array([z, y, x], dtype=float)))


def two_spots():
    """A hot spot of 100 with a rim of 50, and a warmer spot of 80 apart from it."""
    values = np.full(GRID.shape_zyx, 5.0)
    values[8:13, 8:13, 8:13] = 50.0
    values[9:12, 9:12, 9:12] = 100.0
    values[9:12, 9:12, 20:23] = 80.0
    return image(values)


def refused(code, message, call, *arguments, **named):
    with pytest.raises(InvalidInputError, match=message) as caught:
        call(*arguments, **named)
    assert caught.value.code == code


def test_a_sphere_holds_the_centres_within_its_radius():
    centre = (3.3, 4.4, 128.0)
    mask = sphere_mask(image(), centre_lps_mm=centre, radius_mm=17.0)
    points = GRID.index_to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1).astype(float))
    assert np.array_equal(mask, np.linalg.norm(points - np.array(centre), axis=-1) <= 17.0)
    # 15 mL voxels against 20.6 mL: voxelisation of a sphere of eight voxels across stays within 2 %.
    assert mask.sum() * GRID.voxel_volume_ml == pytest.approx(4 / 3 * np.pi * 1.7**3, rel=0.02)


def test_a_sphere_at_the_edge_is_cut_and_one_outside_refused():
    mask = sphere_mask(image(), centre_lps_mm=point(0, 0, 0), radius_mm=6.0)
    assert mask[0, 0, 0]
    assert mask.sum() < sphere_mask(image(), centre_lps_mm=point(10, 15, 20), radius_mm=6.0).sum()
    for centre in ((900.0, 0.0, 120.0), (0.0, 0.0, -500.0)):
        refused("region_outside", "outside the image", sphere_mask, image(), centre_lps_mm=centre, radius_mm=5.0)


@pytest.mark.parametrize("radius_mm", [0.0, -1.0, np.nan])
def test_a_radius_must_be_above_zero(radius_mm):
    refused("bad_radius", "above zero", sphere_mask, image(), centre_lps_mm=point(5, 5, 5), radius_mm=radius_mm)


def test_a_fixed_threshold_includes_its_value():
    volume = two_spots()
    assert np.array_equal(threshold_fixed(volume, minimum=80.0), volume.values >= 80.0)
    within = np.zeros(GRID.shape_zyx, dtype=bool)
    within[:, :, 15:] = True
    assert threshold_fixed(volume, minimum=50.0, within=within).sum() == 27
    refused("empty_region", "choose a lower one", threshold_fixed, volume, minimum=100.1)


@pytest.mark.parametrize(("share", "n_voxels"), [(0.41, 125), (0.5, 125), (0.51, 27)])
def test_a_share_of_the_maximum_of_the_sphere_keeps_the_part_round_it(share, n_voxels):
    mask = threshold_in_sphere(two_spots(), centre_lps_mm=point(10, 10, 14), radius_mm=40.0, fraction_of_maximum=share)
    assert mask.sum() == n_voxels
    assert not mask[:, :, 18:].any()


def test_the_maximum_is_that_of_the_sphere_not_of_the_image():
    mask = threshold_in_sphere(two_spots(), centre_lps_mm=point(10, 10, 21), radius_mm=9.0, fraction_of_maximum=0.41)
    assert mask.sum() == 27
    assert mask[10, 10, 21]


def test_a_fixed_threshold_in_a_sphere():
    mask = threshold_in_sphere(two_spots(), centre_lps_mm=point(10, 10, 10), radius_mm=40.0, minimum=60.0)
    assert mask.sum() == 27


def test_bad_thresholds_are_refused():
    sphere = {"centre_lps_mm": point(10, 10, 10), "radius_mm": 20.0}
    one_of_both = "either a fixed threshold or a share"
    refused("threshold_choice", one_of_both, threshold_in_sphere, two_spots(), **sphere)
    both = {**sphere, "minimum": 1.0, "fraction_of_maximum": 0.4}
    refused("threshold_choice", one_of_both, threshold_in_sphere, two_spots(), **both)
    for share in (0.0, 1.0, 41.0, -0.1, np.nan):
        arguments = {**sphere, "fraction_of_maximum": share}
        refused("threshold_range", "between 0 and 1", threshold_in_sphere, two_spots(), **arguments)
    refused("empty_region", "No voxel reaches", threshold_in_sphere, two_spots(), **sphere, minimum=500.0)


def test_a_level_is_a_share_of_the_image_or_of_a_part_of_it():
    volume = two_spots()
    assert level_of_maximum(volume, fraction=0.41) == pytest.approx(41.0)
    around_the_warmer = sphere_mask(volume, centre_lps_mm=point(10, 10, 21), radius_mm=9.0)
    assert level_of_maximum(volume, fraction=0.5, within=around_the_warmer) == pytest.approx(40.0)
    for share in (0.0, 1.0, 41.0, np.nan):
        refused("threshold_range", "between 0 and 1", level_of_maximum, volume, fraction=share)
    refused("empty_region", "above zero", level_of_maximum, image(), fraction=0.41)


def test_growing_stays_in_the_connected_part():
    mask = region_grow(two_spots(), seed_lps_mm=point(10, 10, 10), minimum=40.0)
    assert mask.sum() == 125
    rim = region_grow(two_spots(), seed_lps_mm=point(8, 8, 8), minimum=40.0, maximum=60.0)
    assert rim.sum() == 125 - 27


def test_bad_seeds_are_refused():
    volume = two_spots()
    outside = "seed lies outside the image"
    refused("region_outside", outside, region_grow, volume, seed_lps_mm=point(-1, 5, 5), minimum=1.0)
    refused("region_outside", outside, region_grow, volume, seed_lps_mm=point(5, 5, 40), minimum=1.0)
    refused("seed_outside", "outside the chosen range", region_grow, volume, seed_lps_mm=point(0, 0, 0), minimum=10.0)
