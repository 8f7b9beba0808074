"""Measured phantoms, and the scans from which one can be measured."""

from typing import Any

from planning.models import CalibrationMeasurement, Series, Site
from planning.models.imaging import SeriesKind


def measurement_summary(row: CalibrationMeasurement) -> dict[str, Any]:
    summary = row.series.summary if row.series else {}
    return {
        "id": str(row.pk),
        "run_id": row.run_id and str(row.run_id),
        "method": row.method,
        "label": row.get_method_display(),
        "inputs": row.inputs,
        "result": row.result,
        "scan": row.series and _scan(row.series),
        "camera": summary.get("station_name") or summary.get("manufacturer_model", ""),
        "author": row.created_by.printed_name if row.created_by else "system",
        "at": row.created_at.isoformat(),
    }


def phantom_scans(site: Site) -> list[dict[str, Any]]:
    """Return the images in quarantine: a phantom stays there, for it belongs to no patient."""
    return [_scan(row) for row in phantom_series(site).order_by("-acquisition_start")]


def phantom_series(site: Site):
    return site.series.filter(kind=SeriesKind.EMISSION, time_point__isnull=True, is_discarded=False)


def _scan(series: Series) -> dict[str, Any]:
    summary = series.summary
    return {
        "id": str(series.pk),
        "description": summary.get("description", ""),
        "camera": summary.get("station_name") or summary.get("manufacturer_model", ""),
        "nuclide": summary.get("nuclide") or "",
        "units": summary.get("units") or "counts",
        "started_at": series.acquisition_start and series.acquisition_start.isoformat(),
    }
