"""Contour revisions: saved with an optimistic lock, measured with organ minus lesions, never edited in place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Q

from planning import permissions
from planning.computation.contours import measured_regions, operated_mask
from planning.computation.grids import grid_from_dict, label_values
from planning.computation.volumes import label_asset
from planning.errors import ConflictError, InvalidStateError
from planning.models import (
    ContourDraft,
    ContourRevision,
    QuantifiedImage,
    Region,
    RegionContour,
    Run,
    TimePoint,
    User,
    VolumeAsset,
)
from planning.models.contours import ContourSource, ContourState, RegionKind
from planning.permissions import Action
from planning.selectors.current import current_contours, current_image
from planning.selectors.digests import digest_json
from planning.services.audit import audit_record

Labels = dict[str, np.ndarray]


@dataclass(slots=True, kw_only=True)
class RegionChange:
    """What a new revision says of one region; fields left None are kept from the base."""

    state: str | None = None
    source: str | None = None
    source_detail: str | None = None
    is_locked: bool | None = None
    polygon_volume_ml: float | None = None


@dataclass(slots=True, kw_only=True)
class ContourEdit:
    """A new revision in the making: label volumes by kind, and changes by region."""

    time_point: TimePoint
    image: QuantifiedImage
    base: ContourRevision | None
    labels: Labels
    changes: dict[UUID, RegionChange] = field(default_factory=dict)
    removed: set[UUID] = field(default_factory=set)
    is_new_grid: bool = False

    def mask(self, region: Region) -> np.ndarray:
        return self.labels[region.kind] == region.label

    def set_mask(self, region: Region, mask: np.ndarray, *, protected: set[int]) -> None:
        """Write a region's mask; voxels of locked neighbours stay theirs."""
        volume = self.labels[region.kind]
        volume[volume == region.label] = 0
        free = mask if not protected else mask & ~np.isin(volume, list(protected))
        volume[free] = region.label


def contour_edit(time_point: TimePoint, *, base_number: int | None, may_start_anew: bool = False) -> ContourEdit:
    """Open an edit of the current revision. A stale base is refused with who saved and when.

    With ``may_start_anew`` contours of an image on another grid are left behind instead of refused.
    """
    image = current_image(time_point)
    if image is None:
        raise InvalidStateError("Prepare the images before drawing.", code="no_image")
    base = current_contours(time_point)
    number = 0 if base is None else base.number
    if base_number is not None and base_number != number:
        raise ConflictError(
            "Somebody else saved these contours since you opened them.",
            code="stale_revision",
            fields={
                "number": number,
                "by": base.created_by.printed_name if base and base.created_by else "system",
                "at": base.created_at.isoformat() if base else None,
            },
        )
    grid = grid_from_dict(image.label_grid)
    is_new_grid = base is not None and base.image.label_grid != image.label_grid
    if base is None or (is_new_grid and may_start_anew):
        labels = {kind: np.zeros(grid.shape_zyx, dtype=np.uint8) for kind in RegionKind.values}
    elif is_new_grid:
        raise InvalidStateError(
            "The image grid changed since these contours were drawn; import or propagate them again.", code="other_grid"
        )
    else:
        labels = {
            "organ": label_values(base.organs, grid).copy(),
            "lesion": label_values(base.lesions, grid).copy(),
        }
    edit = ContourEdit(time_point=time_point, image=image, base=base, labels=labels, is_new_grid=is_new_grid)
    if is_new_grid:
        edit.removed = set(base.contours.values_list("region_id", flat=True))
    return edit


