"""From accepted contours to time-activity curves of every region."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from dosimetry.errors import DosimetryError, InsufficientDataError
from dosimetry.kinetics.selection import CurveSelection, fit_admissible
from dosimetry.kinetics.single_time_point import fit_single_time_point
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.provenance import digest_json
from planning.computation.provenance import software_versions
from planning.models import Cycle, PointExclusion, Region
from planning.selectors.current import current_administration, current_contours

HOUR_S = 3600.0
DEFAULT_ACTIVITY_CV = 0.05
"""Relative standard uncertainty of one region's activity when its contour states none; shown with the points."""


def compute_curves(
    *, cycle: Cycle, parameters: Mapping[str, Any], progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Fit every region that is accepted on at least one time point."""
    administration = current_administration(cycle)
    points = _points_by_region(cycle)
    if administration is None or not points:
        raise InsufficientDataError(
            "Record the administration and accept at least one contour before fitting curves.", code="no_points"
        )
    nuclide = get_nuclide(cycle.course.nuclide)
    revisions = [revision for t in cycle.time_points.all() if (revision := current_contours(t)) is not None]
    n_time_points = cycle.time_points.count()
    curves = []
    for i, (region, region_points) in enumerate(points.items()):
        progress(i / len(points), f"Fitting {region.name}")
        curves.append(
            {
                "region": region,
                **_fit_region(region_points, nuclide, parameters, n_time_points=n_time_points),
            }
        )
    inputs = {
        "administration": str(administration.pk),
        "contours": sorted(str(revision.pk) for revision in revisions),
        "points": {str(region.pk): region_points for region, region_points in points.items()},
        "parameters": dict(parameters),
        "nuclide": nuclide.name,
        "nuclide_data": nuclide.data_version,
    }
    return {
        "administration": administration,
        "contour_revisions": revisions,
        "parameters": dict(parameters),
        "inputs_digest": digest_json(inputs),
        "versions": software_versions(),
        "curves": curves,
    }


def _points_by_region(cycle: Cycle) -> dict[Region, list[dict[str, Any]]]:
    excluded = {
        (exclusion.region_id, exclusion.time_point_id): exclusion
        for exclusion in PointExclusion.objects.filter(time_point__cycle=cycle).order_by("created_at", "pk")
    }
    points: dict[Region, list[dict[str, Any]]] = {}
    for time_point in cycle.time_points.order_by("number"):
        revision = current_contours(time_point)
        if revision is None:
            continue
        for contour in revision.contours.filter(state="accepted").select_related("region"):
            exclusion = excluded.get((contour.region_id, time_point.pk))
            is_excluded = exclusion is not None and exclusion.is_excluded
            points.setdefault(contour.region, []).append(
                {
                    "time_point": str(time_point.pk),
                    "number": time_point.number,
                    "time_s": revision.image.time_s,
                    "activity_bq": contour.activity_bq,
                    "activity_standard_uncertainty_bq": contour.activity_standard_uncertainty_bq
                    or DEFAULT_ACTIVITY_CV * contour.activity_bq,
                    "volume_ml": contour.volume_ml,
                    "is_excluded": is_excluded,
                    "reason": exclusion.reason if is_excluded else "",
                }
            )
    return {region: sorted(rows, key=lambda row: row["time_s"]) for region, rows in points.items()}


def _fit_region(
    points: list[dict[str, Any]], nuclide, parameters: Mapping[str, Any], *, n_time_points: int
) -> dict[str, Any]:
    used = [point for point in points if not point["is_excluded"]]
    findings = []
    if len(points) < n_time_points:
        message = f"Accepted on {len(points)} of {n_time_points} time points; the others are not used."
        findings.append({"code": "points_missing", "level": "ask", "message": message})
    try:
        selection = _select(used, nuclide, parameters)
    except DosimetryError as error:
        findings.append({"code": error.code, "level": "block", "message": str(error)})
        return {"points": points, "fits": [], "refused": [], "recommended_model": "", "findings": findings}
    fits = [fit_as_dict(fit) for fit in selection.fits]
    findings += [_plain_finding(finding) for finding in selection.findings]
    return {
        "points": points,
        "fits": fits,
        "refused": [{"model": model, "reason": reason} for model, reason in selection.refused],
        "recommended_model": selection.recommended_model or "",
        "findings": findings,
    }


def _select(used: list[dict[str, Any]], nuclide, parameters: Mapping[str, Any]) -> CurveSelection:
    """Fit all scans; with a declared half-life, a region with one scan, or still rising, takes its last scan alone."""
    times_s = np.array([point["time_s"] for point in used])
    activities_bq = np.array([point["activity_bq"] for point in used])
    u_bq = np.array([point["activity_standard_uncertainty_bq"] for point in used])
    is_uptake = len(used) > 1 and activities_bq[-1] > activities_bq[-2]
    try:
        if is_uptake and "effective_half_life_h" in parameters:
            raise InsufficientDataError("Activity still rises at the last scan.", code="half_life_required")
        return fit_admissible(
            times_s=times_s,
            activities_bq=activities_bq,
            standard_uncertainties_bq=u_bq,
            nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
        )
    except DosimetryError as error:
        if error.code not in {"half_life_required", "rising_curve"} or "effective_half_life_h" not in parameters:
            raise
    return fit_single_time_point(
        time_s=float(times_s[-1]),
        activity_bq=float(activities_bq[-1]),
        activity_standard_uncertainty_bq=float(u_bq[-1]),
        effective_half_life_s=parameters["effective_half_life_h"] * HOUR_S,
        effective_half_life_standard_uncertainty_s=parameters["effective_half_life_standard_uncertainty_h"] * HOUR_S,
        nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
        source=parameters.get("effective_half_life_source", ""),
        n_scans=len(used),
    )


def fit_as_dict(fit) -> dict[str, Any]:
    """Return a curve fit as plain JSON in SI units."""
    return _plain(asdict(fit))


def _plain_finding(finding) -> dict[str, Any]:
    return {"code": finding.code, "level": finding.level, "message": finding.message}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
