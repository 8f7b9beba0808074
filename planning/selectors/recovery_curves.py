"""Recovery curves as the settings page shows them, and those that the scans of a cycle may be corrected with."""

from collections.abc import Mapping
from typing import Any

from planning.models import CalibrationMeasurement, Cycle, RecoveryCurve
from planning.selectors.current import acquired_series
from planning.selectors.sites import sites_visible_to

STORED = ("b1_ml", "b2", "covariance", "chi_square", "n_degrees_of_freedom", "volume_range_ml")
"""What a measurement must hold to be used as a correction; those of early versions hold no covariance."""


def recovery_curves_visible_to(*, user):
    return RecoveryCurve.objects.filter(site__in=sites_visible_to(user=user)).select_related("site", "measurement")


def is_usable(measurement: CalibrationMeasurement) -> bool:
    """Return whether a measurement holds a recovery curve with its covariance."""
    return all(name in measurement.result for name in STORED)


def recovery_curves_for(cycle: Cycle) -> list[RecoveryCurve]:
    """Return the confirmed curves of the camera and nuclide of every scan of a cycle, newest first."""
    curves = cycle.site.recovery_curves.filter(is_withdrawn=False, confirmed_at__isnull=False)
    rows = curves.select_related("measurement").order_by("-created_at")
    return [curve for curve in rows if unsuited_because(curve, cycle) == ""]


def unsuited_because(curve: RecoveryCurve, cycle: Cycle) -> str:
    """Return why the scans of a cycle may not be corrected with a curve; empty where they may.

    The reconstruction is no word of any header: whoever fits says that it was that of the phantom.
    """
    if curve.is_withdrawn or curve.confirmed_at is None:
        return "the recovery curve is not confirmed, or was withdrawn"
    if curve.nuclide != cycle.course.nuclide:
        return f"the recovery curve was measured with {curve.nuclide}, the course is of {cycle.course.nuclide}"
    for time_point in cycle.time_points.all():
        series = acquired_series(time_point)
        summary = {} if series is None else series.summary
        names = {summary.get("station_name", ""), summary.get("manufacturer_model", "")} - {""}
        if series is not None and curve.camera not in names:
            found = " or ".join(sorted(names)) or "a camera that the header does not name"
            return f"the recovery curve is of {curve.camera}, time point {time_point.number} of {found}"
    return ""


def recovery_text(curve: RecoveryCurve) -> str:
    """Return a curve in words, as it stands beside what it changed."""
    result = curve.measurement.result
    low, high = result["volume_range_ml"]
    day = curve.measurement.created_at.date().isoformat()
    return (
        f"b1 {result['b1_ml']:.3g} mL, b2 {result['b2']:.3g}, spheres of {low:.2g} to {high:.3g} mL; {curve.camera}, "
        f"{curve.nuclide}, {curve.reconstruction}, measured {day}"
    )


def recovery_choice(curve: RecoveryCurve) -> dict[str, str]:
    return {"id": str(curve.pk), "label": recovery_text(curve)}


def recovery_curve_summary(curve: RecoveryCurve) -> dict[str, Any]:
    result: Mapping[str, Any] = curve.measurement.result
    return {
        "id": str(curve.pk),
        "measurement_id": str(curve.measurement_id),
        "camera": curve.camera,
        "nuclide": curve.nuclide,
        "reconstruction": curve.reconstruction,
        "b1_ml": result["b1_ml"],
        "b2": result["b2"],
        "volume_range_ml": result["volume_range_ml"],
        "is_confirmed": curve.confirmed_at is not None,
        "confirmed_by": curve.confirmed_by.printed_name if curve.confirmed_by else None,
        "is_withdrawn": curve.is_withdrawn,
        "author": curve.created_by.printed_name if curve.created_by else "system",
    }
