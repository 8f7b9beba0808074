"""CT density curves: added, confirmed by a second person, withdrawn; never edited."""

from typing import Any

from django.db import transaction

from planning import permissions
from planning.computation.densities import curve_of
from planning.models import DensityCurve, Site, User
from planning.permissions import Action
from planning.services.audit import audit_record
from planning.services.confirmation import entry_withdraw, second_person_confirm


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
    second_person_confirm(
        actor=actor,
        entry=curve,
        noun="curve",
        code="density_curve",
        authors={curve.created_by_id},
        refusal="you entered this curve",
    )
    return curve


@transaction.atomic
def density_curve_withdraw(*, actor: User, curve: DensityCurve, reason: str) -> DensityCurve:
    """Withdraw a curve; every dose that used it becomes stale."""
    entry_withdraw(actor=actor, entry=curve, noun="curve", code="density_curve", reason=reason)
    return curve
