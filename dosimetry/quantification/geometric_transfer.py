"""Partial-volume correction of region means with the geometric transfer matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.region_fractions import Partition, checked_image, partition

FloatArray = NDArray[np.float64]
MAX_CONDITION_NUMBER = 1e3
"""The matrix may multiply relative errors by this number: at 1e3 a thousandth of noise is as large as the result."""
RESOLUTION_STEP = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GtmResult:
    """Hold concentrations of regions before and after correction.

    Parameters
    ----------
    names : tuple of str
        Regions; ``rest`` last if some voxels belong to none.
    means, observed_means : (n_regions,) array
        Corrected and measured, units of the image.
    volumes_ml : (n_regions,) array
        mL.
    transfer_matrix : (n_regions, n_regions) array
        Row i, column j: mean in region i when region j holds 1 everywhere. Rows sum to 1.
    condition_number : float
        Of the matrix; near 1 for large regions.
    covariance : (n_regions, n_regions) array or None
        Of ``means`` from voxel noise; None without a variance map.
    """

    names: tuple[str, ...]
    means: FloatArray
    observed_means: FloatArray
    volumes_ml: FloatArray
    transfer_matrix: FloatArray
    condition_number: float
    covariance: FloatArray | None

    def mean(self, name: str) -> float:
        """Return the corrected mean of a region, units of the image."""
        return float(self.means[self._index(name)])

    def activity(self, name: str) -> float:
        """Return corrected mean times volume: Bq if the image holds Bq/mL."""
        return self.mean(name) * float(self.volumes_ml[self._index(name)])

    def relative_change(self, name: str) -> float | None:
        """Return corrected over measured mean, less 1; None where nothing was measured."""
        observed = float(self.observed_means[self._index(name)])
        return None if observed == 0.0 else self.mean(name) / observed - 1.0

    def standard_uncertainty(self, name: str) -> float | None:
        """Return that of the corrected mean from voxel noise; None without a variance map."""
        index = self._index(name)
        return None if self.covariance is None else float(np.sqrt(self.covariance[index, index]))

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise InvalidInputError(f"There is no region {name!r}; there are {', '.join(self.names)}.")
        return self.names.index(name)


def gtm(
    image: NDArray[Any],
    fractions: Mapping[str, NDArray[Any]],
    *,
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float | tuple[float, float, float],
    variance: NDArray[Any] | None = None,
    noise_fwhm_mm: float | tuple[float, float, float] = 0.0,
) -> GtmResult:
    """Undo spill between regions that are each uniform: t = W c, W_ij = sum_v R_i (H R_j) / sum_v R_i.

    Exact when every region, the rest included, really is uniform and the resolution is known. A lesion that is not
    drawn, or a rest that is lung and liver at once, spills uncorrected.

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
    variance : (z, y, x) array or None
        Of the voxel values, units of the image squared.
    noise_fwhm_mm : float or (x, y, z) float
        Width of the Gaussian that smoothed the noise, mm. 0 takes voxels as independent, which is too small for a
        reconstructed image.

    Returns
    -------
    GtmResult
        Means, the matrix, its condition number and, with a variance, the covariance of the means. Systematic errors
        (contours, resolution) are not in it.

    Raises
    ------
    InvalidInputError
        The matrix is nearly singular, or regions, image, variance or resolution cannot be used.
    GeometryMismatchError
        Shapes differ.

    References
    ----------
    .. [1] Rousset, Ma, Evans, Correction for partial volume effects in PET: principle and validation, J Nucl Med
       39:904, 1998.
    """
    values = checked_image(image)
    regions = partition(fractions, shape_zyx=values.shape)
    spread = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    matrix = transfer_matrix(regions, spread)
    condition = checked_condition(matrix, regions.names)
    observed = regions.averages(values)
    covariance = None
    if variance is not None:
        noise = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=noise_fwhm_mm)
        inverse = np.linalg.inv(matrix)
        covariance = inverse @ _covariance(regions, variance, noise) @ inverse.T
    return GtmResult(
        names=regions.names,
        means=np.asarray(np.linalg.solve(matrix, observed), dtype=np.float64),
        observed_means=observed,
        volumes_ml=regions.n_voxels * float(np.prod(spacing_xyz_mm)) / 1e3,
        transfer_matrix=matrix,
        condition_number=condition,
        covariance=covariance,
    )


def resolution_sensitivity(
    image: NDArray[Any],
    fractions: Mapping[str, NDArray[Any]],
    *,
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float | tuple[float, float, float],
) -> dict[str, float]:
    """Return for each region d mean / d ln FWHM of the corrected mean, units of the image.

    The resolution is often known to a millimetre only, and the correction is as wrong as that says:
    u(mean) = |sensitivity| u(FWHM) / FWHM, common to all regions of an image and to all time points.

    Parameters
    ----------
    image, fractions, spacing_xyz_mm, fwhm_mm
        As for ``gtm``.

    Returns
    -------
    dict of str to float
        By central difference over one per cent of the width either way.

    Raises
    ------
    InvalidInputError, GeometryMismatchError
        As for ``gtm``.
    """
    values = checked_image(image)
    regions = partition(fractions, shape_zyx=values.shape)
    observed = regions.averages(values)
    widths = np.broadcast_to(np.asarray(fwhm_mm, dtype=np.float64), (3,))
    means = []
    for step in (RESOLUTION_STEP, -RESOLUTION_STEP):
        x, y, z = (float(width) for width in widths * np.exp(step))
        matrix = transfer_matrix(regions, PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=(x, y, z)))
        checked_condition(matrix, regions.names)
        means.append(np.linalg.solve(matrix, observed))
    slopes = (means[0] - means[1]) / (2.0 * RESOLUTION_STEP)
    return dict(zip(regions.names, slopes.tolist(), strict=True))


def transfer_matrix(regions: Partition, spread: PointSpread) -> FloatArray:
    """Return W, (n_regions, n_regions): mean in region i (row) of a unit concentration in region j (column)."""
    n_regions = len(regions.names)
    matrix = np.empty((n_regions, n_regions))
    for column, share in enumerate(regions.shares):
        matrix[:, column] = regions.averages(spread.blur(share))
    return matrix


def checked_condition(matrix: FloatArray, names: tuple[str, ...]) -> float:
    """Return the condition number of a transfer matrix.

    Raises
    ------
    InvalidInputError
        It is above ``MAX_CONDITION_NUMBER``; the message names the region that keeps least of its own activity.
    """
    condition = float(np.linalg.cond(matrix))
    if not condition <= MAX_CONDITION_NUMBER:
        worst = int(np.argmin(np.diag(matrix)))
        raise InvalidInputError(
            f"The regions cannot be told apart at this resolution (condition number {condition:.3g}); "
            f"{names[worst]} keeps {100.0 * matrix[worst, worst]:.1f} % of its own activity. Join it with a neighbour "
            "or leave it out.",
            code="singular_transfer",
        )
    return condition


def _covariance(regions: Partition, variance: NDArray[Any], noise: PointSpread) -> FloatArray:
    """Return the covariance of the observed means, sum_vw R_i(v) s(v) rho(v - w) s(w) R_j(w) / (n_i n_j)."""
    values = np.asarray(variance, dtype=np.float64)
    if values.shape != regions.shares.shape[1:]:
        raise GeometryMismatchError(f"The variance has shape {values.shape}, the image {regions.shares.shape[1:]}.")
    if not np.all(np.isfinite(values)) or np.any(values < 0.0):
        raise InvalidInputError("Variances must be finite and not below zero.", code="bad_variance")
    deviations = np.sqrt(values)
    n_regions = len(regions.names)
    flat = (regions.shares * deviations).reshape(n_regions, -1)
    covariance = np.empty((n_regions, n_regions))
    for column in range(n_regions):
        covariance[:, column] = flat @ noise.correlate_noise(deviations * regions.shares[column]).ravel()
    n_voxels = regions.n_voxels
    symmetric = 0.5 * (covariance + covariance.T)
    return np.asarray(symmetric / np.outer(n_voxels, n_voxels), dtype=np.float64)
