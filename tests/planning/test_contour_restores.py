"""Undo and redo of what the server did: regions as an earlier revision has them, in a new revision with its action."""

import json

import numpy as np
import pytest

from planning import models
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.sites import Role
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.current import current_contours
from planning.services.contour_restores import contour_restore
from planning.services.contour_states import contour_state_set
from planning.services.regions import region_create
from tests.planning.test_contour_actions import HALF, MODEL, decide, mask_of, operate, paint, propose
from tests.planning.test_contours import contour, labels_of
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML

pytestmark = pytest.mark.django_db


def restore(worked, number, *, regions=None, actor=None, base_number=None, **fields):
    point = worked.points[0]
    return contour_restore(
        actor=actor or worked.editor,
        time_point=point,
        base_number=current_contours(point).number if base_number is None else base_number,
        number=number,
        regions=regions or [worked.kidney],
        **fields,
    )


def kidney_of(worked) -> np.ndarray:
    return labels_of(worked.points[0]) == worked.kidney.label


def actions_of(worked) -> list[str]:
    rows = models.ContourAction.objects.filter(region=worked.kidney).order_by("revision_to__number")
    return list(rows.values_list("action", flat=True))


def said(worked) -> tuple:
    now = contour(worked, worked.kidney)
    return now.state, now.source, now.source_detail, now.proposal_id, now.confidence


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("margin", {"margin_mm": -10.0}),
        ("smooth", {"radius_mm": 15.0}),
        ("threshold", {"minimum_bq_per_ml": 2e6}),
        ("delete", {}),
    ],
)
def test_an_operation_is_taken_back_and_done_again_by_new_revisions(worked, operation, parameters):
    proposal = propose(worked)
    at_first = said(worked)
    operated = operate(worked, operation, **parameters)
    mask, state = kidney_of(worked), operated.contours.filter(region=worked.kidney).values_list("state", "source")
    assert not np.array_equal(mask, mask_of(KIDNEY))
    back = restore(worked, 1, hands_on_s=4.0)
    np.testing.assert_array_equal(kidney_of(worked), mask_of(KIDNEY))
    assert said(worked) == at_first == (ContourState.PROPOSED, ContourSource.MODEL, MODEL, proposal.pk, None)
    assert (back.number, back.base_number, back.note) == (3, 2, "as in revision 1: Kidney left")
    assert back.contours.get().volume_ml == pytest.approx(KIDNEY_ML)
    again = restore(worked, 2)
    np.testing.assert_array_equal(kidney_of(worked), mask)
    assert list(again.contours.filter(region=worked.kidney).values_list("state", "source")) == list(state)
    expected = ["rejected", "reopened", "rejected"] if operation == "delete" else ["edited"] * 3
    assert actions_of(worked) == expected
    assert models.ContourAction.objects.get(revision_to=back).hands_on_s == 4.0
    records = models.AuditRecord.objects.filter(action="contours.save").order_by("number")
    assert [json.loads(record.payload)["reason"] for record in records][-2:] == [
        "as in revision 1: Kidney left",
        "as in revision 2: Kidney left",
    ]


def test_what_was_drawn_from_nothing_goes_and_comes_back_with_its_proposal(worked):
    first = operate(worked, "threshold", minimum_bq_per_ml=1e4)
    mask = kidney_of(worked)
    restore(worked, 0)
    assert not kidney_of(worked).any()
    assert not current_contours(worked.points[0]).contours.exists()
    restore(worked, 1)
    np.testing.assert_array_equal(kidney_of(worked), mask)
    assert contour(worked, worked.kidney).proposal == first
    assert actions_of(worked) == ["drawn", "rejected", "reopened"]


def test_voxels_that_an_operation_took_from_a_neighbour_come_back_to_it(worked):
    other = region_create(actor=worked.editor, course=worked.cycle.course, kind="organ", name="Spleen")
    propose(worked, part=HALF)
    propose(worked, region=other, part=np.s_[3:5, 2:6, 2:6])
    before = labels_of(worked.points[0]).copy()
    operate(worked, "margin", margin_mm=10.0)
    assert np.count_nonzero(labels_of(worked.points[0]) == other.label) < np.count_nonzero(before == other.label)
    restore(worked, 2, regions=[worked.kidney, other])
    np.testing.assert_array_equal(labels_of(worked.points[0]), before)
    assert contour(worked, other).state == ContourState.PROPOSED


