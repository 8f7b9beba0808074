from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.models.reviews import SignatureMeaning
from planning.permissions import TABLE, Action
from planning.selectors.contours import regions_visible_to
from planning.selectors.courses import cycles_visible_to
from planning.selectors.review_page import review_detail
from planning.selectors.sites import people_with_roles
from planning.selectors.steps import LABELS
from planning.services.reviews import comment_add, result_sign, warning_answer

STEPS = tuple(LABELS)


def _review(cycle, user) -> dict:
    detail = review_detail(cycle, user=user)
    action = detail.pop("next_action")
    signed = set(detail.pop("signed_by"))
    names = [] if action is None else people_with_roles(cycle.site, TABLE[Action(action)], without=signed)
    return {**detail, "who_may_sign": names}


class ReviewApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        return Response(_review(cycle, request.user))


class SignatureInput(serializers.Serializer):
    meaning = serializers.ChoiceField(choices=SignatureMeaning.choices)
    digest = serializers.CharField(max_length=64)
    password = serializers.CharField(max_length=255, trim_whitespace=False)
    reason = serializers.CharField(max_length=1000, allow_blank=True, default="")


class SignatureApi(APIView):
    @documented(SignatureInput, status=201)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = SignatureInput(data=request.data)
        fields.is_valid(raise_exception=True)
        meaning = SignatureMeaning(fields.validated_data.pop("meaning"))
        result_sign(actor=request.user, cycle=cycle, meaning=meaning, **fields.validated_data)
        return Response(_review(cycle, request.user), status=201)


class CommentInput(serializers.Serializer):
    step = serializers.ChoiceField(choices=STEPS)
    text = serializers.CharField(max_length=4000)
    region_id = serializers.UUIDField(required=False, allow_null=True)


class CommentApi(APIView):
    @documented(CommentInput, status=201)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = CommentInput(data=request.data)
        fields.is_valid(raise_exception=True)
        region_id = fields.validated_data.get("region_id")
        regions = regions_visible_to(user=request.user).filter(course=cycle.course)
        region = None if region_id is None else get_object_or_404(regions, pk=region_id)
        comment = comment_add(
            actor=request.user,
            cycle=cycle,
            step=fields.validated_data["step"],
            text=fields.validated_data["text"],
            region=region,
        )
        return Response({"id": str(comment.pk)}, status=201)


class WarningAnswerInput(serializers.Serializer):
    step = serializers.ChoiceField(choices=STEPS)
    source_id = serializers.UUIDField()
    code = serializers.CharField(max_length=64)
    region_id = serializers.UUIDField(required=False, allow_null=True)
    answer = serializers.CharField(max_length=1000)


class WarningAnswerApi(APIView):
    @documented(WarningAnswerInput, status=201)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = WarningAnswerInput(data=request.data)
        fields.is_valid(raise_exception=True)
        answer = fields.validated_data.pop("answer")
        row = warning_answer(actor=request.user, cycle=cycle, source=fields.validated_data, answer=answer)
        return Response({"id": str(row.pk)}, status=201)


urlpatterns = [
    path("cycles/<uuid:cycle_id>/review", ReviewApi.as_view(), name="review"),
    path("cycles/<uuid:cycle_id>/signatures", SignatureApi.as_view(), name="signatures"),
    path("cycles/<uuid:cycle_id>/comments", CommentApi.as_view(), name="comments"),
    path("cycles/<uuid:cycle_id>/warning-answers", WarningAnswerApi.as_view(), name="warning-answers"),
]
