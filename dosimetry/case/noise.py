"""Counting noise of the regions of a case, from the replicates that ``reconstruct --bootstrap`` wrote."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.activity import QuantifiedImage
from dosimetry.quantification.image_noise import region_noise
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.segmentation.regions import RegionMeasurement

SAME_SCAN = 0.05
"""Replicates of an image agree with its total activity within 1 %; those of another scan rarely within 5 %."""


def read_replicates(path: Path, *, image: QuantifiedImage) -> NoiseReplicates:
    """Read the replicates of an image as it is quantified.

    Raises
    ------
    InvalidInputError
        A damaged file, or one of another image.
    """
    replicates = NoiseReplicates.from_bytes(path.read_bytes()).times(image.decay_factor_applied)
    values = image.volume.values
    if replicates.shape_zyx != values.shape:
        raise InvalidInputError(
            f"The noise replicates are {replicates.shape_zyx}, the image {values.shape}: they belong to another image.",
            code="other_replicates",
        )
    total = float(np.mean(replicates.sums(np.ones(values.shape))))
    measured = float(values.sum(dtype=np.float64))
    if not abs(total - measured) <= SAME_SCAN * measured:
        raise InvalidInputError(
            f"The noise replicates hold {total / measured:.2f} times the activity of the image: they belong to another "
            "scan, or to another reconstruction.",
            code="other_replicates",
        )
    return replicates


def with_counting_noise(
    found: RegionMeasurement, replicates: NoiseReplicates, mask: NDArray[np.bool_], *, image: QuantifiedImage
) -> RegionMeasurement:
    """Return a measurement whose uncertainty holds counting noise beside the contour's edge."""
    noise = region_noise(replicates, mask, image=image.volume.values)
    if noise is None:
        return found
    u_bq = float(np.hypot(found.activity_standard_uncertainty_bq, noise.cv * found.activity_bq))
    return replace(found, activity_standard_uncertainty_bq=u_bq, counting_cv=noise.cv)
