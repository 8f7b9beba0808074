from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.contour_actions import hands_on_header
from planning.api.contour_preview import preview_body
from planning.api.fields import FiniteFloatField
from planning.api.label_bodies import read_label_body, stored_label_response
from planning.api.parsers import RawParser
from planning.api.preconditions import if_match_version
from planning.api.schema import documented
from planning.computation.contour_preview import contour_preview
from planning.computation.networks import LESIONS, ORGAN_NETWORKS, ORGANS, TOTALSEGMENTATOR
from planning.models import Region, Series
from planning.models.contours import ContourState
from planning.selectors.contours import regions_visible_to, time_point_contours
from planning.selectors.courses import time_points_visible_to
from planning.selectors.current import contour_revisions_of
from planning.selectors.readings import open_copy
from planning.services.audit import audit_view
from planning.services.contour_edits import require_editor
from planning.services.contour_operations import contour_draft_save, contour_operate, contour_voxels_save
from planning.services.contour_restores import contour_restore
from planning.services.contour_runs import (
    contour_import_start,
    contour_propagation_start,
    contour_proposal_start,
    usual_of,
)
from planning.services.contour_states import contour_state_set, contours_reject
from planning.services.networks import enabled_network

KINDS = {"organs": "organ", "lesions": "lesion"}
OPERATIONS = (
    "threshold_sphere",
    "threshold",
    "grow",
    "margin",
    "smooth",
    "interpolate",
    "boolean",
    "fill",
    "islands",
    "largest",
    "delete",
)

NEEDED = {
    "threshold_sphere": ("centre_lps_mm", "radius_mm"),
    "grow": ("centre_lps_mm",),
    "margin": ("margin_mm",),
    "smooth": ("radius_mm",),
    "islands": ("minimum_ml",),
    "boolean": ("boolean", "other_region_id"),
}
"""Parameters without which an operation has no meaning."""


def _time_point(request, time_point_id):
    return get_object_or_404(time_points_visible_to(user=request.user), pk=time_point_id)


def _regions(request, time_point, region_ids) -> list[Region]:
    of_course = regions_visible_to(user=request.user).filter(course=time_point.cycle.course)
    return [get_object_or_404(of_course, pk=key) for key in dict.fromkeys(region_ids)]


def _answer(request, time_point, status=200) -> Response:
    detail = time_point_contours(time_point, user=request.user)
    number = detail["revision"]["number"] if detail["revision"] else 0
    networks = {
        "network": _network(time_point, ORGANS),
        "totalsegmentator": _network(time_point, TOTALSEGMENTATOR),
        "lesion_network": _lesion_network(time_point),
    }
    return Response({"number": number, **networks, **detail}, status=status, headers={"ETag": f'"{number}"'})


def _network(time_point, name: str) -> dict | None:
    """Return what the site's network of a name can propose here; None where it is not enabled."""
    network = enabled_network(time_point.site, name)
    if network is None:
        return None
    usual = usual_of(network, time_point.cycle.course.agent)
    return {"label": network.label, "regions": network.regions, "usual": usual}


def _lesion_network(time_point) -> dict | None:
    """Return the site's network for lesion candidates; None where none is enabled."""
    network = enabled_network(time_point.site, LESIONS)
    return network and {"label": network.label}


