from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.imaging import ImagesPrepareInput
from planning.api.schema import documented
from planning.computation.spect_settings import CAMERA_NAMES, settings_as_dict, spect_settings
from planning.models import Series
from planning.models.calibration_measurements import MeasurementMethod
from planning.models.imaging import SeriesKind
from planning.selectors.calibration_measurements import (
    measurement_summary,
    phantom_ct,
    phantom_scan,
    phantom_scans,
    phantom_series,
)
from planning.selectors.sites import sites_visible_to
from planning.services.calibrations import measurement_start

MAX_ROWS = 500
MAX_SPHERES = 20
MAX_PLACE_MM = 5000.0


def centres_field() -> serializers.ListField:
    """Return the field of typed sphere centres: x, y, z in LPS mm, in the order of the diameters."""
    centre = serializers.ListField(
        child=FiniteFloatField(min_value=-MAX_PLACE_MM, max_value=MAX_PLACE_MM), min_length=3, max_length=3
    )
    return serializers.ListField(child=centre, min_length=1, max_length=MAX_SPHERES, required=False)


class SourceInput(serializers.Serializer):
    nuclide = serializers.CharField(max_length=16)
    activity_mbq = FiniteFloatField(min_value=1e-6)
    activity_standard_uncertainty_mbq = FiniteFloatField(min_value=0.0)
    clock_standard_uncertainty_s = FiniteFloatField(required=False, min_value=0.0)


class PlanarInput(SourceInput):
    assay_to_start_min = FiniteFloatField(min_value=0.0)
    duration_s = FiniteFloatField(min_value=1e-3)
    counts = FiniteFloatField(min_value=0.0)
    background_counts = FiniteFloatField(required=False, min_value=0.0)
    background_duration_s = FiniteFloatField(required=False, min_value=1e-3)


class ScanInput(SourceInput):
    """``spect`` are the settings with which projections are reconstructed; an image of the camera needs none."""

    assay_at = serializers.DateTimeField()
    spect = ImagesPrepareInput(required=False)
    acquired_counts = FiniteFloatField(required=False, min_value=1.0)

    def validate_assay_at(self, value):
        """Return the time as text: the inputs are stored as JSON."""
        return value.isoformat()


class CylinderInput(ScanInput):
    phantom_volume_ml = FiniteFloatField(required=False, min_value=1.0)
    phantom_volume_standard_uncertainty_ml = FiniteFloatField(required=False, min_value=0.0)
    region_diameter_mm = FiniteFloatField(required=False, min_value=1.0)
    region_length_mm = FiniteFloatField(required=False, min_value=1.0)

    def validate(self, attrs):
        needed = {"phantom_volume_ml", "region_diameter_mm", "region_length_mm"}
        given = needed & set(attrs)
        if given and given != needed:
            raise serializers.ValidationError(
                "A region needs its diameter, its length and the filled volume; leave all three empty for all counts."
            )
        return attrs


class SphereInput(ScanInput):
    sphere_diameter_mm = FiniteFloatField(min_value=1.0, max_value=300.0)
    region_diameter_mm = FiniteFloatField(required=False, min_value=1.0, max_value=500.0)
    background_shell_mm = FiniteFloatField(required=False, min_value=1.0, max_value=100.0)
    centres_lps_mm = centres_field()

    def validate_centres_lps_mm(self, value):
        if len(value) != 1:
            raise serializers.ValidationError("One sphere has one centre; type a single line, or none.")
        return value


class DeadTimeInput(serializers.Serializer):
    nuclide = serializers.CharField(max_length=16)
    model = serializers.ChoiceField(choices=("paralysable", "non_paralysable"))
    is_decaying = serializers.BooleanField()
    duration_s = FiniteFloatField(min_value=1e-3)
    background_cps = FiniteFloatField(required=False, min_value=0.0)
    rows = serializers.ListField(
        child=serializers.ListField(child=FiniteFloatField(min_value=0.0), min_length=2, max_length=2),
        min_length=3,
        max_length=MAX_ROWS,
    )


