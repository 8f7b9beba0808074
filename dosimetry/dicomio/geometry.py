"""From the positions of slices to one grid; nothing is guessed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid

UNEVEN_TOLERANCE = 0.05
"""Largest departure of a slice gap from the median gap, as a share of it; bed joints of whole-body PET reach 2.5 %."""
TILT_TOLERANCE = 1e-3
SAME_POSITION_MM = 1e-3


def order_slices(
    *, positions_lps_mm: Sequence[Sequence[float]], orientation: Sequence[float]
) -> tuple[NDArray[np.intp], float]:
    """Order slices along the normal of their plane and return the gap between them.

    Parameters
    ----------
    positions_lps_mm : n sequences of 3 float
        ImagePositionPatient of each slice.
    orientation : 6 float
        ImageOrientationPatient, shared by all.

    Returns
    -------
    tuple of (n,) int array, float
        Indices in rising order along the normal, and the median gap in mm (for one slice: nan).

    Raises
    ------
    InvalidInputError
        Two slices at one place, a missing slice, uneven gaps, or a tilted gantry.
    """
    normal = normal_of(orientation)
    positions = np.asarray(positions_lps_mm, dtype=float)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    if along.size == 1:
        return order, float("nan")
    gaps = np.diff(along[order])
    if np.any(gaps < SAME_POSITION_MM):
        raise InvalidInputError("Two slices lie at the same place; remove the duplicate.", code="duplicate_slice")
    gap = float(np.median(gaps))
    if np.any(np.abs(gaps - gap) > UNEVEN_TOLERANCE * gap):
        is_lost = np.any(gaps > 1.5 * gap)
        text = "A slice is missing from the series; send it again." if is_lost else "Slices are unevenly spaced."
        raise InvalidInputError(text, code="slice_missing" if is_lost else "uneven_slices")
    across = positions[order] - positions[order][0] - np.outer(along[order] - along[order][0], normal)
    if np.max(np.abs(across)) > TILT_TOLERANCE * gap * along.size + 0.01:
        raise InvalidInputError("Slices are shifted against their normal (tilted gantry).", code="gantry_tilt")
    return order, gap


def normal_of(orientation: Sequence[float]) -> NDArray[np.float64]:
    """Return the slice normal of a row and a column direction.

    Raises
    ------
    InvalidInputError
        The directions are not perpendicular unit vectors.
    """
    row, column = np.asarray(orientation[:3], dtype=float), np.asarray(orientation[3:], dtype=float)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1.0, atol=1e-3) or abs(float(row @ column)) > 1e-3:
        raise InvalidInputError("The image axes are not perpendicular unit vectors.", code="bad_direction")
    return np.cross(row, column)


def stack_grid(
    *,
    shape_zyx: tuple[int, int, int],
    row_column_spacing_mm: Sequence[float],
    gap_mm: float,
    first_position_lps_mm: Sequence[float],
    orientation: Sequence[float],
) -> Grid:
    """Return the grid of a stack of slices; ``row_column_spacing_mm`` is PixelSpacing (between rows, columns).

    Raises
    ------
    InvalidInputError
        A spacing that is not above zero, or axes that are not orthonormal.
    """
    row, column = np.asarray(orientation[:3], dtype=float), np.asarray(orientation[3:], dtype=float)
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    normal = np.cross(row, column)
    column = np.cross(normal / np.linalg.norm(normal), row)
    matrix = np.stack([row, column, normal / np.linalg.norm(normal)], axis=1)
    x, y, z = (float(value) for value in first_position_lps_mm)
    return Grid(
        shape_zyx=shape_zyx,
        spacing_xyz_mm=(float(row_column_spacing_mm[1]), float(row_column_spacing_mm[0]), float(gap_mm)),
        origin_lps_mm=(x, y, z),
        direction=tuple(float(value) for value in matrix.ravel()),
    )
