"""States of contours: accepted, rejected, reopened or locked by a person."""

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import ContourRevision, ReaderCopy, Region, TimePoint, User
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourState
from planning.permissions import Action
from planning.services.contour_actions import contour_actions_record
from planning.services.contour_edits import ContourEdit, RegionChange, contour_edit
from planning.services.contours import contours_save

ACTION_OF = {
    ContourState.ACCEPTED: ContourActionKind.ACCEPTED,
    ContourState.REJECTED: ContourActionKind.REJECTED,
    ContourState.EDITED: ContourActionKind.REOPENED,
}


@transaction.atomic
def contour_state_set(
    *,
    actor: User,
    time_point: TimePoint,
    base_number: int,
    region: Region,
    state: str | None = None,
    is_locked: bool | None = None,
    hands_on_s: float | None = None,
    copy: ReaderCopy | None = None,
) -> ContourRevision:
    """Accept, reject or reopen a region, or lock it; a new revision with the same voxels."""
    permissions.require(user=actor, action=Action.ACCEPT_CONTOURS, site=time_point.site)
    edit = contour_edit(time_point, base_number=base_number, copy=copy)
    known = None if edit.base is None else edit.base.contours.filter(region=region).first()
    if known is None:
        raise InvalidStateError("This time point has no contour of the region.", code="no_contour")
    # The voxels stay, so that what a network said of them stays true whatever is decided.
    edit.changes[region.pk] = RegionChange(
        state=state, is_locked=is_locked, confidence=known.confidence, reasons=known.reasons
    )
    note = f"{state or ('locked' if is_locked else 'unlocked')}: {region.name}"
    revision = contours_save(actor=actor, edit=edit, note=note)
    actions = {} if state is None else {region: ACTION_OF[ContourState(state)]}
    contour_actions_record(
        actor=actor, edit=edit, revision=revision, actions=actions, hands_on_s={region.label: hands_on_s}
    )
    return revision


@transaction.atomic
def contours_reject(
    *,
    actor: User,
    time_point: TimePoint,
    base_number: int,
    regions: Sequence[Region],
    hands_on_s: float | None = None,
    copy: ReaderCopy | None = None,
) -> ContourRevision:
    """Reject regions that a person looked at together, in one revision; each is recorded as rejected.

    ``hands_on_s`` is the time that the first one took.
    """
    permissions.require(user=actor, action=Action.ACCEPT_CONTOURS, site=time_point.site)
    edit = contour_edit(time_point, base_number=base_number, copy=copy)
    revision = _saved(actor=actor, edit=edit, states=dict.fromkeys(regions, ContourState.REJECTED))
    actions = dict.fromkeys(regions, ContourActionKind.REJECTED)
    hands_on = {regions[0].label: hands_on_s}
    contour_actions_record(actor=actor, edit=edit, revision=revision, actions=actions, hands_on_s=hands_on)
    return revision


@transaction.atomic
def contour_states_set(
    *, actor: User, time_point: TimePoint, base_number: int, states: Mapping[Region, str]
) -> ContourRevision:
    """Accept or reject several regions in one revision with the same voxels, as the chain of a virtual patient does.

    No person looked at them, so no action of a person is recorded.
    """
    permissions.require(user=actor, action=Action.ACCEPT_CONTOURS, site=time_point.site)
    return _saved(actor=actor, edit=contour_edit(time_point, base_number=base_number), states=states)


def _saved(*, actor: User, edit: ContourEdit, states: Mapping[Region, str]) -> ContourRevision:
    known = set() if edit.base is None else set(edit.base.contours.values_list("region_id", flat=True))
    if not states or not {region.pk for region in states} <= known:
        raise InvalidStateError("This time point has no contour of one of the regions.", code="no_contour")
    for region, state in states.items():
        edit.changes[region.pk] = RegionChange(state=state)
    counts = Counter(states.values())
    note = ", ".join(f"{n} {state}" for state, n in counts.items())
    return contours_save(actor=actor, edit=edit, note=note)
