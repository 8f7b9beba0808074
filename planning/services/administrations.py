"""Administrations: two syringe measurements or a net activity, always as a new revision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.administrations import net_activity
from planning.errors import InvalidStateError
from planning.models import Administration, Cycle, User
from planning.permissions import Action
from planning.selectors.current import acquired_series, current_administration
from planning.services.audit import audit_record

UNITS_BQ = {"Bq": 1.0, "kBq": 1e3, "MBq": 1e6, "GBq": 1e9}
PLAUSIBLE_BQ = (1e5, 1e11)
"""0.1 MBq to 100 GBq: outside it a unit was mistaken."""


@transaction.atomic
def administration_record(*, actor: User, cycle: Cycle, fields: Mapping[str, Any]) -> Administration:
    """Add a revision. Syringe measurements need both values with their times; a correction needs a reason."""
    permissions.require(user=actor, action=Action.RECORD_ADMINISTRATION, site=cycle.site)
    newest = current_administration(cycle)
    reason = (fields.get("reason") or "").strip()
    if newest is not None and not reason:
        raise InvalidStateError("Give a reason for correcting the administration.", code="reason_required")
    administered_at: datetime | None = fields.get("administered_at")
    if administered_at is None:
        raise InvalidStateError("Enter when the administration started.", code="time_required")
    if administered_at > timezone.now():
        raise InvalidStateError("The administration lies in the future; check date and time.", code="time_in_future")
    before_bq = _typed_bq(fields.get("activity_before"))
    after_bq = _typed_bq(fields.get("activity_after"))
    net_bq = _net_bq(cycle, fields, before_bq, after_bq, administered_at)
    if not PLAUSIBLE_BQ[0] <= net_bq <= PLAUSIBLE_BQ[1]:
        raise InvalidStateError(
            f"A net activity of {net_bq / 1e6:.4g} MBq is not plausible; check the unit.", code="activity_range"
        )
    administration = Administration(
        cycle=cycle,
        number=1 if newest is None else newest.number + 1,
        activity_before_bq=before_bq,
        measured_before_at=fields.get("measured_before_at"),
        activity_after_bq=after_bq,
        measured_after_at=fields.get("measured_after_at"),
        administered_at=administered_at,
        ended_at=fields.get("ended_at"),
        administered_activity_bq=net_bq,
        source="syringe measurements" if before_bq is not None else fields.get("source") or "typed net activity",
        has_extravasation=bool(fields.get("has_extravasation")),
        reason=reason,
        created_by=actor,
    )
    administration.full_clean()
    _require_before_scans(cycle, administration)
    administration.save()
    audit_record(
        actor=actor,
        action="administration.record",
        target=administration,
        site=cycle.site,
        patient=cycle.patient,
        reason=reason,
        before=newest and {"activity_bq": newest.administered_activity_bq, "at": newest.administered_at.isoformat()},
        after={"activity_bq": net_bq, "at": administered_at.isoformat()},
    )
    return administration


def _typed_bq(typed: Mapping[str, Any] | None) -> float | None:
    if not typed:
        return None
    if typed.get("unit") not in UNITS_BQ:
        raise InvalidStateError("Choose the unit of each activity.", code="unit_required")
    return float(typed["value"]) * UNITS_BQ[typed["unit"]]


def _net_bq(
    cycle: Cycle, fields: Mapping[str, Any], before_bq: float | None, after_bq: float | None, administered_at: datetime
) -> float:
    if before_bq is None and after_bq is None:
        net_bq = _typed_bq(fields.get("administered_activity"))
        if net_bq is None:
            raise InvalidStateError("Enter the net activity, or both syringe measurements.", code="activity_required")
        return net_bq
    times = (fields.get("measured_before_at"), fields.get("measured_after_at"))
    if before_bq is None or after_bq is None or None in times:
        raise InvalidStateError(
            "Enter both syringe measurements with their times; half an entry gives no net activity.", code="half_entry"
        )
    net_bq = net_activity(
        nuclide_name=cycle.course.nuclide,
        before_bq=before_bq,
        before_at=times[0],
        after_bq=after_bq,
        after_at=times[1],
        administered_at=administered_at,
    )
    if net_bq <= 0.0:
        raise InvalidStateError("The residual exceeds the syringe; check values and units.", code="residual_too_high")
    return net_bq


def _require_before_scans(cycle: Cycle, administration: Administration) -> None:
    for time_point in cycle.time_points.all():
        emission = acquired_series(time_point)
        start = emission.acquisition_start if emission else None
        if start is not None and start <= administration.administered_at:
            raise InvalidStateError(
                f"Time point {time_point.number} starts before this administration; check date and time.",
                code="scan_before_administration",
            )
