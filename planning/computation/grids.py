"""Stored geometry and label volumes as arrays."""

import gzip
from typing import Any
from uuid import UUID

import numpy as np

from dosimetry.segmentation.overlap import subtract_lesions
from dosimetry.volume import Grid
from planning import storage
from planning.models import ContourRevision
from planning.models.contours import takes_from_organs


def grid_to_dict(grid: Grid) -> dict[str, Any]:
    return {
        "shape_zyx": list(grid.shape_zyx),
        "spacing_xyz_mm": list(grid.spacing_xyz_mm),
        "origin_lps_mm": list(grid.origin_lps_mm),
        "direction": list(grid.direction),
    }


def grid_from_dict(stored: dict[str, Any]) -> Grid:
    n_z, n_y, n_x = stored["shape_zyx"]
    s_x, s_y, s_z = stored["spacing_xyz_mm"]
    x, y, z = stored["origin_lps_mm"]
    return Grid(
        shape_zyx=(n_z, n_y, n_x),
        spacing_xyz_mm=(s_x, s_y, s_z),
        origin_lps_mm=(x, y, z),
        direction=tuple(stored["direction"]),
    )


def label_values(asset, grid: Grid) -> np.ndarray:
    """Return the (z, y, x) uint8 labels of a stored label volume."""
    with storage.open_object(asset.object_sha256) as stored:
        raw = gzip.decompress(stored.read())
    return np.frombuffer(raw, dtype=np.uint8).reshape(grid.shape_zyx)


def label_masks(revision: ContourRevision) -> dict[UUID, np.ndarray]:
    """Return the mask of each accepted region, organs minus accepted lesions."""
    grid = grid_from_dict(revision.image.label_grid)
    volumes = {"organ": label_values(revision.organs, grid), "lesion": label_values(revision.lesions, grid)}
    contours = list(revision.contours.filter(state="accepted").select_related("region"))
    masks = {contour.region_id: volumes[contour.region.kind] == contour.region.label for contour in contours}
    organs = {str(c.region_id): masks[c.region_id] for c in contours if c.region.kind == "organ"}
    taken = [c.region_id for c in contours if takes_from_organs(kind=c.region.kind, state=c.state)]
    lesions = {str(region_id): masks[region_id] for region_id in taken}
    reduced, _ = subtract_lesions(organs, lesions)
    return {contour.region_id: reduced.get(str(contour.region_id), masks[contour.region_id]) for contour in contours}
