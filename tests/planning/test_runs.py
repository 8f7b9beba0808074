"""The life of a run: claimed once, held by its lease, ended once, never reset."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from dosimetry.errors import FitError
from planning.errors import InvalidStateError, LeaseLostError, NotAllowedError
from planning.models import Comment, Run
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.services import runs as run_services
from planning.services.runs import (
    held,
    requeue_stale,
    run_cancel,
    run_claim,
    run_heartbeat,
    run_start,
    run_succeed,
)
from planning.tasks.base import execute_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def rings(monkeypatch):
    """Collect the messages instead of sending them."""
    sent = []
    monkeypatch.setattr(run_services, "ring", lambda *, run_id, name: sent.append((run_id, name)))
    return sent


@pytest.fixture
def run(clinic, case, rings):
    return run_start(
        actor=clinic.users[Role.PHYSICIST],
        site=clinic.site,
        task=TaskName.CALCULATE_DOSE,
        parameters={},
        patient=case.patient,
        cycle=case.cycle,
    )


def expire(run):
    Run.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1), ring_after=Now())


def make_result(case, clinic):
    return Comment.objects.create(cycle=case.cycle, step="dose", text="result", created_by=clinic.users[Role.PHYSICIST])


def test_an_identical_open_run_is_not_queued_twice(clinic, case, run, rings):
    again = run_start(
        actor=clinic.second,
        site=clinic.site,
        task=TaskName.CALCULATE_DOSE,
        parameters={},
        patient=case.patient,
        cycle=case.cycle,
    )
    assert again.pk == run.pk
    assert len(rings) == 1


def test_a_second_delivery_claims_nothing(run):
    assert run_claim(run_id=run.pk).attempt == 1
    assert run_claim(run_id=run.pk) is None


def test_a_lost_lease_writes_nothing(clinic, case, run):
    first = run_claim(run_id=run.pk)
    expire(run)
    second = run_claim(run_id=run.pk)
    assert second.attempt == 2
    assert not run_heartbeat(run=first, progress=0.5, message="late")
    with pytest.raises(LeaseLostError):
        run_succeed(run=first, save_result=lambda: make_result(case, clinic))
    assert not Comment.objects.exists()
    run_succeed(run=second, save_result=lambda: make_result(case, clinic))
    assert Comment.objects.count() == 1
    assert Run.objects.get(pk=run.pk).result_id == str(Comment.objects.get().pk)


def test_a_result_that_cannot_be_saved_leaves_the_run_open(run):
    claimed = run_claim(run_id=run.pk)

    def broken():
        raise InvalidStateError("no")

    with pytest.raises(InvalidStateError):
        run_succeed(run=claimed, save_result=broken)
    assert held(claimed).exists()


def test_cancelling_stops_the_holder(clinic, run):
    claimed = run_claim(run_id=run.pk)
    with pytest.raises(NotAllowedError):
        run_cancel(actor=clinic.users[Role.READER], run=run)
    run_cancel(actor=clinic.users[Role.PHYSICIST], run=run)
    assert not run_heartbeat(run=claimed, progress=0.9, message="")
    with pytest.raises(InvalidStateError):
        run_cancel(actor=clinic.users[Role.PHYSICIST], run=run)


def test_the_reaper_rings_again_and_gives_up_after_three_attempts(run, rings):
    for attempt in (1, 2, 3):
        assert run_claim(run_id=run.pk).attempt == attempt
        expire(run)
        requeue_stale()
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "worker_lost")
    assert len(rings) == 3  # the first ring and two of the reaper; a worn-out run is not rung for
    assert run_claim(run_id=run.pk) is None


def test_a_repeated_task_gives_exactly_one_result(clinic, case, run):
    def body(_run, progress):
        progress(0.5, "half")
        return lambda: make_result(case, clinic)

    execute_run(run_id=str(run.pk), body=body)
    execute_run(run_id=str(run.pk), body=body)
    run.refresh_from_db()
    assert (run.state, run.progress, run.attempt) == (RunState.SUCCEEDED, 1.0, 1)
    assert Comment.objects.count() == 1


def test_an_error_of_the_physics_is_told_in_its_own_words(run):
    def body(_run, _progress):
        raise FitError("Activity does not fall; add a later scan.", code="rising_curve")

    execute_run(run_id=str(run.pk), body=body)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "rising_curve")
    assert "later scan" in run.error_message


def test_an_unexpected_error_shows_a_reference_and_nothing_else(run):
    def body(_run, _progress):
        raise RuntimeError("inner detail")

    execute_run(run_id=str(run.pk), body=body)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "internal_error")
    assert "reference" in run.error_message
    assert "inner detail" not in run.error_message


def test_progress_never_goes_back(run):
    seen = []

    def body(current, progress):
        for value in (0.2, 0.6, 0.4):
            progress(value, "")
        seen.append(current.pk)
        return lambda: None

    execute_run(run_id=str(run.pk), body=body)
    assert seen == [run.pk]


def test_a_database_constraint_keeps_running_runs_leased(run):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, lease_expires_at=None)
