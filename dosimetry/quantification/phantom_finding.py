"""Where cylinder and spheres of a phantom lie in its emission image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.volume import Grid, Volume

SMOOTHING_MM = 6.0
"""Standard deviation of the Gaussian that takes noise from the image before spheres are looked for."""
CAPTURE_MM = 8.0
"""Blur outside a sphere that still belongs to it when its centre of gravity is taken."""
HALF = 0.5


def find_cylinder_centre(image: Volume) -> tuple[float, float, float]:
    """Return the centre of gravity of what lies above half of the image's 99th percentile, LPS mm.

    Raises
    ------
    InsufficientDataError
        An image without counts.
    """
    values = np.asarray(image.values, dtype=np.float64)
    level = HALF * float(np.percentile(values, 99.0))
    if level <= 0.0:
        raise InsufficientDataError("The image holds no counts in which a phantom could be found.", code="no_phantom")
    return _centre_of_gravity(values >= level, np.ones_like(values), image.grid)


def find_spheres(image: Volume, *, diameters_mm: Sequence[float]) -> tuple[tuple[float, float, float], ...]:
    """Return the centres (LPS mm) of hot spheres of one concentration, in the order of the diameters given.

    The highest peak of the smoothed image is taken again and again, each time with everything around it put out.
    Smoothing lowers small spheres more, so that the places come in the order of size.

    Parameters
    ----------
    image : Volume
        Counts or concentration; spheres hotter than what surrounds them.
    diameters_mm : sequence of float
        Inner diameters, one per sphere.

    Raises
    ------
    InvalidInputError
        No diameter, or one not above zero.
    InsufficientDataError
        Fewer places than spheres.
    """
    if not diameters_mm or min(diameters_mm) <= 0.0:
        raise InvalidInputError("Give the diameter of every sphere, in mm above zero.", code="bad_sphere")
    grid = image.grid
    values = np.asarray(image.values, dtype=np.float64)
    sigmas = [SMOOTHING_MM / spacing for spacing in reversed(grid.spacing_xyz_mm)]
    smooth = ndimage.gaussian_filter(values, sigmas)
    background = float(np.median(smooth[smooth > 0.05 * smooth.max()])) if smooth.max() > 0.0 else 0.0
    reach_mm = HALF * max(diameters_mm) + CAPTURE_MM
    is_peak = smooth == ndimage.maximum_filter(smooth, size=3)
    free = np.where(is_peak, smooth, -np.inf)
    places: list[tuple[float, float, float]] = []
    for number in range(len(diameters_mm)):
        peak = np.unravel_index(int(np.argmax(free)), free.shape)
        if free[peak] <= max(background, 0.0):
            raise InsufficientDataError(
                f"Only {number} of {len(diameters_mm)} spheres stand out of the image{_places_in_words(places)}; check "
                "the diameters, leave the smallest out, or give the centres.",
                code="spheres_not_found",
            )
        around = _distance_mm(np.array(peak, dtype=float), grid) <= reach_mm
        weights = np.maximum(values - background, 0.0)
        centre = _centre_of_gravity(around, weights, grid)
        near = _distance_mm(grid.lps_mm_to_index(np.array(centre)), grid) <= reach_mm
        places.append(centre)
        free[near | around] = -np.inf
    by_size = np.argsort([-diameter for diameter in diameters_mm], kind="stable")
    centres = dict(zip(by_size.tolist(), places, strict=True))
    return tuple(centres[i] for i in range(len(diameters_mm)))


def _places_in_words(places: Sequence[tuple[float, float, float]]) -> str:
    """Return where spheres were found, LPS mm, the largest first."""
    if not places:
        return ""
    texts = ("({:.0f}, {:.0f}, {:.0f})".format(*place) for place in places)
    return f", at {', '.join(texts)} mm (LPS)"


def cylinder_share(
    grid: Grid, *, centre_lps_mm: tuple[float, float, float], diameter_mm: float, length_mm: float
) -> NDArray[np.float64]:
    """Return 1 in voxels whose centre lies in a cylinder along z, else 0, (z, y, x).

    Raises
    ------
    InvalidInputError
        A size not above zero, or a cylinder without a voxel.
    """
    if not (diameter_mm > 0.0 and length_mm > 0.0):
        raise InvalidInputError("Diameter and length of the region must be above zero.", code="bad_cylinder")
    z, y, x = (axis - at for axis, at in zip(_axes(grid), grid.lps_mm_to_index(np.array(centre_lps_mm)), strict=True))
    dz, dy, dx = (axis * spacing for axis, spacing in zip((z, y, x), reversed(grid.spacing_xyz_mm), strict=True))
    inside = np.asarray((dy**2 + dx**2 <= (HALF * diameter_mm) ** 2) & (np.abs(dz) <= HALF * length_mm))
    if not inside.any():
        raise InvalidInputError("The region lies outside the image or is smaller than a voxel.", code="bad_cylinder")
    return np.asarray(inside, dtype=np.float64)


def _axes(grid: Grid) -> tuple[NDArray[np.float64], ...]:
    return tuple(np.asarray(axis, dtype=np.float64) for axis in np.indices(grid.shape_zyx, sparse=True))


def _distance_mm(index: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    parts = [
        ((axis - at) * spacing) ** 2
        for axis, at, spacing in zip(_axes(grid), index, reversed(grid.spacing_xyz_mm), strict=True)
    ]
    return np.asarray(np.sqrt(parts[0] + parts[1] + parts[2]))


def _centre_of_gravity(
    inside: NDArray[np.bool_], weights: NDArray[np.float64], grid: Grid
) -> tuple[float, float, float]:
    share = np.where(inside, weights, 0.0)
    index = [float((axis * share).sum() / share.sum()) for axis in _axes(grid)]
    x, y, z = grid.index_to_lps_mm(np.array(index))
    return float(x), float(y), float(z)
