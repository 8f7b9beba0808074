"""Proposed contours: imported, propagated or learned masks that a person still accepts or rejects."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Q

from planning.computation.grids import grid_from_dict
from planning.models import ContourRevision, Region, Run, TimePoint, User
from planning.models.contours import ContourSource, ContourState, RegionKind
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save


@transaction.atomic
def contour_masks_add(
    *,
    actor: User | None,
    run: Run,
    time_point: TimePoint,
    rows: list[dict[str, Any]],
    source: ContourSource,
    region_of: Callable[[dict[str, Any]], Region],
    note: str,
) -> ContourRevision:
    """Add masks as proposals; what is locked or accepted already keeps its voxels.

    What a network refuses to propose comes rejected, with its reasons: a person can look at it and reopen it.
    """
    edit = contour_edit(time_point, base_number=None, may_start_anew=True)
    kept = set() if edit.is_new_grid else _kept(edit.base)
    kept_labels = {kind: {label for key, label in kept if key == kind} for kind in RegionKind.values}
    for row in rows:
        region = region_of(row)
        if (region.kind, region.label) in kept:
            continue
        edit.removed.discard(region.pk)
        protected = kept_labels[region.kind]
        overlap = np.count_nonzero(row["mask"] & (edit.labels[region.kind] != 0) & ~edit.mask(region))
        edit.set_mask(region, row["mask"], protected=protected)
        detail = row.get("source_detail", "")
        if overlap:
            ml = overlap * grid_from_dict(edit.image.label_grid).voxel_volume_ml
            detail = "; ".join(filter(None, (detail, f"took {ml:.1f} mL from a neighbour")))
        edit.changes[region.pk] = RegionChange(
            state=ContourState.REJECTED if row.get("is_refused") else ContourState.PROPOSED,
            source=source,
            source_detail=detail,
            polygon_volume_ml=row.get("polygon_volume_ml"),
            confidence=row.get("confidence"),
            reasons=row.get("reasons"),
        )
    return contours_save(actor=actor, edit=edit, note=note, run=run)


def _kept(base: ContourRevision | None) -> set[tuple[str, int]]:
    """Return kind and label of the regions whose voxels nothing but a person may change."""
    if base is None:
        return set()
    kept = base.contours.filter(Q(is_locked=True) | Q(state=ContourState.ACCEPTED))
    return set(kept.values_list("region__kind", "region__label"))
