from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.selectors.courses import cycles_visible_to
from planning.selectors.reviews import administration_summary
from planning.services.administrations import UNITS_BQ, administration_record


class ActivityInput(serializers.Serializer):
    value = FiniteFloatField(min_value=0.0)
    unit = serializers.ChoiceField(choices=tuple(UNITS_BQ))


class AdministrationInput(serializers.Serializer):
    activity_before = ActivityInput(required=False, allow_null=True)
    measured_before_at = serializers.DateTimeField(required=False, allow_null=True)
    activity_after = ActivityInput(required=False, allow_null=True)
    measured_after_at = serializers.DateTimeField(required=False, allow_null=True)
    administered_activity = ActivityInput(required=False, allow_null=True)
    administered_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(required=False, allow_null=True)
    has_extravasation = serializers.BooleanField(required=False, default=False)
    source = serializers.CharField(required=False, allow_blank=True, max_length=64)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=255)


class AdministrationsApi(APIView):
    @documented(AdministrationInput, status=201)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = AdministrationInput(data=request.data)
        fields.is_valid(raise_exception=True)
        row = administration_record(actor=request.user, cycle=cycle, fields=fields.validated_data)
        return Response(administration_summary(row), status=201)


urlpatterns = [path("cycles/<uuid:cycle_id>/administrations", AdministrationsApi.as_view(), name="administrations")]
