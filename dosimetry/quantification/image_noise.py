"""Counting noise of a region's activity, from the replicates of its image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.geometric_transfer import checked_condition, transfer_matrix
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.region_fractions import Partition
from dosimetry.reconstruction.noise_replicates import NoiseReplicates, spread
from dosimetry.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityNoise:
    """Counting noise of one activity.

    Parameters
    ----------
    cv : float
        Standard deviation over the replicates, relative to the activity of the image.
    n_replicates : int
        From which it comes; ``cv`` is itself uncertain by 1 / sqrt(2 (n - 1)).
    """

    cv: float
    n_replicates: int

    @property
    def own_cv(self) -> float:
        """Return the relative standard uncertainty of ``cv`` itself."""
        return float(1.0 / np.sqrt(2.0 * (self.n_replicates - 1)))


def region_noise(replicates: NoiseReplicates, share: NDArray[Any], *, image: NDArray[Any]) -> ActivityNoise | None:
    """Return the counting noise of a region's activity, sum of voxel times share; None where the image has none there.

    Neighbouring voxels share noise, which the replicates carry, so that no correlation length is assumed.

    Parameters
    ----------
    replicates : NoiseReplicates
        Of the image.
    share : (n_z, n_y, n_x) array
        Share of each voxel in the region.
    image : (n_z, n_y, n_x) array
        The image, Bq/mL.

    Raises
    ------
    GeometryMismatchError
        Region, image and replicates on different grids.
    InvalidInputError
        Too few replicates.

    References
    ----------
    .. [1] Haynor & Woods, Resampling estimates of precision in emission tomography, IEEE Trans. Med. Imaging 8 (1989)
       337-343.
    .. [2] Gear et al., EANM practical guidance on uncertainty analysis, EJNMMI 45 (2018) 2456-2474.
    """
    if image.shape != replicates.shape_zyx:
        raise GeometryMismatchError(f"The image is {image.shape}, its replicates {replicates.shape_zyx}.")
    return noise_of(replicates.sums(share), measured=float(np.sum(np.asarray(share) * image, dtype=np.float64)))


def noise_of(values: NDArray[Any], *, measured: float) -> ActivityNoise | None:
    """Return the noise of one quantity from its value in each replicate; None where nothing was measured.

    Parameters
    ----------
    values : (n,) array
        Of each replicate.
    measured : float
        Of the image, same unit.
    """
    if not measured > 0.0:
        return None
    return ActivityNoise(cv=spread(values) / measured, n_replicates=len(values))


def transferred_means(
    replicates: NoiseReplicates,
    regions: Partition,
    *,
    box: tuple[slice, slice, slice],
    spacing_xyz_mm: tuple[float, float, float],
    fwhm_mm: float,
) -> NDArray[np.float64]:
    """Return the means of regions after the geometric transfer matrix in each replicate, (n, n_regions).

    The matrix belongs to the contours and not to the counts: it is made once, and amplifies the noise of each replicate
    as it does that of the image.

    Parameters
    ----------
    replicates : NoiseReplicates
        Of the whole image.
    regions : Partition
        Regions of the part of the image that ``box`` cuts out.
    box : (z, y, x) slices
        Of the image.
    spacing_xyz_mm, fwhm_mm : (x, y, z) float, float
        As for ``gtm``.

    Raises
    ------
    InvalidInputError
        Regions that cannot be told apart at this resolution.
    """
    spread_of_points = PointSpread(spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=fwhm_mm)
    matrix = transfer_matrix(regions, spread_of_points)
    checked_condition(matrix, regions.names)
    averages = [regions.averages(replicates.image(i)[box].astype(np.float64)) for i in range(len(replicates))]
    return np.asarray(np.linalg.solve(matrix, np.array(averages).T).T)


def whole_image_noise(image: Volume, replicates: NoiseReplicates) -> Finding:
    """Return in words how many replicates there are and what noise does to the activity of the whole image."""
    found = region_noise(replicates, np.ones(image.grid.shape_zyx), image=image.values)
    if found is None:
        raise InvalidInputError("The image holds no activity, so that its noise has no share of it.", code="no_counts")
    text = (
        f"Noise replicates: {found.n_replicates}, each reconstructed from counts drawn from the measured ones; "
        f"counting noise moves the activity of the whole image by {100.0 * found.cv:.2g} %."
    )
    return Finding(code="noise_replicates", level="note", message=text)
