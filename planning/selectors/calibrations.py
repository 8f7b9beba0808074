"""Camera calibration factors as the settings page shows them."""

from typing import Any

from planning.models import CalibrationFactor, Series
from planning.models.imaging import SeriesKind
from planning.selectors.quantities import quantity
from planning.selectors.sites import sites_visible_to


def calibrations_visible_to(*, user):
    return CalibrationFactor.objects.filter(site__in=sites_visible_to(user=user)).select_related("site")


PROJECTIONS_FACTOR = "Projections, one head"
"""Stands in ``reconstruction`` of a factor that was measured in air with one head: for projections, and only these."""


def projections_factor(reconstruction: str) -> str:
    """Return the words of a factor of projections that holds for one reconstruction only, by the settings in words."""
    return f"{PROJECTIONS_FACTOR}: {reconstruction}"


LINE_TOLERANCE_KEV = 5.0
"""Between the line that a person typed and the one found in the windows; lines that are told apart lie further."""


def calibration_for(series: Series, *, reconstruction: str = "") -> CalibrationFactor | None:
    """Return the confirmed factor of camera, nuclide, line and day of a series; of several, the one valid from last.

    ``reconstruction`` are the settings, in words, with which projections are reconstructed: a factor that was measured
    in a phantom with exactly these comes before one in air, and one of other settings is not taken.
    """
    summary = series.summary
    if series.acquisition_start is None:
        return None
    day = series.acquisition_start.date()
    names = {summary.get("station_name", ""), summary.get("manufacturer_model", "")} - {""}
    factors = series.site.calibration_factors.filter(
        camera__in=names, is_withdrawn=False, confirmed_at__isnull=False, valid_from__lte=day
    )
    exact = projections_factor(reconstruction)
    if series.kind == SeriesKind.PROJECTIONS:
        factors = factors.filter(reconstruction__in=[PROJECTIONS_FACTOR, *([exact] if reconstruction else [])])
    else:
        factors = factors.exclude(reconstruction__startswith=PROJECTIONS_FACTOR)
    if summary.get("nuclide"):
        factors = factors.filter(nuclide=summary["nuclide"])
    valid = [
        factor
        for factor in factors
        if (factor.valid_to is None or factor.valid_to >= day) and _is_of_line(factor, summary.get("imaged_kev"))
    ]
    return max(valid, key=lambda factor: (factor.reconstruction == exact, factor.valid_from), default=None)


def _is_of_line(factor: CalibrationFactor, imaged_kev: float | None) -> bool:
    """Tell whether a factor may be of the imaged line; one that names none, or a scan that states none, may be."""
    return factor.imaged_kev is None or imaged_kev is None or abs(factor.imaged_kev - imaged_kev) <= LINE_TOLERANCE_KEV


def calibration_summary(factor: CalibrationFactor) -> dict[str, Any]:
    return {
        "id": str(factor.pk),
        "camera": factor.camera,
        "nuclide": factor.nuclide,
        "imaged_kev": factor.imaged_kev,
        "collimator": factor.collimator,
        "reconstruction": factor.reconstruction,
        "calibration": quantity(
            factor.calibration_cps_per_bq,
            unit="cps/MBq",
            factor=1e-6,
            standard_uncertainty=factor.calibration_standard_uncertainty_cps_per_bq,
        ),
        "valid_from": factor.valid_from.isoformat(),
        "valid_to": factor.valid_to and factor.valid_to.isoformat(),
        "source": factor.source,
        "is_confirmed": factor.confirmed_at is not None,
        "confirmed_by": factor.confirmed_by.printed_name if factor.confirmed_by else None,
        "is_withdrawn": factor.is_withdrawn,
        "author": factor.created_by.printed_name if factor.created_by else "system",
    }
