"""Richardson-Lucy deconvolution of an image, without regions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.corrected_image import CorrectedImage, check_iterations, corrected_image
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.region_fractions import checked_image


def richardson_lucy(
    image: NDArray[Any],
    *,
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float | tuple[float, float, float],
    n_iterations: int,
    tolerance: float | None = None,
    fractions: Mapping[str, NDArray[Any]] | None = None,
) -> CorrectedImage:
    """Sharpen an image without regions: x <- x H(I / (H x)), starting from the image.

    Needs no contours, but raises noise and makes edges ring: a sphere's rim overshoots (Gibbs) and the number of
    iterations becomes part of the calibration. Stop early.

    Parameters
    ----------
    image : (z, y, x) array
        Activity concentration, not below zero.
    spacing_xyz_mm, fwhm_mm
        As for ``rbv``.
    n_iterations : int
        At most so many, 1 or more.
    tolerance : float or None
        Stop when the sum of absolute changes falls to this share of the image's sum.
    fractions : mapping of name to (z, y, x) array or None
        Regions in which the change is told; they have no part in the method.

    Returns
    -------
    CorrectedImage
        Not below zero. The total activity is kept exactly in every iteration, since H keeps it and is symmetric.

    Raises
    ------
    InvalidInputError
        Values below zero or none above it; no iteration; a tolerance not above zero; a bad resolution.
    GeometryMismatchError
        Shapes differ.

    References
    ----------
    .. [1] Richardson, Bayesian-based iterative method of image restoration, J Opt Soc Am 62:55, 1972.
    .. [2] Lucy, An iterative technique for the rectification of observed distributions, Astron J 79:745, 1974.
    """
    check_iterations(n_iterations, tolerance)
    values = checked_image(image)
    n_negative = int(np.count_nonzero(values < 0.0))
    if n_negative:
        raise InvalidInputError(
            f"Richardson-Lucy needs values not below zero; {n_negative} voxels are. Use a region-based correction.",
            code="negative_image",
        )
    total = float(values.sum())
    if total == 0.0:
        raise InvalidInputError("The image is empty.", code="bad_image")
    spread = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    estimate, steps = values, []
    for _ in range(n_iterations):
        expected = spread.blur(estimate)
        # Where nothing is expected, nothing was measured either: the start is the image and its kernel reaches it.
        ratio = np.divide(values, expected, out=np.zeros_like(values), where=expected > 0.0)
        updated = estimate * spread.blur(ratio)
        steps.append(float(np.abs(updated - estimate).sum()) / total)
        estimate = updated
        if tolerance is not None and steps[-1] <= tolerance:
            break
    return corrected_image(
        values, estimate, fractions or {}, region_means={}, relative_steps=tuple(steps), tolerance=tolerance
    )
