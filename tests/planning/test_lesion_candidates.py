"""Lesion candidates of a network: proposals that count nowhere until a person accepts them, one number a lesion."""

import numpy as np
import pytest

from planning import models
from planning.computation.lesion_candidates import kept_lesions, known_lesions, matched_regions, rejected_lesions
from planning.computation.networks import LESIONS, ORGANS
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_contours, current_image
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_runs import contour_propagation_start, contour_proposal_start
from planning.services.contour_states import contour_state_set
from planning.services.networks import network_decide
from planning.services.regions import lesion_for
from planning.services.runs import run_cancel
from planning.tasks import contours as contour_tasks
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_propagation, run_contour_proposal
from tests.factories import IDENTITY
from tests.planning.worked_phantom import GRID, KIDNEY, LESION, SHAPE_ZYX
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]
LABEL = "lesions 0 (01234567)"


def mask_of(*boxes) -> np.ndarray:
    mask = np.zeros(SHAPE_ZYX, dtype=bool)
    for box in boxes:
        mask[box] = True
    return mask


def middle_of(mask) -> tuple[float, float, float]:
    z, y, x = np.argwhere(mask).mean(axis=0)
    s_x, s_y, s_z = GRID["spacing_xyz_mm"]
    o_x, o_y, o_z = GRID["origin_lps_mm"]
    return o_x + x * s_x, o_y + y * s_y, o_z + z * s_z


def row_of(mask, *, probability=0.9, region_id=None) -> dict:
    return {
        "kind": "lesion",
        "mask": mask,
        "centre_lps_mm": middle_of(mask),
        "source_detail": LABEL,
        "confidence": probability,
        "reasons": [],
        "region_id": region_id,
    }


def enable(clinic, *names) -> None:
    for name in names:
        network_decide(
            actor=clinic.users[Role.QUALITY_LEAD], site=clinic.site, name=name, enable=True, reason="Compared."
        )


def suspect(worked, *rows, point=0) -> models.ContourRevision:
    """Add candidates through the service that a run uses."""
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.PROPOSE_CONTOURS),
        time_point=worked.points[point],
        rows=list(rows),
        source=ContourSource.MODEL,
        region_of=lambda row: lesion_for(actor=None, course=worked.course, known=row["region_id"]),
        note="candidates",
    )


def decide(worked, name: str, state: str, *, point=0) -> None:
    time_point = worked.points[point]
    contour_state_set(
        actor=worked.editor,
        time_point=time_point,
        base_number=current_contours(time_point).number,
        region=worked.course.regions.get(name=name),
        state=state,
    )


def contour_of(worked, name: str, *, point=0) -> models.RegionContour:
    return current_contours(worked.points[point]).contours.get(region__name=name)


def test_each_network_is_enabled_by_name(worked):
    point = worked.points[0]
    enable(worked.clinic, ORGANS)
    with pytest.raises(InvalidStateError, match="No network for lesions") as error:
        contour_proposal_start(actor=worked.editor, time_point=point, has_lesions=True)
    assert error.value.code == "no_network"
    enable(worked.clinic, LESIONS)
    run = contour_proposal_start(actor=worked.editor, time_point=point, has_lesions=True)
    assert run.parameters["network"].startswith("organs 0") and run.parameters["lesion_network"].startswith("lesions 0")
    assert run.parameters["regions"]


def test_lesions_alone_need_no_organ_network(worked):
    enable(worked.clinic, LESIONS)
    run = contour_proposal_start(actor=worked.editor, time_point=worked.points[0], regions=[], has_lesions=True)
    assert run.parameters["regions"] == [] and "network" not in run.parameters
    with pytest.raises(InvalidStateError, match="No network for organs"):
        contour_proposal_start(actor=worked.editor, time_point=worked.points[0], has_lesions=True)


def test_who_may_not_draw_may_not_ask(worked):
    enable(worked.clinic, LESIONS)
    technologist = worked.clinic.users[Role.TECHNOLOGIST]
    with pytest.raises(NotAllowedError):
        contour_proposal_start(actor=technologist, time_point=worked.points[0], regions=[], has_lesions=True)


