"""Registrations: decided once, by a person, with a remark where needed; moved by hand as new revisions (row 12)."""

from uuid import uuid4

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from planning import models
from planning.computation.registrations import compute_registration
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.registrations import Decision
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_registration
from planning.selectors.registrations import cycle_registrations, needs_registration
from planning.services.registrations import (
    registration_decide,
    registration_nudge,
    registration_start,
    registrations_save,
)
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db
PENDING = {"decision": Decision.PENDING, "decided_by": None, "decided_at": None}
QUESTION = [{"code": "residual_large", "level": "ask", "message": "Kidney left is 8 mm off."}]


@pytest.fixture
def pending(worked):
    return worked.registration(worked.points[1], **PENDING)


def decide(worked, registration, decision, *, remark="", actor=None):
    return registration_decide(
        actor=actor or worked.physicist, registration=registration, decision=decision, remark=remark
    )


def nudge(worked, registration, *, shift_mm=(0.0, 0.0, 0.0), rotation_deg=(0.0, 0.0, 0.0)):
    """Queue and carry out a move by hand, as its task does."""
    run = registration_nudge(
        actor=worked.physicist,
        registration=registration,
        shift_mm=list(shift_mm),
        rotation_deg=list(rotation_deg),
    )
    result = compute_registration(
        time_point=registration.time_point,
        nudge=run.parameters["nudge"],
        predecessor=models.Registration.objects.get(pk=run.parameters["predecessor"]),
        progress=no_progress,
    )
    registrations_save(run=run, cycle=worked.cycle, results=[(registration.time_point, result)])
    return registration.time_point.registrations.order_by("-number").first()


def test_accepting_names_the_person_and_the_time(worked, pending):
    decided = decide(worked, pending, Decision.ACCEPTED)
    assert (decided.decision, decided.decided_by) == (Decision.ACCEPTED, worked.physicist)
    assert decided.decided_at is not None
    assert current_registration(worked.points[1]) == decided


@pytest.mark.parametrize("second", [Decision.ACCEPTED, Decision.REJECTED])
def test_a_decision_is_made_once(worked, pending, second):
    decide(worked, pending, Decision.ACCEPTED)
    with pytest.raises(ConflictError) as caught:
        decide(worked, pending, second, remark="changed my mind")
    assert caught.value.code == "decided"


def test_rejecting_needs_a_remark(worked, pending):
    with pytest.raises(InvalidStateError) as caught:
        decide(worked, pending, Decision.REJECTED, remark=" ")
    assert caught.value.code == "remark_required"
    decide(worked, pending, Decision.REJECTED, remark="flipped")
    assert current_registration(worked.points[1]) is None


def test_row_12_a_registration_with_a_question_is_accepted_with_a_remark_only(worked):
    registration = worked.registration(worked.points[1], findings=QUESTION, **PENDING)
    with pytest.raises(InvalidStateError) as caught:
        decide(worked, registration, Decision.ACCEPTED)
    assert caught.value.code == "remark_required"
    assert decide(worked, registration, Decision.ACCEPTED, remark="kidney moved, outlines agree").remark


def test_row_15_a_stale_registration_cannot_be_accepted(worked, pending):
    worked.image(worked.points[1], scale=1.1)
    with pytest.raises(InvalidStateError) as caught:
        decide(worked, pending, Decision.ACCEPTED)
    assert caught.value.code == "stale"


