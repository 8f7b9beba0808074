from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.computation.contour_comparison import RevisionDifference, compared_revisions
from planning.models import ContourRevision, RegionContour
from planning.selectors.courses import time_points_visible_to
from planning.selectors.current import contour_revisions_of
from planning.selectors.quantities import quantity
from planning.selectors.readings import open_copy
from planning.services.audit import audit_view


class ContourComparisonApi(APIView):
    """An earlier revision against the newest one: volumes, agreement, activity, and the dose that each would give."""

    @documented()
    def get(self, request, time_point_id, number):
        time_point = get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)
        copy = open_copy(time_point, user=request.user)
        revisions = contour_revisions_of(time_point, copy)
        then = get_object_or_404(revisions.select_related("image", "organs", "lesions"), number=number)
        now = revisions.order_by("-number").first()
        audit_view(actor=request.user, patient=time_point.cycle.patient)
        # A reader draws on an own copy: what the shared contours of other scans would give is not theirs to see.
        rows = compared_revisions(then, now, has_doses=copy is None)
        return Response(
            {
                "then": _head(then),
                "now": _head(now),
                "is_same_grid": then.image.label_grid == now.image.label_grid,
                "calculation_number": next(
                    (dose.calculation_number for row in rows for dose in row.doses if dose), None
                ),
                "regions": [_compared(row) for row in rows],
            }
        )


def _head(revision: ContourRevision) -> dict:
    return {"number": revision.number, "at": revision.created_at.isoformat(), "note": revision.note}


def _compared(row: RevisionDifference) -> dict:
    doses = [None if dose is None else dose.absorbed_dose_gy for dose in row.doses]
    changes = None if doses[0] is None or doses[1] is None or doses[0] <= 0.0 else doses[1] / doses[0] - 1.0
    return {
        "region": {
            "id": str(row.region.pk),
            "name": row.region.name,
            "kind": row.region.kind,
            "label": row.region.label,
        },
        "revisions": [contour and _numbers(contour) for contour in row.contours],
        "dice": row.dice,
        "added": quantity(row.added_ml, unit="mL", factor=1.0),
        "removed": quantity(row.removed_ml, unit="mL", factor=1.0),
        "doses": [quantity(dose, unit="Gy", factor=1.0) for dose in doses],
        "dose_change": quantity(changes, unit="%", factor=0.01),
        "dose_obstacles": [dose.obstacle if dose else "" for dose in row.doses],
    }


def _numbers(contour: RegionContour) -> dict:
    return {
        "state": contour.state,
        "volume": quantity(contour.contour_volume_ml, unit="mL", factor=1.0),
        "activity": quantity(contour.activity_bq, unit="MBq", factor=1e6),
    }


urlpatterns = [
    path(
        "time-points/<uuid:time_point_id>/contours/compare/<int:number>",
        ContourComparisonApi.as_view(),
        name="contour-comparison",
    )
]
