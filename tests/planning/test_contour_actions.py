"""What people do with contours is recorded with the revision, and counted by source, version and region."""

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from planning import models
from planning.errors import InvalidStateError
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource, ContourState
from planning.queue import TaskName
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.current import current_contours
from planning.services.contour_operations import contour_operate, contour_voxels_save
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_states import contour_state_set, contour_states_set
from tests.planning.test_contours import labels_of, painted, put_voxels
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, SHAPE_ZYX

pytestmark = pytest.mark.django_db
MODEL = "organs 1.0 (12ab34cd)"
HALF = np.s_[1:3, 2:6, 2:6]
"""The upper half of the kidney: 32 of its 64 voxels."""
HALF_ML = 32.0
HALF_DICE = 2 * 32 / (64 + 32)


def mask_of(part) -> np.ndarray:
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    return mask


def propose(worked, *, i_point=0, region=None, part=KIDNEY, source=ContourSource.MODEL, detail=MODEL):
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[i_point],
        rows=[{"region": region or worked.kidney, "mask": mask_of(part), "source_detail": detail}],
        source=source,
        region_of=lambda row: row["region"],
        note="proposed",
    )


def decide(worked, state, *, i_point=0, region=None, hands_on_s=None):
    point = worked.points[i_point]
    return contour_state_set(
        actor=worked.editor,
        time_point=point,
        base_number=current_contours(point).number,
        region=region or worked.kidney,
        state=state,
        hands_on_s=hands_on_s,
    )


def paint(worked, part, *, i_point=0, hands_on_s=None):
    point = worked.points[i_point]
    current = current_contours(point)
    return contour_voxels_save(
        actor=worked.editor,
        time_point=point,
        kind="organ",
        base_number=current.number if current else 0,
        voxels=painted(worked.kidney, part),
        changed={worked.kidney.label},
        note="by hand",
        hands_on_s={worked.kidney.label: hands_on_s},
    )


def operate(worked, operation, **parameters):
    return contour_operate(
        actor=worked.editor,
        time_point=worked.points[0],
        base_number=current_contours(worked.points[0]).number if current_contours(worked.points[0]) else 0,
        region=worked.kidney,
        operation=operation,
        parameters=parameters,
        hands_on_s=5.0,
    )


def only_group(worked, **fields):
    (group,) = contour_acceptance(worked.clinic.site, **fields)["groups"]
    return group


def test_a_run_records_no_action(worked):
    revision = propose(worked)
    assert not models.ContourAction.objects.exists()
    assert revision.contours.get().proposal == revision


def test_accepting_a_proposal_as_it_is(worked):
    proposal = propose(worked)
    revision = decide(worked, ContourState.ACCEPTED, hands_on_s=12.5)
    action = models.ContourAction.objects.get()
    assert (action.action, action.revision_from, action.revision_to) == ("accepted", proposal, revision)
    assert (action.region, action.created_by, action.site) == (worked.kidney, worked.editor, worked.clinic.site)
    assert (action.source, action.source_detail, action.proposal) == ("model", MODEL, proposal)
    assert (action.dice, action.volume_before_ml, action.volume_after_ml) == (1.0, KIDNEY_ML, KIDNEY_ML)
    assert action.hands_on_s == 12.5


def test_edits_are_compared_with_the_original_not_with_the_edit_before(worked):
    proposal = propose(worked)
    paint(worked, np.s_[1:2, 2:6, 2:6])
    paint(worked, HALF)
    decide(worked, ContourState.ACCEPTED)
    actions = list(models.ContourAction.objects.order_by("revision_to__number"))
    assert [action.action for action in actions] == ["edited", "edited", "accepted"]
    assert {action.proposal for action in actions} == {proposal}
    assert actions[0].dice == pytest.approx(2 * 16 / (64 + 16))
    assert actions[1].dice == actions[2].dice == pytest.approx(HALF_DICE)
    assert (actions[2].volume_before_ml, actions[2].volume_after_ml) == (KIDNEY_ML, HALF_ML)


def test_a_new_proposal_of_a_later_run_is_the_original_from_then_on(worked):
    propose(worked)
    paint(worked, HALF)
    decide(worked, ContourState.REJECTED)
    second = propose(worked, part=HALF, detail="organs 2.0 (99ab34cd)")
    decide(worked, ContourState.ACCEPTED)
    action = models.ContourAction.objects.get(action="accepted")
    assert (action.proposal, action.dice) == (second, 1.0)


def test_another_region_of_a_run_leaves_the_original_where_it_first_appeared(worked):
    first = propose(worked)
    propose(worked, region=worked.lesion, part=np.s_[2:4, 3:5, 3:5])
    decide(worked, ContourState.ACCEPTED)
    assert models.ContourAction.objects.get().proposal == first


