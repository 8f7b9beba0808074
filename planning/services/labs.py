"""Laboratory values and doses from elsewhere, typed in with their source."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Course, ExternalDose, LabResult, Patient, User
from planning.models.courses import ExternalDoseAnswer
from planning.permissions import Action
from planning.services.audit import audit_record


@transaction.atomic
def lab_add(*, actor: User, patient: Patient, fields: dict[str, Any]) -> LabResult:
    permissions.require(user=actor, action=Action.RECORD_LABS, site=patient.site)
    lab = LabResult(patient=patient, created_by=actor, **fields)
    lab.full_clean()
    if lab.taken_at > timezone.now():
        raise InvalidStateError("The sample lies in the future; check date and time.", code="time_in_future")
    lab.save()
    audit_record(actor=actor, action="lab.add", target=lab, site=patient.site, patient=patient)
    return lab


@transaction.atomic
def external_dose_add(*, actor: User, patient: Patient, fields: dict[str, Any]) -> ExternalDose:
    """Record a dose from elsewhere; every course of the patient then counts as answered with a list."""
    permissions.require(user=actor, action=Action.RECORD_EXTERNAL_DOSE, site=patient.site)
    dose = ExternalDose(patient=patient, created_by=actor, **fields)
    dose.full_clean()
    dose.save()
    patient.courses.update(external_dose_answer=ExternalDoseAnswer.LISTED)
    audit_record(actor=actor, action="external_dose.add", target=dose, site=patient.site, patient=patient)
    return dose


@transaction.atomic
def external_dose_answer(*, actor: User, course: Course, answer: ExternalDoseAnswer) -> Course:
    """Answer whether there are earlier doses from elsewhere; ``none`` contradicts a listed dose."""
    permissions.require(user=actor, action=Action.RECORD_EXTERNAL_DOSE, site=course.site)
    has_doses = course.patient.external_doses.filter(is_withdrawn=False).exists()
    if answer == ExternalDoseAnswer.NONE and has_doses:
        raise InvalidStateError("Doses from elsewhere are listed; withdraw them first.", code="external_dose_listed")
    if answer == ExternalDoseAnswer.LISTED and not has_doses:
        raise InvalidStateError("List at least one dose from elsewhere, or answer none.", code="external_dose_missing")
    before = course.external_dose_answer
    course.external_dose_answer = answer
    course.full_clean()
    course.save(update_fields=["external_dose_answer"])
    audit_record(
        actor=actor,
        action="external_dose.answer",
        target=course,
        site=course.site,
        patient=course.patient,
        before={"answer": before},
        after={"answer": answer},
    )
    return course


@transaction.atomic
def external_dose_withdraw(*, actor: User, dose: ExternalDose, reason: str) -> ExternalDose:
    """Withdraw a dose; after the last one the question about doses from elsewhere is open again."""
    permissions.require(user=actor, action=Action.RECORD_EXTERNAL_DOSE, site=dose.patient.site)
    if not reason.strip():
        raise InvalidStateError("Give a reason for withdrawing a dose.", code="reason_required")
    dose.is_withdrawn = True
    dose.save(update_fields=["is_withdrawn"])
    if not dose.patient.external_doses.filter(is_withdrawn=False).exists():
        listed = dose.patient.courses.filter(external_dose_answer=ExternalDoseAnswer.LISTED)
        listed.update(external_dose_answer=ExternalDoseAnswer.UNANSWERED)
    audit_record(
        actor=actor,
        action="external_dose.withdraw",
        target=dose,
        site=dose.patient.site,
        patient=dose.patient,
        reason=reason,
    )
    return dose
