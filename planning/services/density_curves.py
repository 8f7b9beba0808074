"""CT density curves: added, confirmed by a second person, withdrawn; never edited."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.densities import curve_of
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import DensityCurve, Site, User
from planning.permissions import Action
from planning.services.audit import audit_record


@transaction.atomic
def density_curve_create(*, actor: User, site: Site, fields: dict[str, Any]) -> DensityCurve:
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    points = [list(point) for point in curve_of(fields["points"], source=fields["source"]).points]
    curve = DensityCurve(site=site, created_by=actor, **{**fields, "points": points})
    curve.full_clean(exclude=["confirmed_by", "confirmed_at"])
    curve.save()
    audit_record(actor=actor, action="density_curve.create", target=curve, site=site)
    return curve


@transaction.atomic
def density_curve_confirm(*, actor: User, curve: DensityCurve) -> DensityCurve:
    """Confirm a curve; every dose of a CT that it applies to becomes stale."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=curve.site)
    if curve.confirmed_at is not None or curve.is_withdrawn:
        raise InvalidStateError("The curve is confirmed or withdrawn already.", code="already_decided")
    if curve.created_by_id == actor.pk:
        raise NotAllowedError("A second person confirms: you entered this curve.", code="second_person_required")
    curve.confirmed_by, curve.confirmed_at = actor, timezone.now()
    curve.save(update_fields=["confirmed_by", "confirmed_at"])
    audit_record(actor=actor, action="density_curve.confirm", target=curve, site=curve.site)
    return curve


@transaction.atomic
def density_curve_withdraw(*, actor: User, curve: DensityCurve, reason: str) -> DensityCurve:
    """Withdraw a curve; every dose that used it becomes stale."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=curve.site)
    if curve.is_withdrawn:
        raise InvalidStateError("The curve is withdrawn already.", code="already_decided")
    if not reason.strip():
        raise InvalidStateError("Give a reason for withdrawing the curve.", code="reason_required")
    curve.is_withdrawn = True
    curve.save(update_fields=["is_withdrawn"])
    audit_record(actor=actor, action="density_curve.withdraw", target=curve, site=curve.site, reason=reason)
    return curve
