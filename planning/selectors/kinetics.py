"""Reads of the kinetics step."""

from collections.abc import Mapping
from typing import Any

from planning.models import Cycle, RegionCurve
from planning.models.kinetics import CurveRevision
from planning.selectors.current import current_curves
from planning.selectors.quantities import quantity
from planning.selectors.sites import site_ids_of

PARTIAL_VOLUME = (
    "partial_volume",
    "resolution_fwhm_mm",
    "resolution_standard_uncertainty_mm",
    "resolution_source",
    "partial_volume_iterations",
    "recovery_curve",
    "recovery_source",
    "is_same_reconstruction",
)
RECOVERY_CURVE = "recovery_curve"
PARTIAL_VOLUME_METHODS = {
    "none": "not corrected",
    "gtm": "geometric transfer matrix",
    "iterative_yang": "iterative Yang",
    "richardson_lucy": "Richardson–Lucy",
    RECOVERY_CURVE: "recovery curve",
}
USUAL_ITERATIONS = 10
HOUR, MBQ, MBQ_H = 3600.0, 1e6, 3.6e9
NEGLIGIBLE = 1e-9
"""A relative uncertainty below it is rounding of a parameter that the fit holds fast."""
MODEL_LABELS = {
    "mono_exponential": "Mono-exponential",
    "bi_exponential": "Bi-exponential",
    "uptake_clearance": "Uptake and clearance",
    "physical_decay": "Physical decay",
    "clearance_retention": "Clearance and retention",
    "blood_mixing_uptake": "Uptake after blood mixing",
    "uptake_bi_exponential": "Uptake and bi-exponential",
    "two_step_uptake": "Two-step uptake and clearance",
    "two_step_uptake_bi_exponential": "Two-step uptake and bi-exponential",
    "tri_exponential": "Tri-exponential",
    "single_time_point": "Single time point",
    "model_average": "Average of the models",
    "posterior": "With prior",
}


def curves_visible_to(*, user):
    return RegionCurve.objects.filter(revision__cycle__course__patient__site__in=site_ids_of(user=user)).select_related(
        "region", "revision__cycle__course__patient__site"
    )


def earlier_curves(cycle: Cycle) -> dict[Any, RegionCurve]:
    """Return the newest accepted curve of each region from the cycles before this one."""
    found: dict[Any, RegionCurve] = {}
    for earlier in cycle.course.cycles.filter(number__lt=cycle.number).order_by("number"):
        revision = current_curves(earlier)
        if revision is None:
            continue
        for curve in revision.curves.select_related("region", "revision__cycle"):
            choice = curve.choices.order_by("-created_at", "-pk").first()
            if choice is not None and choice.is_accepted:
                found[curve.region_id] = curve
    return found


def earlier_curves_of(curve: RegionCurve) -> list[RegionCurve]:
    """Return the accepted curves of the same region in the cycles before, oldest first."""
    cycle = curve.revision.cycle
    found = []
    for earlier in cycle.course.cycles.filter(number__lt=cycle.number).order_by("number"):
        revision = current_curves(earlier)
        row = None if revision is None else revision.curves.filter(region_id=curve.region_id).first()
        choice = None if row is None else row.choices.order_by("-created_at", "-pk").first()
        if row is not None and choice is not None and choice.is_accepted:
            found.append(row)
    return found


def earlier_choices(cycle: Cycle) -> list[str]:
    """Name the decisions behind ``earlier_curves``: another choice makes what rests on it stale."""
    newest = (curve.choices.order_by("-created_at", "-pk").first() for curve in earlier_curves(cycle).values())
    return sorted(str(choice.pk) for choice in newest if choice is not None)


def chosen_fit(curve: RegionCurve) -> dict[str, Any] | None:
    """Return the fit that counts: the newest choice, else the recommended model, else the first."""
    choice = curve.choices.order_by("-created_at", "-pk").first()
    wanted = choice.model if choice is not None else curve.recommended_model
    fits = {fit["model"]: fit for fit in curve.fits}
    return fits.get(wanted) or next(iter(curve.fits), None)


