"""Second readings: opened for two people, submitted by each, and closed without contours when cancelled."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.grids import grid_from_dict, label_values
from planning.errors import InvalidStateError
from planning.models import (
    ContourDraft,
    QuantifiedImage,
    ReaderCopy,
    RegionContour,
    SecondReading,
    TimePoint,
    User,
)
from planning.models.contours import ContourState
from planning.models.readings import ReadingStart, ReadingState
from planning.permissions import Action
from planning.selectors.current import current_contours, current_image
from planning.services.audit import audit_record
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save

DECIDED = (ContourState.ACCEPTED, ContourState.REJECTED)


@transaction.atomic
def second_reading_open(
    *, actor: User, time_point: TimePoint, start: ReadingStart, reader_ids: Iterable[int]
) -> SecondReading:
    """Open a reading for two people; each gets an own copy, with the proposals or empty."""
    permissions.require(user=actor, action=Action.OPEN_READING, site=time_point.site)
    TimePoint.objects.select_for_update().get(pk=time_point.pk)
    image = current_image(time_point)
    if image is None:
        raise InvalidStateError("Prepare the images before opening a second reading.", code="no_image")
    if time_point.second_readings.filter(state=ReadingState.OPEN).exists():
        raise InvalidStateError(
            "A second reading of this time point is open; wait until both submit, or cancel it.", code="reading_open"
        )
    readers = _readers(time_point, list(reader_ids))
    proposals = _proposals(time_point, image) if start == ReadingStart.PROPOSALS else []
    if start == ReadingStart.PROPOSALS and not proposals:
        raise InvalidStateError("Nothing is proposed at this time point; start from nothing.", code="no_proposals")
    reading = SecondReading.objects.create(
        time_point=time_point,
        number=time_point.second_readings.count() + 1,
        image=image,
        start=start,
        created_by=actor,
    )
    for place, reader in enumerate(readers, start=1):
        copy = ReaderCopy.objects.create(reading=reading, reader=reader, place=place, created_by=actor)
        if proposals:
            _give_proposals(copy, proposals)
    _record(actor, "second_reading.open", reading, after={"start": start, "readers": [user.pk for user in readers]})
    return reading


def _readers(time_point: TimePoint, reader_ids: list[int]) -> list[User]:
    found = {user.pk: user for user in User.objects.filter(pk__in=reader_ids, is_active=True)}
    readers = [found[key] for key in dict.fromkeys(reader_ids) if key in found]
    may_read = [
        permissions.is_allowed(user=user, action=action, site=time_point.site)
        for user in readers
        for action in (Action.EDIT_CONTOURS, Action.ACCEPT_CONTOURS)
    ]
    if len(readers) != 2 or len(reader_ids) != 2 or not all(may_read):
        raise InvalidStateError(
            "Choose two different people of this site who may edit and accept contours.", code="readers"
        )
    return readers


def _proposals(time_point: TimePoint, image: QuantifiedImage) -> list[RegionContour]:
    """Return each region's proposal as it first appeared, on the present grid."""
    current = current_contours(time_point)
    if current is None or current.image.label_grid != image.label_grid:
        return []
    keys = current.contours.filter(proposal__isnull=False).values_list("region_id", "proposal_id")
    found = (
        RegionContour.objects.select_related("region", "proposal__image").get(region_id=region, revision_id=proposal)
        for region, proposal in keys
    )
    return sorted(found, key=lambda contour: contour.region.label)


def _give_proposals(copy: ReaderCopy, proposals: list[RegionContour]) -> None:
    edit = contour_edit(copy.reading.time_point, base_number=0, copy=copy)
    grid = grid_from_dict(edit.image.label_grid)
    for contour in proposals:
        asset = contour.proposal.organs if contour.region.kind == "organ" else contour.proposal.lesions
        edit.set_mask(contour.region, label_values(asset, grid) == contour.region.label, protected=set())
        edit.changes[contour.region_id] = RegionChange(
            state=ContourState.PROPOSED,
            source=contour.source,
            source_detail=contour.source_detail,
            proposal=contour.proposal,
            confidence=contour.confidence,
            reasons=contour.reasons,
        )
    contours_save(actor=None, edit=edit, note="Proposals as they first appeared")


@transaction.atomic
def second_reading_submit(*, actor: User, reading: SecondReading) -> SecondReading:
    """Hand in one's own copy; once both have, everybody of the site may compare them."""
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=reading.site)
    reading = SecondReading.objects.select_for_update().get(pk=reading.pk)
    copy = reading.copies.filter(reader=actor, submitted_at__isnull=True).first()
    if reading.state != ReadingState.OPEN or copy is None:
        raise InvalidStateError(
            "Only a reader who has not submitted yet can submit an open second reading; load the page again.",
            code="not_reading",
        )
    _require_decided(copy)
    ContourDraft.objects.filter(copy=copy).delete()
    copy.submitted_at = timezone.now()
    copy.save(update_fields=["submitted_at"])
    if not reading.copies.filter(submitted_at__isnull=True).exists():
        reading.state = ReadingState.SUBMITTED
        reading.save(update_fields=["state"])
    _record(actor, "second_reading.submit", reading, after={"place": copy.place, "state": reading.state})
    return reading


def _require_decided(copy: ReaderCopy) -> None:
    if ContourDraft.objects.filter(copy=copy).exists():
        raise InvalidStateError("Save your strokes before submitting; a draft is no contour.", code="draft_open")
    revision = current_contours(copy.reading.time_point, copy)
    contours = [] if revision is None else list(revision.contours.select_related("region"))
    waiting = [contour.region.name for contour in contours if contour.state not in DECIDED]
    if waiting:
        raise InvalidStateError(f"Accept or reject first: {', '.join(waiting)}.", code="not_decided")
    if not any(contour.state == ContourState.ACCEPTED for contour in contours):
        raise InvalidStateError("Draw and accept at least one region before submitting.", code="nothing_accepted")


@transaction.atomic
def second_reading_cancel(*, actor: User, reading: SecondReading, reason: str) -> SecondReading:
    """Close a reading that will not be finished; what was drawn stays, and stays hidden from others."""
    permissions.require(user=actor, action=Action.OPEN_READING, site=reading.site)
    reading = SecondReading.objects.select_for_update().get(pk=reading.pk)
    if reading.state != ReadingState.OPEN:
        raise InvalidStateError("Only an open second reading can be cancelled.", code="reading_closed")
    reading.state, reading.cancel_reason = ReadingState.CANCELLED, reason
    reading.full_clean()
    reading.save(update_fields=["state", "cancel_reason"])
    _record(actor, "second_reading.cancel", reading, reason=reason)
    return reading


def _record(actor: User, action: str, reading: SecondReading, **fields) -> None:
    audit_record(
        actor=actor,
        action=action,
        target=reading,
        site=reading.site,
        patient=reading.time_point.cycle.patient,
        **fields,
    )
