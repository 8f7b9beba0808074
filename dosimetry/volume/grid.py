"""A regular voxel grid and a volume of values on it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError

FloatArray = NDArray[np.floating[Any]]
IDENTITY_DIRECTION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
DIRECTION_TOLERANCE = 1e-4
"""Largest departure of a direction matrix from orthonormal; DS values carry about six digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Place voxel centres in DICOM patient coordinates.

    Parameters
    ----------
    shape_zyx : (n_z, n_y, n_x) int
        Numbers of voxels of an array in C order.
    spacing_xyz_mm : (x, y, z) float
        Distance between voxel centres along the array axes x (last), y, z (first), mm, above zero.
    origin_lps_mm : (x, y, z) float
        Centre of voxel [0, 0, 0] in LPS, mm.
    direction : 9 floats, row-major 3 x 3
        Columns are the LPS unit vectors of the array axes x, y, z.

    Raises
    ------
    InvalidInputError
        A count below one, a spacing not above zero, or a direction that is not orthonormal.
    """

    shape_zyx: tuple[int, int, int]
    spacing_xyz_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: tuple[float, ...] = IDENTITY_DIRECTION

    def __post_init__(self) -> None:
        if len(self.shape_zyx) != 3 or min(self.shape_zyx) < 1:
            raise InvalidInputError(f"A grid needs three counts of at least 1; got {self.shape_zyx}.", code="bad_grid")
        spacing = np.asarray(self.spacing_xyz_mm, dtype=float)
        if spacing.shape != (3,) or not np.all(np.isfinite(spacing)) or np.any(spacing <= 0.0):
            raise InvalidInputError(
                f"Voxel spacing must be above zero on three axes; got {self.spacing_xyz_mm} mm.", code="bad_spacing"
            )
        if not np.all(np.isfinite(self.origin_lps_mm)):
            raise InvalidInputError("The grid has no finite origin.", code="bad_origin")
        matrix = self.direction_matrix
        if not np.allclose(matrix.T @ matrix, np.eye(3), atol=DIRECTION_TOLERANCE):
            raise InvalidInputError("The image axes are not perpendicular unit vectors.", code="bad_direction")

    @property
    def direction_matrix(self) -> NDArray[np.float64]:
        """Return the (3, 3) direction matrix; columns are the array axes x, y, z in LPS."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def affine(self) -> NDArray[np.float64]:
        """Return the (4, 4) matrix from index (x, y, z, 1) to LPS mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.direction_matrix * np.asarray(self.spacing_xyz_mm)
        affine[:3, 3] = self.origin_lps_mm
        return affine

    @property
    def n_voxels(self) -> int:
        """Return the number of voxels."""
        return int(np.prod(self.shape_zyx))

    @property
    def voxel_volume_ml(self) -> float:
        """Return the volume of one voxel in mL."""
        return float(np.prod(self.spacing_xyz_mm)) / 1e3

    @property
    def is_axis_aligned(self) -> bool:
        """Return whether the array axes are the LPS axes, in order and sign."""
        return bool(np.allclose(self.direction, IDENTITY_DIRECTION, atol=DIRECTION_TOLERANCE))

    def index_to_lps_mm(self, indices_zyx: FloatArray) -> NDArray[np.float64]:
        """Map (..., 3) indices in array order (z, y, x) to (..., 3) LPS points (x, y, z) in mm."""
        xyz = np.asarray(indices_zyx, dtype=np.float64)[..., ::-1]
        affine = self.affine
        return np.asarray(xyz @ affine[:3, :3].T + affine[:3, 3])

    def lps_mm_to_index(self, points_lps_mm: FloatArray) -> NDArray[np.float64]:
        """Map (..., 3) LPS points (x, y, z) in mm to (..., 3) fractional indices in array order (z, y, x)."""
        inverse = np.linalg.inv(self.affine)
        points = np.asarray(points_lps_mm, dtype=np.float64)
        return np.asarray((points @ inverse[:3, :3].T + inverse[:3, 3])[..., ::-1])

    def matches(self, other: "Grid", *, tolerance_mm: float = 1e-2) -> bool:
        """Return whether both grids place every voxel within ``tolerance_mm`` of each other."""
        if self.shape_zyx != other.shape_zyx:
            return False
        last = np.asarray(self.shape_zyx, dtype=float) - 1.0
        corners = np.array([np.zeros(3), last, [last[0], 0, 0], [0, last[1], 0], [0, 0, last[2]]])
        difference = self.index_to_lps_mm(corners) - other.index_to_lps_mm(corners)
        return bool(np.max(np.abs(difference)) <= tolerance_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """Hold values on a grid.

    Parameters
    ----------
    values : (n_z, n_y, n_x) array
        Values in ``unit``.
    grid : Grid
        Place of the voxels.
    unit : str
        One of ``HU``, ``Bq/mL``, ``counts``, ``Bq s``, ``Gy``, ``g/mL``, ``1``.
    frame_of_reference_uid : str
        DICOM frame of reference; empty when there is none.
    """

    values: NDArray[Any]
    grid: Grid
    unit: str
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape_zyx:
            raise GeometryMismatchError(
                f"The array has shape {self.values.shape}, the grid says {self.grid.shape_zyx}."
            )

    def with_values(self, values: NDArray[Any], *, unit: str | None = None) -> "Volume":
        """Return a volume on the same grid with other values and, if given, another unit."""
        return replace(self, values=values, unit=unit or self.unit)
