"""Blur of an image with the Gaussian that a camera's resolution is described by."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError

FloatArray = NDArray[np.float64]
FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
TRUNCATION_SIGMAS = 4.0
"""Beyond it lie 6e-5 of a Gaussian; the kernel's sum is set to 1 again."""


class PointSpread:
    """Blur arrays on one grid with a Gaussian of known width.

    The border is mirrored, so the operator H is symmetric and its rows and columns sum to 1: a uniform image stays as
    it is and the total is kept exactly. Activity near the border is then as if it were reflected there; keep regions of
    interest two widths away from it.

    Parameters
    ----------
    spacing_xyz_mm : (x, y, z) float
        Distance between voxel centres, mm.
    fwhm_mm : float or (x, y, z) float
        Full width at half maximum of the reconstruction's blur, mm, without the averaging over a voxel: shares of
        voxels hold that already. A width W read from the voxels of a point or line source holds it too; take it off,
        FWHM^2 = W^2 - (2.355 h)^2 / 12 for voxels of h mm. 0 along an axis for none.

    Raises
    ------
    InvalidInputError
        A spacing not above zero; a width below zero, not finite, or narrower than a voxel, which a sampled Gaussian
        cannot describe (at 1 voxel its standard deviation is already 21 % small, at 1.5 voxels 0.5 %).
    """

    def __init__(
        self, *, spacing_xyz_mm: tuple[float, float, float], fwhm_mm: float | tuple[float, float, float]
    ) -> None:
        spacing = np.asarray(spacing_xyz_mm, dtype=np.float64)
        if spacing.shape != (3,) or not np.all((spacing > 0.0) & np.isfinite(spacing)):
            raise InvalidInputError(
                f"Voxel spacing must be above zero on three axes; got {spacing_xyz_mm} mm.", code="bad_spacing"
            )
        widths = np.asarray(fwhm_mm, dtype=np.float64)
        if widths.shape not in {(), (3,)}:
            raise InvalidInputError(f"The resolution is one width or three (x, y, z); got {fwhm_mm}.", code="bad_fwhm")
        widths = np.broadcast_to(widths, (3,))
        if not np.all(np.isfinite(widths)) or np.any(widths < 0.0):
            raise InvalidInputError(f"The resolution must be 0 mm or more; got {fwhm_mm} mm.", code="bad_fwhm")
        if np.any((widths > 0.0) & (widths < spacing)):
            raise InvalidInputError(
                f"A resolution of {fwhm_mm} mm is finer than the voxels of {spacing_xyz_mm} mm; enter the FWHM of the "
                "reconstructed image in mm, or use smaller voxels.",
                code="bad_fwhm",
            )
        sigmas_xyz = widths / FWHM_PER_SIGMA / spacing
        self._sigmas_zyx: tuple[float, ...] = tuple(float(sigma) for sigma in sigmas_xyz[::-1])

    @property
    def sigmas_zyx_voxels(self) -> tuple[float, ...]:
        """Return the standard deviations along (z, y, x) in voxels."""
        return self._sigmas_zyx

    def blur(self, values: NDArray[Any]) -> FloatArray:
        """Return H applied to a (z, y, x) array, in float64; the sum is kept."""
        return _filtered(np.asarray(values, dtype=np.float64), self._sigmas_zyx)

    def correlate_noise(self, values: NDArray[Any]) -> FloatArray:
        """Return a (z, y, x) array weighted with the correlation of noise that this Gaussian has smoothed.

        White noise smoothed with standard deviation s correlates over a distance d as exp(-d^2 / (4 s^2)); the result
        at a voxel is the sum over all voxels of value times that correlation.
        """
        wider = tuple(float(np.sqrt(2.0)) * sigma for sigma in self._sigmas_zyx)
        peak = float(np.prod([_kernel_peak(sigma) for sigma in wider]))
        # Nothing beyond the border takes part in a mean, so it counts as zero here.
        return _filtered(np.asarray(values, dtype=np.float64), wider, mode="constant") / peak


def _filtered(values: FloatArray, sigmas: Sequence[float], *, mode: str = "reflect") -> FloatArray:
    blurred = ndimage.gaussian_filter(values, sigmas, mode=mode, truncate=TRUNCATION_SIGMAS)
    return np.asarray(blurred, dtype=np.float64)


def _kernel_peak(sigma: float) -> float:
    if sigma == 0.0:
        return 1.0
    radius = int(TRUNCATION_SIGMAS * sigma + 0.5)
    return float(1.0 / np.sum(np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)))