def fitted_points(curve: RegionCurve) -> list[dict[str, Any]]:
    """Return the points that the chosen fit rests on: a declared half-life takes the last used scan alone."""
    used = [point for point in curve.points if not point["is_excluded"]]
    fit = chosen_fit(curve)
    return used[-1:] if fit is not None and fit["model"] == "single_time_point" else used


def declared_half_life(revision: CurveRevision) -> dict[str, Any] | None:
    """Return half-life and standard uncertainty in h and the source, as declared for these fits, if any was."""
    declared = {name: value for name, value in revision.parameters.items() if name.startswith("effective_half_life")}
    return declared or None


def fit_options(revision: CurveRevision) -> dict[str, Any]:
    """Return the other options that these fits were asked for with."""
    names = ("models", "use_populations", "cycle_to_cycle_cv_percent", "wanted_cv_percent", *PARTIAL_VOLUME)
    return {name: revision.parameters[name] for name in names if name in revision.parameters}


def partial_volume_text(parameters: Mapping[str, Any]) -> str:
    """Return the correction of partial volume in words: method, resolution or curve, source."""
    method = parameters.get("partial_volume", "none")
    if method == "none":
        return PARTIAL_VOLUME_METHODS[method]
    if method == RECOVERY_CURVE:
        return f"{PARTIAL_VOLUME_METHODS[method]} at the volume of each region ({parameters['recovery_source']})"
    iterations = parameters.get("partial_volume_iterations", USUAL_ITERATIONS)
    steps = "" if method == "gtm" else f", {iterations} iterations"
    return (
        f"{PARTIAL_VOLUME_METHODS[method]}{steps}, resolution {parameters['resolution_fwhm_mm']:g} ± "
        f"{parameters['resolution_standard_uncertainty_mm']:g} mm ({parameters['resolution_source']})"
    )


def model_label(model: str) -> str:
    return MODEL_LABELS.get(model, model.replace("_", " ").capitalize())


def fit_summary(fit: dict[str, Any], *, administered_activity_bq: float) -> dict[str, Any]:
    tia = fit["time_integrated_activity_bq_s"]
    half_life_u = fit["effective_half_life_standard_uncertainty_s"]
    # At the physical limit the fit cannot move the half-life: no uncertainty is stated rather than none claimed.
    is_free = half_life_u is not None and half_life_u > NEGLIGIBLE * fit["effective_half_life_s"]
    tia_u = fit["time_integrated_activity_standard_uncertainty_bq_s"]
    return {
        "model": fit["model"],
        "label": model_label(fit["model"]),
        "n_parameters": fit["n_parameters"],
        "aicc": fit["aicc"],
        "weight": fit["weight"],
        "is_interpolation": fit["is_interpolation"],
        "r_squared": fit["r_squared"],
        "effective_half_life": quantity(
            fit["effective_half_life_s"],
            unit="h",
            factor=HOUR,
            standard_uncertainty=half_life_u if is_free else None,
        ),
        "tia": quantity(tia, unit="MBq·h", factor=MBQ_H, standard_uncertainty=tia_u),
        "tiac": quantity(
            tia / administered_activity_bq,
            unit="h",
            factor=HOUR,
            standard_uncertainty=None if tia_u is None else tia_u / administered_activity_bq,
        ),
        "tail": quantity(fit["extrapolated_fraction"], unit="%", factor=0.01),
        "interval_95": interval(fit.get("interval_95_bq_s"), unit="MBq·h", factor=MBQ_H),
        "source": fit.get("source", ""),
        "checks": fit.get("checks", []),
    }


def interval(bounds, *, unit: str, factor: float) -> dict[str, Any] | None:
    """Return lower and upper end with their unit."""
    if bounds is None:
        return None
    return {"lower": bounds[0] / factor, "upper": bounds[1] / factor, "unit": unit}