def test_row_12_a_known_shift_is_measured_and_shown(worked, pending):
    """A shift by hand is what the matrix holds, with the sign of the moved image, and asks where organs part."""
    moved = nudge(worked, pending, shift_mm=(30.0, 0.0, 0.0))
    assert (moved.number, moved.method, moved.predecessor) == (2, "nudged", pending)
    matrix = np.asarray(moved.matrix).reshape(4, 4)
    # The image moves by +30 mm on screen, so points of the reference go to -30 mm in the moved scan.
    assert np.allclose(matrix[:3, 3], [-30.0, 0.0, 0.0], atol=1e-9)
    shown = cycle_registrations(worked.cycle)["items"][0]["registration"]
    assert (shown["shift_mm"], shown["rotation_deg"]) == ([-30.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert moved.quality["correlation"] < 0.9


def test_a_move_and_its_reverse_return_to_the_start(worked, pending):
    moved = nudge(worked, pending, shift_mm=(5.0, -3.0, 2.0))
    back = nudge(worked, moved, shift_mm=(-5.0, 3.0, -2.0))
    assert back.number == 3
    # Composition of shifts: only rounding remains.
    assert np.allclose(back.matrix, pending.matrix, atol=1e-9)


def test_a_moved_registration_waits_for_a_decision_of_its_own(worked, pending):
    decide(worked, pending, Decision.ACCEPTED)
    moved = nudge(worked, pending, shift_mm=(1.0, 0.0, 0.0))
    pending.refresh_from_db()
    assert (pending.decision, moved.decision) == (Decision.ACCEPTED, Decision.PENDING)
    assert current_registration(worked.points[1]) == moved


def test_a_rejected_registration_can_be_moved_by_hand(worked, pending):
    """Not converged or wrong: a manual start from it must be possible."""
    decide(worked, pending, Decision.REJECTED, remark="flipped")
    assert nudge(worked, pending, rotation_deg=(0.0, 0.0, 10.0)).decision == Decision.PENDING


def test_an_older_registration_cannot_be_moved(worked, pending):
    worked.registration(worked.points[1], **PENDING)
    with pytest.raises(ConflictError) as caught:
        nudge(worked, pending, shift_mm=(1.0, 0.0, 0.0))
    assert caught.value.code == "newer_registration"


@pytest.mark.parametrize(
    "fields",
    [
        {"shift_mm": (0.0, 201.0, 0.0)},
        {"shift_mm": (1.0, float("nan"), 0.0)},
        {"rotation_deg": (0.0, 0.0, -46.0)},
        {"rotation_deg": (float("inf"), 0.0, 0.0)},
    ],
    ids=str,
)
def test_a_move_beyond_reason_is_refused(worked, pending, fields):
    with pytest.raises(InvalidStateError) as caught:
        nudge(worked, pending, **fields)
    assert caught.value.code == "nudge_range"
    assert not models.Run.objects.filter(parameters__has_key="nudge").exists()


def test_an_equal_result_is_not_stored_twice_unless_it_was_rejected(worked, pending):
    result = {
        "asset": {"kind": "spect", "header": {}, "voxels_sha256": "0" * 64, "object_sha256": "0" * 64},
        "fields": {
            "fixed_image": pending.fixed_image,
            "moving_image": pending.moving_image,
            "method": "automatic",
            "matrix": pending.matrix,
            "inputs_digest": pending.inputs_digest,
        },
    }
    run = worked.run(TaskName.REGISTER)
    registrations_save(run=run, cycle=worked.cycle, results=[(worked.points[1], result)])
    assert worked.points[1].registrations.count() == 1
    decide(worked, pending, Decision.REJECTED, remark="flipped")
    registrations_save(run=run, cycle=worked.cycle, results=[(worked.points[1], result)])
    assert worked.points[1].registrations.count() == 2


def test_with_contours_of_the_reference_registering_again_measures_its_regions(worked, pending):
    """What was registered before there were contours knows nothing of regions; the same images are no repetition."""

    point = worked.points[1]

    def register_again():
        result = compute_registration(time_point=point, nudge=None, predecessor=None, progress=no_progress)
        registrations_save(run=worked.run(TaskName.REGISTER), cycle=worked.cycle, results=[(point, result)])
        return current_registration(point)

    first = register_again()
    assert first.quality["residual_mm"] == {}
    assert register_again() == first
    worked.draw(worked.points[0])
    again = register_again()
    assert (again.number, again.decision) == (first.number + 1, Decision.PENDING)
    assert set(again.quality["residual_mm"]) == {worked.kidney.name, worked.lesion.name}


def test_a_run_over_all_scans_takes_those_without_a_registration_that_holds(worked, pending):
    assert [needs_registration(point) for point in worked.points[1:]] == [False, True]
    worked.image(worked.points[1], scale=1.1)
    assert needs_registration(worked.points[1])


def test_registration_needs_images_and_a_second_scan(worked):
    models.QuantifiedImage.objects.filter(time_point=worked.points[2]).delete()
    with pytest.raises(InvalidStateError) as caught:
        registration_start(actor=worked.physicist, cycle=worked.cycle)
    assert caught.value.code == "no_image"
    for time_point in worked.points[1:]:
        time_point.images.all().delete()
        time_point.series.all().delete()
        time_point.delete()
    with pytest.raises(InvalidStateError) as caught:
        registration_start(actor=worked.physicist, cycle=worked.cycle)
    assert caught.value.code == "one_time_point"


def test_the_database_refuses_a_decision_without_a_person(worked, pending):
    with pytest.raises(IntegrityError), transaction.atomic():
        models.Registration.objects.filter(pk=pending.pk).update(decision="accepted")


def test_who_may_decide(worked, pending, clinic):
    with pytest.raises(NotAllowedError):
        decide(worked, pending, Decision.ACCEPTED, actor=clinic.users[Role.TECHNOLOGIST])
    url = f"/api/registrations/{pending.pk}/decision"
    body = {"decision": "accepted"}
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
    unknown = f"/api/registrations/{uuid4()}/decision"
    assert clinic.client(worked.physicist).post(unknown, body, format="json").json()["code"] == "not_found"
    answer = clinic.client(worked.physicist).post(url, body, format="json")
    assert answer.json()["items"][0]["registration"]["decided_by"] == "Physicist A"
