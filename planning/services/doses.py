"""Writes of the dose step."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Cycle, DoseCalculation, EngineDose, RegionDose, Run, User, VolumeAsset
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import current_calculation, current_curves
from planning.selectors.staleness import curves_stale_causes
from planning.selectors.steps import is_curve_accepted
from planning.services.audit import audit_record
from planning.services.runs import run_start


@transaction.atomic
def dose_start(*, actor: User, cycle: Cycle, parameters: Mapping[str, Any]) -> Run:
    """Queue a dose calculation from the accepted curves."""
    permissions.require(user=actor, action=Action.RUN_CALCULATION, site=cycle.site)
    curves = current_curves(cycle)
    if curves is None:
        raise InvalidStateError("Fit and accept the curves before calculating dose.", code="no_curves")
    causes = curves_stale_causes(curves)
    if causes:
        raise InvalidStateError(f"The curves are stale ({causes[0]}); fit them again.", code="stale")
    waiting = [curve.region.name for curve in curves.curves.select_related("region") if not is_curve_accepted(curve)]
    if waiting:
        raise InvalidStateError(
            f"Accept a curve for every region first; open: {', '.join(waiting)}.", code="curves_not_accepted"
        )
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=TaskName.CALCULATE_DOSE,
        parameters=dict(parameters),
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action="dose.start", target=run, site=cycle.site, patient=cycle.patient)
    return run


@transaction.atomic
def dose_save(*, run: Run, cycle: Cycle, result: Mapping[str, Any]) -> DoseCalculation:
    """Store a dose calculation; inside the fenced commit of its run."""
    newest = current_calculation(cycle)
    if newest is not None and newest.inputs_digest == result["fields"]["inputs_digest"]:
        return newest
    owner = {"site": cycle.site, "patient": cycle.patient, "created_by": run.requested_by}
    assets = [VolumeAsset.objects.create(**owner, **row["display"]) for row in result["engine_doses"]]
    engine_doses = [{name: row[name] for name in row if name != "display"} for row in result["engine_doses"]]
    calculation = DoseCalculation.objects.create(
        cycle=cycle,
        number=1 if newest is None else newest.number + 1,
        run=run,
        created_by=run.requested_by,
        dose_display=assets[0],
        tia_uncertainty_display=VolumeAsset.objects.create(**owner, **result["tia_uncertainty"]),
        dose_sha256=engine_doses[0]["dose_sha256"],
        **result["fields"],
    )
    EngineDose.objects.bulk_create(
        EngineDose(calculation=calculation, dose_display=asset, **row)
        for asset, row in zip(assets, engine_doses, strict=True)
    )
    calculation.registrations.set(result["registrations"])
    RegionDose.objects.bulk_create(RegionDose(calculation=calculation, **row) for row in result["regions"])
    audit_record(actor=run.requested_by, action="dose.save", target=calculation, site=cycle.site, patient=cycle.patient)
    return calculation
