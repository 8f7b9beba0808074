"""Writes of the kinetics step: curve revisions, a person's choice of model, scans left out."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Cycle, PointExclusion, RecoveryCurve, Region, RegionCurve, Run, TimePoint, User
from planning.models.kinetics import CurveChoice, CurveRevision
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import accepted_contours, current_curves
from planning.selectors.kinetics import RECOVERY_CURVE
from planning.selectors.recovery_curves import recovery_text, unsuited_because
from planning.selectors.staleness import curves_stale_causes
from planning.services.audit import audit_record
from planning.services.runs import run_start

DECLARED_HALF_LIFE = (
    "effective_half_life_h",
    "effective_half_life_standard_uncertainty_h",
    "effective_half_life_source",
)


@transaction.atomic
def curves_start(*, actor: User, cycle: Cycle, parameters: Mapping[str, Any]) -> Run:
    """Queue the fit of all regions; ``effective_half_life_h`` declares a half-life for single scans."""
    permissions.require(user=actor, action=Action.RUN_CALCULATION, site=cycle.site)
    given = [name for name in DECLARED_HALF_LIFE if parameters.get(name)]
    if given and len(given) < len(DECLARED_HALF_LIFE):
        raise InvalidStateError(
            "Declare a half-life together with its uncertainty and its source.", code="half_life_source"
        )
    if not any(accepted_contours(time_point) for time_point in cycle.time_points.all()):
        raise InvalidStateError("Accept at least one contour before fitting curves.", code="no_accepted_contours")
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=TaskName.FIT_CURVES,
        parameters={**parameters, **_recovery_parameters(cycle, parameters)},
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action="curves.start", target=run, site=cycle.site, patient=cycle.patient)
    return run


def _recovery_parameters(cycle: Cycle, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recovery curve in words; refuse one that is not of these scans or of their reconstruction."""
    if parameters.get("partial_volume") != RECOVERY_CURVE:
        return {}
    curve = RecoveryCurve.objects.filter(site=cycle.site, pk=parameters.get("recovery_curve")).first()
    if curve is None:
        raise InvalidStateError("Choose a confirmed recovery curve of this camera.", code="no_recovery_curve")
    reason = unsuited_because(curve, cycle)
    if reason:
        raise InvalidStateError(f"These scans cannot be corrected: {reason}.", code="other_recovery_curve")
    if not parameters.get("is_same_reconstruction"):
        raise InvalidStateError(
            "A recovery curve holds for the reconstruction of its phantom alone; say that the scans have the same.",
            code="other_reconstruction",
        )
    return {"recovery_source": recovery_text(curve)}


@transaction.atomic
def curves_save(*, run: Run, cycle: Cycle, result: Mapping[str, Any]) -> CurveRevision:
    """Store a curve revision; inside the fenced commit of its run."""
    newest = current_curves(cycle)
    if newest is not None and newest.inputs_digest == result["inputs_digest"]:
        return newest
    revision = CurveRevision.objects.create(
        cycle=cycle,
        number=1 if newest is None else newest.number + 1,
        run=run,
        created_by=run.requested_by,
        administration=result["administration"],
        parameters=result["parameters"],
        inputs_digest=result["inputs_digest"],
        versions=result["versions"],
    )
    revision.contour_revisions.set(result["contour_revisions"])
    RegionCurve.objects.bulk_create(RegionCurve(revision=revision, **curve) for curve in result["curves"])
    audit_record(actor=run.requested_by, action="curves.save", target=revision, site=cycle.site, patient=cycle.patient)
    return revision


@transaction.atomic
def curve_choose(*, actor: User, curve: RegionCurve, model: str, is_accepted: bool, reason: str = "") -> CurveChoice:
    """Choose a model for one region and, if wanted, accept it; another than the recommended needs a reason."""
    cycle = curve.revision.cycle
    permissions.require(user=actor, action=Action.EDIT_CURVES, site=cycle.site)
    _require_current(curve)
    if model not in {fit["model"] for fit in curve.fits}:
        raise InvalidStateError(
            "This model was not fitted to the region; choose one of the listed models.", code="unknown_model"
        )
    if curve.recommended_model and model != curve.recommended_model and not reason.strip():
        raise InvalidStateError(
            "Give a reason for choosing another than the recommended model.", code="reason_required"
        )
    if is_accepted and any(finding["level"] == "block" for finding in curve.findings):
        raise InvalidStateError("The curve has an error that blocks acceptance; mend it first.", code="curve_blocked")
    choice = CurveChoice.objects.create(
        curve=curve, model=model, is_accepted=is_accepted, reason=reason.strip(), created_by=actor
    )
    audit_record(
        actor=actor,
        action="curve.accept" if is_accepted else "curve.choose",
        target=choice,
        site=cycle.site,
        patient=cycle.patient,
        reason=reason,
        after={"curve": str(curve.pk), "model": model, "is_accepted": is_accepted},
    )
    return choice


@transaction.atomic
def curves_accept_unflagged(*, actor: User, cycle: Cycle) -> int:
    """Accept the chosen or recommended model of every curve without an open question; return how many."""
    permissions.require(user=actor, action=Action.EDIT_CURVES, site=cycle.site)
    revision = current_curves(cycle)
    if revision is None:
        raise InvalidStateError("Fit the curves first.", code="no_curves")
    n_accepted = 0
    for curve in revision.curves.all():
        newest = curve.choices.order_by("-created_at", "-pk").first()
        is_flagged = any(finding["level"] in {"ask", "block"} for finding in curve.findings)
        if is_flagged or (newest is not None and newest.is_accepted) or not curve.fits:
            continue
        model = newest.model if newest is not None else curve.recommended_model or curve.fits[0]["model"]
        reason = newest.reason if newest is not None else ""
        curve_choose(actor=actor, curve=curve, model=model, is_accepted=True, reason=reason)
        n_accepted += 1
    return n_accepted


@transaction.atomic
def point_exclude(
    *, actor: User, region: Region, time_point: TimePoint, is_excluded: bool, reason: str
) -> PointExclusion:
    """Leave one scan out of one region's curve, or take it back; the curves become stale."""
    cycle = time_point.cycle
    permissions.require(user=actor, action=Action.EDIT_CURVES, site=cycle.site)
    if region.course_id != cycle.course_id:
        raise InvalidStateError("The region belongs to another course.", code="other_course")
    if not reason.strip():
        raise InvalidStateError("Give a reason for leaving a scan out or taking it back.", code="reason_required")
    exclusion = PointExclusion.objects.create(
        region=region, time_point=time_point, is_excluded=is_excluded, reason=reason.strip(), created_by=actor
    )
    audit_record(
        actor=actor,
        action="curve.exclude_point" if is_excluded else "curve.include_point",
        target=exclusion,
        site=cycle.site,
        patient=cycle.patient,
        reason=reason,
    )
    return exclusion


def _require_current(curve: RegionCurve) -> None:
    causes = curves_stale_causes(curve.revision)
    if causes:
        raise InvalidStateError(f"The curves are stale ({causes[0]}); fit them again.", code="stale")
