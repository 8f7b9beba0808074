"""Trace the outline of a region slice by slice: closed loops, holes as loops of their own (even-odd)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

TOP, RIGHT, BOTTOM, LEFT = range(4)
NEAREST_FRACTION = 1e-3
"""A loop keeps this share of a voxel from every voxel centre, so that filling it gives the same voxels back."""

# Corners clockwise from the top left carry the bits 1, 2, 4, 8. A step goes from the edge where the walk round the cell
# leaves the region to the edge where it enters, so the neighbouring cell always continues what this one began.
STEPS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((TOP, LEFT),),
    2: ((RIGHT, TOP),),
    3: ((RIGHT, LEFT),),
    4: ((BOTTOM, RIGHT),),
    5: ((TOP, LEFT), (BOTTOM, RIGHT)),
    6: ((BOTTOM, TOP),),
    7: ((BOTTOM, LEFT),),
    8: ((LEFT, BOTTOM),),
    9: ((TOP, BOTTOM),),
    10: ((RIGHT, TOP), (LEFT, BOTTOM)),
    11: ((RIGHT, BOTTOM),),
    12: ((LEFT, RIGHT),),
    13: ((TOP, RIGHT),),
    14: ((LEFT, TOP),),
}


def trace_loops(values: NDArray[Any], *, level: float = 0.5) -> list[NDArray[np.float64]]:
    """Trace the closed loops round the pixels above a level (marching squares with linear interpolation).

    Parameters
    ----------
    values : (n_y, n_x) array of bool or float
        A mask, or the fraction of each pixel inside the region. Pixels outside the array count as 0.
    level : float
        Pixels above it are inside, above 0.

    Returns
    -------
    list of (n_points, 2) array
        Loops in pixel coordinates (x, y), the first point not repeated; holes are loops of their own. Corners that
        touch only diagonally are kept apart. Filling the loops by the even-odd rule at the pixel centres gives the
        pixels above the level again, exactly.

    Raises
    ------
    InvalidInputError
        The array is not two-dimensional, not finite, or the level is not above 0.

    References
    ----------
    .. [1] Lorensen W, Cline H. Marching cubes. SIGGRAPH Comput Graph 1987;21:163-169, in two dimensions.
    """
    plane = np.asarray(values, dtype=np.float64)
    if plane.ndim != 2 or not np.all(np.isfinite(plane)) or not level > 0.0:
        raise InvalidInputError("Loops are traced on a finite plane at a level above 0.", code="bad_mask")
    padded = np.pad(plane, 1)
    is_inside = padded > level
    n_columns = padded.shape[1]
    following = _following_edges(is_inside, n_columns=n_columns)
    loops = _walk(following)
    return [_without_straight_points(_points(loop, padded, level=level)) for loop in loops]


def _following_edges(is_inside: NDArray[np.bool_], *, n_columns: int) -> dict[int, int]:
    """Map each crossed edge to the next. Edge 2k runs right of pixel k, edge 2k + 1 runs down from it."""
    corner = is_inside.astype(np.uint8)
    case = corner[:-1, :-1] + 2 * corner[:-1, 1:] + 4 * corner[1:, 1:] + 8 * corner[1:, :-1]
    following: dict[int, int] = {}
    for number, steps in STEPS.items():
        rows, columns = np.nonzero(case == number)
        pixel = rows * n_columns + columns
        edges = {TOP: 2 * pixel, RIGHT: 2 * (pixel + 1) + 1, BOTTOM: 2 * (pixel + n_columns), LEFT: 2 * pixel + 1}
        for start, end in steps:
            following.update(zip(edges[start].tolist(), edges[end].tolist(), strict=True))
    return following


def _walk(following: dict[int, int]) -> list[NDArray[np.int64]]:
    loops = []
    while following:
        first, edge = following.popitem()
        loop = [first]
        while edge != first:
            loop.append(edge)
            edge = following.pop(edge)
        loops.append(np.array(loop, dtype=np.int64))
    return loops


def _points(edges: NDArray[np.int64], padded: NDArray[np.float64], *, level: float) -> NDArray[np.float64]:
    pixel, is_down = edges // 2, edges % 2
    row, column = np.divmod(pixel, padded.shape[1])
    here = padded[row, column]
    there = padded[row + is_down, column + 1 - is_down]
    fraction = np.clip((level - here) / (there - here), NEAREST_FRACTION, 1.0 - NEAREST_FRACTION)
    x = column + fraction * (1 - is_down) - 1.0
    y = row + fraction * is_down - 1.0
    return np.stack([x, y], axis=-1)


def _without_straight_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    kept = np.abs(turn) > 1e-9
    return points[kept] if kept.sum() >= 3 else points


def signed_area(points: NDArray[np.float64]) -> float:
    """Return the signed area of a loop; the sum over all loops of a region has its holes taken off."""
    x, y = points[:, 0], points[:, 1]
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