class ContoursApi(APIView):
    @documented()
    def get(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        audit_view(actor=request.user, patient=time_point.cycle.patient)
        return _answer(request, time_point)


class ContourVoxelsApi(APIView):
    parser_classes = [RawParser]

    @documented(status=201)
    def post(self, request, time_point_id, kind):
        time_point = _time_point(request, time_point_id)
        require_editor(request.user, time_point)
        body = read_label_body(request)
        changed = {
            int(part) for part in request.headers.get("X-Changed-Labels", "").split(",") if part.strip().isdigit()
        }
        contour_voxels_save(
            actor=request.user,
            time_point=time_point,
            kind=KINDS[kind],
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            voxels=body.voxels,
            changed=changed,
            note=body.note,
            hands_on_s=hands_on_header(request),
        )
        return _answer(request, time_point, status=201)


class ContourDraftApi(APIView):
    parser_classes = [RawParser]

    @documented()
    def get(self, request, time_point_id, kind):
        time_point = _time_point(request, time_point_id)
        draft = get_object_or_404(
            time_point.contour_drafts,
            user=request.user,
            kind=KINDS[kind],
            copy=open_copy(time_point, user=request.user),
        )
        return stored_label_response(draft)

    @documented()
    def put(self, request, time_point_id, kind):
        time_point = _time_point(request, time_point_id)
        require_editor(request.user, time_point)
        body = read_label_body(request)
        draft = contour_draft_save(
            actor=request.user,
            time_point=time_point,
            kind=KINDS[kind],
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            object_sha256=body.store(),
            voxels_sha256=body.voxels_sha256,
        )
        return Response({"updated_at": draft.updated_at.isoformat()})


class OperationParametersInput(serializers.Serializer):
    margin_mm = FiniteFloatField(required=False)
    radius_mm = FiniteFloatField(required=False)
    minimum_ml = FiniteFloatField(required=False)
    centre_lps_mm = serializers.ListField(child=FiniteFloatField(), min_length=3, max_length=3, required=False)
    minimum_bq_per_ml = FiniteFloatField(required=False, allow_null=True)
    fraction = FiniteFloatField(required=False, allow_null=True)
    by_slice = serializers.BooleanField(required=False)
    boolean = serializers.ChoiceField(choices=("union", "intersection", "difference"), required=False)
    other_region_id = serializers.UUIDField(required=False, allow_null=True)


class OperationInput(serializers.Serializer):
    operation = serializers.ChoiceField(choices=OPERATIONS)
    region_id = serializers.UUIDField()
    parameters = OperationParametersInput(default=dict)
    hands_on_s = FiniteFloatField(required=False, allow_null=True)

    def validate(self, attrs):
        missing = [name for name in NEEDED.get(attrs["operation"], ()) if attrs["parameters"].get(name) is None]
        if missing:
            raise serializers.ValidationError({"parameters": dict.fromkeys(missing, "This field is required.")})
        return attrs


class ContourOperationsApi(APIView):
    @documented(OperationInput, status=201)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = OperationInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        region = get_object_or_404(regions_visible_to(user=request.user), pk=values["region_id"])
        contour_operate(
            actor=request.user,
            time_point=time_point,
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            region=region,
            operation=values["operation"],
            parameters=values["parameters"],
            hands_on_s=values.get("hands_on_s"),
        )
        return _answer(request, time_point, status=201)


class StateInput(serializers.Serializer):
    region_id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=(ContourState.ACCEPTED, ContourState.REJECTED, ContourState.EDITED), required=False, allow_null=True
    )
    is_locked = serializers.BooleanField(required=False, allow_null=True)
    hands_on_s = FiniteFloatField(required=False, allow_null=True)


class ContourStatesApi(APIView):
    @documented(StateInput, status=201)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = StateInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        region = get_object_or_404(regions_visible_to(user=request.user), pk=values["region_id"])
        contour_state_set(
            actor=request.user,
            time_point=time_point,
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            region=region,
            state=values.get("state"),
            is_locked=values.get("is_locked"),
            hands_on_s=values.get("hands_on_s"),
        )
        return _answer(request, time_point, status=201)


class RejectionsInput(serializers.Serializer):
    region_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=255)
    hands_on_s = FiniteFloatField(required=False, allow_null=True)


class ContourRejectionsApi(APIView):
    """Several regions that a person looked at together and does not want."""

    @documented(RejectionsInput, status=201)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = RejectionsInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        contours_reject(
            actor=request.user,
            time_point=time_point,
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            regions=_regions(request, time_point, values["region_ids"]),
            hands_on_s=values.get("hands_on_s"),
        )
        return _answer(request, time_point, status=201)


class RestoreInput(serializers.Serializer):
    number = serializers.IntegerField(min_value=0)
    region_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1)
    hands_on_s = FiniteFloatField(required=False, allow_null=True)


class ContourRestoreApi(APIView):
    """Undo and redo of what the server did: regions as an earlier revision has them, in a new one."""

    @documented(RestoreInput, status=201)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = RestoreInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        contour_restore(
            actor=request.user,
            time_point=time_point,
            base_number=if_match_version(request),
            copy=open_copy(time_point, user=request.user),
            number=values["number"],
            regions=_regions(request, time_point, values["region_ids"]),
            hands_on_s=values.get("hands_on_s"),
        )
        return _answer(request, time_point, status=201)


class ContourImportInput(serializers.Serializer):
    series_id = serializers.UUIDField()


