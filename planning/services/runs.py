"""Claim, hold, finish, give up: the whole life of a run, on the database's clock."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from planning import permissions
from planning.errors import InvalidStateError, LeaseLostError
from planning.models import Run, User
from planning.models.runs import OPEN_STATES, RunState
from planning.permissions import Action
from planning.queue import TaskName, ring
from planning.services.audit import audit_record

LONGEST_RING_S = 600.0
N_COMMIT_TRIES = 5
COMMIT_PAUSE_S = 0.5
MAX_ATTEMPTS = 3


def _lease() -> timedelta:
    return timedelta(seconds=settings.RUN_LEASE_S)


@transaction.atomic
def run_start(*, actor: User | None, site, task: TaskName, parameters: dict[str, Any], patient=None, cycle=None) -> Run:
    """Queue a run; an identical open run of the same case is returned instead."""
    same = Run.objects.filter(
        kind=task,
        site=site,
        state__in=OPEN_STATES,
        parameters=parameters,
        cycle_uuid=cycle.pk if cycle is not None else None,
        patient_uuid=patient.pk if patient is not None else None,
    ).first()
    if same is not None:
        return same
    run = Run.objects.create(
        site=site,
        kind=task,
        parameters=parameters,
        requested_by=actor,
        patient_uuid=patient.pk if patient is not None else None,
        cycle_uuid=cycle.pk if cycle is not None else None,
        max_attempts=MAX_ATTEMPTS,
    )
    run_ring(run=run)
    return run


def run_ring(*, run: Run) -> bool:
    """Send the message; ring again after 30 s, 60 s ... 10 min while nobody claims the run."""
    wait_s = min(settings.RUN_FIRST_RING_S * 2 ** min(run.n_rings, 8), LONGEST_RING_S)
    n = Run.objects.filter(pk=run.pk, n_rings=run.n_rings).update(
        n_rings=F("n_rings") + 1, ring_after=Now() + timedelta(seconds=wait_s)
    )
    if n:
        ring(run_id=run.pk, name=run.kind)
    return bool(n)


@transaction.atomic
def run_claim(*, run_id) -> Run | None:
    """Take a free run, or one whose lease has run out; None when another worker has it."""
    free = Q(state=RunState.QUEUED) | Q(state=RunState.RUNNING, lease_expires_at__lt=Now())
    n = Run.objects.filter(free, pk=run_id, attempt__lt=F("max_attempts")).update(
        state=RunState.RUNNING,
        attempt=F("attempt") + 1,
        lease_expires_at=Now() + _lease(),
        n_rings=0,
        ring_after=Now(),
        started_at=Now(),
    )
    return Run.objects.select_related("requested_by", "site").get(pk=run_id) if n else None


def held(run: Run):
    """Return the row while this attempt holds it; every write of a worker goes through here."""
    return Run.objects.filter(pk=run.pk, state=RunState.RUNNING, attempt=run.attempt)


def run_heartbeat(*, run: Run, progress: float, message: str) -> bool:
    """Renew the lease and show progress; False when the run is lost or cancelled."""
    return bool(
        held(run).update(
            lease_expires_at=Now() + _lease(), progress=min(max(progress, 0.0), 1.0), message=message[:255]
        )
    )


def run_succeed(*, run: Run, save_result: Callable[[], Any]) -> None:
    """Write state and result in one transaction, or neither."""

    def write() -> None:
        if not held(run).update(state=RunState.SUCCEEDED, progress=1.0, message="", finished_at=Now()):
            raise LeaseLostError
        result = save_result()
        if result is not None:
            Run.objects.filter(pk=run.pk).update(result_id=str(result.pk))

    _commit_repeatedly(write)


def run_fail(*, run: Run, code: str, message: str) -> None:
    """End a held run with an error; a run that is no longer held is left alone."""

    def write() -> None:
        held(run).update(state=RunState.FAILED, error_code=code[:64], error_message=message[:1000], finished_at=Now())

    _commit_repeatedly(write)


def _commit_repeatedly(write: Callable[[], None]) -> None:
    """Repeat a transaction whose connection broke, also when nobody knows whether COMMIT arrived.

    Every write starts with ``held``: where the first COMMIT did arrive, the second finds the run ended and stops.
    """
    for i_try in range(N_COMMIT_TRIES):
        try:
            with transaction.atomic():
                write()
            return
        except (InterfaceError, OperationalError):
            if connection.in_atomic_block or i_try == N_COMMIT_TRIES - 1:
                raise
            connection.close()
            time.sleep(COMMIT_PAUSE_S * 2**i_try)


@transaction.atomic
def run_cancel(*, actor: User, run: Run) -> Run:
    """Cancel an open run; its worker notices at the next heartbeat and writes nothing."""
    needed = Action.IMPORT_SCANS if run.kind == TaskName.IMPORT_UPLOAD else Action.RUN_CALCULATION
    if run.requested_by_id != actor.pk:
        permissions.require(user=actor, action=needed, site=run.site)
    n = Run.objects.filter(pk=run.pk, state__in=OPEN_STATES).update(state=RunState.CANCELLED, finished_at=Now())
    if not n:
        raise InvalidStateError("The run has ended already.", code="run_ended")
    run.refresh_from_db()
    audit_record(actor=actor, action="run.cancel", target=run, site=run.site)
    return run


def requeue_stale() -> int:
    """Reap: give up on worn-out runs, ring for silent ones. Safe to run many times at once."""
    expired = Q(state=RunState.RUNNING, lease_expires_at__lt=Now())
    Run.objects.filter(expired, attempt__gte=F("max_attempts")).update(
        state=RunState.FAILED,
        error_code="worker_lost",
        error_message="The worker stopped three times while computing; start again or ask the operator.",
        finished_at=Now(),
    )
    silent = Q(state=RunState.QUEUED) | expired
    return sum(run_ring(run=run) for run in Run.objects.filter(silent, ring_after__lte=Now())[:200])
