from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.http import parse_etags
from rest_framework.response import Response
from rest_framework.views import APIView

from planning import storage
from planning.api.schema import documented
from planning.selectors.imaging import volumes_visible_to

CHUNK_BYTES = 2**18
CACHE = "private, no-cache"


class VolumeHeaderApi(APIView):
    @documented()
    def get(self, request, volume_id):
        asset = get_object_or_404(volumes_visible_to(user=request.user), pk=volume_id)
        return Response(asset.header, headers={"Cache-Control": CACHE})


class VolumeVoxelsApi(APIView):
    """Sends the stored gzip as it is; the ETag is the digest of the raw voxels."""

    @documented()
    def get(self, request, volume_id):
        asset = get_object_or_404(volumes_visible_to(user=request.user), pk=volume_id)
        etag = f'"{asset.voxels_sha256}"'
        if etag in parse_etags(request.headers.get("If-None-Match", "")):
            response = HttpResponse(status=304)
        else:
            stored = storage.open_object(asset.object_sha256)
            response = StreamingHttpResponse(iter(lambda: stored.read(CHUNK_BYTES), b""))
            response._resource_closers.append(stored.close)
            response["Content-Type"] = "application/octet-stream"
            response["Content-Encoding"] = "gzip"
            response["Content-Length"] = storage.object_path(asset.object_sha256).stat().st_size
        response["ETag"] = etag
        response["Cache-Control"] = CACHE
        return response


urlpatterns = [
    path("volumes/<uuid:volume_id>/header", VolumeHeaderApi.as_view(), name="volume-header"),
    path("volumes/<uuid:volume_id>/voxels", VolumeVoxelsApi.as_view(), name="volume-voxels"),
]
