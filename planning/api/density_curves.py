from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.calibrations import WithdrawalInput
from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.densities import default_curve
from planning.selectors.density_curves import ct_scanners_of, density_curve_summary, density_curves_visible_to
from planning.selectors.sites import sites_visible_to
from planning.services.density_curves import density_curve_confirm, density_curve_create, density_curve_withdraw

MAX_POINTS = 100


class DensityCurveInput(serializers.Serializer):
    scanner = serializers.CharField(max_length=64)
    points = serializers.ListField(
        child=serializers.ListField(child=FiniteFloatField(), min_length=2, max_length=2), max_length=MAX_POINTS
    )
    source = serializers.CharField(max_length=255)
    valid_from = serializers.DateField()


class DensityCurvesApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        curves = site.density_curves.select_related("confirmed_by", "created_by")
        return Response(
            {
                "results": [density_curve_summary(curve) for curve in curves],
                "default": default_curve(),
                "scanners": ct_scanners_of(site),
            }
        )

    @documented(DensityCurveInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = DensityCurveInput(data=request.data)
        fields.is_valid(raise_exception=True)
        curve = density_curve_create(actor=request.user, site=site, fields=dict(fields.validated_data))
        return Response(density_curve_summary(curve), status=201)


class DensityCurveConfirmApi(APIView):
    @documented()
    def post(self, request, density_curve_id):
        curve = get_object_or_404(density_curves_visible_to(user=request.user), pk=density_curve_id)
        return Response(density_curve_summary(density_curve_confirm(actor=request.user, curve=curve)))


class DensityCurveWithdrawApi(APIView):
    @documented(WithdrawalInput)
    def post(self, request, density_curve_id):
        curve = get_object_or_404(density_curves_visible_to(user=request.user), pk=density_curve_id)
        fields = WithdrawalInput(data=request.data)
        fields.is_valid(raise_exception=True)
        reason = fields.validated_data["reason"]
        return Response(density_curve_summary(density_curve_withdraw(actor=request.user, curve=curve, reason=reason)))


urlpatterns = [
    path("sites/<uuid:site_id>/density-curves", DensityCurvesApi.as_view(), name="density-curves"),
    path(
        "density-curves/<uuid:density_curve_id>/confirm",
        DensityCurveConfirmApi.as_view(),
        name="density-curve-confirm",
    ),
    path(
        "density-curves/<uuid:density_curve_id>/withdraw",
        DensityCurveWithdrawApi.as_view(),
        name="density-curve-withdraw",
    ),
]
