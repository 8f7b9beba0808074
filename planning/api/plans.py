from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.plan_page import plan_page, plan_summary, prescription_summary
from planning.api.schema import documented
from planning.selectors.courses import courses_visible_to
from planning.selectors.plans import plans_visible_to, prescriptions_visible_to
from planning.services.plans import plan_save, prescription_countersign, prescription_sign


class PlanQuestionInput(serializers.Serializer):
    activity_gbq = FiniteFloatField(required=False, allow_null=True, min_value=0.0, max_value=1000.0)
    n_cycles = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=20)


class PlanApi(APIView):
    @documented(query=("activity_gbq", "n_cycles", "region"))
    def get(self, request, course_id):
        course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
        question = PlanQuestionInput(data=request.query_params.dict())
        question.is_valid(raise_exception=True)
        activity_gbq = question.validated_data.get("activity_gbq")
        return Response(
            plan_page(
                course=course,
                user=request.user,
                planned_activity_bq=None if activity_gbq is None else activity_gbq * 1e9,
                n_cycles_left=question.validated_data.get("n_cycles"),
                region_name=request.query_params.get("region", ""),
            )
        )


class PlansApi(APIView):
    @documented(PlanQuestionInput, status=201)
    def post(self, request, course_id):
        course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
        question = PlanQuestionInput(data=request.data)
        question.is_valid(raise_exception=True)
        activity_gbq = question.validated_data.get("activity_gbq")
        plan = plan_save(
            actor=request.user,
            course=course,
            planned_activity_bq=None if activity_gbq is None else activity_gbq * 1e9,
            n_cycles_left=question.validated_data.get("n_cycles"),
        )
        return Response(plan_summary(plan), status=201)


class TypedActivityInput(serializers.Serializer):
    value = FiniteFloatField()
    unit = serializers.ChoiceField(choices=("MBq", "GBq"))


class PrescriptionInput(serializers.Serializer):
    activity = TypedActivityInput()
    departure_reason = serializers.CharField(max_length=64, allow_blank=True, default="")
    departure_text = serializers.CharField(max_length=1000, allow_blank=True, default="")
    password = serializers.CharField(max_length=255, trim_whitespace=False)
    digest = serializers.CharField(max_length=64)


class PrescriptionsApi(APIView):
    @documented(PrescriptionInput, status=201)
    def post(self, request, plan_id):
        plan = get_object_or_404(plans_visible_to(user=request.user), pk=plan_id)
        fields = PrescriptionInput(data=request.data)
        fields.is_valid(raise_exception=True)
        typed = fields.validated_data
        prescription = prescription_sign(
            actor=request.user,
            plan=plan,
            fields={
                **typed["activity"],
                "departure_reason": typed["departure_reason"],
                "departure_text": typed["departure_text"],
            },
            password=typed["password"],
            digest=typed["digest"],
        )
        return Response(prescription_summary(prescription), status=201)


class CountersignatureInput(serializers.Serializer):
    password = serializers.CharField(max_length=255, trim_whitespace=False)
    digest = serializers.CharField(max_length=64)


class CountersignatureApi(APIView):
    @documented(CountersignatureInput)
    def post(self, request, prescription_id):
        prescription = get_object_or_404(prescriptions_visible_to(user=request.user), pk=prescription_id)
        fields = CountersignatureInput(data=request.data)
        fields.is_valid(raise_exception=True)
        signed = prescription_countersign(actor=request.user, prescription=prescription, **fields.validated_data)
        return Response(prescription_summary(signed))


urlpatterns = [
    path("courses/<uuid:course_id>/plan", PlanApi.as_view(), name="plan"),
    path("courses/<uuid:course_id>/plans", PlansApi.as_view(), name="plans"),
    path("plans/<uuid:plan_id>/prescriptions", PrescriptionsApi.as_view(), name="prescriptions"),
    path(
        "prescriptions/<uuid:prescription_id>/countersign",
        CountersignatureApi.as_view(),
        name="prescription-countersign",
    ),
]
