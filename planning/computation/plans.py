"""Model estimates for the coming cycles of a course: activities that keep limits, predictions at a what-if."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from dosimetry.errors import InsufficientDataError
from dosimetry.prescription.activity import (
    ActivityBound,
    CumulativePrediction,
    activity_bound,
    largest_activity,
    predict_cumulative,
)
from dosimetry.prescription.limits import Limit, LimitQuantity, RegionForecast
from dosimetry.provenance import digest_json
from dosimetry.radiobiology.bed import lea_catcheside_factor
from planning.computation.curve_shapes import dose_rate_terms
from planning.errors import InvalidStateError
from planning.models import Course, LimitSet, RegionDose
from planning.selectors.current import external_doses_of
from planning.selectors.kinetics import chosen_fit
from planning.selectors.plans import CycleDose, cycle_doses, limits_for_region

PROBABILITIES = (0.95, 0.80, 0.50)
BANDS = (0.95, 0.80, 0.50)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    course: Course
    planned_activity_bq: float | None
    n_cycles_left: int | None


@dataclass(slots=True, kw_only=True)
class RegionHistory:
    """One region over the course: its rows by cycle, and what was given elsewhere."""

    name: str
    kind: str
    colour: str
    rows: list[tuple[CycleDose, RegionDose]] = field(default_factory=list)
    external_gy: float = 0.0
    external_u_gy: float = 0.0
    external_bed_gy: float | None = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """Everything that the plan page shows and a saved plan keeps, SI units."""

    next_cycle_number: int
    n_cycles_left: int
    label_activity_bq: float | None
    planned_activity_bq: float
    histories: tuple[RegionHistory, ...]
    forecasts: Mapping[str, RegionForecast]
    limits: tuple[Limit, ...]
    predictions: tuple[CumulativePrediction, ...]
    label_predictions: tuple[CumulativePrediction, ...]
    bounds: Mapping[float, ActivityBound | None]
    cycles: tuple[CycleDose, ...]
    findings: list[dict[str, str]]
    calculation_ids: list
    external_dose_ids: list[str]
    inputs_digest: str

    @property
    def binding(self) -> ActivityBound | None:
        return self.bounds[PROBABILITIES[-1]]

    def as_dict(self) -> dict[str, Any]:
        low, high = self.bounds[PROBABILITIES[0]], self.bounds[PROBABILITIES[-1]]
        return {
            "planned_activity_bq": self.planned_activity_bq,
            "label_activity_bq": self.label_activity_bq,
            "proposed_range_bq": None if low is None or high is None else [low.activity_bq, high.activity_bq],
            "external_dose_ids": self.external_dose_ids,
            "binding_limit": None if self.binding is None else _limit_text(self.binding.limit),
            "activities_bq": {str(p): None if bound is None else bound.activity_bq for p, bound in self.bounds.items()},
            "predictions": [
                {
                    "region": item.limit.region,
                    "quantity": str(item.limit.quantity),
                    "limit_gy": item.limit.limit_gy,
                    "source": item.limit.source,
                    "given_gy": item.given_gy,
                    "predicted_gy": item.predicted_gy,
                    "standard_uncertainty_gy": item.standard_uncertainty_gy,
                    "probability_below_limit": item.probability_below_limit,
                }
                for item in self.predictions
            ],
        }


def _limit_text(limit: Limit) -> str:
    words = {"absorbed_dose": "", "bed": " BED", "eqd2": " EQD2"}
    return f"{limit.region}{words[str(limit.quantity)]}, {limit.limit_gy:g} Gy"


def compute_plan(
    *, question: PlanQuestion, limit_set: LimitSet, instead: Mapping[UUID, RegionDose] | None = None
) -> PlanAnswer:
    """Predict from the patient's own cycles. Raises InvalidStateError when no cycle has a dose.

    ``instead`` holds rows to take in place of stored ones, by their key: what an edit would change.
    """
    course = question.course
    cycles = cycle_doses(course)
    if not cycles:
        raise InvalidStateError("Calculate the dose of at least one cycle before planning.", code="no_dose")
    n_given = _n_given(course)
    n_left = question.n_cycles_left or _n_left(course)
    template = course.template
    label_bq = template.label_activity_bq if template else None
    histories = _histories(course, cycles, instead or {})
    between = _between(course)
    forecasts = {name: _forecast(history, between) for name, history in histories.items()}
    limits, findings = _limits(limit_set, histories, forecasts)
    planned_bq = question.planned_activity_bq
    if planned_bq is None:
        planned_bq = label_bq or cycles[-1].administered_activity_bq
    regions = list(forecasts.values())
    bounds = {
        p: largest_activity(forecasts=regions, limits=limits, n_cycles=n_left, probability=p) for p in PROBABILITIES
    }
    findings += _plan_findings(course, cycles, between, n_given)
    return PlanAnswer(
        next_cycle_number=n_given + 1,
        n_cycles_left=n_left,
        label_activity_bq=label_bq,
        planned_activity_bq=planned_bq,
        histories=tuple(histories.values()),
        forecasts=forecasts,
        limits=limits,
        predictions=_predictions(limits, forecasts, planned_bq, n_left),
        label_predictions=_predictions(limits, forecasts, label_bq, n_left) if label_bq else (),
        bounds=bounds,
        cycles=tuple(cycles),
        findings=findings,
        calculation_ids=[row.calculation.pk for row in cycles],
        external_dose_ids=[str(dose.pk) for dose in external_doses_of(course)],
        inputs_digest=digest_json(
            {
                "calculations": [row.calculation.inputs_digest for row in cycles],
                "limit_set": str(limit_set.pk),
                "external": [[d.region_name, d.absorbed_dose_gy, d.bed_gy] for d in external_doses_of(course)],
                "n_cycles_left": n_left,
                "planned_activity_bq": planned_bq,
                "label_activity_bq": label_bq,
                "between_cycles": between,
            }
        ),
    )


def region_activity(
    *, course: Course, limit_set: LimitSet, region: str, probability: float, instead: Mapping[UUID, RegionDose]
) -> ActivityBound | None:
    """Return the activity per coming cycle that keeps the limits of one region; None where it has none.

    What ``compute_plan`` finds for it, without the other regions; ``instead`` as there.
    """
    history = _histories(course, cycle_doses(course), instead).get(region)
    if history is None:
        return None
    forecast = _forecast(history, _between(course))
    limits, _ = _limits(limit_set, {region: history}, {region: forecast})
    return largest_activity(forecasts=[forecast], limits=limits, n_cycles=_n_left(course), probability=probability)


def _n_given(course: Course) -> int:
    return course.cycles.filter(administrations__isnull=False).distinct().count()


def _n_left(course: Course) -> int:
    return max(course.n_cycles_planned - _n_given(course), 1)


def _between(course: Course) -> Mapping[str, Any]:
    """Return how dose per activity changes between cycles, as the template states it."""
    return (course.template.radiobiology if course.template else {}).get("between_cycles") or {}


def _histories(course: Course, cycles: list[CycleDose], instead: Mapping[UUID, RegionDose]) -> dict[str, RegionHistory]:
    histories: dict[str, RegionHistory] = {}
    for cycle in cycles:
        for row in cycle.calculation.regions.select_related("region"):
            region = row.region
            history = histories.setdefault(
                region.name, RegionHistory(name=region.name, kind=region.kind, colour=region.colour)
            )
            history.rows.append((cycle, instead.get(row.pk, row)))
    for dose in external_doses_of(course):
        for name, history in histories.items():
            if not (
                name.lower() == dose.region_name.lower() or name.lower().startswith(dose.region_name.lower() + " ")
            ):
                continue
            history.external_gy += dose.absorbed_dose_gy
            u = dose.absorbed_dose_standard_uncertainty_gy or 0.0
            history.external_u_gy = float(np.hypot(history.external_u_gy, u))
            known = history.external_bed_gy is not None and dose.bed_gy is not None
            history.external_bed_gy = history.external_bed_gy + dose.bed_gy if known else None
    return histories


def _forecast(history: RegionHistory, between: Mapping[str, Any]) -> RegionForecast:
    """Take the mean dose per activity of the patient's cycles; spread from measurement and between-cycle change."""
    per_activity = np.array([row.dose_per_activity_gy_per_bq for _, row in history.rows])
    relative_u = np.array(
        [row.absorbed_dose_standard_uncertainty_gy / max(row.absorbed_dose_gy, 1e-12) for _, row in history.rows]
    )
    mean = float(per_activity.mean())
    measured_cv = float(np.sqrt(np.sum((relative_u * per_activity) ** 2)) / per_activity.size / mean)
    own_cv = float(per_activity.std(ddof=1) / mean) if per_activity.size > 1 else 0.0
    between_cv = max(own_cv, float(between.get("cv", 0.0)))
    last = history.rows[-1][1]
    beds = [row.bed_gy for _, row in history.rows]
    given_bed = None
    if None not in beds and history.external_bed_gy is not None:
        given_bed = float(sum(beds)) + history.external_bed_gy
    u = [row.absorbed_dose_standard_uncertainty_gy for _, row in history.rows]
    return RegionForecast(
        region=history.name,
        dose_per_activity_gy_per_bq=mean,
        dose_per_activity_cv=float(np.hypot(measured_cv, between_cv)),
        given_dose_gy=float(sum(row.absorbed_dose_gy for _, row in history.rows)) + history.external_gy,
        given_dose_standard_uncertainty_gy=float(np.sqrt(np.sum(np.square(u)) + history.external_u_gy**2)),
        given_bed_gy=given_bed,
        g=_protraction(last),
        alpha_beta_gy=last.alpha_beta_gy,
    )