def test_the_page_is_told_which_networks_it_may_ask(worked):
    client = worked.clinic.client(worked.editor)
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    assert client.get(url).json()["lesion_network"] is None
    enable(worked.clinic, LESIONS)
    answer = client.get(url).json()
    assert answer["lesion_network"]["label"].startswith("lesions 0") and answer["network"] is None
    body = {"regions": [], "has_lesions": True}
    sent = client.post(f"{url}/propose", body, format="json")
    assert sent.status_code == 202
    assert models.Run.objects.get(pk=sent.json()["run_id"]).parameters["regions"] == []


def test_candidates_looked_at_together_are_rejected_in_one_revision(worked):
    parts = [mask_of(LESION), mask_of((slice(0, 2), slice(0, 2), slice(0, 2)))]
    revision = suspect(worked, *(row_of(part, probability=0.9) for part in parts))
    regions = [c.region for c in revision.contours.select_related("region").order_by("region__label")]
    client = worked.clinic.client(worked.editor)
    url = f"/api/time-points/{worked.points[0].pk}/contours/rejections"
    body = {"region_ids": [str(region.pk) for region in regions], "hands_on_s": 4.0}
    head = {"If-Match": f'"{revision.number}"'}
    answer = client.post(url, body, format="json", headers=head)
    assert answer.status_code == 201
    assert answer.json()["number"] == revision.number + 1
    shown = [row for row in answer.json()["regions"] if row["id"] in body["region_ids"]]
    # What is rejected is measured no more: no number, not a zero.
    assert [(row["state"], row["volume"], row["activity"], row["confidence"]) for row in shown] == [
        ("rejected", None, None, 0.9)
    ] * 2
    actions = models.ContourAction.objects.order_by("region__label").values_list("action", "hands_on_s")
    assert list(actions) == [("rejected", 4.0), ("rejected", None)]
    assert client.post(url, body, format="json", headers=head).status_code == 409
    missing = {"region_ids": [str(worked.kidney.pk)]}
    now = {"If-Match": f'"{revision.number + 1}"'}
    assert client.post(url, missing, format="json", headers=now).json()["code"] == "no_contour"


def test_a_candidate_takes_nothing_from_an_organ_until_a_person_accepts_it(worked):
    worked.draw(worked.points[0])
    whole = contour_of(worked, worked.kidney.name).volume_ml
    inside = mask_of(KIDNEY) & ~mask_of(LESION)
    part = inside & (np.cumsum(inside.ravel()).reshape(SHAPE_ZYX) <= 40)
    suspect(worked, row_of(part, probability=0.7))
    suspected = contour_of(worked, "Lesion 2")
    assert (suspected.state, suspected.source, suspected.confidence) == (ContourState.PROPOSED, "model", 0.7)
    assert suspected.volume_ml > 0.0 and suspected.activity_bq > 0.0
    assert contour_of(worked, worked.kidney.name).volume_ml == pytest.approx(whole)
    decide(worked, "Lesion 2", ContourState.ACCEPTED)
    assert contour_of(worked, worked.kidney.name).volume_ml == pytest.approx(whole - suspected.volume_ml)
    # Taken back: it is rejected, and the organ is whole again.
    decide(worked, "Lesion 2", ContourState.REJECTED)
    assert contour_of(worked, worked.kidney.name).volume_ml == pytest.approx(whole)


def test_a_candidate_is_not_carried_to_other_scans_before_a_person_accepts_it(worked):
    first, second = worked.points[:2]
    suspect(worked, row_of(mask_of(LESION)))
    decide(worked, "Lesion 2", ContourState.ACCEPTED)
    suspect(worked, row_of(mask_of((slice(0, 2), slice(0, 2), slice(0, 2)))))
    worked.registration(second)
    run = contour_propagation_start(actor=worked.editor, time_point=first, targets=[second])
    execute_run(run_id=str(run.pk), body=run_contour_propagation)
    run.refresh_from_db()
    assert run.error_message == ""
    assert set(current_contours(second).contours.values_list("region__name", flat=True)) == {"Lesion 2"}


def test_new_lesions_are_numbered_on_and_known_ones_keep_their_number(worked):
    course = worked.course
    assert lesion_for(actor=None, course=course, known=None).name == "Lesion 2"
    assert lesion_for(actor=None, course=course, known=None).name == "Lesion 3"
    assert lesion_for(actor=None, course=course, known=worked.lesion.pk) == worked.lesion


def shifted(mask, voxels: int) -> np.ndarray:
    return np.roll(mask, voxels, axis=2)


