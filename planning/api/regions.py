from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.models.contours import RegionKind
from planning.selectors.contours import regions_visible_to
from planning.selectors.courses import courses_visible_to
from planning.services.regions import region_create, region_rename


class RegionInput(serializers.Serializer):
    kind = serializers.ChoiceField(choices=RegionKind.choices)
    name = serializers.CharField(max_length=64)


class RegionChangeInput(serializers.Serializer):
    name = serializers.CharField(max_length=64, required=False, default="")
    colour = serializers.RegexField(r"^r[1-9]$", required=False, default="")


def _region(region) -> dict:
    return {
        "id": str(region.pk),
        "kind": region.kind,
        "name": region.name,
        "label": region.label,
        "colour": region.colour,
    }


class RegionsApi(APIView):
    @documented(RegionInput, status=201)
    def post(self, request, course_id):
        course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
        fields = RegionInput(data=request.data)
        fields.is_valid(raise_exception=True)
        return Response(_region(region_create(actor=request.user, course=course, **fields.validated_data)), status=201)


class RegionApi(APIView):
    @documented(RegionChangeInput)
    def patch(self, request, region_id):
        region = get_object_or_404(regions_visible_to(user=request.user), pk=region_id)
        fields = RegionChangeInput(data=request.data)
        fields.is_valid(raise_exception=True)
        return Response(_region(region_rename(actor=request.user, region=region, **fields.validated_data)))


urlpatterns = [
    path("courses/<uuid:course_id>/regions", RegionsApi.as_view(), name="regions"),
    path("regions/<uuid:region_id>", RegionApi.as_view(), name="region"),
]