def next_scan_summary(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        "current": quantity(stored["current_cv"], unit="%", factor=0.01),
        "wanted": quantity(stored["wanted_cv"], unit="%", factor=0.01),
        "is_enough": stored["is_enough"],
        "best_time": quantity(stored["best_time_s"], unit="h", factor=HOUR),
        "best": quantity(stored["best_cv"], unit="%", factor=0.01),
        "times_h": [time / HOUR for time in stored["times_s"]],
        "expected_percent": [100.0 * cv for cv in stored["expected_cv"]],
    }


def one_scan_summary(stored: dict[str, Any] | None, *, administered_activity_bq: float) -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        "time": quantity(stored["time_s"], unit="h", factor=HOUR),
        "methods": [
            {
                "method": method,
                "label": method.capitalize(),
                "tia": quantity(tia, unit="MBq·h", factor=MBQ_H),
                "tiac": quantity(tia / administered_activity_bq, unit="h", factor=HOUR),
                "errors_percent": [100.0 * error for error in stored["errors"][method]],
            }
            for method, tia in stored["tia_bq_s"].items()
        ],
        "half_lives_h": [half_life / HOUR for half_life in stored["half_lives_s"]],
    }


def point_summary(point: dict[str, Any]) -> dict[str, Any]:
    return {
        "time_point_id": point["time_point"],
        "number": point["number"],
        "time": quantity(point["time_s"], unit="h", factor=HOUR),
        "activity": quantity(
            point["activity_bq"],
            unit="MBq",
            factor=MBQ,
            standard_uncertainty=point["activity_standard_uncertainty_bq"],
        ),
        "volume": quantity(point["volume_ml"], unit="mL", factor=1.0),
        "is_excluded": point["is_excluded"],
        "reason": point["reason"],
        **_correction(point),
        **_noise(point),
    }


def _correction(point: dict[str, Any]) -> dict[str, Any]:
    """Return by how much partial-volume correction changed a point; nothing where none was made."""
    made = point.get("partial_volume")
    return {} if made is None else {"partial_volume": quantity(made["factor"] - 1.0, unit="%", factor=0.01)}


def _noise(point: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a point's uncertainty where counting noise is one of them; nothing where it is not known."""
    noise = point.get("noise")
    if noise is None:
        return {}
    shown = {"counting": noise["cv"], "contour_edge": noise["edge_cv"]}
    parts = {name: quantity(cv, unit="%", factor=0.01) for name, cv in shown.items()}
    return {"noise": {**parts, "n_replicates": noise["n_replicates"]}}


def curve_summary(curve: RegionCurve) -> dict[str, Any]:
    """Return one region's curve for the API and for the signed content."""
    choice = curve.choices.select_related("created_by").order_by("-created_at", "-pk").first()
    fit = chosen_fit(curve)
    activity_bq = curve.revision.administration.administered_activity_bq
    chosen = fit["model"] if fit else None
    fits = [
        {**fit_summary(item, administered_activity_bq=activity_bq), "is_chosen": item["model"] == chosen}
        for item in curve.fits
    ]
    return {
        "curve_id": str(curve.pk),
        "region": {
            "id": str(curve.region_id),
            "name": curve.region.name,
            "kind": curve.region.kind,
            "colour": curve.region.colour,
            "label": curve.region.label,
        },
        "points": [point_summary(point) for point in curve.points],
        "fits": fits,
        "n_earlier_cycles": len(earlier_curves_of(curve)),
        "refused": [{**item, "label": model_label(item["model"])} for item in curve.refused],
        "recommended_model": curve.recommended_model,
        "chosen_model": chosen,
        "is_accepted": bool(choice and choice.is_accepted),
        "accepted_by": choice.created_by.printed_name if choice and choice.is_accepted and choice.created_by else None,
        "choice_reason": choice.reason if choice else "",
        "findings": curve.findings,
        "next_scan": next_scan_summary(curve.diagnostics.get("next_scan")),
        "one_scan": one_scan_summary(curve.diagnostics.get("one_scan"), administered_activity_bq=activity_bq),
        "leave_one_out": curve.diagnostics.get("leave_one_out"),
    }
