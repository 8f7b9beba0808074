"""CT and emission as a network sees them: on cubes along the axes of the patient, cut to the body."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import emission_scale
from dosimetry.segmentation.boxes import bounding_box
from dosimetry.segmentation.human import SeenImage
from dosimetry.volume import Grid, Volume, resample

MOST_SPACING_MM = 12.0
LEAST_EXTENT_MM = 120.0
AIR_BELOW_HU, EMPTY_SHARE, AIR_VOXELS = -500.0, 0.02, 8
"""What counts as air: CT number, and concentration over the scale of the emission; and how much of it is kept."""


def working_grid(images: Sequence[Volume], *, onto: Grid, spacing_mm: float) -> Grid:
    """Return voxels along the axes of the patient that cover what ``onto`` and the images share."""
    low, high = _box(onto)
    image_boxes = [_box(image.grid) for image in images]
    low = np.maximum(low, np.min([box[0] for box in image_boxes], axis=0))
    high = np.minimum(high, np.max([box[1] for box in image_boxes], axis=0))
    n_x, n_y, n_z = (int(n) for n in np.floor((high - low) / spacing_mm) + 1)
    if min(n_x, n_y, n_z) < LEAST_EXTENT_MM / spacing_mm:
        raise InvalidInputError(
            f"The images share {np.round(np.maximum(high - low, 0.0))} mm with the grid of the contours; organs need "
            f"{LEAST_EXTENT_MM:.0f} mm along each axis.",
            code="out_of_domain",
        )
    x, y, z = (float(v) for v in 0.5 * (low + high) - 0.5 * spacing_mm * (np.array([n_x, n_y, n_z]) - 1))
    return Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=(spacing_mm,) * 3, origin_lps_mm=(x, y, z))


def around_body(grid: Grid, ct: SeenImage, emission: SeenImage) -> tuple[Grid, SeenImage, SeenImage]:
    """Return the part of the working grid that holds anything but air, with a margin, and the images on it.

    A square SPECT matrix is two thirds air, which costs time and is wider than what networks were trained on.
    """
    inside = np.zeros(grid.shape_zyx, dtype=bool)
    (hu, ct_seen), (values, seen) = ct, emission
    if hu is not None and ct_seen is not None:
        inside |= ct_seen & (hu > AIR_BELOW_HU)
    if values is not None and seen is not None:
        inside |= seen & (values > EMPTY_SHARE * emission_scale(values, seen))
    if not inside.any():
        return grid, ct, emission
    box = bounding_box(inside, margin_voxels=(AIR_VOXELS,) * 3)
    x, y, z = (float(v) for v in grid.index_to_lps_mm(np.array([part.start for part in box], dtype=float)))
    n_z, n_y, n_x = (part.stop - part.start for part in box)
    cropped = Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=grid.spacing_xyz_mm, origin_lps_mm=(x, y, z))

    def part_of(image: SeenImage) -> SeenImage:
        return (None, None) if image[0] is None or image[1] is None else (image[0][box], image[1][box])

    return cropped, part_of(ct), part_of(emission)


def _box(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = np.array(grid.shape_zyx) - 1.0
    corners = grid.index_to_lps_mm(np.array([[a, b, c] for a in (0, n[0]) for b in (0, n[1]) for c in (0, n[2])]))
    return corners.min(axis=0), corners.max(axis=0)


def averaged_onto(image: Volume | None, grid: Grid) -> SeenImage:
    """Return an image on the working grid, smoothed first where its voxels are finer, and where it covers it."""
    if image is None:
        return None, None
    ratio = grid.spacing_xyz_mm[0] / np.array(image.grid.spacing_xyz_mm[::-1])
    sigma = np.where(ratio > 1.2, 0.4 * ratio, 0.0)
    values = np.nan_to_num(np.asarray(image.values, dtype=np.float32))
    if np.any(sigma > 0.0):
        values = ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=2.0)
    on_grid = resample(image.with_values(values), onto=grid, fill_value=np.nan).values
    seen = np.isfinite(on_grid)
    return np.where(seen, on_grid, np.float32(0.0)), seen


def require_readable(images: Sequence[Volume]) -> None:
    """Refuse voxels too coarse to show anything (``out_of_domain``) and images of one value (``empty_image``)."""
    for image in images:
        spacing = max(image.grid.spacing_xyz_mm)
        if spacing > MOST_SPACING_MM:
            raise InvalidInputError(
                f"Voxels of {spacing:.1f} mm are too coarse to show organs (at most {MOST_SPACING_MM:.0f} mm).",
                code="out_of_domain",
            )
        if not np.any(image.values != image.values.flat[0]):
            raise InvalidInputError("An image has the same value everywhere.", code="empty_image")
