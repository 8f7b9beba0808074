"""CT density curves as the settings page shows them, and the one that a CT is read by."""

from typing import Any
from zoneinfo import ZoneInfo

from planning.models import DensityCurve, DoseCalculation, Series, Site
from planning.models.imaging import SeriesKind
from planning.selectors.sites import sites_visible_to


def density_curves_visible_to(*, user):
    return DensityCurve.objects.filter(site__in=sites_visible_to(user=user)).select_related("site")


def density_curve_for(series: Series | None) -> DensityCurve | None:
    """Return the confirmed curve of the scanner and day of a CT series, None for the published default.

    A curve named after the station wins over one named after the model, then the one valid from last.
    """
    if series is None or series.acquisition_start is None:
        return None
    day = series.acquisition_start.astimezone(ZoneInfo(series.site.time_zone)).date()
    station = series.summary.get("station_name", "")
    names = {station, series.summary.get("manufacturer_model", "")} - {""}
    curves = series.site.density_curves.filter(
        scanner__in=names, is_withdrawn=False, confirmed_at__isnull=False, valid_from__lte=day
    )
    return max(curves, key=lambda curve: (curve.scanner == station, curve.valid_from, curve.confirmed_at), default=None)


def density_stale_cause(calculation: DoseCalculation) -> str | None:
    """Return why the density of a calculation is no longer the one its CT would get today."""
    image = calculation.reference_image
    if "density_g_per_ml" in calculation.parameters or not image.ct_sha256:
        return None
    # Calculations from before curves could be edited name none: they used the default.
    used = calculation.provenance.get("density_curve", {}).get("id")
    if used is not None and DensityCurve.objects.filter(pk=used, is_withdrawn=True).exists():
        return "the density curve was withdrawn"
    curve = density_curve_for(image.ct_series)
    if used != (None if curve is None else str(curve.pk)):
        return "another density curve applies"
    return None


def ct_scanners_of(site: Site) -> list[str]:
    """Return the station names and models of the CT series that the site imported."""
    rows = Series.objects.filter(site=site, kind=SeriesKind.CT, is_discarded=False).order_by()
    pairs = rows.values_list("summary__station_name", "summary__manufacturer_model").distinct()
    return sorted({name for pair in pairs for name in pair if name})


def density_curve_summary(curve: DensityCurve) -> dict[str, Any]:
    return {
        "id": str(curve.pk),
        "scanner": curve.scanner,
        "points": curve.points,
        "source": curve.source,
        "valid_from": curve.valid_from.isoformat(),
        "is_confirmed": curve.confirmed_at is not None,
        "confirmed_by": curve.confirmed_by.printed_name if curve.confirmed_by else None,
        "is_withdrawn": curve.is_withdrawn,
        "author": curve.created_by.printed_name if curve.created_by else "system",
    }
