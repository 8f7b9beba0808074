"""Reads of the plan step: doses of all cycles of a course, limits, earlier doses from elsewhere."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from planning.models import Course, DoseCalculation, LimitSet, Plan, Prescription, TherapyTemplate
from planning.models.reviews import ResultState
from planning.selectors.current import current_administration, current_calculation, current_plan, current_result
from planning.selectors.sites import site_ids_of, sites_visible_to
from planning.selectors.staleness import calculation_stale_causes


def plans_visible_to(*, user):
    return Plan.objects.filter(course__patient__site__in=site_ids_of(user=user)).select_related("course__patient__site")


def limit_sets_visible_to(*, user):
    return LimitSet.objects.filter(site__in=sites_visible_to(user=user)).prefetch_related("limits")


def templates_visible_to(*, user):
    return TherapyTemplate.objects.filter(site__in=sites_visible_to(user=user))


def prescriptions_visible_to(*, user):
    return Prescription.objects.filter(plan__course__patient__site__in=site_ids_of(user=user)).select_related(
        "plan__course__patient__site"
    )


def prescriptions_of(course: Course):
    """Return everything that was signed for a course, in order; also what still waits for a second prescriber."""
    return Prescription.objects.filter(plan__course=course).order_by("created_at")


def prescription_in_force(course: Course) -> Prescription | None:
    """Return the newest prescription that counts: one that waits for a second prescriber does not."""
    return prescriptions_of(course).filter(Q(needs_second=False) | Q(second_at__isnull=False)).last()


def prescription_waiting(course: Course) -> Prescription | None:
    """Return the newest prescription when it waits for a second prescriber and its plan is the newest."""
    newest = prescriptions_of(course).last()
    if newest is None or not newest.is_waiting or newest.plan != current_plan(course):
        return None
    return newest


def hard_limit_bq(course: Course) -> float | None:
    return course.template.hard_limit_activity_bq if course.template else None


def limits_for_region(limit_set: LimitSet | None, region) -> list:
    """Return the limits of an organ: its name or its stem, so that "Kidney" covers "Kidney left". Lesions have none."""
    if limit_set is None or region.kind != "organ":
        return []
    name = region.name.lower()
    return [
        limit
        for limit in limit_set.limits.all()
        if name == limit.region_name.lower() or name.startswith(limit.region_name.lower() + " ")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleDose:
    """The dose result of one cycle that counts for the course."""

    cycle_number: int
    cycle_id: str
    administered_at: Any
    administered_activity_bq: float
    calculation: DoseCalculation
    state: str

    @property
    def is_approved(self) -> bool:
        return self.state == ResultState.APPROVED

    @property
    def stale_causes(self) -> list[str]:
        """Return why the calculation is stale: a hundred queries, which the preview of an edit does without."""
        return calculation_stale_causes(self.calculation)


def cycle_doses(course: Course) -> list[CycleDose]:
    """Return the newest calculation of each cycle that has one, in order of the cycles."""
    rows = []
    for cycle in course.cycles.order_by("number"):
        calculation = current_calculation(cycle)
        administration = current_administration(cycle)
        if calculation is None or administration is None:
            continue
        result = current_result(cycle)
        is_this = result is not None and result.calculation_id == calculation.pk
        rows.append(
            CycleDose(
                cycle_number=cycle.number,
                cycle_id=str(cycle.pk),
                administered_at=administration.administered_at,
                administered_activity_bq=administration.administered_activity_bq,
                calculation=calculation,
                state=result.state if is_this else ResultState.OPEN,
            )
        )
    return rows