def _protraction(row: RegionDose) -> float | None:
    if row.repair_half_time_s is None:
        return None
    curve = row.calculation.curve_revision.curves.filter(region=row.region).first()
    fit = chosen_fit(curve) if curve else None
    if fit is None:
        return None
    amplitudes, decays = dose_rate_terms(fit)
    return lea_catcheside_factor(
        amplitudes=amplitudes, decay_constants_per_s=decays, repair_half_time_s=row.repair_half_time_s
    )


def _limits(
    limit_set: LimitSet, histories: Mapping[str, RegionHistory], forecasts: Mapping[str, RegionForecast]
) -> tuple[tuple[Limit, ...], list[dict[str, str]]]:
    limits, findings = [], []
    for name, history in histories.items():
        for row in limits_for_region(limit_set, history):
            limit = Limit(region=name, quantity=LimitQuantity(row.quantity), limit_gy=row.limit_gy, source=row.source)
            try:
                predict_cumulative(forecast=forecasts[name], limit=limit, activity_per_cycle_bq=0.0, n_cycles=1)
            except InsufficientDataError as error:
                text = f"The {row.get_quantity_display()} limit of {name} is not checked: {error}"
                findings.append({"code": "limit_not_checked", "level": "ask", "message": text})
                continue
            limits.append(limit)
    if not limits:
        text = "No limit covers any region of this course; the page cannot propose an activity."
        findings.append({"code": "no_limit", "level": "ask", "message": text})
    return tuple(limits), findings


