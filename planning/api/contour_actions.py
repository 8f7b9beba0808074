import math

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.sites import sites_visible_to
from planning.services.uploads import UploadRefusedError


def hands_on_header(request) -> dict[int, float]:
    """Return seconds by label of ``X-Hands-On-S: 1=12.4, 3=2.0``; a missing header says nothing."""
    found = {}
    for part in request.headers.get("X-Hands-On-S", "").split(","):
        if not part.strip():
            continue
        label, _, seconds = part.partition("=")
        try:
            found[int(label)] = float(seconds)
        except ValueError:
            raise _malformed() from None
    if not all(math.isfinite(seconds) for seconds in found.values()):
        raise _malformed()
    return found


def _malformed() -> UploadRefusedError:
    text = "Send X-Hands-On-S as label=seconds, parted by commas, or leave it out; load the page again."
    return UploadRefusedError(text, code="hands_on_malformed", http_status=400)


class ContourAcceptanceApi(APIView):
    """How the proposals of a site fared; ``virtual=1``: those of virtual patients, which say nothing of real ones."""

    @documented(query=("virtual",))
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        return Response(contour_acceptance(site, is_virtual=request.query_params.get("virtual") == "1"))


urlpatterns = [
    path("sites/<uuid:site_id>/contour-acceptance", ContourAcceptanceApi.as_view(), name="contour-acceptance")
]
