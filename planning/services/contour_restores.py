"""Regions taken back to an earlier revision: undo and redo of what the server did, never a deletion."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.db import transaction

from planning import permissions
from planning.computation.grids import grid_from_dict, label_values
from planning.errors import InvalidStateError
from planning.models import ContourRevision, ReaderCopy, Region, RegionContour, TimePoint, User
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourState
from planning.permissions import Action
from planning.selectors.current import contour_revisions_of
from planning.services.contour_actions import contour_actions_record
from planning.services.contour_edits import ContourEdit, Labels, RegionChange, contour_edit, require_editor
from planning.services.contours import contours_save

DECISIONS = {ContourState.ACCEPTED: ContourActionKind.ACCEPTED, ContourState.REJECTED: ContourActionKind.REJECTED}


@transaction.atomic
def contour_restore(
    *,
    actor: User,
    time_point: TimePoint,
    base_number: int,
    number: int,
    regions: Sequence[Region],
    hands_on_s: float | None = None,
    copy: ReaderCopy | None = None,
) -> ContourRevision:
    """Save regions as an earlier revision has them, voxels and what is said of them; revision 0 has none.

    A decision comes back as well, and is recorded as one of this person. Locks stay as they are now.
    ``hands_on_s`` is the time that the first region took.
    """
    require_editor(actor, time_point)
    permissions.require(user=actor, action=Action.ACCEPT_CONTOURS, site=time_point.site)
    edit = contour_edit(time_point, base_number=base_number, copy=copy)
    then = _revision(edit, number)
    known, contours = edit.known, _contours(then)
    labels = _labels(edit, then)
    moved = [region for region in regions if (edit.mask(region) != (labels[region.kind] == region.label)).any()]
    locked = [region.name for region in moved if region.pk in known and known[region.pk].is_locked]
    if locked:
        raise InvalidStateError(f"Unlock first: {', '.join(locked)}.", code="locked")
    actions = {}
    for region in regions:
        before, after = known.get(region.pk), contours.get(region.pk)
        if region not in moved and _state(before) == _state(after):
            continue
        _say(edit, region, before=before, after=after)
        actions[region] = _action(before=before, after=after, is_moved=region in moved)
    if not actions:
        raise InvalidStateError("These regions are as they were in that revision.", code="nothing_changes")
    _write(edit, labels, moved)
    names = ", ".join(region.name for region in actions)
    revision = contours_save(actor=actor, edit=edit, note=f"as in revision {number}: {names}")
    hands_on = {regions[0].label: hands_on_s}
    contour_actions_record(actor=actor, edit=edit, revision=revision, actions=actions, hands_on_s=hands_on)
    return revision


def _revision(edit: ContourEdit, number: int) -> ContourRevision | None:
    if number == 0:
        return None
    then = contour_revisions_of(edit.time_point, edit.copy).filter(number=number).first()
    if then is None:
        raise InvalidStateError(f"This time point has no revision {number}.", code="no_revision")
    if then.image.label_grid != edit.image.label_grid:
        raise InvalidStateError(f"Revision {number} was drawn on images of another grid.", code="other_grid")
    return then


def _contours(then: ContourRevision | None) -> dict[UUID, RegionContour]:
    return {} if then is None else {c.region_id: c for c in then.contours.select_related("region")}


def _labels(edit: ContourEdit, then: ContourRevision | None) -> Labels:
    if then is None:
        return {kind: np.zeros_like(values) for kind, values in edit.labels.items()}
    grid = grid_from_dict(edit.image.label_grid)
    return {"organ": label_values(then.organs, grid), "lesion": label_values(then.lesions, grid)}


def _state(contour: RegionContour | None) -> str:
    return "" if contour is None else contour.state


def _say(edit: ContourEdit, region: Region, *, before: RegionContour | None, after: RegionContour | None) -> None:
    if after is None:
        edit.removed.add(region.pk)
        return
    edit.restored[region.pk] = after
    edit.changes[region.pk] = RegionChange(is_locked=before is not None and before.is_locked)


def _action(*, before: RegionContour | None, after: RegionContour | None, is_moved: bool) -> ContourActionKind:
    """Return what a person did by this: a contour that goes is rejected, one that waits again is reopened."""
    if after is None:
        return ContourActionKind.REJECTED
    if after.state in DECISIONS:
        return DECISIONS[ContourState(after.state)]
    is_back = before is None or (before.state in DECISIONS and not is_moved)
    return ContourActionKind.REOPENED if is_back else ContourActionKind.EDITED


def _write(edit: ContourEdit, labels: Labels, moved: Sequence[Region]) -> None:
    """Write the voxels of regions as they were; those of every other region stay where they are."""
    for kind, volume in edit.labels.items():
        taken = [region.label for region in moved if region.kind == kind]
        volume[np.isin(volume, taken)] = 0
        free = np.isin(labels[kind], taken) & (volume == 0)
        volume[free] = labels[kind][free]
