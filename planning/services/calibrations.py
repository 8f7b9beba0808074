"""Camera calibration: phantoms measured; factors added, confirmed by a second person, withdrawn; never edited."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from planning import permissions
from planning.computation.calibration_check import calibration_check
from planning.errors import InvalidStateError
from planning.models import CalibrationFactor, CalibrationMeasurement, Run, Series, Site, User
from planning.permissions import Action
from planning.queue import TaskName
from planning.services.audit import audit_record
from planning.services.confirmation import entry_withdraw, second_person_confirm
from planning.services.runs import run_start


@transaction.atomic
def measurement_start(*, actor: User, site: Site, method: str, series: Series | None, inputs: Mapping[str, Any]) -> Run:
    """Queue the measurement of a phantom: of a stored scan, or of typed counts."""
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    run = run_start(
        actor=actor,
        site=site,
        task=TaskName.MEASURE_CALIBRATION,
        parameters={"method": method, "series": series and str(series.pk), "inputs": dict(inputs)},
    )
    audit_record(actor=actor, action="calibration.measure", target=run, site=site, after={"method": method})
    return run


@transaction.atomic
def measurement_save(*, run: Run, result: Mapping[str, Any]) -> CalibrationMeasurement:
    """Store a measurement; inside the fenced commit of its run."""
    measurement = CalibrationMeasurement.objects.create(
        site=run.site,
        method=run.parameters["method"],
        series_id=run.parameters["series"],
        inputs=run.parameters["inputs"],
        result=result,
        run=run,
        created_by=run.requested_by,
    )
    audit_record(actor=run.requested_by, action="calibration.measured", target=measurement, site=run.site)
    return measurement


@transaction.atomic
def calibration_create(*, actor: User, site: Site, fields: dict[str, Any]) -> CalibrationFactor:
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    factor = CalibrationFactor(site=site, created_by=actor, **fields)
    factor.full_clean(exclude=["confirmed_by", "confirmed_at"])
    calibration_check(factor.calibration_cps_per_bq)
    if factor.valid_to is not None and factor.valid_to < factor.valid_from:
        raise InvalidStateError("The factor ends before it begins.", code="bad_validity")
    factor.save()
    audit_record(actor=actor, action="calibration.create", target=factor, site=site)
    return factor


@transaction.atomic
def calibration_confirm(*, actor: User, factor: CalibrationFactor) -> CalibrationFactor:
    second_person_confirm(
        actor=actor,
        entry=factor,
        noun="factor",
        code="calibration",
        authors={factor.created_by_id},
        refusal="you entered this factor",
    )
    return factor


@transaction.atomic
def calibration_withdraw(*, actor: User, factor: CalibrationFactor, reason: str) -> CalibrationFactor:
    """Withdraw a factor; every image that used it becomes stale."""
    entry_withdraw(actor=actor, entry=factor, noun="factor", code="calibration", reason=reason)
    return factor
