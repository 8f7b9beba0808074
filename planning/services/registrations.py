"""Registrations: started, moved by hand, decided on by a person."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.errors import ConflictError, InvalidStateError
from planning.models import Cycle, Registration, Run, TimePoint, User, VolumeAsset
from planning.models.registrations import Decision
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import current_image, current_registration
from planning.selectors.staleness import registration_stale_causes
from planning.services.audit import audit_record
from planning.services.runs import run_start

MAX_NUDGE_MM, MAX_NUDGE_DEG = 200.0, 45.0


@transaction.atomic
def registration_start(*, actor: User, cycle: Cycle, time_point: TimePoint | None = None) -> Run:
    """Queue the registration of one time point, or of all but the reference."""
    permissions.require(user=actor, action=Action.EDIT_REGISTRATION, site=cycle.site)
    for item in cycle.time_points.all():
        if current_image(item) is None:
            raise InvalidStateError(f"Prepare the images of time point {item.number} first.", code="no_image")
    if cycle.time_points.count() < 2:
        raise InvalidStateError("One scan has nothing to be registered to.", code="one_time_point")
    parameters = {} if time_point is None else {"time_point": str(time_point.pk)}
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=TaskName.REGISTER,
        parameters=parameters,
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action="registration.start", target=run, site=cycle.site, patient=cycle.patient)
    return run


@transaction.atomic
def registration_nudge(
    *, actor: User, registration: Registration, shift_mm: list[float], rotation_deg: list[float]
) -> Run:
    """Queue a new revision: the registration moved by hand."""
    cycle = registration.time_point.cycle
    permissions.require(user=actor, action=Action.EDIT_REGISTRATION, site=cycle.site)
    newest = registration.time_point.registrations.order_by("-number").first()
    if registration not in (newest, current_registration(registration.time_point)):
        raise ConflictError("A newer registration exists; load the page again.", code="newer_registration")
    is_small = all(abs(value) <= MAX_NUDGE_MM for value in shift_mm)
    if not is_small or not all(abs(value) <= MAX_NUDGE_DEG for value in rotation_deg):
        raise InvalidStateError(
            f"Move by at most {MAX_NUDGE_MM:.0f} mm and {MAX_NUDGE_DEG:.0f}° at a time.", code="nudge_range"
        )
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=TaskName.REGISTER,
        parameters={
            "time_point": str(registration.time_point_id),
            "predecessor": str(registration.pk),
            "nudge": {"shift_mm": shift_mm, "rotation_deg": rotation_deg},
        },
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action="registration.nudge", target=run, site=cycle.site, patient=cycle.patient)
    return run


@transaction.atomic
def registrations_save(*, run: Run, cycle: Cycle, results: list[tuple[TimePoint, Mapping[str, Any]]]) -> Cycle:
    """Store registration revisions; inside the fenced commit of their run."""
    for time_point, result in results:
        newest = time_point.registrations.order_by("-number").first()
        is_same = newest is not None and newest.inputs_digest == result["fields"]["inputs_digest"]
        if is_same and newest.decision != Decision.REJECTED:
            continue
        asset = VolumeAsset.objects.create(
            site=cycle.site, patient=cycle.patient, created_by=run.requested_by, **result["asset"]
        )
        registration = Registration.objects.create(
            time_point=time_point,
            number=1 if newest is None else newest.number + 1,
            run=run,
            resampled_display=asset,
            created_by=run.requested_by,
            **result["fields"],
        )
        audit_record(
            actor=run.requested_by,
            action="registration.save",
            target=registration,
            site=cycle.site,
            patient=cycle.patient,
        )
    return cycle


@transaction.atomic
def registration_decide(
    *, actor: User, registration: Registration, decision: Decision, remark: str = ""
) -> Registration:
    """Accept or reject a registration, once."""
    cycle = registration.time_point.cycle
    permissions.require(user=actor, action=Action.EDIT_REGISTRATION, site=cycle.site)
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    if registration.decision != Decision.PENDING:
        raise ConflictError("This registration was decided on already; register again to change it.", code="decided")
    causes = registration_stale_causes(registration)
    if causes:
        raise InvalidStateError(f"The registration is stale ({causes[0]}); register again.", code="stale")
    has_question = any(finding["level"] == "ask" for finding in registration.findings)
    if (decision == Decision.REJECTED or has_question) and not remark.strip():
        raise InvalidStateError(
            "Give a remark: say why it is rejected, or accepted despite a warning.", code="remark_required"
        )
    registration.decision = decision
    registration.decided_by, registration.decided_at = actor, timezone.now()
    registration.remark = remark.strip()
    registration.full_clean()
    registration.save(update_fields=["decision", "decided_by", "decided_at", "remark"])
    audit_record(
        actor=actor,
        action=f"registration.{decision}",
        target=registration,
        site=cycle.site,
        patient=cycle.patient,
        reason=remark,
    )
    return registration
