"""Runs as the pages show them."""

from typing import Any

from planning.models import Run
from planning.models.runs import OPEN_STATES
from planning.queue import LABELS, TaskName
from planning.selectors.sites import site_ids_of


def runs_visible_to(*, user):
    return Run.objects.filter(site__in=site_ids_of(user=user)).select_related("requested_by")


def open_runs_of_cycle(cycle):
    return Run.objects.filter(cycle_uuid=cycle.pk, state__in=OPEN_STATES).select_related("requested_by")


def run_summary(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "kind": run.kind,
        "label": LABELS[TaskName(run.kind)],
        "state": run.state,
        "progress": run.progress,
        "message": run.message,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "cycle_id": run.cycle_uuid and str(run.cycle_uuid),
        "patient_id": run.patient_uuid and str(run.patient_uuid),
        "result_id": run.result_id,
        "attempt": run.attempt,
        "requested_by": run.requested_by.printed_name if run.requested_by else "system",
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
    }
