"""One decorator for all tasks: claim, beat, compute, commit. The lease is the truth, the message a doorbell."""

import errno
import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from dosimetry.errors import DosimetryError
from planning.errors import LeaseLostError, PlanningError, TransientError
from planning.models import Run
from planning.queue import TaskName
from planning.services.runs import run_claim, run_fail, run_heartbeat, run_succeed
from planning.services.virtual_patients import virtual_patient_go_on, virtual_patient_of

FULL_STORE = {errno.ENOSPC, errno.EDQUOT}
logger = logging.getLogger(__name__)
Progress = Callable[[float, str], None]
Body = Callable[[Run, Progress], Callable[[], Any]]


class Heart:
    """Renews the lease from a thread of its own; tells the computation when the run is lost or cancelled."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.fraction, self.message = 0.0, ""
        self.is_lost = False
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def progress(self, fraction: float, message: str) -> None:
        """Show progress (never backwards) and stop the computation when the run is no longer ours."""
        if self.is_lost:
            raise LeaseLostError
        self.fraction = max(self.fraction, min(fraction, 1.0))
        self.message = message
        self._wake.set()

    def _beat(self) -> None:
        try:
            while not self._stop.is_set():
                self._wake.wait(settings.RUN_HEARTBEAT_S)
                self._wake.clear()
                if self._stop.is_set():
                    return
                self._renew()
                self._stop.wait(0.5)
        finally:
            connection.close()

    def _renew(self) -> None:
        try:
            if not run_heartbeat(run=self.run, progress=self.fraction, message=self.message):
                self.is_lost = True
        except (DatabaseError, InterfaceError):
            connection.close()  # the database is away: the next beat tries again while the lease lasts


def run_task(name: TaskName) -> Callable[[Body], Body]:
    """Register ``body(run, progress) -> save_result`` as the task of a name."""

    def register(body: Body) -> Body:
        @shared_task(name=str(name), ignore_result=True)
        def execute(run_id: str) -> None:
            execute_run(run_id=run_id, body=body)

        return body

    return register


def execute_run(*, run_id: str, body: Body) -> None:
    """Run one claimed computation to exactly one end."""
    run = run_claim(run_id=run_id)
    if run is None:
        return
    try:
        with Heart(run) as heart:
            save_result = body(run, heart.progress)
        run_succeed(run=run, save_result=lambda: _saved(run, save_result))
    except LeaseLostError:
        logger.info("run lost or cancelled", extra={"run_id": run.pk})
    except TransientError:
        logger.warning("run interrupted, will be claimed again", extra={"run_id": run.pk})
    except (DosimetryError, PlanningError) as error:
        run_fail(run=run, code=error.code, message=str(error))
    except Exception as error:
        reference = uuid4().hex[:8].upper()
        logger.exception("run failed", extra={"run_id": run.pk, "reference": reference})
        code, message = _unexpected(error, reference)
        run_fail(run=run, code=code, message=message)


def _saved(run: Run, save_result: Callable[[], Any]) -> Any:
    """Save, and in the same transaction let the virtual patient of the run go on, if it has one."""
    result = save_result()
    virtual = virtual_patient_of(run)
    if virtual is not None:
        virtual_patient_go_on(virtual)
    return result


def _unexpected(error: Exception, reference: str) -> tuple[str, str]:
    """Return code and message for the user, without a word of the error itself: it may quote patient data."""
    if isinstance(error, OSError) and error.errno in FULL_STORE:
        return "store_full", f"The store is full, nothing was saved. Tell the operator reference {reference}."
    return "internal_error", f"An unexpected error stopped the computation. Tell the operator reference {reference}."
