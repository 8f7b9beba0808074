from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.administrations import AdministrationInput
from planning.api.schema import documented
from planning.selectors.proposals import upload_proposal
from planning.selectors.uploads import upload_summary, uploads_visible_to
from planning.services.imports import import_confirm, import_discard


class ProposalApi(APIView):
    @documented()
    def get(self, request, upload_id):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        return Response(upload_proposal(upload))


class ConfirmPatientInput(serializers.Serializer):
    id = serializers.UUIDField(required=False, allow_null=True)
    reconcile_reason = serializers.CharField(required=False, allow_blank=True, max_length=255)
    patient_id = serializers.CharField(required=False, max_length=64)
    name = serializers.CharField(required=False, max_length=255, allow_blank=True)
    birth_date = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=10)
    sex = serializers.CharField(required=False, allow_blank=True, max_length=1)

    def validate(self, attrs):
        if not attrs.get("id") and not attrs.get("patient_id"):
            raise serializers.ValidationError({"patient_id": "A new patient needs an ID."})
        if not attrs.get("id") and not attrs.get("name"):
            raise serializers.ValidationError({"name": "A new patient needs a name."})
        return attrs


class ConfirmCourseInput(serializers.Serializer):
    id = serializers.UUIDField(required=False, allow_null=True)
    agent = serializers.CharField(required=False, max_length=64)
    nuclide = serializers.CharField(required=False, max_length=16)
    template_id = serializers.UUIDField(required=False, allow_null=True)
    n_cycles_planned = serializers.IntegerField(required=False, min_value=1, max_value=20)

    def validate(self, attrs):
        if not attrs.get("id") and not (attrs.get("agent") and attrs.get("nuclide")):
            raise serializers.ValidationError({"agent": "A new course needs agent and nuclide."})
        return attrs


class ConfirmCycleInput(serializers.Serializer):
    id = serializers.UUIDField(required=False, allow_null=True)
    number = serializers.IntegerField(required=False, min_value=1, max_value=40)


class ConfirmTimePointInput(serializers.Serializer):
    id = serializers.UUIDField(required=False, allow_null=True)
    number = serializers.IntegerField(required=False)
    series = serializers.ListField(child=serializers.UUIDField(), allow_empty=False)


class ConfirmInput(serializers.Serializer):
    group = serializers.UUIDField()
    patient = ConfirmPatientInput()
    course = ConfirmCourseInput()
    cycle = ConfirmCycleInput()
    administration = AdministrationInput(required=False, allow_null=True)
    time_points = ConfirmTimePointInput(many=True, allow_empty=False)


class ConfirmApi(APIView):
    @documented(ConfirmInput)
    def post(self, request, upload_id):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        fields = ConfirmInput(data=request.data)
        fields.is_valid(raise_exception=True)
        cycle, run = import_confirm(actor=request.user, upload=upload, confirmation=fields.validated_data)
        return Response({"cycle_id": str(cycle.pk), "run_ids": [str(run.pk)]})


class DiscardInput(serializers.Serializer):
    key = serializers.UUIDField(required=False, allow_null=True)


class DiscardApi(APIView):
    @documented(DiscardInput)
    def post(self, request, upload_id):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        fields = DiscardInput(data=request.data)
        fields.is_valid(raise_exception=True)
        upload = import_discard(actor=request.user, upload=upload, key=fields.validated_data.get("key"))
        return Response(upload_summary(upload, with_files=False))


urlpatterns = [
    path("uploads/<uuid:upload_id>/proposal", ProposalApi.as_view(), name="upload-proposal"),
    path("uploads/<uuid:upload_id>/confirm", ConfirmApi.as_view(), name="upload-confirm"),
    path("uploads/<uuid:upload_id>/discard", DiscardApi.as_view(), name="upload-discard"),
]
