"""Dose-volume histogram of one region by exact order statistics of sub-sampled voxels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.volume import Grid, Volume

N_TARGET_SAMPLES = 60_000
MAX_SUBDIVISION = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseVolumeHistogram:
    """Samples of equal volume inside one region, highest dose first.

    Parameters
    ----------
    sorted_doses_gy : (n,) array
        Doses of equal sub-volumes, falling, Gy.
    volume_ml : float
        Volume of the region, mL.
    n_effective : float
        Volume of the region over the volume of a dose voxel.
    fraction_in_grid : float
        Share of the region inside the dose grid.
    """

    sorted_doses_gy: NDArray[np.float32]
    volume_ml: float
    n_effective: float
    fraction_in_grid: float

    @property
    def mean_gy(self) -> float:
        """Return the mean dose, volume weighted, Gy."""
        return float(self.sorted_doses_gy.mean(dtype=np.float64))

    @property
    def minimum_gy(self) -> float:
        """Return the smallest sampled dose, Gy."""
        return float(self.sorted_doses_gy[-1])

    @property
    def maximum_gy(self) -> float:
        """Return the largest sampled dose, Gy."""
        return float(self.sorted_doses_gy[0])

    def dose_at_volume_gy(self, percent: float) -> float:
        """Return D_x: the least dose that the hottest ``percent`` of the volume receives, Gy.

        Raises
        ------
        InvalidInputError
            ``percent`` is not between 0 and 100.
        """
        _validate_percent(percent)
        n = self.sorted_doses_gy.size
        index = int(np.ceil(percent / 100.0 * n - 1e-9)) - 1
        return float(self.sorted_doses_gy[min(max(index, 0), n - 1)])

    def volume_at_dose_fraction(self, dose_gy: float) -> float:
        """Return V_d: the share of the volume with at least ``dose_gy``.

        Raises
        ------
        InvalidInputError
            ``dose_gy`` is not a finite number.
        """
        if not np.isfinite(dose_gy):
            raise InvalidInputError(f"A dose level must be a finite number; got {dose_gy}.")
        rising = self.sorted_doses_gy[::-1]
        return float(1.0 - np.searchsorted(rising, dose_gy, side="left") / rising.size)

    def is_shown(self, percent: float) -> bool:
        """Tell whether the region has enough dose voxels for D_x: 100 / min(x, 100 - x).

        Raises
        ------
        InvalidInputError
            ``percent`` is not between 0 and 100.
        """
        _validate_percent(percent)
        return self.n_effective >= 100.0 / min(percent, 100.0 - percent)

    def curve(self, n_points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return doses in Gy from zero to the maximum and the share of volume with at least each."""
        doses = np.linspace(0.0, self.maximum_gy, n_points)
        rising = self.sorted_doses_gy[::-1]
        fractions = 1.0 - np.searchsorted(rising, doses, side="left") / rising.size
        return doses, np.asarray(fractions, dtype=np.float64)


def dose_volume_histogram(dose: Volume, *, mask: NDArray[Any], mask_grid: Grid) -> DoseVolumeHistogram:
    """Sample the dose inside a region.

    Every voxel of the mask is divided into n^3 sub-voxels (n from 1 to 8, more for small regions), at whose centres
    the dose is interpolated linearly. The mask may be finer than the dose grid: partial volumes then follow from it.

    Parameters
    ----------
    dose : Volume
        Absorbed dose, Gy.
    mask : (z, y, x) bool array
        The region on ``mask_grid``.
    mask_grid : Grid
        Place of the mask, in the frame of the dose.

    Returns
    -------
    DoseVolumeHistogram
        Sorted samples; the part of the region outside the dose grid is left out and reported.

    Raises
    ------
    InvalidInputError
        The dose is not in Gy or not a finite number somewhere in the region, the mask is empty, or no part of it lies
        inside the dose grid.
    GeometryMismatchError
        Mask and grid have different shapes.

    References
    ----------
    .. [1] Drzymala et al., Dose-volume histograms, Int. J. Radiat. Oncol. 21 (1991) 71-78.
    """
    if dose.unit != "Gy":
        raise InvalidInputError(f"A dose-volume histogram needs dose in Gy; got {dose.unit}.", code="not_gy")
    if mask.shape != mask_grid.shape_zyx:
        raise GeometryMismatchError(f"The mask has shape {mask.shape}, its grid {mask_grid.shape_zyx}.")
    indices = _true_indices(mask)
    if indices.shape[0] == 0:
        raise InvalidInputError("The region is empty.", code="empty_region")
    samples = _sub_voxels(indices)
    to_dose = np.linalg.inv(dose.grid.affine) @ mask_grid.affine
    reverse = np.eye(4)[[2, 1, 0, 3]]
    matrix = reverse @ to_dose @ reverse
    coordinates = samples @ matrix[:3, :3].T + matrix[:3, 3]
    limits = np.asarray(dose.grid.shape_zyx, dtype=float) - 0.5
    is_inside = np.all((coordinates >= -0.5) & (coordinates <= limits), axis=1)
    if not is_inside.any():
        raise InvalidInputError("The region lies outside the dose grid.", code="region_outside")
    values = ndimage.map_coordinates(dose.values, coordinates[is_inside].T, order=1, mode="nearest", output=np.float32)
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("The dose is not a finite number somewhere in the region.", code="not_finite")
    volume_ml = indices.shape[0] * mask_grid.voxel_volume_ml
    return DoseVolumeHistogram(
        sorted_doses_gy=np.sort(values)[::-1],
        volume_ml=volume_ml,
        n_effective=volume_ml / dose.grid.voxel_volume_ml,
        fraction_in_grid=float(is_inside.mean()),
    )


def _validate_percent(percent: float) -> None:
    if not 0.0 < percent < 100.0:
        raise InvalidInputError(f"A volume share lies between 0 and 100 %; got {percent}.")


def _true_indices(mask: NDArray[Any]) -> NDArray[np.float64]:
    """Return the (n, 3) indices of a mask, searched inside its bounding box only."""
    slabs = np.flatnonzero(mask.any(axis=(1, 2)))
    if slabs.size == 0:
        return np.zeros((0, 3))
    first, last = int(slabs[0]), int(slabs[-1]) + 1
    indices = np.argwhere(mask[first:last]).astype(np.float64)
    indices[:, 0] += first
    return indices


def _sub_voxels(indices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the centres of n^3 sub-voxels of each voxel, in index coordinates."""
    n = int(np.clip(np.floor((N_TARGET_SAMPLES / indices.shape[0]) ** (1.0 / 3.0)), 1, MAX_SUBDIVISION))
    if n == 1:
        return indices
    steps = (np.arange(n) + 0.5) / n - 0.5
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return (indices[:, None, :] + offsets[None, :, :]).reshape(-1, 3)
