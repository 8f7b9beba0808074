"""Virtual patients as their page shows them: what was asked for, how far they are."""

from typing import Any

from django.db.models import Q

from planning.models import Run, VirtualPatient
from planning.models.runs import OPEN_STATES, RunState
from planning.selectors.runs import run_summary
from planning.selectors.sites import site_ids_of


def virtual_patients_visible_to(*, user):
    return VirtualPatient.objects.filter(site__in=site_ids_of(user=user)).select_related(
        "site", "run", "upload__run", "cycle__course__patient", "created_by"
    )


def virtual_patient_summary(virtual: VirtualPatient) -> dict[str, Any]:
    run = _newest_run(virtual)
    return {
        "id": str(virtual.pk),
        "patient_id": virtual.patient_id,
        "request": virtual.request,
        "settings": virtual.settings,
        "is_automatic": virtual.is_automatic,
        "state": _state(virtual, run),
        "error_message": virtual.error_message or (run.error_message if run else ""),
        "run": run_summary(run) if run is not None and run.state in OPEN_STATES else None,
        "cycle_id": virtual.cycle_id and str(virtual.cycle_id),
        "author": virtual.created_by.printed_name if virtual.created_by else "system",
        "at": virtual.created_at.isoformat(),
    }


def _newest_run(virtual: VirtualPatient) -> Run | None:
    """Return the run that works or worked last on a virtual patient: an open one before one that has ended."""
    keys = [run.pk for run in (virtual.run, virtual.upload and virtual.upload.run) if run]
    runs = Run.objects.filter(Q(pk__in=keys) | Q(cycle_uuid__isnull=False, cycle_uuid=virtual.cycle_id))
    rows = list(runs.order_by("-created_at"))
    return next((run for run in rows if run.state in OPEN_STATES), rows[0] if rows else None)


def _state(virtual: VirtualPatient, run: Run | None) -> str:
    """Return ``working``, ``finished`` or ``stopped``."""
    if virtual.is_finished:
        return "finished"
    has_failed = run is not None and run.state in {RunState.FAILED, RunState.CANCELLED}
    return "stopped" if virtual.error_message or has_failed else "working"
