"""Measured phantoms, and the scans from which one can be measured."""

from typing import Any

from planning.models import CalibrationMeasurement, Series, Site
from planning.models.imaging import ACQUIRED_KINDS, SeriesKind


def measurement_summary(row: CalibrationMeasurement) -> dict[str, Any]:
    summary = row.series.summary if row.series else {}
    return {
        "id": str(row.pk),
        "run_id": row.run_id and str(row.run_id),
        "method": row.method,
        "label": row.get_method_display(),
        "inputs": row.inputs,
        "result": row.result,
        "scan": row.series and phantom_scan(row.series),
        "camera": summary.get("station_name") or summary.get("manufacturer_model", ""),
        "author": row.created_by.printed_name if row.created_by else "system",
        "at": row.created_at.isoformat(),
    }


def phantom_scans(site: Site):
    """Return the images and projections in quarantine: a phantom stays there, for it belongs to no patient."""
    return phantom_series(site).order_by("-acquisition_start")


def phantom_series(site: Site):
    return site.series.filter(kind__in=ACQUIRED_KINDS, time_point__isnull=True, is_discarded=False)


def phantom_ct(series: Series) -> Series | None:
    """Return the CT of a phantom's projections: of their study, in quarantine, in their frame of reference first."""
    cts = series.site.series.filter(
        kind=SeriesKind.CT, time_point__isnull=True, is_discarded=False, study_uid=series.study_uid
    )
    return cts.filter(frame_of_reference_uid=series.frame_of_reference_uid).first() or cts.first()


def phantom_scan(series: Series) -> dict[str, Any]:
    summary = series.summary
    return {
        "id": str(series.pk),
        "description": summary.get("description", ""),
        "camera": summary.get("station_name") or summary.get("manufacturer_model", ""),
        "nuclide": summary.get("nuclide") or "",
        "units": summary.get("units") or "counts",
        "is_projections": series.kind == SeriesKind.PROJECTIONS,
        "started_at": series.acquisition_start and series.acquisition_start.isoformat(),
    }
