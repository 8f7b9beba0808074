"""The plan page as one JSON: estimates, limits, cycles, figure, readiness, what was saved and prescribed."""

from typing import Any

from planning.computation.plans import PROBABILITIES, PlanAnswer, PlanQuestion, compute_plan, trajectory
from planning.errors import InvalidStateError
from planning.figures.plans import plan_figure
from planning.models import Course, Plan, Prescription, User
from planning.permissions import Action, is_allowed
from planning.selectors.current import current_administration, current_limit_set, current_plan
from planning.selectors.plans import cycle_doses, hard_limit_bq, prescription_in_force, prescription_waiting
from planning.selectors.quantities import quantity
from planning.selectors.readiness import readiness
from planning.selectors.staleness import plan_stale_causes

GBQ = 1e9
QUANTITY_WORDS = {"absorbed_dose": "absorbed dose", "bed": "BED", "eqd2": "EQD2"}
N_SHOWN_REGIONS = 4


def plan_page(
    *, course: Course, user: User, planned_activity_bq: float | None, n_cycles_left: int | None, region_name: str
) -> dict[str, Any]:
    """Answer the page's question, or say what stands in the way."""
    limit_set = current_limit_set(course.site)
    plan = current_plan(course)
    prescription = prescription_in_force(course)
    page = {
        "limit_set": limit_set
        and {"name": limit_set.name, "version": limit_set.version, "is_confirmed": limit_set.is_confirmed},
        "readiness": readiness(course, limit_set, cycle_doses(course)),
        "plan": plan and plan_summary(plan),
        "prescription": prescription and prescription_summary(prescription),
        "waiting_prescription": _waiting(course, user),
        "hard_limit_activity": quantity(hard_limit_bq(course), unit="GBq", factor=GBQ),
        "label_source": course.template.label_source if course.template else "",
    }
    try:
        if limit_set is None:
            raise InvalidStateError("The site has no limit set; enter limits under Settings, Limits.", code="no_limits")
        question = PlanQuestion(course=course, planned_activity_bq=planned_activity_bq, n_cycles_left=n_cycles_left)
        answer = compute_plan(question=question, limit_set=limit_set)
    except InvalidStateError as error:
        return {**page, **_empty(course), "obstacle": str(error)}
    return {**page, **_estimates(course, answer), "figure": _figure(answer, region_name), "obstacle": None}


def _waiting(course: Course, user: User) -> dict[str, Any] | None:
    """Return what waits for a second prescriber, and whether this person may be that."""
    prescription = prescription_waiting(course)
    if prescription is None:
        return None
    is_other = prescription.created_by_id != user.pk
    may_sign = is_other and is_allowed(user=user, action=Action.PRESCRIBE, site=course.site)
    return {**prescription_summary(prescription), "may_countersign": may_sign}


def _empty(course: Course) -> dict[str, Any]:
    label = course.template.label_activity_bq if course.template else None
    return {
        "next_cycle_number": course.cycles.count() + 1,
        "n_cycles_left": max(course.n_cycles_planned - course.cycles.count(), 1),
        "what_if": None,
        "label_activity": quantity(label, unit="GBq", factor=GBQ),
        "proposed_range": None,
        "probabilities": [],
        "label_probability": None,
        "binding_limit": None,
        "limits": [],
        "region_names": [],
        "cycles": [],
        "assumptions": [],
        "findings": [],
        "figure": None,
    }


def _estimates(course: Course, answer: PlanAnswer) -> dict[str, Any]:
    low, high = answer.bounds[PROBABILITIES[0]], answer.bounds[PROBABILITIES[-1]]
    shown = answer.as_dict()
    names = _region_names(answer)
    top = max(answer.label_activity_bq or 0.0, answer.planned_activity_bq, high.activity_bq if high else 0.0)
    label_probability = min((item.probability_below_limit for item in answer.label_predictions), default=None)
    return {
        "next_cycle_number": answer.next_cycle_number,
        "n_cycles_left": answer.n_cycles_left,
        "what_if": {
            "activity": quantity(answer.planned_activity_bq, unit="GBq", factor=GBQ),
            "minimum_gbq": 0.0,
            "maximum_gbq": round(min(1.3 * top, 2.0 * max(answer.label_activity_bq or top, 1.0)) / GBQ, 1),
        },
        "label_activity": quantity(answer.label_activity_bq, unit="GBq", factor=GBQ),
        "proposed_range": None
        if low is None or high is None
        else {
            "lower": quantity(low.activity_bq, unit="GBq", factor=GBQ),
            "upper": quantity(high.activity_bq, unit="GBq", factor=GBQ),
        },
        "probabilities": [
            {"p": p, "activity": bound and quantity(bound.activity_bq, unit="GBq", factor=GBQ)}
            for p, bound in answer.bounds.items()
        ],
        "label_probability": label_probability,
        "binding_limit": shown["binding_limit"],
        "limits": _limit_rows(answer),
        "region_names": names,
        "cycles": sorted([*_cycle_rows(answer, names), *_cycles_without_dose(course, answer)], key=_cycle_number),
        "assumptions": _assumptions(answer),
        "findings": answer.findings,
    }


def _region_names(answer: PlanAnswer) -> list[str]:
    """Regions with a limit first, then lesions."""
    limited = list(dict.fromkeys(limit.region for limit in answer.limits))
    others = [history.name for history in answer.histories if history.name not in limited]
    return (limited + others)[:N_SHOWN_REGIONS]


