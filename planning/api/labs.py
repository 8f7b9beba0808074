from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.models.courses import ExternalDoseAnswer
from planning.models.patients import LabKind
from planning.selectors.courses import courses_visible_to
from planning.selectors.patients import external_doses_visible_to, patients_visible_to
from planning.services.labs import external_dose_add, external_dose_answer, external_dose_withdraw, lab_add


class LabInput(serializers.Serializer):
    kind = serializers.ChoiceField(choices=LabKind.choices)
    value = FiniteFloatField()
    unit = serializers.CharField(max_length=32)
    taken_at = serializers.DateTimeField()


class LabsApi(APIView):
    @documented(LabInput, status=201)
    def post(self, request, patient_id):
        patient = get_object_or_404(patients_visible_to(user=request.user), pk=patient_id)
        fields = LabInput(data=request.data)
        fields.is_valid(raise_exception=True)
        lab = lab_add(actor=request.user, patient=patient, fields=fields.validated_data)
        return Response({"id": str(lab.pk)}, status=201)


class ExternalDoseInput(serializers.Serializer):
    region_name = serializers.CharField(max_length=64)
    absorbed_dose_gy = FiniteFloatField(min_value=0.0)
    absorbed_dose_standard_uncertainty_gy = FiniteFloatField(min_value=0.0, required=False, allow_null=True)
    bed_gy = FiniteFloatField(min_value=0.0, required=False, allow_null=True)
    modality = serializers.CharField(max_length=64)
    source = serializers.CharField(max_length=255)
    treated_on = serializers.DateField(required=False, allow_null=True)


class ExternalDosesApi(APIView):
    @documented(ExternalDoseInput, status=201)
    def post(self, request, patient_id):
        patient = get_object_or_404(patients_visible_to(user=request.user), pk=patient_id)
        fields = ExternalDoseInput(data=request.data)
        fields.is_valid(raise_exception=True)
        dose = external_dose_add(actor=request.user, patient=patient, fields=fields.validated_data)
        return Response({"id": str(dose.pk)}, status=201)


class WithdrawInput(serializers.Serializer):
    reason = serializers.CharField(max_length=255)


class ExternalDoseWithdrawApi(APIView):
    @documented(WithdrawInput)
    def post(self, request, dose_id):
        dose = get_object_or_404(external_doses_visible_to(user=request.user), pk=dose_id)
        fields = WithdrawInput(data=request.data)
        fields.is_valid(raise_exception=True)
        external_dose_withdraw(actor=request.user, dose=dose, reason=fields.validated_data["reason"])
        return Response({"id": str(dose.pk)})


class ExternalDoseAnswerInput(serializers.Serializer):
    answer = serializers.ChoiceField(choices=ExternalDoseAnswer.choices)


class ExternalDoseAnswerApi(APIView):
    @documented(ExternalDoseAnswerInput)
    def post(self, request, course_id):
        course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
        fields = ExternalDoseAnswerInput(data=request.data)
        fields.is_valid(raise_exception=True)
        answer = ExternalDoseAnswer(fields.validated_data["answer"])
        external_dose_answer(actor=request.user, course=course, answer=answer)
        return Response({"external_dose_answer": answer})


urlpatterns = [
    path("patients/<uuid:patient_id>/labs", LabsApi.as_view(), name="labs"),
    path("patients/<uuid:patient_id>/external-doses", ExternalDosesApi.as_view(), name="external-doses"),
    path("external-doses/<uuid:dose_id>/withdraw", ExternalDoseWithdrawApi.as_view(), name="external-dose-withdraw"),
    path("courses/<uuid:course_id>/external-dose-answer", ExternalDoseAnswerApi.as_view(), name="external-dose-answer"),
]
