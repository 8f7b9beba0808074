"""Changes of shape: margin, smoothing, islands, holes, slices in between, booleans."""

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import Box, Mask, bounding_box, placed
from dosimetry.volume import Grid

Operation = Literal["union", "intersection", "difference"]


def _box_with_margin(mask: Mask, grid: Grid, margin_mm: float) -> Box:
    spacing = grid.spacing_xyz_mm[::-1]
    voxels = [int(np.ceil(abs(margin_mm) / step)) + 2 for step in spacing]
    return bounding_box(mask, margin_voxels=(voxels[0], voxels[1], voxels[2]))


def margin(mask: Mask, *, grid: Grid, margin_mm: float) -> Mask:
    """Grow (positive) or shrink (negative) a region by a distance, exact on any spacing.

    Raises
    ------
    InvalidInputError
        The region is empty, or nothing is left after shrinking.
    """
    box = _box_with_margin(mask, grid, margin_mm)
    sampling = grid.spacing_xyz_mm[::-1]
    part = mask[box]
    if margin_mm >= 0.0:
        changed = ndimage.distance_transform_edt(~part, sampling=sampling) <= margin_mm
    else:
        padded = np.pad(part, 1)
        inside = ndimage.distance_transform_edt(padded, sampling=sampling)[1:-1, 1:-1, 1:-1]
        changed = inside > -margin_mm
    if not changed.any():
        raise InvalidInputError("Nothing is left after shrinking; choose a smaller margin.", code="empty_region")
    return placed(changed, box, mask.shape)


def smooth(mask: Mask, *, grid: Grid, radius_mm: float) -> Mask:
    """Smooth the surface with a Gaussian of standard deviation ``radius_mm`` and keep the half level.

    Raises
    ------
    InvalidInputError
        The region is empty, the radius not above zero, or nothing is left.
    """
    if not radius_mm > 0.0:
        raise InvalidInputError("The radius must be above zero.", code="bad_radius")
    box = _box_with_margin(mask, grid, 3.0 * radius_mm)
    sigma = [radius_mm / step for step in grid.spacing_xyz_mm[::-1]]
    changed = ndimage.gaussian_filter(mask[box].astype(np.float32), sigma, mode="nearest") >= 0.5
    if not changed.any():
        raise InvalidInputError("Nothing is left after smoothing; choose a smaller radius.", code="empty_region")
    return placed(changed, box, mask.shape)


def fill_holes(mask: Mask, *, by_slice: bool = False) -> Mask:
    """Fill cavities.

    Parameters
    ----------
    mask : (n_z, n_y, n_x) bool array
        Region.
    by_slice : bool
        Fill what an axial slice encloses, as the pelvis of a kidney; else only what is enclosed on all sides.

    Raises
    ------
    InvalidInputError
        The region is empty.
    """
    box = bounding_box(mask)
    structure = ndimage.generate_binary_structure(3, 1)
    if by_slice:
        structure[[0, 2]] = False
    return placed(ndimage.binary_fill_holes(mask[box], structure), box, mask.shape)


def keep_largest(mask: Mask) -> Mask:
    """Keep the largest connected part.

    Raises
    ------
    InvalidInputError
        The region is empty.
    """
    box = bounding_box(mask)
    labels, n = ndimage.label(mask[box])
    if n <= 1:
        return mask.copy()
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return placed(labels == int(np.argmax(sizes)), box, mask.shape)


def remove_islands(mask: Mask, *, grid: Grid, minimum_ml: float) -> Mask:
    """Remove connected parts below a volume in mL.

    Raises
    ------
    InvalidInputError
        The region is empty, or every part is below the volume.
    """
    box = bounding_box(mask)
    labels, _ = ndimage.label(mask[box])
    volumes = np.bincount(labels.ravel()) * grid.voxel_volume_ml
    keep = volumes >= minimum_ml
    keep[0] = False
    if not keep.any():
        raise InvalidInputError("Every part is smaller than this volume.", code="empty_region")
    return placed(keep[labels], box, mask.shape)


def interpolate_slices(mask: Mask) -> Mask:
    """Fill undrawn axial slices between drawn ones by interpolating signed distances.

    Raises
    ------
    InvalidInputError
        Fewer than two slices are drawn.

    References
    ----------
    .. [1] Raya & Udupa, Shape-based interpolation, IEEE Trans. Med. Imaging 9 (1990) 32-42.
    """
    box = bounding_box(mask, margin_voxels=(0, 1, 1))
    part = mask[box].copy()
    drawn = np.flatnonzero(part.any(axis=(1, 2)))
    if drawn.size < 2:
        raise InvalidInputError("Draw the region in at least two slices first.", code="too_few_slices")
    for lower, upper in pairwise(drawn):
        if upper - lower < 2:
            continue
        below, above = _signed_distance(part[lower]), _signed_distance(part[upper])
        for k in range(lower + 1, upper):
            share = (k - lower) / (upper - lower)
            part[k] = (1.0 - share) * below + share * above > 0.0
    return placed(part, box, mask.shape)


def _signed_distance(plane: Mask) -> NDArray[np.float64]:
    inside = ndimage.distance_transform_edt(plane)
    return np.asarray(inside - ndimage.distance_transform_edt(~plane))


def combine(first: Mask, second: Mask, *, operation: Operation) -> Mask:
    """Return union, intersection or difference (first without second) of two masks on one grid.

    Raises
    ------
    InvalidInputError
        Shapes differ or the operation is unknown.
    """
    if first.shape != second.shape:
        raise InvalidInputError("Both regions must lie on one grid.", code="other_grid")
    if operation == "union":
        return first | second
    if operation == "intersection":
        return first & second
    if operation == "difference":
        return first & ~second
    raise InvalidInputError(f"Unknown operation {operation!r}.", code="unknown_operation")