def test_rejecting_reopening_and_clearing(worked):
    propose(worked)
    decide(worked, ContourState.REJECTED)
    decide(worked, ContourState.EDITED)
    operate(worked, "delete")
    actions = list(models.ContourAction.objects.order_by("revision_to__number"))
    assert [action.action for action in actions] == ["rejected", "reopened", "rejected"]
    # A rejected contour keeps its voxels; a cleared one has none.
    assert [action.volume_after_ml for action in actions] == [KIDNEY_ML, KIDNEY_ML, 0.0]
    assert [action.dice for action in actions] == [1.0, 1.0, 0.0]


def test_locking_is_no_action_on_the_contour(worked):
    propose(worked)
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=1, region=worked.kidney, is_locked=True
    )
    assert not models.ContourAction.objects.exists()


def test_drawing_from_nothing_has_no_original(worked):
    paint(worked, KIDNEY, hands_on_s=90.0)
    action = models.ContourAction.objects.get()
    assert (action.action, action.source, action.proposal, action.dice) == ("drawn", "", None, None)
    assert (action.revision_from, action.volume_before_ml, action.volume_after_ml) == (None, None, KIDNEY_ML)
    assert contour_acceptance(worked.clinic.site)["groups"] == []


def test_a_first_threshold_is_a_proposal_of_its_own_and_one_on_a_models_contour_is_an_edit(worked):
    operate(worked, "threshold", minimum_bq_per_ml=1e4)
    drawn = models.ContourAction.objects.get()
    assert (drawn.action, drawn.dice, drawn.proposal) == ("drawn", 1.0, drawn.revision_to)
    decide(worked, ContourState.ACCEPTED)
    group = only_group(worked)
    assert (group["source"], group["n_proposed"], group["n_unchanged"]) == ("threshold", 1, 1)
    assert group["median_hands_on_s"] == 5.0


def test_a_threshold_on_a_models_contour_counts_as_an_edit_of_the_models(worked):
    proposal = propose(worked, part=HALF)
    operate(worked, "threshold", minimum_bq_per_ml=1e4)
    decide(worked, ContourState.ACCEPTED)
    accepted = models.ContourAction.objects.get(action="accepted")
    assert (accepted.source, accepted.proposal) == ("threshold", proposal)
    assert accepted.dice == pytest.approx(HALF_DICE)
    group = only_group(worked)
    assert (group["version"], group["n_edited"]) == (MODEL, 1)


def test_the_chain_of_a_virtual_patient_records_nothing(worked):
    propose(worked)
    contour_states_set(
        actor=worked.editor, time_point=worked.points[0], base_number=1, states={worked.kidney: ContourState.ACCEPTED}
    )
    assert not models.ContourAction.objects.exists()


@pytest.mark.parametrize(("sent", "stored"), [(None, None), (0.0, 0.0), (-3.0, 0.0), (61.5, 61.5), (9e9, 3600.0)])
def test_seconds_are_bounded_and_absent_ones_unknown(worked, sent, stored):
    propose(worked)
    decide(worked, ContourState.ACCEPTED, hands_on_s=sent)
    assert models.ContourAction.objects.get().hands_on_s == stored


