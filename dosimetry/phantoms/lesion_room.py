"""Room for lesions in a body: how much of one lies in its host, and places where it fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dosimetry.phantoms.body_parts import AnatomyPart, paint_solid
from dosimetry.phantoms.solids import Solid

Point = tuple[float, float, float]
SHARE_INSIDE = 0.9
"""A choice of ours: at least this share of a lesion lies in its host; the rest may bulge out of it."""
GAP_MM = 2.0
"""Between lesions."""
POINTS_PER_SIDE = 8
N_DRAWN, N_BATCHES, N_BATCHES_SMALLER, N_TOGETHER = 200, 20, 4, 20
SMALLER, SMALLEST_SHARE = 0.8, 1e-3
N_BISECTIONS = 12


def _ball() -> NDArray[np.float64]:
    """Return evenly spaced points in the unit ball, so that counts of points are shares of volume."""
    steps = (np.arange(POINTS_PER_SIDE) + 0.5) / POINTS_PER_SIDE * 2.0 - 1.0
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(points[np.linalg.norm(points, axis=1) <= 1.0])


BALL = _ball()


@dataclass(frozen=True, kw_only=True)
class LesionRoom:
    """Where lesions of one site may lie.

    Parameters
    ----------
    parts : tuple of AnatomyPart
        The body in the reference adult, in the order of painting.
    is_host : callable
        Whether a part that is seen at a point belongs to the host.
    boxes_mm : (n, 2, 3) array of float
        Low and high corners of the boxes where centres are drawn, LPS mm; each box as often as any other, and no
        centre lies outside all.
    """

    parts: tuple[AnatomyPart, ...]
    is_host: Callable[[AnatomyPart], bool]
    boxes_mm: NDArray[np.float64]

    @cached_property
    def _is_host(self) -> NDArray[np.bool_]:
        return np.array([False, *(self.is_host(part) for part in self.parts)])

    def holds(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether the part that is seen at each of (n, 3) points belongs to the host."""
        labels = np.zeros(len(points_lps_mm), dtype=np.uint8)
        for number, part in enumerate(self.parts, start=1):
            paint_solid(labels, points_lps_mm, part.solid, number)
        return np.asarray(self._is_host[labels])

    def holds_centres(self, centres_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each of (n, 3) centres lies in the host and in a box."""
        in_box = np.zeros(len(centres_lps_mm), dtype=bool)
        for low, high in self.boxes_mm:
            in_box |= np.all((centres_lps_mm >= low) & (centres_lps_mm <= high), axis=1)
        return np.asarray(in_box & self.holds(centres_lps_mm))

    def shares_inside(self, centres_lps_mm: NDArray[np.float64], size_mm: Point) -> NDArray[np.float64]:
        """Return the share of an ellipsoid of half-diameters ``size_mm`` round each of (n, 3) centres in the host."""
        points = centres_lps_mm[:, None, :] + BALL * np.asarray(size_mm)
        inside = self.holds(points.reshape(-1, 3)).reshape(len(centres_lps_mm), len(BALL))
        return np.asarray(inside.mean(axis=1))

    def find(
        self,
        size_mm: Point,
        *,
        placed: Sequence[Solid],
        generator: np.random.Generator,
        n_batches: int = N_BATCHES,
    ) -> Point | None:
        """Return a random centre where the lesion lies in its host and apart from others; None when none was met."""
        for _ in range(n_batches):
            centres = self._drawn(generator)
            centres = centres[is_free(centres, size_mm, placed)]
            centres = centres[self.holds_centres(centres)]
            for first in range(0, len(centres), N_TOGETHER):
                some = centres[first : first + N_TOGETHER]
                fitting = np.flatnonzero(self.shares_inside(some, size_mm) >= SHARE_INSIDE)
                if fitting.size:
                    x, y, z = (float(value) for value in some[fitting[0]])
                    return x, y, z
        return None

    def find_largest(
        self, size_mm: Point, *, placed: Sequence[Solid], generator: np.random.Generator
    ) -> tuple[Point, float] | None:
        """Return a centre and the share of the volume, in steps of a fifth, that finds room there; None for none."""
        factor = SMALLER
        while factor > SMALLEST_SHARE:
            size = scaled_size(size_mm, factor)
            centre = self.find(size, placed=placed, generator=generator, n_batches=N_BATCHES_SMALLER)
            if centre is not None:
                return centre, factor
            factor *= SMALLER
        return None

    def largest_factor_at(self, centre: Point, size_mm: Point) -> float:
        """Return the share of the volume that fits round a centre in the host, 0 to 1."""
        at = np.array([centre])
        low, high = 0.0, 1.0
        for _ in range(N_BISECTIONS):
            middle = 0.5 * (low + high)
            is_fitting = float(self.shares_inside(at, scaled_size(size_mm, middle))[0]) >= SHARE_INSIDE
            low, high = (middle, high) if is_fitting else (low, middle)
        return low

    def _drawn(self, generator: np.random.Generator) -> NDArray[np.float64]:
        boxes = self.boxes_mm[generator.integers(len(self.boxes_mm), size=N_DRAWN)]
        return np.asarray(generator.uniform(boxes[:, 0], boxes[:, 1]))


def scaled_size(size_mm: Point, volume_factor: float) -> Point:
    """Return half-diameters, mm, of the same shape with a volume multiplied by a factor."""
    x, y, z = (float(value * volume_factor ** (1.0 / 3.0)) for value in size_mm)
    return x, y, z


def is_free(centres_lps_mm: NDArray[np.float64], size_mm: Point, placed: Sequence[Solid]) -> NDArray[np.bool_]:
    """Return whether a lesion round each of (n, 3) centres is apart from those that are placed."""
    free = np.ones(len(centres_lps_mm), dtype=bool)
    for solid in placed:
        distances = np.linalg.norm(centres_lps_mm - np.asarray(solid.centre_lps_mm), axis=1)
        free &= distances >= max(size_mm) + float(max(solid.half_size_lps_mm)) + GAP_MM
    return free
