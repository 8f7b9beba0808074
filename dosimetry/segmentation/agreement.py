"""How well two contours of one region agree."""

import numpy as np

from dosimetry.errors import GeometryMismatchError
from dosimetry.segmentation.boxes import Mask


def dice(first: Mask, second: Mask) -> float | None:
    """Return the Dice coefficient of two masks on one grid.

    Formula: 2 |A∩B| / (|A| + |B|). Counts voxels alike wherever they lie: for thin or small regions a voxel at the
    edge weighs much, so it is read beside a distance.

    Parameters
    ----------
    first, second : (z, y, x) bool array
        Masks on the same grid.

    Returns
    -------
    float or None
        0 (nothing shared) to 1 (the same voxels); None where both are empty, which says nothing about agreement.

    Raises
    ------
    GeometryMismatchError
        The masks have different shapes.

    References
    ----------
    .. [1] Dice LR, Measures of the amount of ecologic association between species, Ecology 1945;26:297-302,
       doi:10.2307/1932409.
    """
    if first.shape != second.shape:
        raise GeometryMismatchError(f"The masks have shapes {first.shape} and {second.shape}; use one grid.")
    n_voxels = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    if n_voxels == 0:
        return None
    return 2.0 * int(np.count_nonzero(first & second)) / n_voxels