def test_an_action_is_a_persons_once_per_revision(worked):
    propose(worked)
    decide(worked, ContourState.ACCEPTED)
    action = models.ContourAction.objects.get()
    for wrong in ({"created_by": None}, {"dice": 1.2}, {"hands_on_s": 4000.0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            models.ContourAction.objects.filter(pk=action.pk).update(**wrong)


def test_a_refused_decision_leaves_no_action(worked):
    propose(worked)
    paint(worked, np.s_[0:0])
    with pytest.raises(InvalidStateError):
        decide(worked, ContourState.ACCEPTED)
    assert models.ContourAction.objects.get().action == "edited"


def test_counts_by_version_and_region(worked):
    for i_point in range(3):
        propose(worked, i_point=i_point)
    decide(worked, ContourState.ACCEPTED, i_point=0, hands_on_s=4.0)
    paint(worked, HALF, i_point=1, hands_on_s=30.0)
    decide(worked, ContourState.ACCEPTED, i_point=1, hands_on_s=10.0)
    decide(worked, ContourState.REJECTED, i_point=2)
    propose(worked, i_point=2, region=worked.lesion, part=np.s_[2:4, 3:5, 3:5])
    answer = contour_acceptance(worked.clinic.site)
    kidney, lesions = answer["groups"]
    assert (kidney["region_name"], kidney["version"], kidney["source_label"]) == ("Kidney left", MODEL, "AI model")
    counts = {name: kidney[name] for name in ("n_proposed", "n_unchanged", "n_edited", "n_rejected")}
    assert counts == {"n_proposed": 3, "n_unchanged": 1, "n_edited": 1, "n_rejected": 1}
    assert kidney["dice"] == {"low": HALF_DICE, "median": HALF_DICE, "high": HALF_DICE}
    # 4 s for the first and 30 s + 10 s for the second; of the third nobody told the time.
    assert (kidney["median_hands_on_s"], kidney["n_timed"]) == (22.0, 2)
    assert (lesions["region_name"], lesions["n_proposed"], lesions["n_unchanged"]) == ("Lesions", 1, 0)
    (month,) = answer["months"]
    assert (month["version"], month["n_unchanged"], month["n_edited"], month["n_rejected"]) == (MODEL, 1, 1, 1)


def test_quartiles_of_the_edited_ones(worked):
    parts = (np.s_[1:2, 2:6, 2:6], HALF, np.s_[1:4, 2:6, 2:6])
    for i_point, part in enumerate(parts):
        propose(worked, i_point=i_point)
        paint(worked, part, i_point=i_point)
        decide(worked, ContourState.ACCEPTED, i_point=i_point)
    # Dice of 16, 32 and 48 of 64 voxels; inclusive quartiles of three values lie half-way between neighbours.
    low, middle, high = 2 * 16 / 80, HALF_DICE, 2 * 48 / 112
    assert only_group(worked)["dice"] == pytest.approx(
        {"low": (low + middle) / 2, "median": middle, "high": (middle + high) / 2}
    )


def test_what_a_proposal_took_from_a_neighbour_is_no_other_version(worked):
    propose(worked, region=worked.kidney)
    spleen = models.Region.objects.create(
        course=worked.course, kind="organ", name="Spleen", label=2, colour="r4", tracking_uid="1.4.3"
    )
    revision = propose(worked, region=spleen, part=HALF)
    assert "took" in revision.contours.get(region=spleen).source_detail
    assert {group["version"] for group in contour_acceptance(worked.clinic.site)["groups"]} == {MODEL}


def test_other_sources_are_one_group_each(worked):
    propose(worked, source=ContourSource.PROPAGATED, detail="from time point 1")
    propose(worked, i_point=1, source=ContourSource.IMPORTED, detail="Series A")
    found = [(group["source"], group["version"]) for group in contour_acceptance(worked.clinic.site)["groups"]]
    assert found == [("imported", ""), ("propagated", "")]


def test_reopened_is_not_decided(worked):
    propose(worked)
    decide(worked, ContourState.ACCEPTED)
    decide(worked, ContourState.EDITED)
    group = only_group(worked)
    assert (group["n_proposed"], group["n_unchanged"], group["n_edited"], group["n_rejected"]) == (1, 0, 0, 0)


def test_virtual_patients_and_other_sites_are_counted_apart(worked):
    propose(worked)
    assert contour_acceptance(worked.clinic.other)["groups"] == []
    models.VirtualPatient.objects.create(site=worked.clinic.site, patient_id="V", request={}, cycle=worked.cycle)
    assert contour_acceptance(worked.clinic.site)["groups"] == []
    assert only_group(worked, is_virtual=True)["n_proposed"] == 1


def test_statistics_over_http(worked, clinic):
    propose(worked)
    client = clinic.client(worked.editor)
    state = {"region_id": str(worked.kidney.pk), "state": "accepted", "hands_on_s": 7.0}
    url = f"/api/time-points/{worked.points[0].pk}/contours/states"
    assert client.post(url, state, format="json", headers={"If-Match": '"1"'}).status_code == 201
    answer = client.get(f"/api/sites/{clinic.site.pk}/contour-acceptance")
    assert answer.json()["groups"][0]["median_hands_on_s"] == 7.0
    assert client.get(f"/api/sites/{clinic.site.pk}/contour-acceptance?virtual=1").json()["groups"] == []
    assert clinic.client(clinic.foreigner).get(f"/api/sites/{clinic.site.pk}/contour-acceptance").status_code == 404


@pytest.mark.parametrize("sent", ["one=2", "1", "1=nan", "1=2,x"])
def test_malformed_seconds_of_a_save_say_what_to_send(worked, clinic, sent):
    answer = put_voxels(clinic.client(worked.editor), worked, **{"X-Hands-On-S": sent})
    assert (answer.status_code, answer.json()["code"]) == (400, "hands_on_malformed")
    assert current_contours(worked.points[0]) is None


def test_seconds_of_a_save_and_of_an_operation_arrive(worked, clinic):
    client = clinic.client(worked.editor)
    assert put_voxels(client, worked, **{"X-Hands-On-S": f"{worked.kidney.label}=41.5"}).status_code == 201
    operation = {
        "region_id": str(worked.kidney.pk),
        "operation": "margin",
        "parameters": {"margin_mm": 10.0},
        "hands_on_s": 3.0,
    }
    url = f"/api/time-points/{worked.points[0].pk}/contours/operations"
    assert client.post(url, operation, format="json", headers={"If-Match": '"1"'}).status_code == 201
    found = models.ContourAction.objects.order_by("revision_to__number").values_list("action", "hands_on_s")
    assert list(found) == [(ContourActionKind.DRAWN, 41.5), (ContourActionKind.EDITED, 3.0)]
    assert np.count_nonzero(labels_of(worked.points[0])) > KIDNEY_ML
