"""Contour revisions: saved with an optimistic lock, measured with organ minus lesions, never edited in place."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from planning.computation.contours import measured_regions
from planning.computation.grids import grid_from_dict
from planning.computation.volumes import label_asset
from planning.errors import ConflictError, InvalidStateError
from planning.models import ContourRevision, Region, RegionContour, Run, SecondReading, TimePoint, User, VolumeAsset
from planning.models.contours import ContourSource, ContourState, RegionKind, takes_from_organs
from planning.selectors.current import current_contours
from planning.selectors.digests import digest_json
from planning.services.audit import audit_record
from planning.services.contour_edits import ContourEdit, RegionChange


@transaction.atomic
def contours_save(
    *,
    actor: User | None,
    edit: ContourEdit,
    note: str,
    run: Run | None = None,
    adjudicates: SecondReading | None = None,
) -> ContourRevision:
    """Store an edit as the next revision with all numbers measured again."""
    time_point, image = edit.time_point, edit.image
    TimePoint.objects.select_for_update().get(pk=time_point.pk)
    newest = current_contours(time_point, edit.copy)
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
        copy=edit.copy,
        adjudicates=adjudicates,
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
        if edit.copy is None and _begins_proposal(contour, edit.changes.get(contour.region_id)):
            contour.proposal = revision
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
    known = edit.said
    regions = {contour.region_id: contour.region for contour in known.values()}
    added = Region.objects.filter(pk__in=set(edit.changes) - set(regions))
    regions |= {region.pk: region for region in added}
    regions = {pk: region for pk, region in regions.items() if pk not in edit.removed}
    states = {pk: _state(known.get(pk), edit.changes.get(pk)) for pk in regions}
    measured = _measured(edit, regions, states)
    names = {str(pk): region.name for pk, region in regions.items()}
    return [
        _contour(region, known.get(pk), edit.changes.get(pk), _named(measured.get(str(pk), _nothing()), names))
        for pk, region in regions.items()
    ]


def _measured(edit: ContourEdit, regions: Mapping[UUID, Region], states: Mapping[UUID, str]) -> dict[str, Any]:
    """Return by id the numbers of the regions that count; only lesions that a person accepted reduce the organs."""
    masks: dict[str, dict[str, np.ndarray]] = {"organs": {}, "lesions": {}, "undecided": {}}
    for pk, region in regions.items():
        if states[pk] == ContourState.REJECTED:
            continue
        is_taken = takes_from_organs(kind=region.kind, state=states[pk])
        place = "lesions" if is_taken else "organs" if region.kind == RegionKind.ORGAN else "undecided"
        masks[place][str(pk)] = edit.mask(region)
    return measured_regions(image=edit.image, **masks)


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


def _begins_proposal(contour: RegionContour, change: RegionChange | None) -> bool:
    """Return whether a proposal appears here first: by a run, or by a threshold where nothing was proposed before."""
    if change is None or change.source is None:
        return False
    is_first_threshold = change.source == ContourSource.THRESHOLD and contour.proposal_id is None
    return change.state == ContourState.PROPOSED or is_first_threshold


def _contour(
    region: Region, known: RegionContour | None, change: RegionChange | None, measured: dict[str, Any]
) -> RegionContour:
    change = change or RegionChange()
    confidence, reasons = _trust(known, change)
    contour = RegionContour(
        region=region,
        state=_state(known, change),
        confidence=confidence,
        reasons=reasons,
        source=change.source or (known.source if known else ContourSource.MANUAL),
        source_detail=_first(change.source_detail, known.source_detail if known else "")[:128],
        proposal_id=change.proposal.pk if change.proposal else (known.proposal_id if known else None),
        is_locked=_first(change.is_locked, known.is_locked if known else False),
        polygon_volume_ml=_first(change.polygon_volume_ml, known.polygon_volume_ml if known else None),
        **measured,
    )
    if contour.state == ContourState.ACCEPTED and any(finding["level"] == "block" for finding in contour.findings):
        raise InvalidStateError(f"{region.name}: {contour.findings[0]['message']}", code=contour.findings[0]["code"])
    return contour


def _trust(known: RegionContour | None, change: RegionChange) -> tuple[float | None, list[dict[str, str]]]:
    """Return what a network says of its own proposal: it holds until the contour is another one."""
    is_another = change.state in {ContourState.PROPOSED, ContourState.EDITED} or change.reasons is not None
    if known is None or is_another:
        return change.confidence, change.reasons or []
    return known.confidence, known.reasons


def _first(wanted, otherwise):
    return otherwise if wanted is None else wanted
