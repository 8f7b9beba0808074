"""Work inside a mask's bounding box, so that large grids stay fast."""

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def bounding_box(mask: Mask, *, margin_voxels: tuple[int, int, int] = (0, 0, 0)) -> Box:
    """Return the slices of the smallest box around a mask, grown by a margin inside the array.

    Raises
    ------
    InvalidInputError
        The mask is empty.
    """
    slices = []
    for axis, margin in enumerate(margin_voxels):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if hits.size == 0:
            raise InvalidInputError("The region is empty; draw it first.", code="empty_region")
        slices.append(slice(max(int(hits[0]) - margin, 0), min(int(hits[-1]) + 1 + margin, mask.shape[axis])))
    return slices[0], slices[1], slices[2]


def placed(part: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    """Return a full-size mask with ``part`` in its box."""
    mask = np.zeros(shape, dtype=bool)
    mask[box] = part
    return mask
