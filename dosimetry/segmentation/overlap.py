"""The rule organ minus lesion, and masks as fractions of other voxels."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError
from dosimetry.segmentation.boxes import Box, Mask, bounding_box
from dosimetry.volume import Grid, RigidTransform

MAX_SAMPLES = 20_000_000
NOWHERE: Box = (slice(0, 0), slice(0, 0), slice(0, 0))
PARALLEL_TOLERANCE = 1e-6
"""Target voxels per voxel of the mask: over a thousand voxels the axes then part by a thousandth of one."""


def subtract_lesions(
    organs: Mapping[str, Mask], lesions: Mapping[str, Mask]
) -> tuple[dict[str, Mask], dict[str, tuple[str, ...]]]:
    """Take every lesion out of every organ.

    Parameters
    ----------
    organs, lesions : mapping of name to (z, y, x) bool array
        Masks on one grid.

    Returns
    -------
    tuple of (dict, dict)
        Organs without lesions, and for each organ the statements that the report prints: name of the lesion and
        share of the organ that it took. Organs that touch no lesion have none.
    """
    boxes = {name: bounding_box(lesion) for name, lesion in lesions.items() if lesion.any()}
    reduced: dict[str, Mask] = {}
    statements: dict[str, tuple[str, ...]] = {}
    for name, organ in organs.items():
        n_voxels = int(np.count_nonzero(organ))
        said = []
        remaining = organ
        for lesion_name, box in boxes.items():
            lesion = lesions[lesion_name][box]
            n_shared = int(np.count_nonzero(organ[box] & lesion))
            if n_shared:
                remaining = remaining.copy() if remaining is organ else remaining
                remaining[box] &= ~lesion
                said.append(f"{name} = contour minus {lesion_name} ({100.0 * n_shared / n_voxels:.1f} % of it).")
        reduced[name] = remaining
        statements[name] = tuple(said)
    return reduced, statements


def coverage_fraction(
    mask: Mask, mask_grid: Grid, onto: Grid, *, transform: RigidTransform | None = None
) -> NDArray[np.float32]:
    """Return the share of each voxel of another grid that a mask covers.

    Exact where the axes of the grids are parallel. Else every voxel of the mask is divided until its parts are at most
    a third of the target voxels; each part gives its volume to the voxel that holds its centre. Either way the total
    volume is kept inside the target grid.

    Parameters
    ----------
    mask : (z, y, x) bool array
        The region on ``mask_grid``.
    mask_grid, onto : Grid
        Source and target.
    transform : RigidTransform or None
        Maps points of the mask's frame to the frame of ``onto``.

    Returns
    -------
    (z, y, x) float32 array
        Fractions; may exceed 1 by rounding where axes are not parallel. Zero everywhere for an empty mask.

    Raises
    ------
    GeometryMismatchError
        Mask and grid have different shapes.
    """
    box, part = coverage_part(mask, mask_grid, onto, transform=transform)
    fractions = np.zeros(onto.shape_zyx, dtype=np.float32)
    fractions[box] = part
    return fractions


def coverage_part(
    mask: Mask, mask_grid: Grid, onto: Grid, *, transform: RigidTransform | None = None
) -> tuple[Box, NDArray[np.float32]]:
    """Return ``coverage_fraction`` where it can be above zero: the slices of the target, and the fractions there.

    Parameters, errors and method are those of ``coverage_fraction``; the part of a region that lies outside the target,
    or of an empty one, is empty.
    """
    if mask.shape != mask_grid.shape_zyx:
        raise GeometryMismatchError(f"The mask has shape {mask.shape}, its grid {mask_grid.shape_zyx}.")
    if not mask.any():
        return NOWHERE, np.zeros((0, 0, 0), dtype=np.float32)
    box = bounding_box(mask)
    if transform is None and mask_grid.matches(onto):
        return box, mask[box].astype(np.float32)
    between = np.eye(4) if transform is None else transform.as_array()
    to_target = np.linalg.inv(onto.affine) @ between @ mask_grid.affine
    reverse = np.eye(4)[[2, 1, 0, 3]]
    matrix = reverse @ to_target @ reverse
    # Work in the part of the target that the mask can reach: grids of CT are large.
    reached = _reached_box(box, matrix, onto)
    scale = np.diag(matrix)[:3]
    if np.all(scale > 0.0) and np.allclose(matrix[:3, :3], np.diag(scale), rtol=0.0, atol=PARALLEL_TOLERANCE):
        return reached, _parallel_fraction(mask[box], box, scale, matrix[:3, 3], reached)
    n_sub = _subdivision(mask_grid, onto, int(np.count_nonzero(mask)))
    part_volume = mask_grid.voxel_volume_ml / onto.voxel_volume_ml / n_sub**3
    indices = np.argwhere(mask[box]) + np.array([part.start for part in box])
    steps = (np.arange(n_sub) + 0.5) / n_sub - 0.5
    first = np.array([part.start for part in reached])
    fractions = np.zeros([part.stop - part.start for part in reached], dtype=np.float64)
    if fractions.size == 0:
        return reached, fractions.astype(np.float32)
    for dz in steps:
        for dy in steps:
            for dx in steps:
                points = (indices + np.array([dz, dy, dx])) @ matrix[:3, :3].T + matrix[:3, 3]
                nearest = np.rint(points).astype(np.int64) - first
                inside = np.all((nearest >= 0) & (nearest < fractions.shape), axis=1)
                flat = np.ravel_multi_index(tuple(nearest[inside].T), fractions.shape)
                counts = np.bincount(flat, minlength=fractions.size)
                fractions += counts.reshape(fractions.shape) * part_volume
    return reached, fractions.astype(np.float32)


def _parallel_fraction(
    inside: Mask, box: Box, scale: NDArray[np.float64], start: NDArray[np.float64], reached: Box
) -> NDArray[np.float32]:
    """Return exact fractions: voxel i of the mask spans scale (i -+ 1/2) + start along each axis of the target."""
    fractions = inside.astype(np.float32)
    for axis, (part, target_part) in enumerate(zip(box, reached, strict=True)):
        edges = scale[axis] * (np.arange(part.start, part.stop + 1) - 0.5) + start[axis]
        target = np.arange(target_part.start, target_part.stop)[:, None]
        upper = np.minimum(edges[1:], target + 0.5)
        lengths = np.maximum(upper - np.maximum(edges[:-1], target - 0.5), 0.0).astype(np.float32)
        fractions = np.moveaxis(np.tensordot(lengths, fractions, axes=(1, axis)), 0, axis)
    return fractions


def _reached_box(box: Box, matrix: NDArray[np.float64], onto: Grid) -> Box:
    """Return the slices of the target that hold every voxel that a part of the mask's box can fall into."""
    corners = np.array(list(product(*((part.start - 0.5, part.stop - 0.5) for part in box))))
    points = corners @ matrix[:3, :3].T + matrix[:3, 3]
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int) + 1
    z, y, x = (
        slice(min(max(int(a), 0), n), min(max(int(b), 0), n)) for a, b, n in zip(low, high, onto.shape_zyx, strict=True)
    )
    return z, y, x


def _subdivision(mask_grid: Grid, onto: Grid, n_voxels: int) -> int:
    ratio = max(a / b for a, b in zip(mask_grid.spacing_xyz_mm, onto.spacing_xyz_mm, strict=True))
    wanted = int(np.clip(np.ceil(3.0 * ratio), 1, 6))
    affordable = int(max((MAX_SAMPLES / max(n_voxels, 1)) ** (1.0 / 3.0), 1.0))
    return min(wanted, affordable)
