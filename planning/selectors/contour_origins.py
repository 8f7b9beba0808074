"""Where contours come from: the revision that first proposed a region."""

from uuid import UUID

from django.db.models import Min

from planning.models import ContourRevision, ReaderCopy, RegionContour
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
