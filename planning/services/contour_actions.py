"""What people did with contours, written with the revision that came of it: the evidence behind acceptance."""

from collections.abc import Mapping

from planning.computation.contour_actions import proposal_agreement
from planning.models import ContourAction, ContourRevision, Region, RegionContour, User
from planning.models.contour_actions import LONGEST_HANDS_ON_S, ContourActionKind
from planning.services.contour_edits import ContourEdit


def contour_actions_record(
    *,
    actor: User,
    edit: ContourEdit,
    revision: ContourRevision,
    actions: Mapping[Region, ContourActionKind],
    hands_on_s: Mapping[int, float | None],
) -> None:
    """Record what a person did with each region; call it in the transaction that saved the revision.

    ``hands_on_s`` gives by the region's label how long the person worked on it; absent stays unknown, never zero.
    """
    before = edit.known
    after = _contours_of(revision, actions)
    ContourAction.objects.bulk_create(
        ContourAction(
            revision_from=edit.base,
            revision_to=revision,
            region=region,
            action=action,
            created_by=actor,
            hands_on_s=_bounded(hands_on_s.get(region.label)),
            **_origin(before.get(region.pk)),
            **_agreement(edit, region, after.get(region.pk) or before.get(region.pk)),
        )
        for region, action in actions.items()
    )


def _contours_of(revision: ContourRevision, actions: Mapping[Region, ContourActionKind]) -> dict:
    contours = revision.contours.filter(region__in=list(actions))
    return {contour.region_id: contour for contour in contours.select_related("proposal__image")}


def _origin(before: RegionContour | None) -> dict[str, str]:
    if before is None:
        return {"source": "", "source_detail": ""}
    return {"source": before.source, "source_detail": before.source_detail}


def _agreement(edit: ContourEdit, region: Region, contour: RegionContour | None) -> dict:
    proposal = None if contour is None else contour.proposal
    found = proposal_agreement(edit.mask(region), region=region, proposal=proposal, image=edit.image)
    return {
        "proposal": proposal,
        "dice": found.dice,
        "volume_before_ml": found.volume_before_ml,
        "volume_after_ml": found.volume_after_ml,
    }


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_HANDS_ON_S)