class ContourImportApi(APIView):
    @documented(ContourImportInput, status=202)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = ContourImportInput(data=request.data)
        fields.is_valid(raise_exception=True)
        series = get_object_or_404(
            Series, pk=fields.validated_data["series_id"], time_point__cycle=time_point.cycle, is_discarded=False
        )
        run = contour_import_start(actor=request.user, time_point=time_point, series=series)
        return Response({"run_id": str(run.pk)}, status=202)


class ProposeInput(serializers.Serializer):
    regions = serializers.ListField(child=serializers.CharField(max_length=64), required=False, allow_null=True)
    has_lesions = serializers.BooleanField(default=False)
    engine = serializers.ChoiceField(choices=ORGAN_NETWORKS, default=ORGANS)


class ContourProposeApi(APIView):
    @documented(ProposeInput, status=202)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = ProposeInput(data=request.data)
        fields.is_valid(raise_exception=True)
        run = contour_proposal_start(
            actor=request.user,
            time_point=time_point,
            regions=fields.validated_data.get("regions"),
            has_lesions=fields.validated_data["has_lesions"],
            engine=fields.validated_data["engine"],
        )
        return Response({"run_id": str(run.pk)}, status=202)


class PropagateInput(serializers.Serializer):
    to = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True)
    settle = serializers.BooleanField(default=True)


class ContourPropagateApi(APIView):
    @documented(PropagateInput, status=202)
    def post(self, request, time_point_id):
        time_point = _time_point(request, time_point_id)
        fields = PropagateInput(data=request.data)
        fields.is_valid(raise_exception=True)
        others = time_point.cycle.time_points.exclude(pk=time_point.pk)
        wanted = fields.validated_data.get("to")
        targets = list(others if not wanted else others.filter(pk__in=wanted))
        run = contour_propagation_start(
            actor=request.user,
            time_point=time_point,
            targets=targets,
            is_settled=fields.validated_data["settle"],
        )
        return Response({"run_id": str(run.pk)}, status=202)


class ContourPreviewApi(APIView):
    @documented()
    def get(self, request, time_point_id, region_id):
        time_point = _time_point(request, time_point_id)
        region = get_object_or_404(regions_visible_to(user=request.user), pk=region_id, course=time_point.cycle.course)
        # A reader draws on an own copy: what the shared contours would change is not theirs to see.
        is_reading = open_copy(time_point, user=request.user) is not None
        preview = None if is_reading else contour_preview(cycle=time_point.cycle, region=region)
        return Response({"preview": preview and preview_body(preview, time_point)})


class ContourRevisionApi(APIView):
    @documented()
    def get(self, request, time_point_id, number, kind):
        time_point = _time_point(request, time_point_id)
        revisions = contour_revisions_of(time_point, open_copy(time_point, user=request.user))
        revision = get_object_or_404(revisions, number=number)
        return Response({"volume": str(getattr(revision, f"{kind}_id"))})


POINT = "time-points/<uuid:time_point_id>/contours"
urlpatterns = [
    path(POINT, ContoursApi.as_view(), name="contours"),
    path(f"{POINT}/operations", ContourOperationsApi.as_view(), name="contour-operations"),
    path(f"{POINT}/states", ContourStatesApi.as_view(), name="contour-states"),
    path(f"{POINT}/rejections", ContourRejectionsApi.as_view(), name="contour-rejections"),
    path(f"{POINT}/restore", ContourRestoreApi.as_view(), name="contour-restore"),
    path(f"{POINT}/import", ContourImportApi.as_view(), name="contour-import"),
    path(f"{POINT}/propose", ContourProposeApi.as_view(), name="contour-propose"),
    path(f"{POINT}/preview/<uuid:region_id>", ContourPreviewApi.as_view(), name="contour-preview"),
    path(f"{POINT}/propagate", ContourPropagateApi.as_view(), name="contour-propagate"),
]
for _kind in KINDS:
    urlpatterns += [
        path(f"{POINT}/{_kind}/voxels", ContourVoxelsApi.as_view(), {"kind": _kind}, name=f"contour-voxels-{_kind}"),
        path(f"{POINT}/{_kind}/draft", ContourDraftApi.as_view(), {"kind": _kind}, name=f"contour-draft-{_kind}"),
        path(
            f"{POINT}/revisions/<int:number>/{_kind}",
            ContourRevisionApi.as_view(),
            {"kind": _kind},
            name=f"contour-revision-{_kind}",
        ),
    ]
