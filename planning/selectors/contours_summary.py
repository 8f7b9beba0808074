"""Contours in the words of the report: volumes as drawn and after organ minus lesions, source, statements."""

from collections.abc import Iterable
from typing import Any

from planning.models import ContourRevision
from planning.selectors.quantities import quantity


def contour_summary(revisions: Iterable[ContourRevision]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(revision.pk),
            "time_point": revision.time_point.number,
            "number": revision.number,
            "author": revision.created_by.printed_name if revision.created_by else "system",
            "at": revision.created_at.isoformat(),
            "regions": [_region(contour) for contour in revision.contours.select_related("region")],
        }
        for revision in sorted(revisions, key=lambda revision: revision.time_point.number)
    ]


def _region(contour) -> dict[str, Any]:
    return {
        "name": contour.region.name,
        "kind": contour.region.kind,
        "state": contour.state,
        "source": contour.source,
        "source_detail": contour.source_detail,
        "contour_volume": quantity(contour.contour_volume_ml, unit="mL", factor=1.0),
        "volume": quantity(contour.volume_ml, unit="mL", factor=1.0),
        "activity": quantity(
            contour.activity_bq,
            unit="MBq",
            factor=1e6,
            standard_uncertainty=contour.activity_standard_uncertainty_bq,
        ),
        "statements": contour.statements,
        "findings": contour.findings,
    }
