"""What stands between a saved plan and a prescription."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from planning.models import Course, LimitSet, Plan
from planning.models.courses import ExternalDoseAnswer
from planning.selectors.plans import CycleDose, cycle_doses

LAB_AGE = timedelta(days=14)
"""Oldest laboratory values before a prescription (clinic.md section 8; a site's convention)."""


def readiness(course: Course, limit_set: LimitSet | None, doses: list[CycleDose]) -> list[dict[str, Any]]:
    """Return the checks of the plan page: text, value shown, whether it holds, level when it does not."""
    newest_lab = course.patient.lab_results.order_by("-taken_at").first()
    lab_age = None if newest_lab is None else timezone.now() - newest_lab.taken_at
    is_current = bool(doses) and not any(row.stale_causes for row in doses)
    is_approved = bool(doses) and all(row.is_approved for row in doses)
    template = course.template
    n_given = course.cycles.filter(administrations__isnull=False).distinct().count()
    return [
        _check("Results approved", is_approved, f"{sum(row.is_approved for row in doses)} of {len(doses)} cycles"),
        _check("Every administered cycle has a dose", len(doses) == n_given, f"{len(doses)} of {n_given}"),
        _check("Results current", is_current, "" if is_current else _stale_text(doses)),
        _check(
            "Labs recent",
            lab_age is not None and lab_age <= LAB_AGE,
            "none" if lab_age is None else f"{lab_age.days} d old",
            guide=f"at most {LAB_AGE.days} d",
        ),
        _check("Limit set confirmed", limit_set is not None and limit_set.is_confirmed, _name(limit_set)),
        _check("Template confirmed", template is not None and template.is_confirmed, _name(template)),
        _check(
            "Earlier dose from elsewhere answered",
            course.external_dose_answer != ExternalDoseAnswer.UNANSWERED,
            course.get_external_dose_answer_display(),
        ),
    ]


def prescription_obstacles(plan: Plan) -> list[str]:
    checks = readiness(plan.course, plan.limit_set, cycle_doses(plan.course))
    return [f"{check['text']}: {check['value']}. Mend this before prescribing." for check in checks if not check["ok"]]


def _check(text: str, is_ok: bool, value: str, guide: str = "") -> dict[str, Any]:
    return {"text": text, "ok": is_ok, "level": "ok" if is_ok else "block", "value": value, "guide": guide}


def _name(versioned) -> str:
    return "none" if versioned is None else f"{versioned.name} v{versioned.version}"


def _stale_text(doses: list[CycleDose]) -> str:
    stale = next((row for row in doses if row.stale_causes), None)
    return "no result" if stale is None else f"cycle {stale.cycle_number}: {stale.stale_causes[0]}"
