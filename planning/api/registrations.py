from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.models.registrations import Decision
from planning.selectors.courses import cycles_visible_to, time_points_visible_to
from planning.selectors.registrations import cycle_registrations, registrations_visible_to
from planning.services.registrations import registration_decide, registration_nudge, registration_start


class RegistrationsApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        return Response(cycle_registrations(cycle))


class RegistrationStartInput(serializers.Serializer):
    time_point_id = serializers.UUIDField(required=False, allow_null=True)


class RegistrationStartApi(APIView):
    @documented(RegistrationStartInput, status=202)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = RegistrationStartInput(data=request.data)
        fields.is_valid(raise_exception=True)
        wanted = fields.validated_data.get("time_point_id")
        points = time_points_visible_to(user=request.user).filter(cycle=cycle)
        time_point = None if wanted is None else get_object_or_404(points, pk=wanted)
        run = registration_start(actor=request.user, cycle=cycle, time_point=time_point)
        return Response({"run_id": str(run.pk)}, status=202)


class NudgeInput(serializers.Serializer):
    shift_mm = serializers.ListField(child=FiniteFloatField(), min_length=3, max_length=3)
    rotation_deg = serializers.ListField(child=FiniteFloatField(), min_length=3, max_length=3)


class RegistrationNudgeApi(APIView):
    @documented(NudgeInput, status=202)
    def post(self, request, registration_id):
        registration = get_object_or_404(registrations_visible_to(user=request.user), pk=registration_id)
        fields = NudgeInput(data=request.data)
        fields.is_valid(raise_exception=True)
        run = registration_nudge(actor=request.user, registration=registration, **fields.validated_data)
        return Response({"run_id": str(run.pk)}, status=202)


class DecisionInput(serializers.Serializer):
    decision = serializers.ChoiceField(choices=(Decision.ACCEPTED, Decision.REJECTED))
    remark = serializers.CharField(max_length=255, allow_blank=True, default="")


class RegistrationDecisionApi(APIView):
    @documented(DecisionInput)
    def post(self, request, registration_id):
        registration = get_object_or_404(registrations_visible_to(user=request.user), pk=registration_id)
        fields = DecisionInput(data=request.data)
        fields.is_valid(raise_exception=True)
        registration = registration_decide(
            actor=request.user,
            registration=registration,
            decision=Decision(fields.validated_data["decision"]),
            remark=fields.validated_data["remark"],
        )
        return Response(cycle_registrations(registration.time_point.cycle))


urlpatterns = [
    path("cycles/<uuid:cycle_id>/registrations", RegistrationsApi.as_view(), name="registrations"),
    path("cycles/<uuid:cycle_id>/registrations/start", RegistrationStartApi.as_view(), name="registration-start"),
    path("registrations/<uuid:registration_id>/nudge", RegistrationNudgeApi.as_view(), name="registration-nudge"),
    path(
        "registrations/<uuid:registration_id>/decision", RegistrationDecisionApi.as_view(), name="registration-decision"
    ),
]
