from urllib.parse import unquote

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.parsers import RawParser
from planning.api.schema import documented
from planning.selectors.courses import cycles_visible_to
from planning.selectors.sites import sites_visible_to
from planning.selectors.uploads import upload_summary, uploads_visible_to
from planning.services.uploads import UploadRefusedError, upload_complete, upload_create, upload_receive

N_SHOWN = 25


class UploadInput(serializers.Serializer):
    site_id = serializers.UUIDField()
    n_files = serializers.IntegerField(min_value=1)
    n_bytes = serializers.IntegerField(min_value=1)
    cycle_id = serializers.UUIDField(required=False, allow_null=True)


class UploadsApi(APIView):
    @documented(operation="uploads_list")
    def get(self, request):
        uploads = uploads_visible_to(user=request.user)[:N_SHOWN]
        return Response({"results": [upload_summary(upload, with_files=False) for upload in uploads]})

    @documented(UploadInput, status=201)
    def post(self, request):
        fields = UploadInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        site = get_object_or_404(sites_visible_to(user=request.user), pk=values["site_id"])
        cycle_id = values.get("cycle_id")
        cycles = cycles_visible_to(user=request.user)
        upload = upload_create(
            actor=request.user,
            site=site,
            n_files=values["n_files"],
            n_bytes=values["n_bytes"],
            cycle=None if cycle_id is None else get_object_or_404(cycles, pk=cycle_id),
        )
        return Response(upload_summary(upload, with_files=True), status=201)


class UploadApi(APIView):
    @documented()
    def get(self, request, upload_id):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        return Response(upload_summary(upload, with_files=True))


class UploadFileApi(APIView):
    """Takes one raw body; a missing or chunked length is refused because servers hand such bodies on as empty."""

    parser_classes = [RawParser]

    @documented(status=201)
    def put(self, request, upload_id, number):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        declared = request.META.get("CONTENT_LENGTH") or ""
        if not declared.isdigit() or "HTTP_TRANSFER_ENCODING" in request.META:
            raise UploadRefusedError("Send the length of the file.", code="length_required", http_status=411)
        row = upload_receive(
            actor=request.user,
            upload=upload,
            number=number,
            name=unquote(request.headers.get("X-File-Name", "")),
            n_declared=int(declared),
            content_digest=request.headers.get("Content-Digest", ""),
            read=request._request.read,
        )
        return Response({"number": row.number, "sha256": row.sha256, "n_bytes": row.n_bytes}, status=201)


class UploadCompleteApi(APIView):
    @documented(status=202)
    def post(self, request, upload_id):
        upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
        upload = upload_complete(actor=request.user, upload=upload)
        return Response({"run_id": str(upload.run_id)}, status=202)


urlpatterns = [
    path("uploads", UploadsApi.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", UploadApi.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/files/<int:number>", UploadFileApi.as_view(), name="upload-file"),
    path("uploads/<uuid:upload_id>/complete", UploadCompleteApi.as_view(), name="upload-complete"),
]
