"""Touching hot spots told apart."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.basins import split_basins

Z, Y, X = np.indices((20, 20, 30), dtype=float)


def spot(x: float, sigma: float, height: float) -> np.ndarray:
    return height * np.exp(-((Z - 10.0) ** 2 + (Y - 10.0) ** 2 + (X - x) ** 2) / (2.0 * sigma**2))


def test_two_spots_with_a_deep_valley_are_two_the_hotter_first():
    image = spot(9.0, 2.5, 10.0) + spot(20.0, 2.5, 8.0)
    mask = image > 1.0
    basins = split_basins(mask, image, least_voxels=8)
    assert set(np.unique(basins[mask])) == {1, 2} and not basins[~mask].any()
    assert basins[10, 10, 9] == 1 and basins[10, 10, 20] == 2
    # The border lies half way, where the two meet.
    assert np.all(basins[mask & (X < 14.0)] == 1) and np.all(basins[mask & (X > 16.0)] == 2)


def test_two_spots_with_a_shallow_valley_are_one():
    image = spot(12.0, 3.5, 10.0) + spot(18.0, 3.5, 9.0)
    mask = image > 1.0
    assert split_basins(mask, image, least_voxels=8).max() == 1


def test_a_spot_too_small_to_stand_alone_joins_its_neighbour():
    image = spot(9.0, 2.5, 10.0) + spot(20.0, 1.2, 8.0)
    mask = image > 0.05
    n_small = np.count_nonzero(split_basins(mask, image, least_voxels=8) == 2)
    assert n_small > 0
    assert split_basins(mask, image, least_voxels=n_small + 1).max() == 1


def test_noise_does_not_break_a_spot():
    generator = np.random.default_rng(2)
    image = spot(15.0, 4.0, 10.0) * (1.0 + 0.1 * generator.standard_normal(X.shape))
    assert split_basins(image > 2.0, image, least_voxels=8).max() == 1


def test_an_empty_mask_is_refused():
    with pytest.raises(InvalidInputError) as error:
        split_basins(np.zeros((3, 3, 3), dtype=bool), np.zeros((3, 3, 3)), least_voxels=1)
    assert error.value.code == "empty_region"
