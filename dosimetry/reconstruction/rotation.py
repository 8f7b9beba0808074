"""Exact share of each voxel in each cell of a grid turned towards the detector.

Both grids have square cells of one size. The overlap of two squares is a polygon; its area is the weight. What leaves a
voxel arrives: rows and columns of the weights sum to 1 away from the border, so that turning keeps every count, and a
uniform object stays uniform. Interpolation between voxel centres does neither.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compiled import compile_kernel

MAX_NEIGHBOURS = 9
SMALLEST_SHARE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RotationWeights:
    """Sparse weights of one view, by rows of the turned grid.

    Parameters
    ----------
    starts : (n_cells + 1,) int32 array
        Where the entries of each turned cell (depth, column) begin.
    voxels : (n,) int32 array
        Flat number (y, x) of the voxel of each entry.
    shares : (n,) float32 array
        Overlap in units of a cell's area.
    """

    starts: NDArray[np.int32]
    voxels: NDArray[np.int32]
    shares: NDArray[np.float32]


def rotation_weights(*, shape_yx: tuple[int, int], n_depths: int, n_columns: int, angle_deg: float) -> RotationWeights:
    """Return the overlap of voxels and turned cells for a view.

    Parameters
    ----------
    shape_yx : (n_y, n_x) int
        Voxels of a slice; the axis of rotation is its middle.
    n_depths, n_columns : int
        Cells of the turned grid: depth grows towards the detector, columns along the projection.
    angle_deg : float
        Angle of the detector as in ``Orbit``.
    """
    angle = np.radians(angle_deg)
    starts, voxels, shares = _weights(
        shape_yx[0], shape_yx[1], n_depths, n_columns, float(np.sin(angle)), float(np.cos(angle))
    )
    return RotationWeights(starts=starts, voxels=voxels, shares=shares)


@compile_kernel
def _clip(polygon: Any, n: int, axis: int, sign: float, out: Any) -> int:
    """Keep the part of a polygon with sign * coordinate <= 1/2 (Sutherland and Hodgman); return its corners."""
    m = 0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        a = 0.5 - sign * polygon[i, axis]
        b = 0.5 - sign * polygon[j, axis]
        if a >= 0.0:
            out[m, 0], out[m, 1] = polygon[i, 0], polygon[i, 1]
            m += 1
        if (a >= 0.0) != (b >= 0.0):
            t = a / (a - b)
            out[m, 0] = polygon[i, 0] + t * (polygon[j, 0] - polygon[i, 0])
            out[m, 1] = polygon[i, 1] + t * (polygon[j, 1] - polygon[i, 1])
            m += 1
    return m


@compile_kernel
def _overlap(x: float, y: float, sine: float, cosine: float, work: Any) -> float:
    """Return the area that the unit square at the origin shares with one at (x, y) turned by an angle."""
    first, second = work[0], work[1]
    for i in range(4):
        a = -0.5 if i in (0, 3) else 0.5
        b = -0.5 if i < 2 else 0.5
        first[i, 0] = x + a * cosine - b * sine
        first[i, 1] = y + a * sine + b * cosine
    n = _clip(first, 4, 0, 1.0, second)
    n = _clip(second, n, 0, -1.0, first)
    n = _clip(first, n, 1, 1.0, second)
    n = _clip(second, n, 1, -1.0, first)
    area = 0.0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        area += first[i, 0] * first[j, 1] - first[j, 0] * first[i, 1]
    return 0.5 * abs(area)


@compile_kernel
def _weights(n_y: int, n_x: int, n_depths: int, n_columns: int, sine: float, cosine: float) -> tuple[Any, Any, Any]:
    n_cells = n_depths * n_columns
    starts = np.zeros(n_cells + 1, dtype=np.int32)
    voxels = np.empty(n_cells * MAX_NEIGHBOURS, dtype=np.int32)
    shares = np.empty(n_cells * MAX_NEIGHBOURS, dtype=np.float32)
    work = np.empty((2, 12, 2))
    reach = 0.5 + 0.5 * (abs(sine) + abs(cosine))
    n = 0
    for depth in range(n_depths):
        d = depth - 0.5 * (n_depths - 1)
        for column in range(n_columns):
            u = column - 0.5 * (n_columns - 1)
            x = d * sine - u * cosine + 0.5 * (n_x - 1)
            y = d * cosine + u * sine + 0.5 * (n_y - 1)
            for i_y in range(max(0, int(np.ceil(y - reach))), min(n_y, int(np.floor(y + reach)) + 1)):
                for i_x in range(max(0, int(np.ceil(x - reach))), min(n_x, int(np.floor(x + reach)) + 1)):
                    # The cell's edges run along (cos, -sin) and (sin, cos): a turn by minus the angle.
                    share = _overlap(x - i_x, y - i_y, -sine, cosine, work)
                    if share > SMALLEST_SHARE:
                        voxels[n] = i_y * n_x + i_x
                        shares[n] = share
                        n += 1
            starts[depth * n_columns + column + 1] = n
    return starts, voxels[:n].copy(), shares[:n].copy()
