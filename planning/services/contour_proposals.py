"""Proposed contours: imported, propagated or learned masks that a person still accepts or rejects."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction

from planning.computation.grids import grid_from_dict
from planning.models import ContourRevision, Region, Run, TimePoint, User
from planning.models.contours import KEPT_FROM_RUNS, ContourSource, ContourState
from planning.services.contour_edits import ContourEdit, RegionChange, contour_edit
from planning.services.contours import contours_save

NOTE_LENGTH = ContourRevision._meta.get_field("note").max_length or 0


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
    """Add masks as proposals; what a person edited, accepted or locked keeps its voxels, and the note says so.

    What a network refuses to propose comes rejected, with its reasons, where no other region lies: a person can look
    at it and reopen it.
    """
    edit = contour_edit(time_point, base_number=None, may_start_anew=True)
    kept = set() if edit.is_new_grid else _kept(edit.base)
    left_out = []
    for row in rows:
        region = region_of(row)
        if (region.kind, region.label) in kept:
            left_out.append(region.name)
            continue
        edit.removed.discard(region.pk)
        taken = _write(edit, region, row, kept_labels={label for kind, label in kept if kind == region.kind})
        detail = row.get("source_detail", "")
        if taken:
            ml = taken * grid_from_dict(edit.image.label_grid).voxel_volume_ml
            detail = "; ".join(filter(None, (detail, f"took {ml:.1f} mL from a neighbour")))
        edit.changes[region.pk] = RegionChange(
            state=ContourState.REJECTED if row.get("is_refused") else ContourState.PROPOSED,
            source=source,
            source_detail=detail,
            polygon_volume_ml=row.get("polygon_volume_ml"),
            confidence=row.get("confidence"),
            reasons=row.get("reasons"),
        )
    return contours_save(actor=actor, edit=edit, note=_note(note, left_out), run=run)


def _write(edit: ContourEdit, region: Region, row: dict[str, Any], *, kept_labels: set[int]) -> int:
    """Write a mask and return how many voxels it took from neighbours; a refused one takes none."""
    volume = edit.labels[region.kind]
    before = volume.copy()
    neighbours = set(np.unique(before).tolist()) - {0, region.label}
    edit.set_mask(region, row["mask"], protected=neighbours if row.get("is_refused") else kept_labels)
    return int(np.count_nonzero((volume == region.label) & np.isin(before, list(neighbours))))


def _note(note: str, left_out: list[str]) -> str:
    """Say which regions stay as a person left them; the words before give way where both are too long."""
    if not left_out:
        return note
    said = f"; left as a person has them (reject one to have it proposed): {', '.join(left_out)}"
    return note[: max(NOTE_LENGTH - len(said), 0)] + said


def _kept(base: ContourRevision | None) -> set[tuple[str, int]]:
    """Return kind and label of the regions whose voxels nothing but a person may change."""
    if base is None:
        return set()
    return set(base.contours.filter(KEPT_FROM_RUNS).values_list("region__kind", "region__label"))
