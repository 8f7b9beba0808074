"""Recovery curves: made of a measurement, confirmed by a second person, withdrawn; never edited."""

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import CalibrationMeasurement, RecoveryCurve, Site, User
from planning.models.calibration_measurements import MeasurementMethod
from planning.permissions import Action
from planning.selectors.recovery_curves import is_usable
from planning.services.audit import audit_record


@transaction.atomic
def recovery_curve_create(
    *, actor: User, site: Site, measurement: CalibrationMeasurement, camera: str
) -> RecoveryCurve:
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    if measurement.method != MeasurementMethod.RECOVERY or not is_usable(measurement):
        raise InvalidStateError(
            "This measurement holds no recovery curve with its covariance; measure the spheres again.", code="no_curve"
        )
    if not camera.strip():
        raise InvalidStateError("Name the camera as the headers of its scans do.", code="no_camera")
    curve = RecoveryCurve(site=site, measurement=measurement, camera=camera.strip(), created_by=actor)
    curve.full_clean(exclude=["confirmed_by", "confirmed_at"])
    curve.save()
    audit_record(actor=actor, action="recovery_curve.create", target=curve, site=site)
    return curve


@transaction.atomic
def recovery_curve_confirm(*, actor: User, curve: RecoveryCurve) -> RecoveryCurve:
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=curve.site)
    if curve.confirmed_at is not None or curve.is_withdrawn:
        raise InvalidStateError("The curve is confirmed or withdrawn already.", code="already_decided")
    if actor.pk in {curve.created_by_id, curve.measurement.created_by_id}:
        raise NotAllowedError("A second person confirms: you measured or proposed it.", code="second_person_required")
    curve.confirmed_by, curve.confirmed_at = actor, timezone.now()
    curve.save(update_fields=["confirmed_by", "confirmed_at"])
    audit_record(actor=actor, action="recovery_curve.confirm", target=curve, site=curve.site)
    return curve


@transaction.atomic
def recovery_curve_withdraw(*, actor: User, curve: RecoveryCurve, reason: str) -> RecoveryCurve:
    """Withdraw a curve; every fit that used it becomes stale."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=curve.site)
    if curve.is_withdrawn:
        raise InvalidStateError("The curve is withdrawn already.", code="already_decided")
    if not reason.strip():
        raise InvalidStateError("Give a reason for withdrawing the curve.", code="reason_required")
    curve.is_withdrawn = True
    curve.save(update_fields=["is_withdrawn"])
    audit_record(actor=actor, action="recovery_curve.withdraw", target=curve, site=curve.site, reason=reason)
    return curve