def _limit_rows(answer: PlanAnswer) -> list[dict[str, Any]]:
    at_label = {(p.limit.region, p.limit.quantity): p.probability_below_limit for p in answer.label_predictions}
    return [
        {
            "region": item.limit.region,
            "quantity": QUANTITY_WORDS[str(item.limit.quantity)],
            "limit": quantity(item.limit.limit_gy, unit="Gy", factor=1.0),
            "cumulative": quantity(item.given_gy, unit="Gy", factor=1.0),
            "after": quantity(
                item.predicted_gy, unit="Gy", factor=1.0, standard_uncertainty=item.standard_uncertainty_gy
            ),
            "probability": item.probability_below_limit,
            "label_probability": at_label.get((item.limit.region, item.limit.quantity)),
            "source": item.limit.source,
        }
        for item in answer.predictions
    ]


def _cycle_rows(answer: PlanAnswer, names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for cycle in answer.cycles:
        by_name = {row.region.name: row for row in cycle.calculation.regions.select_related("region")}
        rows.append(
            {
                "number": cycle.cycle_number,
                "at": cycle.administered_at.isoformat(),
                "activity": quantity(cycle.administered_activity_bq, unit="GBq", factor=GBQ),
                "is_planned": False,
                "state": str(cycle.state),
                "is_stale": bool(cycle.stale_causes),
                "doses": {name: _dose(by_name.get(name)) for name in names},
            }
        )
    for i in range(answer.n_cycles_left):
        doses = {}
        for name in names:
            forecast = answer.forecasts[name]
            gray = forecast.dose_per_activity_gy_per_bq * answer.planned_activity_bq
            doses[name] = quantity(
                gray, unit="Gy", factor=1.0, standard_uncertainty=gray * forecast.dose_per_activity_cv
            )
        rows.append(
            {
                "number": answer.next_cycle_number + i,
                "at": None,
                "activity": quantity(answer.planned_activity_bq, unit="GBq", factor=GBQ),
                "is_planned": True,
                "state": "estimate",
                "is_stale": False,
                "doses": doses,
            }
        )
    return rows


def _cycle_number(row: dict[str, Any]) -> int:
    return row["number"]


def _cycles_without_dose(course: Course, answer: PlanAnswer) -> list[dict[str, Any]]:
    """Administered cycles that the estimate knows nothing about."""
    known = {cycle.cycle_number for cycle in answer.cycles}
    rows = []
    for cycle in course.cycles.exclude(number__in=known):
        administration = current_administration(cycle)
        if administration is not None:
            rows.append(
                {
                    "number": cycle.number,
                    "at": administration.administered_at.isoformat(),
                    "activity": quantity(administration.administered_activity_bq, unit="GBq", factor=GBQ),
                    "is_planned": False,
                    "state": "no dose",
                    "is_stale": False,
                    "doses": {},
                }
            )
    return rows


def _dose(row) -> dict[str, Any] | None:
    if row is None:
        return None
    u = row.absorbed_dose_standard_uncertainty_gy
    return quantity(row.absorbed_dose_gy, unit="Gy", factor=1.0, standard_uncertainty=u)


def _assumptions(answer: PlanAnswer) -> list[dict[str, Any]]:
    rows = []
    for history in answer.histories:
        forecast = answer.forecasts[history.name]
        value = forecast.dose_per_activity_gy_per_bq
        per_activity = quantity(
            value, unit="Gy/GBq", factor=1e-9, standard_uncertainty=value * forecast.dose_per_activity_cv
        )
        rows.append({"label": f"{history.name} per activity", "value": per_activity})
    numbers = ", ".join(str(cycle.cycle_number) for cycle in answer.cycles)
    rows.append({"label": "Taken from", "value": f"own cycle(s) {numbers}"})
    rows.append({"label": "Tumour sink", "value": "unchanged"})
    return rows


def _figure(answer: PlanAnswer, region_name: str) -> dict[str, Any] | None:
    binding = answer.binding.limit.region if answer.binding else None
    known = {history.name: history for history in answer.histories}
    history = known.get(region_name) or known.get(binding) or next(iter(known.values()), None)
    if history is None:
        return None
    region = {"name": history.name, "colour": history.colour}
    return plan_figure(region=region, trajectory=trajectory(answer=answer, region=history.name))


def plan_summary(plan: Plan) -> dict[str, Any]:
    causes = plan_stale_causes(plan)
    return {
        "id": str(plan.pk),
        "number": plan.number,
        "digest": plan.inputs_digest,
        "is_stale": bool(causes),
        "stale_causes": causes,
        "at": plan.created_at.isoformat(),
        "author": plan.created_by.printed_name if plan.created_by else "system",
        "planned_activity": quantity(plan.planned_activity_bq, unit="GBq", factor=GBQ),
    }


def prescription_summary(prescription: Prescription) -> dict[str, Any]:
    return {
        "id": str(prescription.pk),
        "activity": quantity(prescription.activity_bq, unit="GBq", factor=GBQ),
        "printed_name": prescription.printed_name,
        "at": prescription.created_at.isoformat(),
        "departure_reason": prescription.departure_reason,
        "departure_text": prescription.departure_text,
        "digest": prescription.digest,
        "is_waiting": prescription.is_waiting,
        "second_printed_name": prescription.second_printed_name,
        "second_at": prescription.second_at and prescription.second_at.isoformat(),
    }
