from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.models.plans import LimitQuantity
from planning.selectors.limits import limit_set_summary, template_summary
from planning.selectors.plans import limit_sets_visible_to, templates_visible_to
from planning.selectors.sites import sites_visible_to
from planning.services.limits import limit_set_confirm, limit_set_create, template_confirm, template_create


class DoseLimitInput(serializers.Serializer):
    region_name = serializers.CharField(max_length=64)
    quantity = serializers.ChoiceField(choices=LimitQuantity.choices)
    limit_gy = FiniteFloatField(min_value=0.001)
    modality = serializers.CharField(max_length=64, allow_blank=True, default="")
    source = serializers.CharField(max_length=255)


class LimitSetInput(serializers.Serializer):
    name = serializers.CharField(max_length=64)
    limits = DoseLimitInput(many=True)


class LimitSetsApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        sets = limit_sets_visible_to(user=request.user).filter(site=site)
        return Response({"results": [limit_set_summary(item) for item in sets]})

    @documented(LimitSetInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = LimitSetInput(data=request.data)
        fields.is_valid(raise_exception=True)
        limits = [dict(item) for item in fields.validated_data["limits"]]
        item = limit_set_create(actor=request.user, site=site, name=fields.validated_data["name"], limits=limits)
        return Response(limit_set_summary(item), status=201)


class LimitSetConfirmApi(APIView):
    @documented()
    def post(self, request, limit_set_id):
        item = get_object_or_404(limit_sets_visible_to(user=request.user), pk=limit_set_id)
        return Response(limit_set_summary(limit_set_confirm(actor=request.user, limit_set=item)))


class RegionBiologyInput(serializers.Serializer):
    alpha_beta_gy = FiniteFloatField(min_value=0.01, max_value=100.0)
    repair_half_time_h = FiniteFloatField(min_value=0.01, max_value=100.0)
    source = serializers.CharField(max_length=255)


class BetweenCyclesInput(serializers.Serializer):
    cv = FiniteFloatField(min_value=0.001, max_value=2.0)
    source = serializers.CharField(max_length=255)


class AlphaInput(serializers.Serializer):
    rbe = FiniteFloatField(min_value=1.0, max_value=20.0)
    source = serializers.CharField(max_length=255)


SPECIAL_ENTRIES = {"between_cycles": BetweenCyclesInput, "alpha": AlphaInput}


class TemplateInput(serializers.Serializer):
    name = serializers.CharField(max_length=64)
    nuclide = serializers.CharField(max_length=16)
    agent = serializers.CharField(max_length=64)
    label_activity_bq = FiniteFloatField(min_value=1.0, required=False, allow_null=True)
    label_source = serializers.CharField(max_length=255, allow_blank=True, default="")
    hard_limit_activity_bq = FiniteFloatField(min_value=1.0, required=False, allow_null=True)
    n_cycles = serializers.IntegerField(min_value=1, max_value=20)
    interval_days = serializers.IntegerField(min_value=1, max_value=400)
    scan_times_h = serializers.ListField(child=FiniteFloatField(min_value=0.0), allow_empty=False)
    radiobiology = serializers.DictField(default=dict)
    sources = serializers.ListField(child=serializers.CharField(max_length=255), default=list)

    def validate_radiobiology(self, entries):
        """Each region has both numbers and their source; two entries are of another kind (``SPECIAL_ENTRIES``)."""
        checked = {}
        for name, entry in entries.items():
            fields = SPECIAL_ENTRIES.get(name, RegionBiologyInput)(data=entry)
            if not fields.is_valid():
                reasons = "; ".join(f"{key}: {' '.join(map(str, texts))}" for key, texts in fields.errors.items())
                raise serializers.ValidationError(f"{name}: {reasons}")
            checked[name] = dict(fields.validated_data)
        return checked


class TemplatesApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        templates = templates_visible_to(user=request.user).filter(site=site)
        return Response({"results": [template_summary(item) for item in templates]})

    @documented(TemplateInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = TemplateInput(data=request.data)
        fields.is_valid(raise_exception=True)
        item = template_create(actor=request.user, site=site, fields=dict(fields.validated_data))
        return Response(template_summary(item), status=201)


class TemplateConfirmApi(APIView):
    @documented()
    def post(self, request, template_id):
        item = get_object_or_404(templates_visible_to(user=request.user), pk=template_id)
        return Response(template_summary(template_confirm(actor=request.user, template=item)))


urlpatterns = [
    path("sites/<uuid:site_id>/limit-sets", LimitSetsApi.as_view(), name="limit-sets"),
    path("limit-sets/<uuid:limit_set_id>/confirm", LimitSetConfirmApi.as_view(), name="limit-set-confirm"),
    path("sites/<uuid:site_id>/templates", TemplatesApi.as_view(), name="templates"),
    path("templates/<uuid:template_id>/confirm", TemplateConfirmApi.as_view(), name="template-confirm"),
]
