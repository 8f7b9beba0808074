"""Partial-volume correction of every voxel: region-based, iterative Yang, Richardson-Lucy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.quantification.corrected_image import CorrectedImage, check_iterations, corrected_image
from dosimetry.quantification.geometric_transfer import (
    GtmResult,
    checked_condition,
    gtm,
    transfer_matrix,
)
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.region_fractions import (
    Partition,
    RegionChange,
    checked_image,
    partition,
    what_changed,
)
from dosimetry.quantification.richardson_lucy import richardson_lucy

FloatArray = NDArray[np.float64]
SMALLEST_EXPECTED = 1e-6
"""Of the largest expected value: where less is expected, measured over expected says nothing."""

__all__ = [
    "CorrectedImage",
    "GtmResult",
    "RegionChange",
    "gtm",
    "iterative_yang",
    "rbv",
    "richardson_lucy",
    "what_changed",
]


def rbv(
    image: NDArray[Any],
    fractions: Mapping[str, NDArray[Any]],
    *,
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float | tuple[float, float, float],
) -> CorrectedImage:
    """Correct voxels with the regions' corrected means: f = I s / (H s), s = sum_j c_j R_j, c from the matrix.

    The structure inside regions stays as measured (still blurred); only spill across borders is undone. The total
    is not kept exactly, and a region that is missing from the map stays uncorrected.

    Parameters
    ----------
    image : (z, y, x) array
        Activity concentration, any unit.
    fractions : mapping of name to (z, y, x) array
        Share of each voxel in each region; voxels outside all of them form ``rest``.
    spacing_xyz_mm : (x, y, z) float
        Distance between voxel centres, mm.
    fwhm_mm : float or (x, y, z) float
        Resolution of the reconstructed image, mm, as ``PointSpread`` describes it.

    Returns
    -------
    CorrectedImage
        With the regions' means from the geometric transfer matrix.

    Raises
    ------
    InvalidInputError
        As for ``gtm``.
    GeometryMismatchError
        Shapes differ.

    References
    ----------
    .. [1] Thomas et al., The importance of appropriate partial volume correction for PET quantification in Alzheimer's
       disease, Eur J Nucl Med Mol Imaging 38:1104, 2011, 10.1007/s00259-011-1745-9.
    """
    means = gtm(image, fractions, spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    values = checked_image(image)
    regions = partition(fractions, shape_zyx=values.shape)
    spread = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    corrected, n_unchanged = _yang_step(values, regions.image(means.means), spread)
    return corrected_image(
        values,
        corrected,
        fractions,
        region_means=dict(zip(means.names, means.means.tolist(), strict=True)),
        relative_steps=(),
        n_unchanged=n_unchanged,
    )


def iterative_yang(
    image: NDArray[Any],
    fractions: Mapping[str, NDArray[Any]],
    *,
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float | tuple[float, float, float],
    n_iterations: int,
    tolerance: float | None = None,
) -> CorrectedImage:
    """Correct voxels with means that the corrected image itself gives, again and again; no matrix to invert.

    Each iteration takes concentrations c of the regions from the current image and sets f = I s / (H s),
    s = sum_j c_j R_j. The means are those of the least-squares fit of s to the image: with masks of whole voxels the
    plain means of the paper, with shares also right in the voxels that regions divide.

    Parameters
    ----------
    image, fractions, spacing_xyz_mm, fwhm_mm
        As for ``rbv``.
    n_iterations : int
        At most so many, 1 or more.
    tolerance : float or None
        Stop when no region's concentration moves by more than this share of the largest one.

    Returns
    -------
    CorrectedImage
        With the steps of the concentrations.

    Raises
    ------
    InvalidInputError
        As for ``rbv``; no iteration; a tolerance not above zero.
    GeometryMismatchError
        Shapes differ.

    References
    ----------
    .. [1] Erlandsson, Buvat, Pretorius, Thomas, Hutton, A review of partial volume correction techniques for emission
       tomography, Phys Med Biol 57:R119, 2012, 10.1088/0031-9155/57/21/R119.
    """
    check_iterations(n_iterations, tolerance)
    values = checked_image(image)
    regions = partition(fractions, shape_zyx=values.shape)
    spread = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    checked_condition(transfer_matrix(regions, spread), regions.names)
    gram = _gram(regions)
    corrected, means, steps, n_unchanged = values, _fitted(values, regions, gram), [], 0
    for _ in range(n_iterations):
        corrected, n_unchanged = _yang_step(values, regions.image(means), spread)
        updated = _fitted(corrected, regions, gram)
        scale = float(np.max(np.abs(updated)))
        steps.append(float(np.max(np.abs(updated - means))) / scale if scale > 0.0 else 0.0)
        means = updated
        if tolerance is not None and steps[-1] <= tolerance:
            break
    return corrected_image(
        values,
        corrected,
        fractions,
        region_means=dict(zip(regions.names, means.tolist(), strict=True)),
        relative_steps=tuple(steps),
        tolerance=tolerance,
        n_unchanged=n_unchanged,
    )


def _yang_step(values: FloatArray, model: FloatArray, spread: PointSpread) -> tuple[FloatArray, int]:
    """Return I s / (H s) and the number of voxels where that ratio has no meaning and I stays."""
    expected = spread.blur(model)
    has_meaning = (expected > SMALLEST_EXPECTED * float(np.max(expected))) & (model >= 0.0)
    ratio = np.divide(model, expected, out=np.ones_like(values), where=has_meaning)
    return values * ratio, int(np.count_nonzero(~has_meaning))


def _gram(regions: Partition) -> FloatArray:
    flat = regions.shares.reshape(len(regions.names), -1)
    return np.asarray(flat @ flat.T, dtype=np.float64)


def _fitted(image: FloatArray, regions: Partition, gram: FloatArray) -> FloatArray:
    """Return the concentrations whose piecewise uniform image lies nearest to an image."""
    flat = regions.shares.reshape(len(regions.names), -1)
    return np.asarray(np.linalg.solve(gram, flat @ image.ravel()), dtype=np.float64)
