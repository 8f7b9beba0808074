from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning import storage
from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.errors import ComputationError
from planning.computation.spect_settings import (
    CAMERA_NAMES,
    DEAD_TIME_MODELS,
    MOST_REPLICATES,
    SCATTER_CHOICES,
    settings_as_dict,
    spect_settings,
)
from planning.selectors.courses import cycles_visible_to, time_points_visible_to
from planning.selectors.imaging import cycle_images, images_visible_to, projections_camera, series_visible_to
from planning.services.audit import audit_view
from planning.services.image_exports import image_export
from planning.services.imaging import images_start, reference_choose

US_S = 1e-6


class ImagesApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        audit_view(actor=request.user, patient=cycle.patient)
        images = cycle_images(cycle)
        if images["reconstruction"] is not None:
            model, has_ct = projections_camera(cycle)
            settings = spect_settings(images["reconstruction"], camera_model=model, has_ct=has_ct)
            images["reconstruction"] = settings_as_dict(settings)
        return Response({**images, "cameras": list(CAMERA_NAMES)})


class ImagesPrepareInput(serializers.Serializer):
    """How projections are reconstructed; images that the camera reconstructed need none of it."""

    camera = serializers.ChoiceField(choices=("", *CAMERA_NAMES), required=False)
    penetration_share = FiniteFloatField(required=False, min_value=0.0, max_value=1.0)
    penetration_fwhm_mm = FiniteFloatField(required=False, min_value=0.0, max_value=1000.0)
    n_iterations = serializers.IntegerField(required=False, min_value=1, max_value=50)
    n_subsets = serializers.IntegerField(required=False, min_value=1, max_value=30)
    post_filter_fwhm_mm = FiniteFloatField(required=False, min_value=0.0, max_value=30.0)
    scatter = serializers.ChoiceField(choices=SCATTER_CHOICES, required=False)
    has_attenuation = serializers.BooleanField(required=False)
    dead_time_us = FiniteFloatField(required=False, min_value=0.0, max_value=100.0)
    dead_time_model = serializers.ChoiceField(choices=DEAD_TIME_MODELS, required=False)
    n_replicates = serializers.IntegerField(required=False, min_value=0, max_value=MOST_REPLICATES)

    def validate(self, attrs):
        if "dead_time_us" in attrs:
            attrs["dead_time_s"] = attrs.pop("dead_time_us") * US_S
        try:
            spect_settings(attrs)
        except ComputationError as error:
            raise serializers.ValidationError(str(error)) from None
        return attrs


class ImagesPrepareApi(APIView):
    @documented(ImagesPrepareInput, status=202)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = ImagesPrepareInput(data=request.data)
        fields.is_valid(raise_exception=True)
        run = images_start(actor=request.user, cycle=cycle, parameters=fields.validated_data)
        return Response({"run_id": str(run.pk)}, status=202)


class ReferenceApi(APIView):
    @documented()
    def post(self, request, time_point_id):
        time_point = get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)
        reference_choose(actor=request.user, time_point=time_point)
        return Response({"reference_time_point_id": str(time_point.pk)})


class SeriesPreviewApi(APIView):
    """Sends the small picture made when the series was read."""

    @documented()
    def get(self, request, series_id):
        series = get_object_or_404(series_visible_to(user=request.user).exclude(preview_sha256=""), pk=series_id)
        stored = storage.open_object(series.preview_sha256)
        return FileResponse(stored, content_type="image/png", headers={"Cache-Control": "private, no-cache"})


class ImageDicomApi(APIView):
    """Sends a reconstructed image as a DICOM file; its name holds nothing of the patient."""

    @documented()
    def get(self, request, image_id):
        image = get_object_or_404(images_visible_to(user=request.user), pk=image_id)
        content = image_export(actor=request.user, image=image)
        point = image.time_point
        name = f"nm-cycle-{point.cycle.number}-scan-{point.number}-v{image.number}.dcm"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        return HttpResponse(content, content_type="application/dicom", headers=headers)


urlpatterns = [
    path("images/<uuid:image_id>/dicom", ImageDicomApi.as_view(), name="image-dicom"),
    path("series/<uuid:series_id>/preview", SeriesPreviewApi.as_view(), name="series-preview"),
    path("cycles/<uuid:cycle_id>/images", ImagesApi.as_view(), name="images"),
    path("cycles/<uuid:cycle_id>/images/prepare", ImagesPrepareApi.as_view(), name="images-prepare"),
    path("time-points/<uuid:time_point_id>/reference", ReferenceApi.as_view(), name="reference"),
]