def test_a_lesion_keeps_its_number_at_another_time_point_through_the_registration(worked):
    first, second = worked.points[:2]
    worked.draw(first)
    moved_mm = 2 * GRID["spacing_xyz_mm"][0]
    matrix = list(IDENTITY)
    matrix[3] = moved_mm
    worked.registration(second, matrix=matrix)
    where = mask_of(LESION)
    rows = [row_of(shifted(where, 2)), row_of(mask_of((slice(0, 2), slice(0, 2), slice(0, 2))))]
    assert matched_regions(second, rows) == (worked.lesion.pk, None)
    # The middle of the known lesion, in the frame of the second scan.
    (known,) = known_lesions(second)
    np.testing.assert_allclose(known.centre_lps_mm, np.add(middle_of(where), (moved_mm, 0.0, 0.0)), atol=1e-6)


def test_without_a_registration_nothing_is_matched(worked):
    worked.draw(worked.points[0])
    second = worked.points[1]
    second.registrations.all().delete()
    assert matched_regions(second, [row_of(mask_of(LESION))]) == (None,)


def run_of(worked, monkeypatch, rows) -> models.Run:
    """Ask for candidates and let the task run, with what the network would have found put in."""
    monkeypatch.setattr(contour_tasks, "candidate_rows", lambda **_given: [dict(row) for row in rows])
    run = contour_proposal_start(actor=worked.editor, time_point=worked.points[0], regions=[], has_lesions=True)
    execute_run(run_id=str(run.pk), body=run_contour_proposal)
    run.refresh_from_db()
    return run


def test_a_run_proposes_candidates_and_does_not_ask_twice_about_what_was_decided(worked, monkeypatch):
    enable(worked.clinic, LESIONS)
    near, far = mask_of((slice(0, 2), slice(0, 2), slice(0, 2))), mask_of(LESION)
    run = run_of(worked, monkeypatch, [row_of(far, probability=0.95), row_of(near, probability=0.6)])
    assert run.error_message == ""
    revision = current_contours(worked.points[0])
    assert revision.note.startswith("2 lesion candidates by lesions 0")
    assert list(revision.contours.values_list("confidence", flat=True).order_by("-confidence")) == [0.95, 0.6]
    names = list(revision.contours.order_by("-confidence").values_list("region__name", flat=True))
    decide(worked, names[0], ContourState.ACCEPTED)
    decide(worked, names[1], ContourState.REJECTED)
    kept = kept_lesions(current_contours(worked.points[0]), current_image(worked.points[0]))
    np.testing.assert_array_equal(kept, far)
    assert len(rejected_lesions(current_contours(worked.points[0]), current_image(worked.points[0]))) == 1

    third = mask_of((slice(0, 2), slice(0, 2), slice(6, 8)))
    run = run_of(worked, monkeypatch, [row_of(near, probability=0.7), row_of(third, probability=0.8)])
    assert run.error_message == ""
    assert "1 rejected before left out" in current_contours(worked.points[0]).note
    states = dict(current_contours(worked.points[0]).contours.values_list("region__name", "state"))
    assert states[names[0]] == ContourState.ACCEPTED and states[names[1]] == ContourState.REJECTED
    assert list(states.values()).count(ContourState.PROPOSED) == 1


def test_a_run_that_is_cancelled_while_the_network_looks_leaves_no_proposal(worked, monkeypatch):
    enable(worked.clinic, LESIONS)
    run = contour_proposal_start(actor=worked.editor, time_point=worked.points[0], regions=[], has_lesions=True)
    n_regions, n_assets = models.Region.objects.count(), models.VolumeAsset.objects.count()

    def found_too_late(**_given):
        run_cancel(actor=worked.editor, run=run)
        return [row_of(mask_of(LESION))]

    monkeypatch.setattr(contour_tasks, "candidate_rows", found_too_late)
    execute_run(run_id=str(run.pk), body=run_contour_proposal)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert current_contours(worked.points[0]) is None
    assert (models.Region.objects.count(), models.VolumeAsset.objects.count()) == (n_regions, n_assets)


def test_a_run_that_finds_nothing_says_so(worked, monkeypatch):
    enable(worked.clinic, LESIONS)
    run = run_of(worked, monkeypatch, [])
    assert (run.state, run.error_code) == ("failed", "nothing_found")
    assert "0 lesion candidates" in run.error_message
    assert current_contours(worked.points[0]) is None
