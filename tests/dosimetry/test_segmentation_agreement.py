"""Agreement of two contours against counts and distances that follow from the shapes."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError
from dosimetry.segmentation.agreement import dice

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
