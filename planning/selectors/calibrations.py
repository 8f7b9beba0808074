"""Camera calibration factors as the settings page shows them."""

from typing import Any

from django.db.models import Q

from planning.models import CalibrationFactor, Series
from planning.models.imaging import SeriesKind
from planning.selectors.quantities import quantity
from planning.selectors.sites import sites_visible_to


def calibrations_visible_to(*, user):
    return CalibrationFactor.objects.filter(site__in=sites_visible_to(user=user)).select_related("site")


PROJECTIONS_FACTOR = "Projections, one head"
"""Stands in ``reconstruction`` of a factor that was measured in air with one head: for projections, and only these."""


def calibration_for(series: Series) -> CalibrationFactor | None:
    """Return the confirmed factor of the camera, nuclide and day of a series; of several, the one valid from last."""
    summary = series.summary
    if series.acquisition_start is None:
        return None
    day = series.acquisition_start.date()
    names = {summary.get("station_name", ""), summary.get("manufacturer_model", "")} - {""}
    factors = series.site.calibration_factors.filter(
        camera__in=names, is_withdrawn=False, confirmed_at__isnull=False, valid_from__lte=day
    )
    is_of_projections = Q(reconstruction=PROJECTIONS_FACTOR)
    factors = factors.filter(is_of_projections if series.kind == SeriesKind.PROJECTIONS else ~is_of_projections)
    if summary.get("nuclide"):
        factors = factors.filter(nuclide=summary["nuclide"])
    valid = [factor for factor in factors if factor.valid_to is None or factor.valid_to >= day]
    return max(valid, key=lambda factor: factor.valid_from, default=None)


def calibration_summary(factor: CalibrationFactor) -> dict[str, Any]:
    return {
        "id": str(factor.pk),
        "camera": factor.camera,
        "nuclide": factor.nuclide,
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
