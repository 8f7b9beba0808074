from itertools import pairwise

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.imaging import US_S, ImagesPrepareInput
from planning.api.kinetics import CurvesStartInput
from planning.api.schema import documented
from planning.computation.errors import ComputationError
from planning.computation.spect_settings import DEAD_TIME_MODELS
from planning.computation.virtual_comparison import compared_with_truth
from planning.computation.virtual_settings import (
    AGENT_NUCLIDES,
    DOSE_LEVELS,
    LESION_SITES,
    SEXES,
    USUAL_CT,
    VARIANTS,
    corrected_reconstruction,
    wanted_body,
)
from planning.models import Site
from planning.selectors.sites import site_ids_of
from planning.selectors.virtual_patients import virtual_patient_summary, virtual_patients_visible_to
from planning.services.virtual_patients import virtual_patient_start

LONGEST_H = 400.0


class BodyInput(serializers.Serializer):
    sex = serializers.ChoiceField(choices=SEXES)
    height_cm = FiniteFloatField()
    mass_kg = FiniteFloatField()

    def validate(self, attrs):
        return _as_asked(lambda: wanted_body({"body": attrs}), attrs)


class LesionInput(serializers.Serializer):
    site = serializers.ChoiceField(choices=LESION_SITES)
    volume_ml = FiniteFloatField(min_value=0.1, max_value=1000.0)
    n = serializers.IntegerField(min_value=1, max_value=20, default=1)


class CtInput(serializers.Serializer):
    """Breathing is the standard deviation of the diaphragm; a field of view of 0 shows everything."""

    dose_level = serializers.ChoiceField(choices=DOSE_LEVELS, required=False)
    has_contrast = serializers.BooleanField(required=False)
    breathing_mm = FiniteFloatField(required=False, min_value=0.0, max_value=30.0)
    field_of_view_mm = FiniteFloatField(required=False, min_value=0.0, max_value=1000.0)


class FaultsInput(serializers.Serializer):
    """What the camera does to counts beyond resolution and scatter."""

    dead_time_us = FiniteFloatField(required=False, min_value=0.0, max_value=100.0)
    dead_time_model = serializers.ChoiceField(choices=DEAD_TIME_MODELS, required=False)
    penetration_share = FiniteFloatField(required=False, min_value=0.0, max_value=1.0)
    penetration_fwhm_mm = FiniteFloatField(required=False, min_value=0.0, max_value=1000.0)

    def validate(self, attrs):
        if "dead_time_us" in attrs:
            attrs["dead_time_s"] = attrs.pop("dead_time_us") * US_S
        return dict(attrs)


class VirtualPatientInput(serializers.Serializer):
    """``is_corrected``: the reconstruction is told of the camera's faults, unless ``images`` says how it is made."""

    agent = serializers.ChoiceField(choices=tuple(AGENT_NUCLIDES))
    seed = serializers.IntegerField(min_value=0, max_value=999_999)
    scan_times_h = serializers.ListField(
        child=FiniteFloatField(min_value=0.5, max_value=LONGEST_H), min_length=1, max_length=6
    )
    variants = serializers.ListField(child=serializers.ChoiceField(choices=VARIANTS), required=False)
    body = BodyInput(required=False, allow_null=True)
    is_arms_up = serializers.BooleanField(required=False)
    lesions = serializers.ListField(child=LesionInput(), required=False, allow_null=True, max_length=20)
    ct = CtInput(required=False)
    faults = FaultsInput(required=False)
    is_corrected = serializers.BooleanField(default=True)
    is_automatic = serializers.BooleanField(default=True)
    images = ImagesPrepareInput(required=False)
    curves = CurvesStartInput(required=False)

    def validate_scan_times_h(self, times):
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise serializers.ValidationError("Give the scans in rising order, as 24, 96, 168.")
        return times

    def validate(self, attrs):
        return _as_asked(lambda: corrected_reconstruction(attrs), attrs)


class VirtualPatientsApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = _site(request, site_id)
        rows = virtual_patients_visible_to(user=request.user).filter(site=site)
        return Response(
            {
                "results": [
                    {**virtual_patient_summary(row), "groups": compared_with_truth(row)["groups"]} for row in rows
                ],
                "agents": AGENT_NUCLIDES,
                "variants": list(VARIANTS),
                "lesion_sites": list(LESION_SITES),
                "usual_ct": USUAL_CT,
            }
        )

    @documented(VirtualPatientInput, status=201)
    def post(self, request, site_id):
        site = _site(request, site_id)
        fields = VirtualPatientInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = dict(fields.validated_data)
        settings = {name: dict(values.pop(name)) for name in ("images", "curves") if name in values}
        if values.pop("is_corrected") and (corrected := corrected_reconstruction(values)):
            settings.setdefault("images", corrected)
        settings["dose"] = {"engines": ["hybrid_mc"]}
        virtual = virtual_patient_start(
            actor=request.user,
            site=site,
            is_automatic=values.pop("is_automatic"),
            request=values,
            settings=settings,
        )
        return Response(virtual_patient_summary(virtual), status=201)


class VirtualPatientApi(APIView):
    @documented()
    def get(self, request, virtual_patient_id):
        virtual = get_object_or_404(virtual_patients_visible_to(user=request.user), pk=virtual_patient_id)
        return Response({**virtual_patient_summary(virtual), **compared_with_truth(virtual)})


def _as_asked(make, attrs):
    """Return what is asked for, or say why it cannot be."""
    try:
        make()
    except ComputationError as error:
        raise serializers.ValidationError(str(error)) from None
    return attrs


def _site(request, site_id) -> Site:
    return get_object_or_404(Site.objects.filter(pk__in=site_ids_of(user=request.user)), pk=site_id)


urlpatterns = [
    path("sites/<uuid:site_id>/virtual-patients", VirtualPatientsApi.as_view(), name="virtual-patients"),
    path("virtual-patients/<uuid:virtual_patient_id>", VirtualPatientApi.as_view(), name="virtual-patient"),
]
