"""What a network sees of CT and emission: numbers without unit, the same in training and in use."""

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

FloatArray = NDArray[np.float32]

CHANNELS = ("soft tissue", "whole range", "emission", "CT is there", "emission is there")
SOFT_CENTRE_HU, SOFT_HALF_WIDTH_HU = 40.0, 160.0
WHOLE_CENTRE_HU, WHOLE_HALF_WIDTH_HU = 0.0, 1000.0
EMISSION_PERCENTILE = 90.0
"""Of the voxels above a thousandth of the maximum: near the tissue of an ordinary image, above its background."""
FLOOR_SHARE = 1e-3


def emission_scale(emission: NDArray[np.floating], seen: NDArray[np.bool_]) -> float:
    """Return the concentration that counts as one, in the unit of the image; 0 for an image without activity.

    Parameters
    ----------
    emission : (n_z, n_y, n_x) array
        Any unit that is proportional to activity concentration.
    seen : (n_z, n_y, n_x) bool array
        Where the image has values.
    """
    values = emission[seen & np.isfinite(emission)]
    if values.size == 0 or values.max() <= 0.0:
        return 0.0
    return float(np.percentile(values[values > FLOOR_SHARE * values.max()], EMISSION_PERCENTILE))


def network_input(
    *,
    ct_hu: NDArray[np.number] | None,
    ct_is_seen: NDArray[np.bool_] | None,
    emission: NDArray[np.floating] | None,
    emission_is_seen: NDArray[np.bool_] | None,
) -> FloatArray:
    """Return the channels of one image on the working grid.

    Parameters
    ----------
    ct_hu, emission : (n_z, n_y, n_x) array or None
        CT numbers in HU, and activity concentration in any unit; either may be missing.
    ct_is_seen, emission_is_seen : (n_z, n_y, n_x) bool array or None
        Where each covers the grid; None where all of it does.

    Returns
    -------
    (5, n_z, n_y, n_x) float32 array
        CT in a soft-tissue window and in its whole range, both from -1 to 1; emission as the inverse hyperbolic sine
        of the value over its scale, which keeps both faint and hot organs; where each is there.

    Raises
    ------
    InvalidInputError
        Neither image is there (``no_image``), they differ in shape, or the emission holds no activity
        (``empty_image``).
    """
    given = [image for image in (ct_hu, emission) if image is not None]
    if not given:
        raise InvalidInputError("A network needs a CT or an emission image.", code="no_image")
    shape = given[0].shape
    if any(image.shape != shape for image in given):
        raise InvalidInputError("CT and emission must share the working grid.", code="other_grid")
    channels = np.zeros((len(CHANNELS), *shape), dtype=np.float32)
    if ct_hu is not None:
        seen = np.ones(shape, dtype=bool) if ct_is_seen is None else ct_is_seen
        hu = np.where(seen, ct_hu, -1000.0)
        channels[0] = np.clip((hu - SOFT_CENTRE_HU) / SOFT_HALF_WIDTH_HU, -1.0, 1.0)
        channels[1] = np.clip((hu - WHOLE_CENTRE_HU) / WHOLE_HALF_WIDTH_HU, -1.0, 1.0)
        channels[3] = seen
    if emission is not None:
        seen = np.ones(shape, dtype=bool) if emission_is_seen is None else emission_is_seen
        scale = emission_scale(emission, seen)
        if scale <= 0.0:
            raise InvalidInputError("The emission image holds no activity.", code="empty_image")
        channels[2] = np.where(seen, np.arcsinh(np.maximum(emission, 0.0) / scale * 4.0), 0.0)
        channels[4] = seen
    return channels
