"""The preview of an edit as JSON: before and after of each number that it would change."""

from typing import Any

from planning.computation.contour_preview import Consequence, ContourPreview
from planning.models import TimePoint
from planning.selectors.quantities import quantity

ROWS = (
    ("Half-life", "effective_half_life_s", "h", 3600.0),
    ("Time-integrated activity", "time_integrated_activity_bq_s", "MBq·h", 3.6e9),
    ("Mass", "mass_g", "g", 1.0),
    ("Absorbed dose", "absorbed_dose_gy", "Gy", 1.0),
    ("BED", "bed_gy", "Gy", 1.0),
    ("Next activity, 95 %", "next_activity_bq", "GBq", 1e9),
)


def preview_body(preview: ContourPreview, time_point: TimePoint) -> dict[str, Any]:
    return {
        "calculation_number": preview.calculation_number,
        "is_changed": preview.is_changed,
        "obstacle": preview.obstacle,
        "activity": _point_activity(preview, time_point),
        "rows": [
            {
                "name": name,
                "before": _shown(preview.before, field, unit, factor),
                "after": None if preview.after is None else _shown(preview.after, field, unit, factor),
                "change_percent": _change(preview, field),
            }
            for name, field, unit, factor in ROWS
            if getattr(preview.before, field) is not None
        ],
    }


def _point_activity(preview: ContourPreview, time_point: TimePoint) -> dict[str, Any] | None:
    """Return the activity of this scan as the curve would take it, correction included."""
    point = next((p for p in preview.points if p["time_point"] == str(time_point.pk)), None)
    if point is None:
        return None
    return quantity(
        point["activity_bq"], unit="MBq", factor=1e6, standard_uncertainty=point["activity_standard_uncertainty_bq"]
    )


def _shown(numbers: Consequence, field: str, unit: str, factor: float) -> dict[str, Any] | None:
    u = numbers.absorbed_dose_standard_uncertainty_gy if field == "absorbed_dose_gy" else None
    return quantity(getattr(numbers, field), unit=unit, factor=factor, standard_uncertainty=u)


def _change(preview: ContourPreview, field: str) -> float | None:
    before = getattr(preview.before, field)
    after = None if preview.after is None else getattr(preview.after, field)
    return None if after is None or not before else 100.0 * (after / before - 1.0)
