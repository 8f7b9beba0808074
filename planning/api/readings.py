from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.preconditions import if_match_version
from planning.api.schema import documented
from planning.computation.readings import (
    INTERSECTION,
    READER_1,
    READER_2,
    UNION,
    RegionComparison,
    compared_regions,
    reading_revisions,
)
from planning.errors import NotAllowedError
from planning.models.readings import ReadingStart, ReadingState
from planning.selectors.contours import regions_visible_to
from planning.selectors.courses import time_points_visible_to
from planning.selectors.current import current_contours
from planning.selectors.quantities import quantity
from planning.selectors.readings import reading_summary, second_readings_visible_to, time_point_readings
from planning.services.audit import audit_view
from planning.services.reading_adjudications import Choice, second_reading_adjudicate
from planning.services.readings import second_reading_cancel, second_reading_open, second_reading_submit


class ReadingInput(serializers.Serializer):
    start = serializers.ChoiceField(choices=ReadingStart.choices)
    reader_ids = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)


class TimePointReadingsApi(APIView):
    @documented()
    def get(self, request, time_point_id):
        time_point = get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)
        return Response({"results": time_point_readings(time_point, user=request.user)})

    @documented(ReadingInput, status=201)
    def post(self, request, time_point_id):
        time_point = get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)
        fields = ReadingInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        reading = second_reading_open(
            actor=request.user,
            time_point=time_point,
            start=ReadingStart(values["start"]),
            reader_ids=values["reader_ids"],
        )
        return Response(reading_summary(reading, user=request.user), status=201)


def _reading(request, second_reading_id):
    return get_object_or_404(second_readings_visible_to(user=request.user), pk=second_reading_id)


class ReadingSubmitApi(APIView):
    @documented()
    def post(self, request, second_reading_id):
        reading = second_reading_submit(actor=request.user, reading=_reading(request, second_reading_id))
        return Response(reading_summary(reading, user=request.user))


class CancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)


class ReadingCancelApi(APIView):
    @documented(CancelInput)
    def post(self, request, second_reading_id):
        reading = _reading(request, second_reading_id)
        fields = CancelInput(data=request.data)
        fields.is_valid(raise_exception=True)
        reading = second_reading_cancel(actor=request.user, reading=reading, reason=fields.validated_data["reason"])
        return Response(reading_summary(reading, user=request.user))


class ReadingApi(APIView):
    """The comparison; refused while a reader has not submitted, also to those who do not read."""

    @documented()
    def get(self, request, second_reading_id):
        reading = _reading(request, second_reading_id)
        if reading.state != ReadingState.SUBMITTED:
            raise NotAllowedError(
                "The readings are hidden until both readers have submitted; ask them, or wait.", code="reading_hidden"
            )
        audit_view(actor=request.user, patient=reading.time_point.cycle.patient)
        current = current_contours(reading.time_point)
        revisions = reading_revisions(reading)
        return Response(
            {
                **reading_summary(reading, user=request.user),
                "time_point_id": str(reading.time_point_id),
                "current_number": current.number if current else 0,
                "volumes": [
                    revision and {"organs": str(revision.organs_id), "lesions": str(revision.lesions_id)}
                    for revision in revisions
                ],
                "regions": [_compared(row) for row in compared_regions(reading)],
            }
        )


def _compared(row: RegionComparison) -> dict:
    first, second = row.contours
    distances = row.distances
    has_both = first is not None and second is not None
    mean_bq = 0.5 * (first.activity_bq + second.activity_bq) if has_both else 0.0
    difference = (second.activity_bq - first.activity_bq) / mean_bq if mean_bq > 0.0 else None
    return {
        "region": {
            "id": str(row.region.pk),
            "name": row.region.name,
            "kind": row.region.kind,
            "label": row.region.label,
            "colour": row.region.colour,
        },
        "readers": [contour and _numbers(contour) for contour in row.contours],
        "dice": row.dice,
        "hausdorff_95": quantity(distances and distances.hausdorff_95_mm, unit="mm", factor=1.0),
        "mean_distance": quantity(distances and distances.mean_mm, unit="mm", factor=1.0),
        "activity_difference": quantity(difference, unit="%", factor=0.01),
        "volume_cv": quantity(row.volume_cv, unit="%", factor=0.01),
    }


def _numbers(contour) -> dict:
    return {
        "volume": quantity(contour.contour_volume_ml, unit="mL", factor=1.0),
        "mean": quantity(contour.mean_activity_concentration_bq_per_ml, unit="kBq/mL", factor=1e3),
        "activity": quantity(contour.activity_bq, unit="MBq", factor=1e6),
    }


class ChoiceInput(serializers.Serializer):
    region_id = serializers.UUIDField()
    take = serializers.ChoiceField(choices=(READER_1, READER_2, UNION, INTERSECTION))
    edits_further = serializers.BooleanField(default=False)


class AdjudicationInput(serializers.Serializer):
    choices = serializers.ListField(child=ChoiceInput(), min_length=1)

    def validate_choices(self, choices):
        if len({choice["region_id"] for choice in choices}) != len(choices):
            raise serializers.ValidationError("Choose once for each region.")
        return choices


class ReadingAdjudicateApi(APIView):
    @documented(AdjudicationInput, status=201)
    def post(self, request, second_reading_id):
        reading = _reading(request, second_reading_id)
        fields = AdjudicationInput(data=request.data)
        fields.is_valid(raise_exception=True)
        regions = regions_visible_to(user=request.user).filter(course_id=reading.time_point.cycle.course_id)
        choices = [
            Choice(
                region=get_object_or_404(regions, pk=choice["region_id"]),
                take=choice["take"],
                edits_further=choice["edits_further"],
            )
            for choice in fields.validated_data["choices"]
        ]
        revision = second_reading_adjudicate(
            actor=request.user, reading=reading, base_number=if_match_version(request), choices=choices
        )
        return Response({"number": revision.number, "note": revision.note}, status=201)


READING = "second-readings/<uuid:second_reading_id>"
urlpatterns = [
    path("time-points/<uuid:time_point_id>/second-readings", TimePointReadingsApi.as_view(), name="second-readings"),
    path(READING, ReadingApi.as_view(), name="second-reading"),
    path(f"{READING}/submit", ReadingSubmitApi.as_view(), name="second-reading-submit"),
    path(f"{READING}/cancel", ReadingCancelApi.as_view(), name="second-reading-cancel"),
    path(f"{READING}/adjudicate", ReadingAdjudicateApi.as_view(), name="second-reading-adjudicate"),
]
