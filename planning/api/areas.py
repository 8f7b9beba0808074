from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.areas import AreaMeasurement, measured_area
from planning.errors import InvalidStateError
from planning.selectors.courses import time_points_visible_to
from planning.selectors.current import current_image
from planning.selectors.quantities import quantity

MAX_POINTS = 10_000


class AreaInput(serializers.Serializer):
    plane = serializers.ChoiceField(choices=("axial", "coronal", "sagittal"))
    points_lps_mm = serializers.ListField(
        child=serializers.ListField(child=FiniteFloatField(), min_length=3, max_length=3), max_length=MAX_POINTS
    )


class AreaApi(APIView):
    """Statistics of an area drawn on a slice; nothing is saved."""

    @documented(AreaInput)
    def post(self, request, time_point_id):
        time_point = get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)
        fields = AreaInput(data=request.data)
        fields.is_valid(raise_exception=True)
        image = current_image(time_point)
        if image is None:
            raise InvalidStateError("Prepare the images before measuring.", code="no_image")
        values = fields.validated_data
        return Response(_body(measured_area(image=image, plane=values["plane"], points_lps_mm=values["points_lps_mm"])))


def _body(found: AreaMeasurement) -> dict:
    emission, spread, ct = found.emission, found.spread, found.ct
    return {
        "volume": quantity(emission.volume_ml, unit="mL", factor=1.0),
        "n_voxels": emission.n_voxels,
        "mean": quantity(spread.mean, unit="kBq/mL", factor=1e3),
        "standard_deviation": quantity(spread.standard_deviation, unit="kBq/mL", factor=1e3),
        "maximum": quantity(emission.maximum_activity_concentration_bq_per_ml, unit="kBq/mL", factor=1e3),
        "activity": quantity(emission.activity_bq, unit="MBq", factor=1e6),
        "ct_mean": quantity(ct and ct.mean, unit="HU", factor=1.0),
        "ct_standard_deviation": quantity(ct and ct.standard_deviation, unit="HU", factor=1.0),
    }


urlpatterns = [path("time-points/<uuid:time_point_id>/area", AreaApi.as_view(), name="area")]
