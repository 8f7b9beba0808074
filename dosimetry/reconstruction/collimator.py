"""Resolution of a parallel-hole collimator against distance, and the blur of each depth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
TRUNCATION_SIGMAS = 3.5
"""Kernels end there: 0.05 % of a Gaussian lies beyond on each axis and is put back by normalising."""
NARROW_SIGMA_PIXELS = 0.55
"""Below this a sampled Gaussian is too narrow for the pixels; three weights of the same variance take its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collimator:
    """Parallel holes in front of a crystal.

    FWHM(d)^2 = R_int^2 + (g (l + d)/l)^2 for a source at distance d from the face; g diameter, l effective length.

    Parameters
    ----------
    name : str
        Name shown to the reader.
    hole_diameter_mm, effective_length_mm : float
        Diameter (flat to flat) and length less two mean free paths of lead, mm.
    intrinsic_fwhm_mm : float
        Resolution of crystal and electronics at the photon energy, mm.
    penetration_share : float
        Share of the counts that crossed septa; 0 for none.
    penetration_fwhm_mm : float
        Width of these counts on the crystal, mm; not used for a share of 0.

    References
    ----------
    .. [1] Cherry, Sorenson & Phelps, Physics in nuclear medicine, 4th ed. (2012), eq. 14-4 to 14-6.
    .. [2] Metz, Atkins & Beck, Phys. Med. Biol. 25 (1980) 1059-1070: the Gaussian form of the response.
    """

    name: str
    hole_diameter_mm: float
    effective_length_mm: float
    intrinsic_fwhm_mm: float
    penetration_share: float = 0.0
    penetration_fwhm_mm: float = 0.0

    def __post_init__(self) -> None:
        lengths = (self.hole_diameter_mm, self.effective_length_mm, self.intrinsic_fwhm_mm)
        if not np.all(np.isfinite(lengths)) or min(lengths[:2]) <= 0.0 or self.intrinsic_fwhm_mm < 0.0:
            raise InvalidInputError(f"A collimator needs lengths above zero; got {lengths} mm.", code="bad_collimator")
        if not 0.0 <= self.penetration_share < 1.0:
            raise InvalidInputError("The share of septal penetration lies from 0 to below 1.", code="bad_collimator")
        if self.penetration_share > 0.0 and not self.penetration_fwhm_mm > 0.0:
            raise InvalidInputError("Septal penetration needs a width above zero.", code="bad_collimator")

    def fwhm_mm(self, distances_mm: NDArray[Any] | float) -> NDArray[np.float64]:
        """Return the full width at half maximum at distances from the face, mm; a negative distance counts as zero."""
        distance = np.maximum(np.asarray(distances_mm, dtype=np.float64), 0.0)
        geometric = self.hole_diameter_mm * (self.effective_length_mm + distance) / self.effective_length_mm
        return np.asarray(np.hypot(self.intrinsic_fwhm_mm, geometric))


def gaussian_kernels(sigmas_pixels: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the weights of one-dimensional Gaussian blurs.

    Parameters
    ----------
    sigmas_pixels : (n,) array
        Standard deviations in pixels, zero or more.

    Returns
    -------
    weights : (n, r + 1) float32 array
        Weight at offsets 0, 1, ...; symmetric; the two-sided sum is 1 and the variance that of the Gaussian.
    radii : (n,) int32 array
        Largest offset of each kernel.
    """
    sigmas = np.asarray(sigmas_pixels, dtype=np.float64)
    is_narrow = sigmas < NARROW_SIGMA_PIXELS
    radii = np.where(is_narrow, 1, np.ceil(TRUNCATION_SIGMAS * sigmas)).astype(np.int32)
    radii[sigmas == 0.0] = 0
    offsets = np.arange(int(radii.max(initial=0)) + 1)
    safe = np.where(is_narrow, 1.0, sigmas)[:, None]
    weights = np.exp(-0.5 * (offsets / safe) ** 2) * (offsets <= radii[:, None])
    weights /= weights[:, :1] + 2.0 * weights[:, 1:].sum(axis=1, keepdims=True)
    narrow = np.zeros_like(weights)
    narrow[:, 0] = 1.0 - sigmas**2
    if offsets.size > 1:
        narrow[:, 1] = 0.5 * sigmas**2
    return np.where(is_narrow[:, None], narrow, weights).astype(np.float32), radii