class RecoveryInput(serializers.Serializer):
    nuclide = serializers.CharField(max_length=16)
    assay_at = serializers.DateTimeField()
    concentration_kbq_per_ml = FiniteFloatField(min_value=1e-6)
    background_kbq_per_ml = FiniteFloatField(required=False, min_value=0.0)
    relative_standard_uncertainty_percent = FiniteFloatField(min_value=0.01, max_value=100.0)
    diameters_mm = serializers.ListField(
        child=FiniteFloatField(min_value=1.0, max_value=300.0), min_length=3, max_length=MAX_SPHERES
    )
    centres_lps_mm = centres_field()
    reconstruction = serializers.CharField(max_length=255, required=False)
    spect = ImagesPrepareInput(required=False)

    def validate_assay_at(self, value):
        return value.isoformat()

    def validate(self, attrs):
        n_typed, n_spheres = len(attrs.get("centres_lps_mm", ())), len(attrs["diameters_mm"])
        if n_typed not in {0, n_spheres}:
            text = f"{n_spheres} diameters need {n_spheres} centres, one a line in their order; got {n_typed}."
            raise serializers.ValidationError({"centres_lps_mm": text})
        if "reconstruction" not in attrs and "spect" not in attrs:
            text = "Say how the camera reconstructed the image: camera, collimator, iterations, filter."
            raise serializers.ValidationError({"reconstruction": text})
        return attrs


INPUTS = {
    MeasurementMethod.PLANAR: PlanarInput,
    MeasurementMethod.CYLINDER: CylinderInput,
    MeasurementMethod.SPHERE: SphereInput,
    MeasurementMethod.DEAD_TIME: DeadTimeInput,
    MeasurementMethod.RECOVERY: RecoveryInput,
}
NEEDS_SCAN = {MeasurementMethod.CYLINDER, MeasurementMethod.SPHERE, MeasurementMethod.RECOVERY}


def usual_spect(series: Series) -> dict[str, Any] | None:
    """Return the settings with which projections of a phantom are reconstructed unless others are chosen."""
    if series.kind != SeriesKind.PROJECTIONS:
        return None
    model, has_ct = series.summary.get("manufacturer_model", ""), phantom_ct(series) is not None
    chosen = {} if has_ct else {"has_attenuation": False}
    return settings_as_dict(spect_settings(chosen, camera_model=model, has_ct=has_ct))


class MeasurementInput(serializers.Serializer):
    """``inputs`` depends on the method."""

    method = serializers.ChoiceField(choices=MeasurementMethod.choices)
    series_id = serializers.UUIDField(required=False)
    inputs = serializers.JSONField()

    def validate(self, attrs):
        if attrs["method"] in NEEDS_SCAN and "series_id" not in attrs:
            raise serializers.ValidationError("Choose the scan of the phantom.")
        fields = INPUTS[attrs["method"]](data=attrs["inputs"])
        fields.is_valid(raise_exception=True)
        inputs = dict(fields.validated_data)
        if "spect" in inputs:
            inputs["spect"] = dict(inputs["spect"])
        return {**attrs, "inputs": inputs}


class CalibrationMeasurementsApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        rows = site.calibration_measurements.select_related("series", "created_by")
        scans = [{**phantom_scan(row), "spect": usual_spect(row)} for row in phantom_scans(site)]
        results = [measurement_summary(row) for row in rows]
        return Response({"results": results, "scans": scans, "cameras": list(CAMERA_NAMES)})

    @documented(MeasurementInput, status=202)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = MeasurementInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        series = None
        if "series_id" in values:
            series = get_object_or_404(phantom_series(site), pk=values["series_id"])
        run = measurement_start(
            actor=request.user, site=site, method=values["method"], series=series, inputs=values["inputs"]
        )
        return Response({"run_id": str(run.pk)}, status=202)


urlpatterns = [
    path(
        "sites/<uuid:site_id>/calibration-measurements",
        CalibrationMeasurementsApi.as_view(),
        name="calibration-measurements",
    ),
]
