"""Solids of a body that are no ellipsoids: cross-sections along a curve, shells, beans and the rib cage."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.units import ML_MM3

FloatArray = NDArray[np.float64]


class Solid(Protocol):
    """Anything with a box and a level: below 1 inside, above outside; an ``Ellipsoid`` is one too."""

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Return the middle of the box, LPS mm."""

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of the box, mm."""

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return the level of (..., 3) points."""


OUTSIDE = 1e6
"""Level of points beyond the ends of a solid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A solid with elliptic (or squarer) cross-sections whose place and size change along an axis.

    Parameters
    ----------
    axis : int
        0, 1 or 2: along x, y or z; sections lie in the other two axes, in order.
    places_mm : floats
        Rising places along the axis.
    centres_mm : floats pairs
        Middle of each section in the other two axes.
    semi_axes_mm : float pairs
        Half the diameters of each section, zero or more.
    exponent : float
        2 is an ellipse, larger is squarer.
    """

    axis: int
    places_mm: tuple[float, ...]
    centres_mm: tuple[tuple[float, float], ...]
    semi_axes_mm: tuple[tuple[float, float], ...]
    exponent: float = 2.0

    def __post_init__(self) -> None:
        n = len(self.places_mm)
        if n < 2 or len(self.centres_mm) != n or len(self.semi_axes_mm) != n or np.any(np.diff(self.places_mm) <= 0.0):
            raise InvalidInputError("Sections need rising places with a centre and a size each.", code="bad_shape")

    @property
    def _others(self) -> tuple[int, int]:
        first, second = (axis for axis in range(3) if axis != self.axis)
        return first, second

    @property
    def _bounds(self) -> tuple[FloatArray, FloatArray]:
        centres, sizes = np.array(self.centres_mm), np.array(self.semi_axes_mm)
        low, high = np.empty(3), np.empty(3)
        low[self.axis], high[self.axis] = self.places_mm[0], self.places_mm[-1]
        for column, axis in enumerate(self._others):
            low[axis] = (centres[:, column] - sizes[:, column]).min()
            high[axis] = (centres[:, column] + sizes[:, column]).max()
        return low, high

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Return the middle of the box round the solid."""
        low, high = self._bounds
        x, y, z = (float(v) for v in 0.5 * (low + high))
        return x, y, z

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of the box, mm."""
        low, high = self._bounds
        return np.asarray(0.5 * (high - low))

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return below 1 inside, for (..., 3) points."""
        points = np.asarray(points_lps_mm)
        along = points[..., self.axis]
        total = np.zeros(along.shape)
        for column, axis in enumerate(self._others):
            centre = np.interp(along, self.places_mm, np.array(self.centres_mm)[:, column])
            size = np.interp(along, self.places_mm, np.array(self.semi_axes_mm)[:, column])
            total += (np.abs(points[..., axis] - centre) / np.maximum(size, 1e-3)) ** self.exponent
        is_beyond = (along < self.places_mm[0]) | (along > self.places_mm[-1])
        return np.asarray(np.where(is_beyond, OUTSIDE, total ** (1.0 / self.exponent)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bean:
    """A kidney: an ellipsoid along z that bends round its hilum and is hollow there.

    Parameters
    ----------
    centre_lps_mm, semi_axes_mm : (x, y, z) float
        Of the ellipsoid before bending, mm.
    hilum_x : int
        +1 or -1: the side in x on which the hilum lies.
    bend_mm : float
        How far the poles lean towards the hilum.
    notch : float
        Depth of the hilum as a share of the half-width.
    """

    centre_lps_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    hilum_x: int
    bend_mm: float = 8.0
    notch: float = 0.45

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of a box round the bent solid, mm."""
        x, y, z = self.semi_axes_mm
        return np.array([x + self.bend_mm, y, z])

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return below 1 inside, for (..., 3) points."""
        own = (np.asarray(points_lps_mm) - self.centre_lps_mm) / np.asarray(self.semi_axes_mm)
        towards = own[..., 0] * self.hilum_x - self.bend_mm / self.semi_axes_mm[0] * own[..., 2] ** 2
        # The hilum: a bump of the level round the middle of the side that faces the spine.
        dent = self.notch * np.exp(-((own[..., 1] / 0.5) ** 2) - (own[..., 2] / 0.35) ** 2)
        level = np.sqrt(towards**2 + own[..., 1] ** 2 + own[..., 2] ** 2)
        return np.asarray(level + dent * np.clip(towards, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The wall of an ellipsoid, cut to a box.

    Parameters
    ----------
    centre_lps_mm, semi_axes_mm : (x, y, z) float
        Middle of the wall, mm.
    thickness_mm : float
        Of the wall.
    low_mm, high_mm : (x, y, z) float
        Box about the centre, mm, outside which there is none of it.
    """

    centre_lps_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    thickness_mm: float
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of the box round the whole ellipsoid, mm."""
        return np.array([size + 0.5 * self.thickness_mm for size in self.semi_axes_mm])

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return below 1 inside, for (..., 3) points."""
        own = np.asarray(points_lps_mm) - self.centre_lps_mm
        scaled = own / np.asarray(self.semi_axes_mm)
        radius = np.sqrt(np.einsum("...i,...i->...", scaled, scaled))
        # Distance from the wall to first order: (r - 1) over the length of its gradient.
        slope = np.sqrt(np.einsum("...i,...i->...", scaled / self.semi_axes_mm, scaled / self.semi_axes_mm))
        distance = np.abs(radius - 1.0) * radius / np.maximum(slope, 1e-9)
        is_beyond = np.any((own < np.asarray(self.low_mm)) | (own > np.asarray(self.high_mm)), axis=-1)
        return np.asarray(np.where(is_beyond, OUTSIDE, distance / (0.5 * self.thickness_mm)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """Another solid, larger or smaller by a factor about its centre."""

    solid: Solid
    factor: float

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Return the centre of the other solid."""
        return self.solid.centre_lps_mm

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of the box, mm."""
        return np.asarray(self.factor * self.solid.half_size_lps_mm)

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return below 1 inside, for (..., 3) points."""
        centre = np.asarray(self.centre_lps_mm)
        return self.solid.level(centre + (np.asarray(points_lps_mm) - centre) / self.factor)


def sampled_volume_ml(solid: Solid, *, n: int = 64) -> float:
    """Return the volume by n points along each side of its box, mL; 1 % for plain shapes."""
    half = solid.half_size_lps_mm
    steps = [(np.arange(n) + 0.5) / n * 2.0 - 1.0 for _ in range(3)]
    unit = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    inside = solid.level(np.asarray(solid.centre_lps_mm) + unit * half) <= 1.0
    return float(inside.mean() * np.prod(2.0 * half)) / ML_MM3


def resized(solid: Solid, volume_ml: float) -> Solid:
    """Return a solid of a wanted volume, about the same centre."""
    return Scaled(solid=solid, factor=float((volume_ml / sampled_volume_ml(solid)) ** (1.0 / 3.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RibCage:
    """Pairs of ribs: slices of an elliptic wall that sink towards the front.

    Parameters
    ----------
    centre_lps_mm : (x, y, z) float
        Middle of the cage, mm.
    semi_axes_xy_mm : (x, y) float
        Of the wall at its widest, mm.
    half_length_mm : float
        Half the height of the cage.
    spacing_mm : float
        From rib to rib.
    drop : float
        Fall in z per mm towards the front.
    """

    centre_lps_mm: tuple[float, float, float]
    semi_axes_xy_mm: tuple[float, float]
    half_length_mm: float
    spacing_mm: float = 24.0
    drop: float = 0.35
    thickness_mm: float = 7.0
    height_mm: float = 12.0

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of the box, mm."""
        x, y = self.semi_axes_xy_mm
        return np.array([x + 5.0, y + 5.0, self.half_length_mm + self.drop * y])

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return below 1 inside, for (..., 3) points."""
        own = np.asarray(points_lps_mm) - self.centre_lps_mm
        height = own[..., 2] - self.drop * own[..., 1]
        # The cage narrows towards the neck.
        share = np.clip((height + self.half_length_mm) / (2.0 * self.half_length_mm), 0.0, 1.0)
        narrow = 1.0 - 0.45 * share**2
        x, y = self.semi_axes_xy_mm
        radius = np.hypot(own[..., 0] / (x * narrow), own[..., 1] / (y * narrow))
        wall = np.abs(radius - 1.0) * min(x, y) * narrow / (0.5 * self.thickness_mm)
        phase = np.abs(np.mod(height, self.spacing_mm) - 0.5 * self.spacing_mm) / (0.5 * self.height_mm)
        is_beyond = (np.abs(height) > self.half_length_mm) | ((np.abs(own[..., 0]) < 30.0) & (own[..., 1] < 0.0))
        return np.asarray(np.where(is_beyond, OUTSIDE, np.maximum(wall, phase)))