def _predictions(
    limits: tuple[Limit, ...], forecasts: Mapping[str, RegionForecast], activity_bq: float, n_cycles: int
) -> tuple[CumulativePrediction, ...]:
    return tuple(
        predict_cumulative(
            forecast=forecasts[limit.region], limit=limit, activity_per_cycle_bq=activity_bq, n_cycles=n_cycles
        )
        for limit in limits
    )


def _plan_findings(
    course: Course, cycles: list[CycleDose], between: Mapping[str, Any], n_given: int
) -> list[dict[str, str]]:
    findings = []
    if len(cycles) == 1:
        text = "The prediction rests on one cycle; dose per activity changes between cycles."
        findings.append({"code": "one_cycle", "level": "note", "message": text})
    if len(cycles) < n_given:
        text = f"{n_given - len(cycles)} administered cycle(s) have no dose: the cumulative dose is too low."
        findings.append({"code": "cycle_without_dose", "level": "block", "message": text})
    if not between.get("cv"):
        text = "The template states no between-cycle variation: the bands hold measurement uncertainty only."
        findings.append({"code": "no_between_cycle", "level": "note", "message": text})
    missing = [d for d in external_doses_of(course) if d.absorbed_dose_standard_uncertainty_gy is None]
    if missing:
        text = "A dose from elsewhere has no uncertainty and enters as exact."
        findings.append({"code": "external_exact", "level": "note", "message": text})
    return findings