@transaction.atomic
def contours_save(*, actor: User | None, edit: ContourEdit, note: str, run: Run | None = None) -> ContourRevision:
    """Store an edit as the next revision with all numbers measured again."""
    time_point, image = edit.time_point, edit.image
    TimePoint.objects.select_for_update().get(pk=time_point.pk)
    newest = current_contours(time_point)
    if newest != edit.base:
        raise ConflictError(
            "Somebody else saved these contours at the same moment.",
            code="stale_revision",
            fields={
                "number": newest.number if newest else 0,
                "by": newest.created_by.printed_name if newest and newest.created_by else "system",
                "at": newest.created_at.isoformat() if newest else None,
            },
        )
    cycle = time_point.cycle
    grid = grid_from_dict(image.label_grid)
    assets = {}
    for kind, name in (("organ", "organs"), ("lesion", "lesions")):
        fields = label_asset(edit.labels[kind], grid=grid, frame_of_reference_uid=image.frame_of_reference_uid)
        assets[name] = VolumeAsset.objects.create(site=cycle.site, patient=cycle.patient, created_by=actor, **fields)
    contours = _region_contours(edit)
    revision = ContourRevision.objects.create(
        time_point=time_point,
        number=1 if newest is None else newest.number + 1,
        base_number=0 if newest is None else newest.number,
        image=image,
        run=run,
        note=note[:255],
        created_by=actor,
        inputs_digest=digest_json(
            {
                "image": str(image.pk),
                "voxels": {name: asset.voxels_sha256 for name, asset in assets.items()},
                "states": {str(c.region_id): c.state for c in contours},
            }
        ),
        **assets,
    )
    for contour in contours:
        contour.revision = revision
    RegionContour.objects.bulk_create(contours)
    audit_record(
        actor=actor,
        action="contours.save",
        target=revision,
        site=cycle.site,
        patient=cycle.patient,
        reason=note,
        after={"number": revision.number, "regions": len(contours)},
    )
    return revision


def _region_contours(edit: ContourEdit) -> list[RegionContour]:
    known = {} if edit.base is None else {c.region_id: c for c in edit.base.contours.select_related("region")}
    regions = {contour.region_id: contour.region for contour in known.values()}
    added = Region.objects.filter(pk__in=set(edit.changes) - set(regions))
    regions |= {region.pk: region for region in added}
    regions = {pk: region for pk, region in regions.items() if pk not in edit.removed}
    counted = {
        pk: region
        for pk, region in regions.items()
        if _state(known.get(pk), edit.changes.get(pk)) != ContourState.REJECTED
    }
    measured = measured_regions(
        image=edit.image,
        organs={str(pk): edit.mask(region) for pk, region in counted.items() if region.kind == "organ"},
        lesions={str(pk): edit.mask(region) for pk, region in counted.items() if region.kind == "lesion"},
    )
    names = {str(pk): region.name for pk, region in regions.items()}
    return [
        _contour(region, known.get(pk), edit.changes.get(pk), _named(measured.get(str(pk), _nothing()), names))
        for pk, region in regions.items()
    ]


def _named(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    statements = []
    for statement in row["statements"]:
        for key, name in names.items():
            statement = statement.replace(key, name)  # noqa: PLW2901 - ids become names one after the other
        statements.append(statement)
    return {**row, "statements": statements}


def _nothing() -> dict[str, Any]:
    return {
        "contour_volume_ml": 0.0,
        "volume_ml": 0.0,
        "activity_bq": 0.0,
        "activity_standard_uncertainty_bq": None,
        "mean_activity_concentration_bq_per_ml": 0.0,
        "maximum_activity_concentration_bq_per_ml": 0.0,
        "statements": [],
        "findings": [],
    }


def _state(known: RegionContour | None, change: RegionChange | None) -> str:
    if change is not None and change.state is not None:
        return change.state
    return known.state if known is not None else ContourState.PROPOSED


def _contour(
    region: Region, known: RegionContour | None, change: RegionChange | None, measured: dict[str, Any]
) -> RegionContour:
    change = change or RegionChange()
    contour = RegionContour(
        region=region,
        state=_state(known, change),
        source=change.source or (known.source if known else ContourSource.MANUAL),
        source_detail=_first(change.source_detail, known.source_detail if known else "")[:128],
        is_locked=_first(change.is_locked, known.is_locked if known else False),
        polygon_volume_ml=_first(change.polygon_volume_ml, known.polygon_volume_ml if known else None),
        **measured,
    )
    if contour.state == ContourState.ACCEPTED and any(finding["level"] == "block" for finding in contour.findings):
        raise InvalidStateError(f"{region.name}: {contour.findings[0]['message']}", code=contour.findings[0]["code"])
    return contour


def _first(wanted, otherwise):
    return otherwise if wanted is None else wanted


@transaction.atomic
def contour_voxels_save(
    *, actor: User, time_point: TimePoint, kind: str, base_number: int, voxels: bytes, changed: set[int], note: str
) -> ContourRevision:
    """Save painted voxels of one kind; only regions named as changed may differ, and no locked one."""
    require_editor(actor, time_point)
    edit = contour_edit(time_point, base_number=base_number)
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
    for label in changed & set(regions):
        edit.changes[regions[label].pk] = _edited(edit.base, regions[label])
    revision = contours_save(actor=actor, edit=edit, note=note)
    ContourDraft.objects.filter(time_point=time_point, user=actor, kind=kind).delete()
    return revision


def _is_locked(base: ContourRevision | None, region: Region) -> bool:
    return base is not None and base.contours.filter(region=region, is_locked=True).exists()


def _edited(base: ContourRevision | None, region: Region, **fields) -> RegionChange:
    is_known = base is not None and base.contours.filter(region=region).exists()
    source = {} if is_known else {"source": ContourSource.MANUAL}
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
) -> ContourRevision:
    """Apply a named operation to one region and save; locked regions refuse and are never overwritten."""
    require_editor(actor, time_point)
    edit = contour_edit(time_point, base_number=base_number)
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
    mask = operated_mask(
        operation=operation, mask=edit.mask(region), other=other, image=edit.image, parameters=parameters
    )
    edit.set_mask(region, mask, protected=_protected(edit, region))
    if operation == "delete":
        edit.removed.add(region.pk)
    else:
        is_threshold = operation in {"threshold", "threshold_sphere", "grow"}
        source = {"source": ContourSource.THRESHOLD, "source_detail": _described(operation, parameters)}
        edit.changes[region.pk] = _edited(edit.base, region, **(source if is_threshold else {}))
    return contours_save(actor=actor, edit=edit, note=f"{operation.replace('_', ' ')}: {region.name}")


