"""How well two contours of one region agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.boxes import Mask, bounding_box
from dosimetry.volume import Grid


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDistances:
    """Distances between the surfaces of two contours, mm.

    Parameters
    ----------
    hausdorff_95_mm : float
        The larger of the two 95th percentiles of the distances from one surface to the other.
    mean_mm : float
        Mean over the points of both surfaces (average symmetric surface distance).
    """

    hausdorff_95_mm: float
    mean_mm: float


def surface_distances(first: Mask, second: Mask, *, grid: Grid) -> SurfaceDistances | None:
    """Measure how far the surfaces of two masks on one grid lie apart.

    A surface is the centres of the mask's voxels that touch a voxel outside by a face; the edge of the grid is
    outside. Distances are exact between these points, so that a shift below one voxel is not seen.

    Parameters
    ----------
    first, second : (z, y, x) bool array
        Masks on ``grid``.
    grid : Grid
        Their geometry, mm.

    Returns
    -------
    SurfaceDistances or None
        None where one mask is empty: there is no distance to nothing.

    Raises
    ------
    GeometryMismatchError
        A mask has another shape than the grid.

    References
    ----------
    .. [1] Taha AA, Hanbury A, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 2015;15:29,
       doi:10.1186/s12880-015-0068-x.
    """
    for mask in (first, second):
        if mask.shape != grid.shape_zyx:
            raise GeometryMismatchError(f"The mask has shape {mask.shape}, its grid {grid.shape_zyx}; use one grid.")
    if not first.any() or not second.any():
        return None
    first_mm, second_mm = _surface_mm(first, grid), _surface_mm(second, grid)
    forth = cKDTree(second_mm).query(first_mm)[0]
    back = cKDTree(first_mm).query(second_mm)[0]
    return SurfaceDistances(
        hausdorff_95_mm=float(max(np.percentile(forth, 95.0), np.percentile(back, 95.0))),
        mean_mm=float(np.concatenate([forth, back]).mean()),
    )


def _surface_mm(mask: Mask, grid: Grid) -> NDArray[np.float64]:
    box = bounding_box(mask)
    inside = mask[box]
    surface = inside & ~ndimage.binary_erosion(inside)
    indices = np.argwhere(surface) + np.array([part.start for part in box])
    spacing_zyx_mm = np.array(grid.spacing_xyz_mm[::-1])
    return np.asarray(indices * spacing_zyx_mm, dtype=np.float64)


def two_reader_cv(first_ml: float, second_ml: float) -> float:
    """Return the relative standard deviation between readers from one pair of volumes.

    Formula: |V1 - V2| / (√2 · (V1 + V2)/2), the within-pair standard deviation over the mean. One pair has one degree
    of freedom: zero may be luck, so it never stands for a known volume.

    Parameters
    ----------
    first_ml, second_ml : float
        Volumes of the same region by two readers, mL, above zero.

    Returns
    -------
    float
        Relative standard deviation, 0 or above.

    Raises
    ------
    InvalidInputError
        A volume that is not above zero: without a contour there is no reading.

    References
    ----------
    .. [1] Bland JM, Altman DG, Measurement error, BMJ 1996;312:1654, doi:10.1136/bmj.312.7047.1654.
    """
    if not (0.0 < first_ml < np.inf and 0.0 < second_ml < np.inf):
        raise InvalidInputError("Both readers need a volume above zero.", code="empty_region")
    return abs(first_ml - second_ml) / (float(np.sqrt(2.0)) * 0.5 * (first_ml + second_ml))