def activity_at(*, answer: PlanAnswer, limit: Limit, probability: float) -> ActivityBound:
    return activity_bound(
        forecast=answer.forecasts[limit.region], limit=limit, n_cycles=answer.n_cycles_left, probability=probability
    )


def trajectory(*, answer: PlanAnswer, region: str) -> dict[str, Any]:
    """Return the cumulative dose of a region after each cycle: given, planned with bands, at the label activity."""
    history = next(item for item in answer.histories if item.name == region)
    forecast = answer.forecasts[region]
    done = [{"label": "before", "dose_gy": history.external_gy, "u_gy": history.external_u_gy}]
    for cycle, row in history.rows:
        done.append(
            {
                "label": f"cycle {cycle.cycle_number}",
                "dose_gy": done[-1]["dose_gy"] + row.absorbed_dose_gy,
                "u_gy": float(np.hypot(done[-1]["u_gy"], row.absorbed_dose_standard_uncertainty_gy)),
            }
        )
    last = done[-1]
    bands = {f"{int(100 * p)}": [last["dose_gy"], last["dose_gy"]] for p in BANDS}
    label_gy = None if answer.label_activity_bq is None else last["dose_gy"]
    planned = [{**last, "bands": bands, "label_dose_gy": label_gy}]
    limit = Limit(region=region, quantity=LimitQuantity.ABSORBED_DOSE, limit_gy=1e9, source="none")
    planned += [_planned_point(answer, forecast, limit, i) for i in range(1, answer.n_cycles_left + 1)]
    return {
        "done": done,
        "planned": planned,
        "limits": [
            {"value_gy": item.limit_gy, "source": item.source}
            for item in answer.limits
            if item.region == region and item.quantity == LimitQuantity.ABSORBED_DOSE
        ],
    }


def _planned_point(answer: PlanAnswer, forecast: RegionForecast, limit: Limit, i: int) -> dict[str, Any]:
    at = predict_cumulative(
        forecast=forecast, limit=limit, activity_per_cycle_bq=answer.planned_activity_bq, n_cycles=i
    )
    u = at.standard_uncertainty_gy
    # Two-sided normal quantiles of the shown bands.
    widths = {"95": 1.960, "80": 1.2816, "50": 0.6745}
    label_gy = None
    if answer.label_activity_bq is not None:
        label_gy = predict_cumulative(
            forecast=forecast, limit=limit, activity_per_cycle_bq=answer.label_activity_bq, n_cycles=i
        ).predicted_gy
    return {
        "label": f"cycle {answer.next_cycle_number + i - 1}, planned",
        "dose_gy": at.predicted_gy,
        "u_gy": u,
        "bands": {k: [max(at.predicted_gy - w * u, 0.0), at.predicted_gy + w * u] for k, w in widths.items()},
        "label_dose_gy": label_gy,
    }
