from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.selectors.calibrations import calibration_summary, calibrations_visible_to
from planning.selectors.sites import sites_visible_to
from planning.services.calibrations import calibration_confirm, calibration_create, calibration_withdraw


class CalibrationInput(serializers.Serializer):
    camera = serializers.CharField(max_length=64)
    nuclide = serializers.CharField(max_length=16)
    imaged_kev = FiniteFloatField(required=False, allow_null=True, min_value=1.0, max_value=3000.0)
    collimator = serializers.CharField(max_length=64, allow_blank=True, default="")
    reconstruction = serializers.CharField(max_length=255, allow_blank=True, default="")
    calibration_cps_per_mbq = FiniteFloatField(min_value=1e-6)
    calibration_standard_uncertainty_cps_per_mbq = FiniteFloatField(min_value=0.0)
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(required=False, allow_null=True)
    source = serializers.CharField(max_length=255)


class CalibrationsApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        return Response({"results": [calibration_summary(item) for item in site.calibration_factors.all()]})

    @documented(CalibrationInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = CalibrationInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = dict(fields.validated_data)
        values["calibration_cps_per_bq"] = values.pop("calibration_cps_per_mbq") * 1e-6
        u = values.pop("calibration_standard_uncertainty_cps_per_mbq") * 1e-6
        values["calibration_standard_uncertainty_cps_per_bq"] = u
        factor = calibration_create(actor=request.user, site=site, fields=values)
        return Response(calibration_summary(factor), status=201)


class CalibrationConfirmApi(APIView):
    @documented()
    def post(self, request, calibration_id):
        factor = get_object_or_404(calibrations_visible_to(user=request.user), pk=calibration_id)
        return Response(calibration_summary(calibration_confirm(actor=request.user, factor=factor)))


class WithdrawalInput(serializers.Serializer):
    reason = serializers.CharField(max_length=255)


class CalibrationWithdrawApi(APIView):
    @documented(WithdrawalInput)
    def post(self, request, calibration_id):
        factor = get_object_or_404(calibrations_visible_to(user=request.user), pk=calibration_id)
        fields = WithdrawalInput(data=request.data)
        fields.is_valid(raise_exception=True)
        factor = calibration_withdraw(actor=request.user, factor=factor, reason=fields.validated_data["reason"])
        return Response(calibration_summary(factor))


urlpatterns = [
    path("sites/<uuid:site_id>/calibrations", CalibrationsApi.as_view(), name="calibrations"),
    path("calibrations/<uuid:calibration_id>/confirm", CalibrationConfirmApi.as_view(), name="calibration-confirm"),
    path("calibrations/<uuid:calibration_id>/withdraw", CalibrationWithdrawApi.as_view(), name="calibration-withdraw"),
]
