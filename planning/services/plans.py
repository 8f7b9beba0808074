"""Saved plans and signed prescriptions: the decision-aid rule of the clinic stands here."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.plans import PlanQuestion, compute_plan
from planning.computation.provenance import software_versions
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models import Course, Plan, Prescription, User
from planning.permissions import Action
from planning.selectors.current import current_limit_set
from planning.selectors.digests import digest_json
from planning.selectors.plans import hard_limit_bq, prescriptions_of
from planning.selectors.readiness import prescription_obstacles
from planning.selectors.staleness import plan_stale_causes
from planning.services.administrations import PLAUSIBLE_BQ
from planning.services.audit import audit_record

LABEL_TOLERANCE = 0.10
"""Departure from the label activity that needs a reason (clinic.md section 8; a site's convention)."""
UNITS_BQ = {"MBq": 1e6, "GBq": 1e9}


@transaction.atomic
def plan_save(*, actor: User, course: Course, planned_activity_bq: float | None, n_cycles_left: int | None) -> Plan:
    """Save what the page shows now as an immutable plan."""
    permissions.require(user=actor, action=Action.EDIT_PLAN, site=course.site)
    limit_set = current_limit_set(course.site)
    if limit_set is None:
        raise InvalidStateError("The site has no limit set; enter limits under Settings, Limits.", code="no_limit_set")
    question = PlanQuestion(course=course, planned_activity_bq=planned_activity_bq, n_cycles_left=n_cycles_left)
    answer = compute_plan(question=question, limit_set=limit_set)
    for row in answer.cycles:
        if causes := row.stale_causes:
            text = f"Cycle {row.cycle_number} is stale ({causes[0]}); calculate it again before planning."
            raise InvalidStateError(text, code="stale")
    newest = course.plans.order_by("-number").first()
    plan = Plan(
        course=course,
        number=1 if newest is None else newest.number + 1,
        next_cycle_number=answer.next_cycle_number,
        n_cycles_left=answer.n_cycles_left,
        limit_set=limit_set,
        planned_activity_bq=planned_activity_bq,
        label_activity_bq=answer.label_activity_bq,
        result=answer.as_dict(),
        findings=answer.findings,
        inputs_digest=answer.inputs_digest,
        versions=software_versions(),
        created_by=actor,
    )
    plan.full_clean(exclude=["findings", "result", "versions"])
    plan.save()
    plan.dose_calculations.set(answer.calculation_ids)
    audit_record(actor=actor, action="plan.save", target=plan, site=course.site, patient=course.patient)
    return plan


@transaction.atomic
def prescription_sign(*, actor: User, plan: Plan, fields: dict[str, Any], password: str, digest: str) -> Prescription:
    """Sign the activity that the prescriber typed. Nothing is filled in, converted silently, or sent anywhere.

    Above the hard limit of the template it is stored as signed once and waits for ``prescription_countersign``.
    """
    course = plan.course
    permissions.require(user=actor, action=Action.PRESCRIBE, site=course.site)
    _require_password(actor, password)
    if digest != plan.inputs_digest:
        raise ConflictError("The plan changed since this page was loaded; load it again.", code="other_digest")
    _require_ready(plan)
    activity_bq = _typed_activity_bq(fields)
    _require_reason(plan, activity_bq, fields)
    newest = prescriptions_of(course).last()
    hard_limit = hard_limit_bq(course)
    content = {"plan": str(plan.pk), "plan_digest": plan.inputs_digest, "activity_bq": activity_bq}
    prescription = Prescription(
        plan=plan,
        number=plan.prescriptions.count() + 1,
        predecessor=newest,
        activity_bq=activity_bq,
        departure_reason=fields.get("departure_reason", ""),
        departure_text=fields.get("departure_text", ""),
        printed_name=actor.printed_name,
        digest=digest_json(content),
        needs_second=hard_limit is not None and activity_bq > hard_limit,
        versions=software_versions(),
        created_by=actor,
    )
    prescription.full_clean()
    prescription.save()
    audit_record(
        actor=actor,
        action="prescription.sign",
        target=prescription,
        site=course.site,
        patient=course.patient,
        reason=prescription.departure_text,
        after={
            "activity_bq": activity_bq,
            "hard_limit_activity_bq": hard_limit,
            "needs_second": prescription.needs_second,
            "signed_at": timezone.now().isoformat(),
        },
    )
    return prescription


@transaction.atomic
def prescription_countersign(*, actor: User, prescription: Prescription, password: str, digest: str) -> Prescription:
    """Sign a prescription above the hard limit as its second prescriber; only then does it count.

    What blocks a first signature blocks the second too: the plan may have become stale in between.
    """
    plan = prescription.plan
    course = plan.course
    permissions.require(user=actor, action=Action.PRESCRIBE, site=course.site)
    _require_password(actor, password)
    prescription = Prescription.objects.select_for_update().get(pk=prescription.pk)
    if not prescription.is_waiting:
        raise InvalidStateError("This prescription does not wait for a second prescriber.", code="wrong_state")
    if prescription.created_by_id == actor.pk:
        raise NotAllowedError("A second person countersigns: you signed this.", code="second_person_required")
    if prescription != prescriptions_of(course).last():
        raise ConflictError("A newer prescription replaced this one; load the page again.", code="newer_prescription")
    if digest != prescription.digest:
        raise ConflictError("The prescription is another than the page showed; load it again.", code="other_digest")
    _require_ready(plan)
    prescription.second_user = actor
    prescription.second_printed_name = actor.printed_name
    prescription.second_at = timezone.now()
    prescription.full_clean()
    prescription.save(update_fields=["second_user", "second_printed_name", "second_at"])
    audit_record(
        actor=actor,
        action="prescription.countersign",
        target=prescription,
        site=course.site,
        patient=course.patient,
        after={
            "activity_bq": prescription.activity_bq,
            "hard_limit_activity_bq": hard_limit_bq(course),
            "digest": prescription.digest,
            "first_signed_by": prescription.printed_name,
            "signed_at": prescription.second_at.isoformat(),
        },
    )
    return prescription


def _require_password(actor: User, password: str) -> None:
    if not actor.has_usable_password() or not actor.check_password(password):
        raise NotAllowedError("The password is not right. Nothing was signed.", code="wrong_password")


def _require_ready(plan: Plan) -> None:
    causes = plan_stale_causes(plan)
    if causes:
        raise InvalidStateError(f"The plan is stale ({causes[0]}); save it again.", code="stale")
    obstacles = prescription_obstacles(plan)
    if obstacles:
        raise InvalidStateError(obstacles[0], code="not_ready")


def _typed_activity_bq(fields: dict[str, Any]) -> float:
    unit = fields.get("unit", "")
    if unit not in UNITS_BQ:
        raise InvalidStateError("Choose the unit of the activity, MBq or GBq.", code="unit_required")
    value = fields.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0.0:
        raise InvalidStateError("Type an activity above zero.", code="activity_required")
    activity_bq = float(value) * UNITS_BQ[unit]
    if not PLAUSIBLE_BQ[0] <= activity_bq <= PLAUSIBLE_BQ[1]:
        raise InvalidStateError(
            f"An activity of {activity_bq / 1e6:.4g} MBq is not plausible; check the unit.", code="activity_range"
        )
    return activity_bq


def _require_reason(plan: Plan, activity_bq: float, fields: dict[str, Any]) -> None:
    label_bq = plan.label_activity_bq
    departs_from_label = label_bq is not None and abs(activity_bq / label_bq - 1.0) > LABEL_TOLERANCE
    proposed = plan.result.get("proposed_range_bq")
    departs_from_range = proposed is not None and not proposed[0] <= activity_bq <= proposed[1]
    if not departs_from_label and not departs_from_range:
        return
    if not fields.get("departure_reason", "").strip() or not fields.get("departure_text", "").strip():
        raise InvalidStateError(
            "The activity departs from the label or the proposed range; choose a reason and explain it.",
            code="reason_required",
        )
