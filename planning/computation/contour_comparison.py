"""Two revisions of the contours of one time point, region by region. Light enough for the web process."""

from dataclasses import dataclass

import numpy as np

from dosimetry.segmentation.agreement import dice
from planning.computation.contour_preview import PreviewedDose, previewed_dose
from planning.computation.grids import grid_from_dict, label_values
from planning.models import ContourRevision, Region, RegionContour


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDifference:
    """One region then and now, as drawn; None where a revision has none, or where the grid became another one.

    The doses are previews with the contours of then and of now at this time point; both None before a calculation.
    """

    region: Region
    contours: tuple[RegionContour | None, RegionContour | None]
    dice: float | None
    added_ml: float | None
    removed_ml: float | None
    doses: tuple[PreviewedDose | None, PreviewedDose | None]


def compared_revisions(
    then: ContourRevision, now: ContourRevision, *, has_doses: bool = True
) -> list[RevisionDifference]:
    """Compare every region that either revision holds; regions drawn in neither are left out."""
    contours = [_drawn(then), _drawn(now)]
    regions = {contour.region_id: contour.region for found in contours for contour in found.values()}
    is_same_grid = then.image.label_grid == now.image.label_grid
    labels = [_labels(then), _labels(now)] if is_same_grid else None
    voxel_ml = grid_from_dict(now.image.label_grid).voxel_volume_ml
    rows = []
    for region in sorted(regions.values(), key=lambda region: (region.kind != "organ", region.label)):
        masks = None if labels is None else [volumes[region.kind] == region.label for volumes in labels]
        added, removed = (None, None) if masks is None else (masks[1] & ~masks[0], masks[0] & ~masks[1])
        rows.append(
            RevisionDifference(
                region=region,
                contours=(contours[0].get(region.pk), contours[1].get(region.pk)),
                dice=None if masks is None else dice(masks[0], masks[1]),
                added_ml=_volume_ml(added, voxel_ml),
                removed_ml=_volume_ml(removed, voxel_ml),
                doses=_doses(region, then, now) if has_doses else (None, None),
            )
        )
    return rows


def _drawn(revision: ContourRevision) -> dict:
    return {contour.region_id: contour for contour in revision.contours.select_related("region")}


def _labels(revision: ContourRevision) -> dict[str, np.ndarray]:
    grid = grid_from_dict(revision.image.label_grid)
    return {"organ": label_values(revision.organs, grid), "lesion": label_values(revision.lesions, grid)}


def _volume_ml(mask: np.ndarray | None, voxel_ml: float) -> float | None:
    return None if mask is None else float(np.count_nonzero(mask)) * voxel_ml


def _doses(
    region: Region, then: ContourRevision, now: ContourRevision
) -> tuple[PreviewedDose | None, PreviewedDose | None]:
    cycle = now.time_point.cycle
    return (
        previewed_dose(cycle=cycle, region=region, instead=then),
        previewed_dose(cycle=cycle, region=region, instead=now),
    )
