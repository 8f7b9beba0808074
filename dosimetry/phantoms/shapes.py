"""Analytic shapes in patient coordinates, and how much of each voxel they fill."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.units import ML_MM3
from dosimetry.volume import Grid, RigidTransform

Box = tuple[slice, slice, slice]
CHUNK_POINTS = 500_000
"""Points that are tested at a time; bounds the memory."""
POINTS_PER_SHAPE = 3_000_000
MIN_SUB, MAX_SUB = 4, 10


class Shape(Protocol):
    """A solid with a level function: below 1 inside, 1 on the surface, above 1 outside."""

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Return the centre in LPS, mm."""

    @property
    def volume_ml(self) -> float:
        """Return the exact volume in mL."""

    @property
    def half_size_lps_mm(self) -> NDArray[np.float64]:
        """Return half the sides of the box round the shape, mm."""

    @property
    def steepness_per_mm(self) -> float:
        """Return a bound on the change of the level per mm, for telling border voxels."""

    def level(self, points_lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Return the level of (..., 3) points in LPS, mm."""


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """An ellipsoid that may be tilted.

    Parameters
    ----------
    centre_lps_mm : (x, y, z) float
        Centre in LPS, mm.
    semi_axes_mm : (a, b, c) float
        Half the diameters along its own axes, mm, above zero.
    angles_xyz_deg : (x, y, z) float
        Rotation about the LPS axes x, then y, then z, in degrees.
    """

    centre_lps_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    angles_xyz_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _check_above_zero(self.semi_axes_mm)

    @cached_property
    def _rotation(self) -> NDArray[np.float64]:
        x, y, z = (float(angle) for angle in np.radians(self.angles_xyz_deg))
        turn = RigidTransform.from_euler(angles_xyz_rad=(x, y, z), shift_lps_mm=(0.0, 0.0, 0.0))
        return turn.as_array()[:3, :3]

    @property
    def volume_ml(self) -> float:
        """Return 4/3 pi a b c in mL."""
        return float(4.0 / 3.0 * np.pi * np.prod(self.semi_axes_mm)) / ML_MM3

    @property
    def half_size_lps_mm(self) -> NDArray[np.float64]:
        """Return half the sides of the box round the tilted ellipsoid, mm."""
        return np.asarray(np.linalg.norm(self._rotation * np.asarray(self.semi_axes_mm), axis=1))

    @property
    def steepness_per_mm(self) -> float:
        """Return the slope of the level along the shortest axis, 1/mm."""
        return 1.0 / min(self.semi_axes_mm)

    def level(self, points_lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scaled distance from the centre."""
        own = (np.asarray(points_lps_mm) - self.centre_lps_mm) @ self._rotation
        return _length(own / np.asarray(self.semi_axes_mm))


@dataclass(frozen=True, kw_only=True)
class EllipticCylinder:
    """A cylinder along z with an elliptic cross-section and flat ends.

    Parameters
    ----------
    centre_lps_mm : (x, y, z) float
        Centre in LPS, mm.
    semi_axes_xy_mm : (x, y) float
        Half the diameters of the cross-section, mm, above zero.
    half_length_mm : float
        Half the length along z, mm, above zero.
    """

    centre_lps_mm: tuple[float, float, float]
    semi_axes_xy_mm: tuple[float, float]
    half_length_mm: float

    def __post_init__(self) -> None:
        _check_above_zero((*self.semi_axes_xy_mm, self.half_length_mm))

    @property
    def volume_ml(self) -> float:
        """Return pi a b times the length, in mL."""
        return float(np.pi * np.prod(self.semi_axes_xy_mm) * 2.0 * self.half_length_mm) / ML_MM3

    @property
    def half_size_lps_mm(self) -> NDArray[np.float64]:
        """Return half the sides of the box round the cylinder, mm."""
        return np.array([*self.semi_axes_xy_mm, self.half_length_mm])

    @property
    def steepness_per_mm(self) -> float:
        """Return the largest slope of the level, 1/mm."""
        return 1.0 / min(*self.semi_axes_xy_mm, self.half_length_mm)

    def level(self, points_lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Return the larger of the scaled distances from the axis and from the middle plane."""
        own = (np.asarray(points_lps_mm) - self.centre_lps_mm) / self.half_size_lps_mm
        return np.asarray(np.maximum(_length(own[..., :2]), np.abs(own[..., 2])))


def _length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)))


def _check_above_zero(lengths_mm: tuple[float, ...]) -> None:
    if not np.all(np.isfinite(lengths_mm)) or min(lengths_mm) <= 0.0:
        raise InvalidInputError(f"A shape needs lengths above zero; got {lengths_mm} mm.", code="bad_shape")


def bounding_box(shape: Shape, *, grid: Grid, pose: RigidTransform, margin_mm: float = 0.0) -> Box:
    """Return the slices (z, y, x) of a grid that hold a shape after it has moved by ``pose``.

    The box is cut at the border of the grid and may be empty.
    """
    signs = np.array(list(product((-1.0, 1.0), repeat=3)))
    corners = np.asarray(shape.centre_lps_mm) + signs * (shape.half_size_lps_mm + margin_mm)
    indices = grid.lps_mm_to_index(pose.apply(corners))
    low = np.clip(np.floor(indices.min(axis=0)), 0, None).astype(int)
    high = np.clip(np.ceil(indices.max(axis=0)) + 1, 0, grid.shape_zyx).astype(int)
    z, y, x = (slice(int(a), max(int(a), int(b))) for a, b in zip(low, high, strict=True))
    return z, y, x


def voxel_centres_lps_mm(grid: Grid, box: Box) -> NDArray[np.float64]:
    """Return the (n_z, n_y, n_x, 3) voxel centres of a box of a grid, LPS mm."""
    axes = [np.arange(part.start, part.stop, dtype=float) for part in box]
    return grid.index_to_lps_mm(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))


def inside(shape: Shape, *, grid: Grid, pose: RigidTransform) -> tuple[Box, NDArray[np.bool_]]:
    """Return a box of the grid and which of its voxel centres lie inside the moved shape."""
    box = bounding_box(shape, grid=grid, pose=pose)
    points = pose.inverse().apply(voxel_centres_lps_mm(grid, box))
    return box, shape.level(points) <= 1.0


def coverage(shape: Shape, *, grid: Grid, pose: RigidTransform) -> NDArray[np.float32]:
    """Return the fraction of each voxel that a moved shape fills.

    Voxels that the surface may cross are divided into 4 to 10 points along each edge, more for small shapes; all
    others are 0 or 1.

    Parameters
    ----------
    shape : Shape
        The shape in its own (anatomy) coordinates.
    grid : Grid
        Voxel centres in the frame of the scan.
    pose : RigidTransform
        Maps anatomy coordinates to the frame of the scan.

    Returns
    -------
    (n_z, n_y, n_x) array of float32
        Fractions from 0 to 1. The sum times the voxel volume is the volume within about 0.1 %, for shapes inside the
        grid that are several voxels wide.
    """
    back = pose.inverse()
    fractions = np.zeros(grid.shape_zyx, dtype=np.float32)
    box = bounding_box(shape, grid=grid, pose=pose, margin_mm=max(grid.spacing_xyz_mm))
    centres = back.apply(voxel_centres_lps_mm(grid, box))
    if centres.size == 0:
        return fractions
    level = shape.level(centres)
    reach = 0.5 * float(np.linalg.norm(grid.spacing_xyz_mm)) * shape.steepness_per_mm
    part = (level <= 1.0 - reach).astype(np.float32)
    border = np.abs(level - 1.0) < reach
    n_sub = int(np.clip((POINTS_PER_SHAPE / max(int(border.sum()), 1)) ** (1 / 3), MIN_SUB, MAX_SUB))
    part[border] = _divided(shape, centres=centres[border], offsets=_offsets(grid, n_sub=n_sub, back=back))
    fractions[box] = part
    return fractions


def _offsets(grid: Grid, *, n_sub: int, back: RigidTransform) -> NDArray[np.float64]:
    """Return the points of a divided voxel relative to its centre, in anatomy coordinates."""
    steps = (np.arange(n_sub) + 0.5) / n_sub - 0.5
    unit = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    turn = back.as_array()[:3, :3] @ grid.direction_matrix
    return np.asarray((unit * np.asarray(grid.spacing_xyz_mm)) @ turn.T)


def _divided(shape: Shape, *, centres: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the share of the points round each centre that lie inside (anatomy coordinates)."""
    fractions = np.empty(len(centres), dtype=np.float32)
    n_voxels = max(1, CHUNK_POINTS // len(offsets))
    for start in range(0, len(centres), n_voxels):
        points = centres[start : start + n_voxels, None, :] + offsets
        fractions[start : start + n_voxels] = np.mean(shape.level(points) <= 1.0, axis=1)
    return fractions
