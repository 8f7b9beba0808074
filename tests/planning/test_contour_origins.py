"""The original of a contour stays within reach, and what its network said stays with it until a person edits it."""

import pytest

from planning.models.contours import ContourState
from planning.models.readings import ReadingStart
from planning.selectors.contours import N_HISTORY, time_point_contours
from planning.selectors.current import current_contours
from planning.services.contour_operations import contour_operate
from planning.services.contour_states import contour_state_set
from tests.planning import reading_steps
from tests.planning.reading_steps import opened
from tests.planning.test_contours import save_voxels
from tests.planning.test_networks import REASON, WRONG_SIDE, propose

pytestmark = pytest.mark.django_db


def shown(worked, *, user=None):
    regions = time_point_contours(worked.points[0], user=user or worked.editor)["regions"]
    return next(region for region in regions if region["name"] == worked.kidney.name)


def decide(worked, state):
    number = current_contours(worked.points[0]).number
    return contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=number, region=worked.kidney, state=state
    )


def reject_a_drawing(worked):
    """Let revisions come before the proposal, and leave it room: what a person drew is not proposed again."""
    save_voxels(worked, base_number=0)
    decide(worked, ContourState.REJECTED)


def edit(worked, *, margin_mm=10.0):
    return contour_operate(
        actor=worked.editor,
        time_point=worked.points[0],
        base_number=current_contours(worked.points[0]).number,
        region=worked.kidney,
        operation="margin",
        parameters={"margin_mm": margin_mm},
    )


def test_a_refused_region_is_reopened_with_its_reasons_and_they_go_with_an_edit(worked):
    propose(worked, is_refused=True)
    decide(worked, ContourState.EDITED)
    row = shown(worked)
    assert (row["state"], row["confidence"], row["reasons"]) == ("edited", 0.7, [WRONG_SIDE])
    assert row["volume"]["value"] > 0.0
    edit(worked)
    assert (shown(worked)["confidence"], shown(worked)["reasons"]) == (None, [])
    decide(worked, ContourState.REJECTED)
    decide(worked, ContourState.EDITED)
    assert shown(worked)["reasons"] == []


def test_reasons_outlive_rejecting_and_reopening_again_and_again(worked):
    propose(worked)
    for state in (ContourState.REJECTED, ContourState.EDITED, ContourState.REJECTED, ContourState.EDITED):
        decide(worked, state)
        assert (shown(worked)["state"], shown(worked)["reasons"]) == (state, [REASON])
    decide(worked, ContourState.ACCEPTED)
    assert (shown(worked)["confidence"], shown(worked)["reasons"]) == (0.7, [REASON])


def test_a_later_proposal_without_reasons_does_not_take_those_of_another(worked):
    propose(worked)
    later = reading_steps.propose(worked)
    assert later.contours.get(region=worked.kidney).confidence is None
    assert (shown(worked)["confidence"], shown(worked)["reasons"]) == (None, [])


def test_the_original_is_named_however_many_revisions_follow(worked):
    reject_a_drawing(worked)
    assert shown(worked)["original_number"] is None
    proposal = propose(worked)
    for n in range(N_HISTORY):
        edit(worked, margin_mm=10.0 * (-1) ** n)
    history = time_point_contours(worked.points[0], user=worked.editor)["history"]
    assert proposal.number not in {revision["number"] for revision in history}
    assert shown(worked)["original_number"] == proposal.number == 3


def test_of_what_was_refused_the_original_is_where_it_was_refused(worked, clinic):
    reject_a_drawing(worked)
    refused = propose(worked, is_refused=True)
    edit(worked)
    number = shown(worked)["original_number"]
    assert number == refused.number
    url = f"/api/time-points/{worked.points[0].pk}/contours/revisions/{number}/organs"
    assert clinic.client(worked.editor).get(url).json() == {"volume": str(refused.organs_id)}


def test_a_reader_finds_the_original_in_the_own_copy(worked, readers):
    reject_a_drawing(worked)
    propose(worked)
    opened(worked, readers, start=ReadingStart.PROPOSALS)
    assert shown(worked, user=readers[0])["original_number"] == 1
    assert shown(worked, user=worked.physicist)["original_number"] == 3
