"""An area that a hand draws on one slice: its voxels, and the numbers of an image in it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import Mask
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid, Volume

Plane = Literal["axial", "coronal", "sagittal"]

_AXES: dict[Plane, tuple[int, int, int]] = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
"""LPS axes of each plane: columns, rows, normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Mean and standard deviation of an image in an area, in the unit of the image."""

    mean: float
    standard_deviation: float


def area_mask(points_lps_mm: NDArray[np.float64], *, plane: Plane, grid: Grid) -> Mask:
    """Return the voxels whose centre a closed line winds around, on the slice of the line.

    The winding counts, not even and odd: a hand that draws past its start, or crosses itself, leaves no gap there.

    Parameters
    ----------
    points_lps_mm : (n, 3) array
        Corners of the line in order, LPS millimetres; the last joins the first. The first names the slice.
    plane : "axial" | "coronal" | "sagittal"
        The slice lies across this plane's normal.
    grid : Grid
        On the axes of the patient.

    Returns
    -------
    (z, y, x) bool array

    Raises
    ------
    InvalidInputError
        Fewer than three corners, a slice outside the grid, or no voxel centre inside.
    """
    if len(points_lps_mm) < 3:
        raise InvalidInputError("An area needs at least three corners; draw around it.", code="area_open")
    index = (points_lps_mm - np.asarray(grid.origin_lps_mm)) / np.asarray(grid.spacing_xyz_mm)
    columns, rows, normal = _AXES[plane]
    shape_xyz = grid.shape_zyx[::-1]
    slice_index = int(np.floor(index[0, normal] + 0.5))
    if not 0 <= slice_index < shape_xyz[normal]:
        raise InvalidInputError("The area lies outside the image; draw it on the patient.", code="area_outside")
    inside = _wound(index[:, columns], index[:, rows], (shape_xyz[rows], shape_xyz[columns]))
    if not inside.any():
        raise InvalidInputError("No voxel has its centre in this area; draw a larger one.", code="area_empty")
    mask = np.zeros(grid.shape_zyx, dtype=bool)
    place: list[slice | int] = [slice(None)] * 3
    place[2 - normal] = slice_index
    mask[tuple(place)] = inside
    return mask


def _wound(x: NDArray[np.float64], y: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    turns = np.where(y_next > y, 1, -1)
    inside = np.zeros(shape, dtype=bool)
    columns = np.arange(shape[1])
    first, last = max(int(np.ceil(y.min())), 0), min(int(np.floor(y.max())), shape[0] - 1)
    for row in range(first, last + 1):
        crosses = (y <= row) != (y_next <= row)
        share = (row - y[crosses]) / (y_next[crosses] - y[crosses])
        at = x[crosses] + share * (x_next[crosses] - x[crosses])
        order = np.argsort(at)
        winding = np.concatenate([[0], np.cumsum(turns[crosses][order])])
        inside[row] = winding[np.searchsorted(at[order], columns, side="right")] != 0
    return inside


def spread_in(mask: Mask, mask_grid: Grid, image: Volume) -> Spread:
    """Return mean and standard deviation of an image in a mask, each voxel by its share inside.

    Formula: s² = Σ w (v - v̄)² / Σ w with the covered share w of each voxel, the spread of the values themselves.

    Raises
    ------
    InvalidInputError
        The mask lies outside the image.
    """
    share = coverage_fraction(mask, mask_grid, image.grid)
    touched = share > 0.0
    if not touched.any():
        raise InvalidInputError("The area lies outside the image; draw it on the patient.", code="area_outside")
    weights, values = share[touched].astype(np.float64), image.values[touched].astype(np.float64)
    mean = float(np.average(values, weights=weights))
    variance = float(np.average((values - mean) ** 2, weights=weights))
    return Spread(mean=mean, standard_deviation=float(np.sqrt(variance)))
