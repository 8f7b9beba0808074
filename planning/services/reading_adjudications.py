"""Two readings become one contour set: a person decides region by region what counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from planning import permissions
from planning.computation.contour_actions import proposal_agreement
from planning.computation.readings import (
    INTERSECTION,
    READER_1,
    READER_2,
    UNION,
    accepted_masks,
    adjudicated_mask,
    reading_revisions,
)
from planning.errors import InvalidStateError
from planning.models import ContourRevision, Region, RegionContour, SecondReading, User
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource, ContourState
from planning.models.readings import ReadingStart, ReadingState
from planning.permissions import Action
from planning.services.contour_actions import contour_actions_record
from planning.services.contour_edits import ContourEdit, RegionChange, contour_edit
from planning.services.contours import contours_save

WORDS = {READER_1: "reader 1", READER_2: "reader 2", UNION: "union", INTERSECTION: "intersection"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What counts for one region; ``edits_further`` leaves it open for the brush instead of accepting it."""

    region: Region
    take: str
    edits_further: bool = False


@transaction.atomic
def second_reading_adjudicate(
    *, actor: User, reading: SecondReading, base_number: int, choices: Sequence[Choice]
) -> ContourRevision:
    """Write what was chosen from two submitted readings as the next shared revision."""
    permissions.require(user=actor, action=Action.ADJUDICATE_READING, site=reading.site)
    if reading.state != ReadingState.SUBMITTED:
        raise InvalidStateError("Both readers must have submitted before anything is chosen.", code="reading_open")
    if not choices:
        raise InvalidStateError("Choose what counts for at least one region.", code="no_choice")
    edit = contour_edit(reading.time_point, base_number=base_number, may_start_anew=True)
    if edit.image.label_grid != reading.image.label_grid:
        raise InvalidStateError(
            "The images were prepared on another grid since; open a new second reading.", code="other_grid"
        )
    revisions = reading_revisions(reading)
    masks = tuple(accepted_masks(revision) for revision in revisions)
    kept = _kept_labels(edit, choices)
    known = edit.known
    actions = {}
    for choice in choices:
        mask = adjudicated_mask(masks, region=choice.region, take=choice.take)
        if mask is None or not mask.any():
            raise InvalidStateError(
                f"{choice.region.name}: {WORDS[choice.take]} gives no contour; choose otherwise.", code="no_contour"
            )
        edit.set_mask(choice.region, mask, protected=kept[choice.region.kind])
        kept[choice.region.kind].add(choice.region.label)
        edit.removed.discard(choice.region.pk)
        edit.changes[choice.region.pk] = _change(reading, choice, known.get(choice.region.pk), edit)
        actions[choice.region] = _action(choice, is_known=choice.region.pk in known)
    words = "; ".join(f"{choice.region.name} {WORDS[choice.take]}" for choice in choices)
    names = " and ".join(copy.reader.printed_name for copy in reading.copies.select_related("reader"))
    note = f"Second reading {reading.number} of {names}, decided by {actor.printed_name}: {words}"
    revision = contours_save(actor=actor, edit=edit, note=note, adjudicates=reading)
    contour_actions_record(actor=actor, edit=edit, revision=revision, actions=actions, hands_on_s={})
    return revision


def _kept_labels(edit: ContourEdit, choices: Sequence[Choice]) -> dict[str, set[int]]:
    """Return by kind the labels whose voxels no choice may take; a locked region itself cannot be chosen."""
    kept: dict[str, set[int]] = {"organ": set(), "lesion": set()}
    if edit.base is None or edit.is_new_grid:
        return kept
    chosen = {choice.region.pk for choice in choices}
    for contour in edit.base.contours.select_related("region"):
        if contour.region_id not in chosen and (contour.is_locked or contour.state == ContourState.ACCEPTED):
            kept[contour.region.kind].add(contour.region.label)
        elif contour.region_id in chosen and contour.is_locked:
            raise InvalidStateError(f"Unlock first: {contour.region.name}.", code="locked")
    return kept


def _change(reading: SecondReading, choice: Choice, before: RegionContour | None, edit: ContourEdit) -> RegionChange:
    """Say where the contour comes from: readers that began from a model's proposals leave its name and version.

    What the network says of its proposal holds only where the readers left it voxel by voxel.
    """
    words = f"second reading {reading.number}: {WORDS[choice.take]}"
    is_new = reading.start == ReadingStart.NOTHING or before is None
    origin = "" if is_new else before.source_detail.partition("second reading ")[0].rstrip("; ")
    own = None if is_new or choice.edits_further else _untouched_proposal(choice.region, before, edit)
    return RegionChange(
        state=ContourState.EDITED if choice.edits_further else ContourState.ACCEPTED,
        confidence=None if own is None else own.confidence,
        reasons=[] if own is None else own.reasons,
        source=ContourSource.MANUAL if is_new else None,
        source_detail=f"{origin}; {words}" if origin else words,
    )


def _untouched_proposal(region: Region, before: RegionContour, edit: ContourEdit) -> RegionContour | None:
    """Return the proposal that a contour goes back to if the decided mask is exactly it."""
    proposal = before.proposal
    found = proposal_agreement(edit.mask(region), region=region, proposal=proposal, image=edit.image)
    if proposal is None or found.dice != 1.0:
        return None
    return proposal.contours.filter(region=region).first()


def _action(choice: Choice, *, is_known: bool) -> ContourActionKind:
    if not choice.edits_further:
        return ContourActionKind.ACCEPTED
    return ContourActionKind.EDITED if is_known else ContourActionKind.DRAWN
