"""Regions by threshold."""

import numpy as np
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import Mask
from dosimetry.volume import Volume


def sphere_mask(volume: Volume, *, centre_lps_mm: tuple[float, float, float], radius_mm: float) -> Mask:
    """Return the voxels whose centres lie inside a sphere.

    Raises
    ------
    InvalidInputError
        Radius not above zero, or the sphere holds no voxel centre of the image.
    """
    if not radius_mm > 0.0:
        raise InvalidInputError("The radius must be above zero.", code="bad_radius")
    grid = volume.grid
    centre = grid.lps_mm_to_index(np.asarray(centre_lps_mm))
    reach = radius_mm / np.asarray(grid.spacing_xyz_mm[::-1])
    low = np.maximum(np.floor(centre - reach).astype(int), 0)
    high = np.minimum(np.ceil(centre + reach).astype(int) + 1, grid.shape_zyx)
    mask = np.zeros(grid.shape_zyx, dtype=bool)
    if np.all(high > low):
        axes = [np.arange(low[i], high[i]) - centre[i] for i in range(3)]
        spacing = grid.spacing_xyz_mm[::-1]
        squares = [(axis * step) ** 2 for axis, step in zip(axes, spacing, strict=True)]
        inside = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :] <= radius_mm**2
        mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = inside
    if not mask.any():
        raise InvalidInputError("The sphere lies outside the image.", code="region_outside")
    return mask


def threshold_fixed(volume: Volume, *, minimum: float, within: Mask | None = None) -> Mask:
    """Return voxels of at least ``minimum`` (unit of the volume), inside ``within`` if given.

    Raises
    ------
    InvalidInputError
        No voxel reaches the threshold.
    """
    mask = np.asarray(volume.values >= minimum)
    if within is not None:
        mask &= within
    if not mask.any():
        raise InvalidInputError("No voxel reaches the threshold; choose a lower one.", code="empty_region")
    return mask


def level_of_maximum(volume: Volume, *, fraction: float, within: Mask | None = None) -> float:
    """Return a share of the largest voxel, in the unit of the volume: of the image, or of ``within`` if given.

    Raises
    ------
    InvalidInputError
        A share outside 0 to 1, or no voxel above zero.
    """
    if not 0.0 < fraction < 1.0:
        raise InvalidInputError("The share of the maximum lies between 0 and 1.", code="threshold_range")
    largest = float(np.max(volume.values, where=True if within is None else within, initial=0.0))
    if not largest > 0.0:
        raise InvalidInputError("No voxel here lies above zero; choose another place.", code="empty_region")
    return fraction * largest


def threshold_in_sphere(
    volume: Volume,
    *,
    centre_lps_mm: tuple[float, float, float],
    radius_mm: float,
    minimum: float | None = None,
    fraction_of_maximum: float | None = None,
) -> Mask:
    """Return the connected part around the hottest voxel of a sphere that reaches a threshold.

    Parameters
    ----------
    volume : Volume
        Activity concentration.
    centre_lps_mm, radius_mm : (x, y, z) float, float
        The sphere, LPS mm.
    minimum : float or None
        Fixed threshold in the unit of the volume.
    fraction_of_maximum : float or None
        Threshold as a share of the sphere's maximum, 0 to 1. Exactly one of both is given.

    Returns
    -------
    (z, y, x) bool array
        One connected component inside the sphere.

    Raises
    ------
    InvalidInputError
        Both or no threshold, a share outside 0 to 1, or nothing reaches it.
    """
    if (minimum is None) == (fraction_of_maximum is None):
        raise InvalidInputError("Give either a fixed threshold or a share of the maximum.", code="threshold_choice")
    sphere = sphere_mask(volume, centre_lps_mm=centre_lps_mm, radius_mm=radius_mm)
    inside = np.where(sphere, volume.values, -np.inf)
    hottest = np.unravel_index(int(np.argmax(inside)), inside.shape)
    if fraction_of_maximum is not None:
        minimum = level_of_maximum(volume, fraction=fraction_of_maximum, within=sphere)
    mask = threshold_fixed(volume, minimum=float(minimum or 0.0), within=sphere)
    labels, _ = ndimage.label(mask)
    return np.asarray(labels == labels[hottest]) if labels[hottest] else mask


def region_grow(
    volume: Volume, *, seed_lps_mm: tuple[float, float, float], minimum: float, maximum: float = np.inf
) -> Mask:
    """Return the connected voxels between two values around a seed point.

    Raises
    ------
    InvalidInputError
        The seed lies outside the image or outside the values.
    """
    index = tuple(int(value) for value in np.rint(volume.grid.lps_mm_to_index(np.asarray(seed_lps_mm))))
    if any(not 0 <= i < n for i, n in zip(index, volume.grid.shape_zyx, strict=True)):
        raise InvalidInputError("The seed lies outside the image.", code="region_outside")
    labels, _ = ndimage.label((volume.values >= minimum) & (volume.values <= maximum))
    if not labels[index]:
        raise InvalidInputError(
            "The seed's value lies outside the chosen range; put the point into the hot part or lower the level.",
            code="seed_outside",
        )
    return np.asarray(labels == labels[index])
