"""From accepted contours to time-activity curves of every region."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from dosimetry.errors import DosimetryError, InsufficientDataError
from dosimetry.kinetics.region_curves import DeclaredHalfLife, FitOptions, RegionCurves, fit_region_curves
from dosimetry.kinetics.stored_curve import curve_to_dict
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.provenance import digest_json
from dosimetry.quantification.image_noise import ActivityNoise
from planning.computation.image_noise import RegionNoise, noise_by_region, noise_findings
from planning.computation.partial_volume import region_factors
from planning.computation.partial_volume_settings import (
    PartialVolume,
    RegionFactor,
    correction_findings,
    partial_volume_of,
)
from planning.computation.population_curves import unit_activity_quantiles
from planning.computation.priors import populations_used, region_priors
from planning.computation.provenance import software_versions
from planning.models import Cycle, PointExclusion, Region
from planning.selectors.current import current_administration, current_contours
from planning.selectors.kinetics import earlier_choices

HOUR_S = 3600.0
PRIOR_TIMES_S = [3.0 * HOUR_S * i for i in range(1, 101)]
"""Times at which the prior is drawn, to 300 h."""
DEFAULT_ACTIVITY_CV = 0.05
"""Relative standard uncertainty of one region's activity when its contour states none; shown with the points."""


