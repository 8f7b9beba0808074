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
    found: list[slice] = []
    # Each axis is searched inside what the axes before it left: the first one alone reads the whole array.
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(mask[tuple(found)].any(axis=others))
        if hits.size == 0:
            raise InvalidInputError("The region is empty; draw it first.", code="empty_region")
        found.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return grown((found[0], found[1], found[2]), mask.shape, margin_voxels=margin_voxels)


def grown(box: Box, shape: tuple[int, ...], *, margin_voxels: tuple[int, int, int]) -> Box:
    """Return a box with a margin on all sides, cut at the array."""
    z, y, x = (
        slice(max(part.start - margin, 0), min(part.stop + margin, n))
        for part, margin, n in zip(box, margin_voxels, shape, strict=True)
    )
    return z, y, x


def placed(part: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    """Return a full-size mask with ``part`` in its box."""
    mask = np.zeros(shape, dtype=bool)
    mask[box] = part
    return mask
