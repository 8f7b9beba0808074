"""Contours changed by a person's hand: painted voxels, named operations, and drafts of unsaved strokes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Q

from planning.computation.contours import operated_mask
from planning.errors import InvalidStateError
from planning.models import ContourDraft, ContourRevision, ReaderCopy, Region, TimePoint, User
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource, ContourState
from planning.services.contour_actions import contour_actions_record
from planning.services.contour_edits import ContourEdit, RegionChange, contour_edit, require_editor
from planning.services.contours import contours_save


@transaction.atomic
def contour_voxels_save(
    *,
    actor: User,
    time_point: TimePoint,
    kind: str,
    base_number: int,
    voxels: bytes,
    changed: set[int],
    note: str,
    hands_on_s: Mapping[int, float | None] | None = None,
    copy: ReaderCopy | None = None,
) -> ContourRevision:
    """Save painted voxels of one kind; only regions named as changed may differ, and no locked one.

    ``hands_on_s`` says by label how long the person worked on a region.
    """
    require_editor(actor, time_point)
    edit = contour_edit(time_point, base_number=base_number, copy=copy)
    shape = edit.labels[kind].shape
    if len(voxels) != int(np.prod(shape)):
        raise InvalidStateError("The voxels do not fill the grid of this time point.", code="voxel_count")
    painted = np.frombuffer(voxels, dtype=np.uint8).reshape(shape).copy()
    regions = {region.label: region for region in time_point.cycle.course.regions.filter(kind=kind)}
    unknown = set(np.unique(painted).tolist()) - {0} - set(regions)
    if unknown:
        raise InvalidStateError("The voxels hold a label that is no region of this course.", code="unknown_label")
    differs = painted != edit.labels[kind]
    touched = set(np.unique(painted[differs]).tolist()) | set(np.unique(edit.labels[kind][differs]).tolist())
    surprising = touched - {0} - changed
    if surprising:
        raise InvalidStateError(
            "Regions changed that were not named as changed; load the page again.", code="other_labels"
        )
    locked = {label for label in touched & set(regions) if _is_locked(edit.base, regions[label])}
    if locked:
        names = ", ".join(regions[label].name for label in sorted(locked))
        raise InvalidStateError(f"Unlock first: {names}.", code="locked")
    edit.labels[kind] = painted
    drawn = [regions[label] for label in sorted(changed & set(regions))]
    actions = {region: _action(edit.base, region) for region in drawn}
    for region in drawn:
        edit.changes[region.pk] = _edited(edit.base, region)
    revision = contours_save(actor=actor, edit=edit, note=note)
    contour_actions_record(actor=actor, edit=edit, revision=revision, actions=actions, hands_on_s=hands_on_s or {})
    ContourDraft.objects.filter(time_point=time_point, user=actor, kind=kind, copy=copy).delete()
    return revision


def _is_locked(base: ContourRevision | None, region: Region) -> bool:
    return base is not None and base.contours.filter(region=region, is_locked=True).exists()


def _is_known(base: ContourRevision | None, region: Region) -> bool:
    return base is not None and base.contours.filter(region=region).exists()


def _action(base: ContourRevision | None, region: Region) -> ContourActionKind:
    return ContourActionKind.EDITED if _is_known(base, region) else ContourActionKind.DRAWN


def _edited(base: ContourRevision | None, region: Region, **fields) -> RegionChange:
    source = {} if _is_known(base, region) else {"source": ContourSource.MANUAL}
    return RegionChange(state=ContourState.EDITED, **{**source, **fields})


@transaction.atomic
def contour_operate(
    *,
    actor: User,
    time_point: TimePoint,
    base_number: int,
    region: Region,
    operation: str,
    parameters: dict[str, Any],
    hands_on_s: float | None = None,
    copy: ReaderCopy | None = None,
) -> ContourRevision:
    """Apply a named operation to one region and save; a locked one refuses, accepted neighbours keep their voxels."""
    require_editor(actor, time_point)
    edit = contour_edit(time_point, base_number=base_number, copy=copy)
    if region.course_id != time_point.cycle.course_id:
        raise InvalidStateError("The region belongs to another course.", code="other_course")
    if _is_locked(edit.base, region):
        raise InvalidStateError(f"Unlock first: {region.name}.", code="locked")
    other = None
    if parameters.get("other_region_id"):
        other_region = time_point.cycle.course.regions.filter(pk=parameters["other_region_id"]).first()
        if other_region is None:
            raise InvalidStateError("The other region is not part of this course.", code="other_region")
        other = edit.mask(other_region)
    before = edit.mask(region)
    mask = operated_mask(operation=operation, mask=before, other=other, image=edit.image, parameters=parameters)
    edit.set_mask(region, mask, protected=_protected(edit, region))
    if operation != "delete" and np.array_equal(edit.mask(region), before):
        raise InvalidStateError(
            f"Nothing would change: {region.name} is like that already, or its neighbours are accepted or locked.",
            code="no_change",
        )
    action = _action(edit.base, region)
    if operation == "delete":
        edit.removed.add(region.pk)
        action = ContourActionKind.REJECTED
    else:
        is_threshold = operation in {"threshold", "threshold_sphere", "grow"}
        source = {"source": ContourSource.THRESHOLD, "source_detail": _described(operation, parameters)}
        edit.changes[region.pk] = _edited(edit.base, region, **(source if is_threshold else {}))
    revision = contours_save(actor=actor, edit=edit, note=f"{operation.replace('_', ' ')}: {region.name}")
    contour_actions_record(
        actor=actor, edit=edit, revision=revision, actions={region: action}, hands_on_s={region.label: hands_on_s}
    )
    return revision


def _protected(edit: ContourEdit, region: Region) -> set[int]:
    """Return the labels of neighbours that an operation leaves as they are: locked, or accepted by a person."""
    if edit.base is None:
        return set()
    neighbours = edit.base.contours.filter(region__kind=region.kind).exclude(region=region)
    kept = neighbours.filter(Q(is_locked=True) | Q(state=ContourState.ACCEPTED))
    return set(kept.values_list("region__label", flat=True))


def _described(operation: str, parameters: Mapping[str, Any]) -> str:
    if parameters.get("fraction"):
        place = "the image" if operation == "threshold" else f"{float(parameters['radius_mm']):g} mm around the point"
        return f"{100 * float(parameters['fraction']):.3g} % of the largest voxel in {place}"
    if parameters.get("minimum_bq_per_ml"):
        return f"{float(parameters['minimum_bq_per_ml']) / 1e3:.4g} kBq/mL"
    return operation.replace("_", " ")


@transaction.atomic
def contour_draft_save(
    *,
    actor: User,
    time_point: TimePoint,
    kind: str,
    base_number: int,
    object_sha256: str,
    voxels_sha256: str,
    copy: ReaderCopy | None = None,
) -> ContourDraft:
    """Keep unsaved strokes of one person; shows colleagues who is editing."""
    require_editor(actor, time_point)
    draft, _ = ContourDraft.objects.update_or_create(
        time_point=time_point,
        user=actor,
        kind=kind,
        copy=copy,
        defaults={"base_number": base_number, "object_sha256": object_sha256, "voxels_sha256": voxels_sha256},
    )
    return draft