def _protected(edit: ContourEdit, region: Region) -> set[int]:
    if edit.base is None:
        return set()
    locked = edit.base.contours.filter(is_locked=True, region__kind=region.kind).exclude(region=region)
    return set(locked.values_list("region__label", flat=True))


def _described(operation: str, parameters: Mapping[str, Any]) -> str:
    if parameters.get("fraction"):
        return f"{100 * float(parameters['fraction']):.0f} % of maximum"
    if parameters.get("minimum_bq_per_ml"):
        return f"{float(parameters['minimum_bq_per_ml']) / 1e3:.4g} kBq/mL"
    return operation.replace("_", " ")


@transaction.atomic
def contour_state_set(
    *,
    actor: User,
    time_point: TimePoint,
    base_number: int,
    region: Region,
    state: str | None = None,
    is_locked: bool | None = None,
) -> ContourRevision:
    """Accept, reject or reopen a region, or lock it; a new revision with the same voxels."""
    permissions.require(user=actor, action=Action.ACCEPT_CONTOURS, site=time_point.site)
    edit = contour_edit(time_point, base_number=base_number)
    if edit.base is None or not edit.base.contours.filter(region=region).exists():
        raise InvalidStateError("This time point has no contour of the region.", code="no_contour")
    edit.changes[region.pk] = RegionChange(state=state, is_locked=is_locked)
    note = f"{state or ('locked' if is_locked else 'unlocked')}: {region.name}"
    return contours_save(actor=actor, edit=edit, note=note)


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
    """Add imported or propagated masks as proposals; what is locked or accepted already keeps its voxels."""
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
            detail = f"{detail}; took {ml:.1f} mL from a neighbour".strip("; ")
        edit.changes[region.pk] = RegionChange(
            state=ContourState.PROPOSED,
            source=source,
            source_detail=detail,
            polygon_volume_ml=row.get("polygon_volume_ml"),
        )
    return contours_save(actor=actor, edit=edit, note=note, run=run)


def _kept(base: ContourRevision | None) -> set[tuple[str, int]]:
    """Return kind and label of the regions whose voxels nothing but a person may change."""
    if base is None:
        return set()
    kept = base.contours.filter(Q(is_locked=True) | Q(state=ContourState.ACCEPTED))
    return set(kept.values_list("region__kind", "region__label"))


@transaction.atomic
def contour_draft_save(
    *, actor: User, time_point: TimePoint, kind: str, base_number: int, object_sha256: str, voxels_sha256: str
) -> ContourDraft:
    """Keep unsaved strokes of one person; shows colleagues who is editing."""
    require_editor(actor, time_point)
    draft, _ = ContourDraft.objects.update_or_create(
        time_point=time_point,
        user=actor,
        kind=kind,
        defaults={"base_number": base_number, "object_sha256": object_sha256, "voxels_sha256": voxels_sha256},
    )
    return draft


def require_editor(actor: User, time_point: TimePoint) -> None:
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=time_point.site)
