"""Report files of a result version."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Cycle, Report, Run, User
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import current_calculation
from planning.selectors.staleness import calculation_stale_causes
from planning.services.audit import audit_record
from planning.services.reviews import lock_result_at_work
from planning.services.runs import run_start


@transaction.atomic
def report_start(*, actor: User, cycle: Cycle) -> Run:
    """Queue the PDF and JSON of the current result; anything not approved becomes a marked draft."""
    permissions.require(user=actor, action=Action.EXPORT, site=cycle.site)
    calculation = current_calculation(cycle)
    if calculation is None:
        raise InvalidStateError("Calculate the dose before writing a report.", code="no_dose")
    causes = calculation_stale_causes(calculation)
    if causes:
        raise InvalidStateError(f"The result is stale ({causes[0]}); calculate the dose again.", code="stale")
    run = run_start(
        actor=actor, site=cycle.site, task=TaskName.WRITE_REPORT, parameters={}, patient=cycle.patient, cycle=cycle
    )
    audit_record(actor=actor, action="report.start", target=run, site=cycle.site, patient=cycle.patient)
    return run


@transaction.atomic
def report_save(*, run: Run, cycle: Cycle, fields: Mapping[str, Any]) -> Report:
    """Store the files of a report; inside the fenced commit of its run."""
    result = fields.get("result") or lock_result_at_work(cycle)
    newest = result.reports.order_by("-number").first()
    if newest is not None and newest.inputs_digest == fields["inputs_digest"]:
        return newest
    report = Report.objects.create(
        result=result,
        number=1 if newest is None else newest.number + 1,
        run=run,
        is_draft=fields["is_draft"],
        pdf_sha256=fields["pdf_sha256"],
        json_sha256=fields["json_sha256"],
        inputs_digest=fields["inputs_digest"],
        versions=fields["versions"],
        created_by=run.requested_by,
    )
    audit_record(actor=run.requested_by, action="report.save", target=report, site=cycle.site, patient=cycle.patient)
    return report
