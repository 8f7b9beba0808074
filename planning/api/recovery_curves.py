from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.calibrations import WithdrawalInput
from planning.api.schema import documented
from planning.selectors.recovery_curves import recovery_curve_summary, recovery_curves_visible_to
from planning.selectors.sites import sites_visible_to
from planning.services.recovery_curves import recovery_curve_confirm, recovery_curve_create, recovery_curve_withdraw


class RecoveryCurveInput(serializers.Serializer):
    measurement_id = serializers.UUIDField()
    camera = serializers.CharField(max_length=64)


class RecoveryCurvesApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        curves = site.recovery_curves.select_related("measurement", "confirmed_by", "created_by")
        return Response({"results": [recovery_curve_summary(curve) for curve in curves]})

    @documented(RecoveryCurveInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = RecoveryCurveInput(data=request.data)
        fields.is_valid(raise_exception=True)
        measurement = get_object_or_404(site.calibration_measurements, pk=fields.validated_data["measurement_id"])
        curve = recovery_curve_create(
            actor=request.user, site=site, measurement=measurement, camera=fields.validated_data["camera"]
        )
        return Response(recovery_curve_summary(curve), status=201)


class RecoveryCurveConfirmApi(APIView):
    @documented()
    def post(self, request, recovery_curve_id):
        curve = get_object_or_404(recovery_curves_visible_to(user=request.user), pk=recovery_curve_id)
        return Response(recovery_curve_summary(recovery_curve_confirm(actor=request.user, curve=curve)))


class RecoveryCurveWithdrawApi(APIView):
    @documented(WithdrawalInput)
    def post(self, request, recovery_curve_id):
        curve = get_object_or_404(recovery_curves_visible_to(user=request.user), pk=recovery_curve_id)
        fields = WithdrawalInput(data=request.data)
        fields.is_valid(raise_exception=True)
        reason = fields.validated_data["reason"]
        return Response(recovery_curve_summary(recovery_curve_withdraw(actor=request.user, curve=curve, reason=reason)))


urlpatterns = [
    path("sites/<uuid:site_id>/recovery-curves", RecoveryCurvesApi.as_view(), name="recovery-curves"),
    path(
        "recovery-curves/<uuid:recovery_curve_id>/confirm",
        RecoveryCurveConfirmApi.as_view(),
        name="recovery-curve-confirm",
    ),
    path(
        "recovery-curves/<uuid:recovery_curve_id>/withdraw",
        RecoveryCurveWithdrawApi.as_view(),
        name="recovery-curve-withdraw",
    ),
]
