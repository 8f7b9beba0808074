"""Where contours come from: the revision that first proposed a region, and what its network said of it."""

from uuid import UUID

from django.db.models import Max, Min

from planning.models import ContourAction, ContourRevision, ReaderCopy, RegionContour
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource
from planning.selectors.current import contour_revisions_of

FIRST_OF_A_COPY = 1
"""A reader's copy begins with the proposals as they first appeared."""


def original_numbers(revision: ContourRevision, copy: ReaderCopy | None) -> dict[UUID, int]:
    """Return by region the number of the revision that first proposed it, or first refused to."""
    contours = list(revision.contours.select_related("proposal"))
    if copy is not None:
        return {contour.region_id: FIRST_OF_A_COPY for contour in contours if contour.proposal_id}
    numbers = {contour.region_id: contour.proposal.number for contour in contours if contour.proposal}
    refused = [c.region_id for c in contours if c.proposal is None and c.source == ContourSource.MODEL]
    first = (
        RegionContour.objects.filter(region__in=refused, source=ContourSource.MODEL)
        .filter(revision__in=contour_revisions_of(revision.time_point))
        .order_by()
        .values_list("region_id")
        .annotate(number=Min("revision__number"))
    )
    return numbers | dict(first)


def contours_in_words_of(revision: ContourRevision, copy: ReaderCopy | None) -> dict[UUID, RegionContour]:
    """Return by region the contour that holds what its network said: a decision takes nothing of it away, an edit does.

    Reopening stores a contour without confidence and reasons; they stand where it was proposed or refused.
    """
    contours = {contour.region_id: contour for contour in revision.contours.all()}
    silent = [pk for pk, contour in contours.items() if contour.confidence is None and not contour.reasons]
    revisions = contour_revisions_of(revision.time_point, copy)
    earlier = RegionContour.objects.filter(region__in=silent, revision__in=revisions)
    said = {
        contour.region_id: contour
        for contour in earlier.exclude(confidence=None, reasons=[])
        .select_related("revision")
        .order_by("revision__number")
        if _origin(contour) == _origin(contours[contour.region_id])
    }
    edits = ContourAction.objects.filter(
        region__in=said, revision_to__in=revisions, action__in=(ContourActionKind.EDITED, ContourActionKind.DRAWN)
    )
    last_edits = dict(edits.order_by().values_list("region_id").annotate(number=Max("revision_to__number")))
    kept = {pk: contour for pk, contour in said.items() if last_edits.get(pk, 0) <= contour.revision.number}
    return contours | kept


def _origin(contour: RegionContour) -> tuple:
    return contour.source, contour.source_detail, contour.proposal_id