def test_a_region_that_is_not_named_keeps_every_voxel(worked):
    other = region_create(actor=worked.editor, course=worked.cycle.course, kind="organ", name="Spleen")
    propose(worked)
    operate(worked, "margin", margin_mm=-10.0)
    propose(worked, region=other, part=np.s_[1:2, 2:6, 2:6])
    taken = labels_of(worked.points[0]) == other.label
    restore(worked, 1)
    np.testing.assert_array_equal(labels_of(worked.points[0]) == other.label, taken)
    np.testing.assert_array_equal(kidney_of(worked), mask_of(KIDNEY) & ~taken)


def test_a_decision_is_taken_back_and_made_again(worked):
    propose(worked)
    decide(worked, ContourState.ACCEPTED)
    restore(worked, 1)
    assert contour(worked, worked.kidney).state == ContourState.PROPOSED
    (group,) = contour_acceptance(worked.clinic.site)["groups"]
    assert (group["n_proposed"], group["n_unchanged"]) == (1, 0)
    restore(worked, 2)
    assert contour(worked, worked.kidney).state == ContourState.ACCEPTED
    decide(worked, ContourState.REJECTED)
    restore(worked, 4)
    assert contour(worked, worked.kidney).state == ContourState.ACCEPTED
    assert actions_of(worked) == ["accepted", "reopened", "accepted", "rejected", "accepted"]
    (group,) = contour_acceptance(worked.clinic.site)["groups"]
    assert (group["n_proposed"], group["n_unchanged"]) == (1, 1)


def test_what_is_locked_keeps_its_voxels_and_a_lock_is_nothing_to_take_back(worked):
    propose(worked)
    operate(worked, "margin", margin_mm=-10.0)
    decide(worked, ContourState.ACCEPTED)
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=3, region=worked.kidney, is_locked=True
    )
    with pytest.raises(InvalidStateError, match="Unlock first: Kidney left"):
        restore(worked, 1)
    restore(worked, 2)
    now = contour(worked, worked.kidney)
    assert (now.state, now.is_locked) == (ContourState.EDITED, True)


def test_nothing_to_take_back_an_unknown_revision_and_a_stale_base_are_refused(worked):
    propose(worked)
    paint(worked, HALF)
    with pytest.raises(InvalidStateError) as refused:
        restore(worked, 2)
    assert refused.value.code == "nothing_changes"
    with pytest.raises(InvalidStateError) as refused:
        restore(worked, 9)
    assert refused.value.code == "no_revision"
    with pytest.raises(ConflictError):
        restore(worked, 1, base_number=1)
    with pytest.raises(NotAllowedError):
        restore(worked, 1, actor=worked.clinic.users[Role.TECHNOLOGIST])
    assert current_contours(worked.points[0]).number == 2


def test_over_http_a_region_of_another_course_is_not_found(worked):
    propose(worked)
    operate(worked, "margin", margin_mm=-10.0)
    stranger = models.Region.objects.create(
        course=models.Course.objects.create(
            patient=worked.cycle.course.patient, number=9, nuclide="Lu-177", agent="DOTATATE"
        ),
        kind="organ",
        name="Liver",
        label=1,
        colour="r1",
        tracking_uid="1.9",
    )
    client, url = worked.clinic.client(worked.editor), f"/api/time-points/{worked.points[0].pk}/contours/restore"
    headers = {"If-Match": '"2"'}

    def post(*regions):
        body = {"number": 1, "region_ids": [str(region.pk) for region in regions], "hands_on_s": 2.5}
        return client.post(url, body, format="json", headers=headers)

    assert post(stranger).status_code == 404
    answer = post(worked.kidney)
    assert (answer.status_code, answer.json()["number"]) == (201, 3)
    assert models.ContourAction.objects.get(revision_to__number=3).hands_on_s == 2.5
