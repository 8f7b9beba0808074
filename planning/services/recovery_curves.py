"""Recovery curves: made of a measurement, confirmed by a second person, withdrawn; never edited."""

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import CalibrationMeasurement, RecoveryCurve, Site, User
from planning.models.calibration_measurements import MeasurementMethod
from planning.permissions import Action
from planning.selectors.recovery_curves import is_usable
from planning.services.audit import audit_record
from planning.services.confirmation import entry_withdraw, second_person_confirm


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
    second_person_confirm(
        actor=actor,
        entry=curve,
        noun="curve",
        code="recovery_curve",
        authors={curve.created_by_id, curve.measurement.created_by_id},
        refusal="you measured or proposed it",
    )
    return curve


@transaction.atomic
def recovery_curve_withdraw(*, actor: User, curve: RecoveryCurve, reason: str) -> RecoveryCurve:
    """Withdraw a curve; every fit that used it becomes stale."""
    entry_withdraw(actor=actor, entry=curve, noun="curve", code="recovery_curve", reason=reason)
    return curve