def compute_curves(
    *, cycle: Cycle, parameters: Mapping[str, Any], progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Fit every region that is accepted on at least one time point."""
    administration = current_administration(cycle)
    choice = partial_volume_of(parameters)
    points = _points_by_region(cycle, choice, progress)
    if administration is None or not points:
        raise InsufficientDataError(
            "Record the administration and accept at least one contour before fitting curves.", code="no_points"
        )
    nuclide = get_nuclide(cycle.course.nuclide)
    revisions = [revision for t in cycle.time_points.all() if (revision := current_contours(t)) is not None]
    n_time_points = cycle.time_points.count()
    shared = fit_options(parameters, administration)
    priors = region_priors(cycle=cycle, regions=list(points), parameters=parameters)
    curves = []
    for i, (region, region_points) in enumerate(points.items()):
        progress(0.5 + 0.5 * i / len(points), f"Fitting {region.name}")
        options = replace(shared, prior=priors.get(region))
        fields = _fit_region(region_points, nuclide, options, n_time_points=n_time_points)
        if choice is not None:
            fields["findings"] += correction_findings(region_points, choice)
        fields["findings"] += noise_findings([point for point in region_points if not point["is_excluded"]])
        curves.append({"region": region, **fields})
    inputs = {
        "administration": str(administration.pk),
        "contours": sorted(str(revision.pk) for revision in revisions),
        "points": {str(region.pk): region_points for region, region_points in points.items()},
        "parameters": dict(parameters),
        "nuclide": nuclide.name,
        "nuclide_data": nuclide.data_version,
        "priors": {str(region.pk): json.loads(prior.to_json()) for region, prior in priors.items()},
    }
    return {
        "administration": administration,
        "contour_revisions": revisions,
        "parameters": {**parameters, **_rests_on(cycle, points, parameters)},
        "inputs_digest": digest_json(inputs),
        "versions": software_versions(),
        "curves": curves,
    }


def _rests_on(cycle: Cycle, regions, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decisions outside this cycle that the fits rest on, so that a change of them is seen."""
    found: dict[str, Any] = {}
    if "cycle_to_cycle_cv_percent" in parameters:
        found["earlier_choices"] = earlier_choices(cycle)
    if parameters.get("use_populations"):
        used = populations_used(cycle=cycle, regions=list(regions), parameters=parameters)
        found["populations"] = {str(region.pk): str(population.pk) for region, population in used.items()}
    return found


def fit_options(parameters: Mapping[str, Any], administration) -> FitOptions:
    """Return the options of fits that were asked for with these parameters."""
    declared = None
    if "effective_half_life_h" in parameters:
        declared = DeclaredHalfLife(
            effective_half_life_s=parameters["effective_half_life_h"] * HOUR_S,
            standard_uncertainty_s=parameters["effective_half_life_standard_uncertainty_h"] * HOUR_S,
            source=parameters.get("effective_half_life_source", ""),
        )
    wanted = parameters.get("wanted_cv_percent")
    return FitOptions(
        models=tuple(parameters["models"]) if parameters.get("models") else None,
        declared=declared,
        administered_activity_bq=administration.administered_activity_bq,
        wanted_cv=None if wanted is None else wanted / 100.0,
    )


def _points_by_region(
    cycle: Cycle, choice: PartialVolume | None, progress: Callable[[float, str], None]
) -> dict[Region, list[dict[str, Any]]]:
    excluded = {
        (exclusion.region_id, exclusion.time_point_id): exclusion
        for exclusion in PointExclusion.objects.filter(time_point__cycle=cycle).order_by("created_at", "pk")
    }
    points: dict[Region, list[dict[str, Any]]] = {}
    time_points = list(cycle.time_points.order_by("number"))
    for i, time_point in enumerate(time_points):
        revision = current_contours(time_point)
        if revision is None:
            continue
        factors: Mapping[UUID, RegionFactor] = {}
        if choice is not None:
            progress(0.5 * i / len(time_points), f"Partial volume of time point {time_point.number}")
            factors = region_factors(revision, choice)
        text = f"Time point {time_point.number}: "
        noise = noise_by_region(
            revision, choice, say=lambda said, i=i, text=text: progress(0.5 * i / len(time_points), text + said)
        )
        for contour in revision.contours.filter(state="accepted").select_related("region"):
            exclusion = excluded.get((contour.region_id, time_point.pk))
            is_excluded = exclusion is not None and exclusion.is_excluded
            points.setdefault(contour.region, []).append(
                {
                    "time_point": str(time_point.pk),
                    "number": time_point.number,
                    "time_s": revision.image.time_s,
                    **_activity(contour, factors.get(contour.region_id), noise.get(contour.region_id)),
                    "volume_ml": contour.volume_ml,
                    "is_excluded": is_excluded,
                    "reason": exclusion.reason if is_excluded else "",
                }
            )
    return {region: sorted(rows, key=lambda row: row["time_s"]) for region, rows in points.items()}


def _activity(contour, correction: RegionFactor | None, noise: RegionNoise | None) -> dict[str, Any]:
    """Return the activity of a point; a correction that leaves nothing is not made, and the points say so.

    Its uncertainty holds what scans do not share: the contour's edge and, where it is known, counting noise.
    """
    u_bq = contour.activity_standard_uncertainty_bq or DEFAULT_ACTIVITY_CV * contour.activity_bq
    if correction is None or correction.factor <= 0.0:
        point = {"activity_bq": contour.activity_bq, "activity_standard_uncertainty_bq": u_bq}
        return _with_noise(point, noise and noise.measured)
    point = {
        "activity_bq": correction.factor * contour.activity_bq,
        "activity_standard_uncertainty_bq": correction.factor * u_bq,
    }
    return {**_with_noise(point, noise and noise.corrected), "partial_volume": _stored(correction)}


def _with_noise(point: dict[str, Any], noise: ActivityNoise | None) -> dict[str, Any]:
    """Return a point with counting noise in its uncertainty, and both parts of it by themselves."""
    if noise is None:
        return point
    activity_bq, edge_bq = point["activity_bq"], point["activity_standard_uncertainty_bq"]
    return {
        **point,
        "activity_standard_uncertainty_bq": math.hypot(edge_bq, noise.cv * activity_bq),
        "noise": {"cv": noise.cv, "edge_cv": edge_bq / activity_bq, "n_replicates": noise.n_replicates},
    }


def _stored(correction: RegionFactor) -> dict[str, Any]:
    """Return a correction as a point keeps it; what it does not have is left out."""
    stored: dict[str, Any] = {"factor": correction.factor, "cv": correction.cv}
    if correction.slow_cv > 0.0:
        stored["slow_cv"] = correction.slow_cv
    if correction.recovery is not None:
        stored["recovery"] = dict(correction.recovery)
    return stored


def _fit_region(points: list[dict[str, Any]], nuclide, options: FitOptions, *, n_time_points: int) -> dict[str, Any]:
    used = [point for point in points if not point["is_excluded"]]
    findings = []
    if len(points) < n_time_points:
        message = f"Accepted on {len(points)} of {n_time_points} time points; the others are not used."
        findings.append({"code": "points_missing", "level": "ask", "message": message})
    try:
        found = fit_region_curves(
            times_s=[point["time_s"] for point in used],
            activities_bq=[point["activity_bq"] for point in used],
            standard_uncertainties_bq=[point["activity_standard_uncertainty_bq"] for point in used],
            nuclide=nuclide,
            options=options,
        )
    except DosimetryError as error:
        findings.append({"code": error.code, "level": "block", "message": str(error)})
        return {
            "points": points,
            "fits": [],
            "refused": [],
            "recommended_model": "",
            "findings": findings,
            "diagnostics": {},
        }
    findings += [_plain_finding(finding) for finding in found.findings]
    return {
        "points": points,
        "fits": [curve_to_dict(curve) for curve in found.curves.values()],
        "refused": [{"model": model, "reason": reason} for model, reason in found.refused],
        "recommended_model": found.recommended_model,
        "findings": findings,
        "diagnostics": _diagnostics(found, options),
    }


def _diagnostics(found: RegionCurves, options: FitOptions) -> dict[str, Any]:
    """Return what stands beside the curves: the prior, scans left out, the next scan, one-scan methods."""
    shown: dict[str, Any] = {}
    if options.prior is not None:
        shown["prior"] = {
            "source": options.prior.source,
            "times_s": PRIOR_TIMES_S,
            **unit_activity_quantiles(options.prior, PRIOR_TIMES_S),
        }
    if found.leave_one_out is not None:
        shown["leave_one_out"] = {
            "model": found.leave_one_out.model,
            "standardised_residuals": list(found.leave_one_out.standardised_residuals),
            "maximum_integral_change": found.leave_one_out.maximum_integral_change,
        }
    if found.next_scan is not None:
        shown["next_scan"] = {
            "current_cv": found.next_scan.current_cv,
            "wanted_cv": found.next_scan.wanted_cv,
            "is_enough": found.next_scan.is_enough,
            "best_time_s": found.next_scan.best.time_s,
            "best_cv": found.next_scan.best.expected_cv,
            "times_s": [candidate.time_s for candidate in found.next_scan.candidates],
            "expected_cv": [candidate.expected_cv for candidate in found.next_scan.candidates],
        }
    if found.one_scan is not None:
        shown["one_scan"] = {
            "time_s": found.one_scan.time_s,
            "tia_bq_s": dict(found.one_scan.tia_bq_s),
            "half_lives_s": found.one_scan.half_lives_s.tolist(),
            "errors": {method: values.tolist() for method, values in found.one_scan.errors.items()},
        }
    return shown


def _plain_finding(finding) -> dict[str, Any]:
    return {"code": finding.code, "level": finding.level, "message": finding.message}
