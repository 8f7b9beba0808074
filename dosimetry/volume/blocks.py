"""Means over blocks of voxels, for grids whose voxels hold a whole number of finer ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.volume.grid import Grid


def block_mean(values: NDArray[Any], factor: int, *, is_edge_repeated: bool = False) -> NDArray[np.float32]:
    """Return the means over cubes of voxels.

    Parameters
    ----------
    values : (n_z, n_y, n_x) array
        Intensive quantity; sizes that the factor does not divide are filled up at their end.
    factor : int
        Voxels along each edge of a cube, 1 or more.
    is_edge_repeated : bool
        Fill with the last value (density) instead of zeros (activity).

    Returns
    -------
    array of float32
        Sizes divided by the factor, rounded up.
    """
    if factor < 1:
        raise InvalidInputError(f"A block holds at least one voxel; got {factor}.", code="bad_blocks")
    padding = [(0, -size % factor) for size in values.shape]
    array = np.asarray(values, dtype=np.float32)
    if any(after for _, after in padding):
        array = np.pad(array, padding, mode="edge" if is_edge_repeated else "constant")
    n_z, n_y, n_x = (size // factor for size in array.shape)
    blocks = array.reshape(n_z, factor, n_y, factor, n_x, factor)
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))


def coarser_grid(grid: Grid, factor: int) -> Grid:
    """Return the grid of the cubes of ``block_mean``."""
    x, y, z = (float(v) for v in grid.index_to_lps_mm(np.full(3, 0.5 * (factor - 1))))
    n_z, n_y, n_x = (-(-size // factor) for size in grid.shape_zyx)
    spacing_x, spacing_y, spacing_z = grid.spacing_xyz_mm
    return Grid(
        shape_zyx=(n_z, n_y, n_x),
        spacing_xyz_mm=(spacing_x * factor, spacing_y * factor, spacing_z * factor),
        origin_lps_mm=(x, y, z),
        direction=grid.direction,
    )
