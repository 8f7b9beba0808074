from django.core.paginator import Paginator
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import Membership
from planning.selectors.audit import AUDIT_ROLES, audit_records_visible_to, audit_summary

PAGE_SIZE = 50


class AuditApi(APIView):
    @documented(query=("patient", "action", "actor", "page"))
    def get(self, request):
        if not Membership.objects.filter(user=request.user, role__in=AUDIT_ROLES).exists():
            raise NotAllowedError("Auditors and quality leads read the audit log.")
        records = audit_records_visible_to(user=request.user).order_by("-number")
        for name, column in (("patient", "patient_uuid"), ("action", "action__startswith"), ("actor", "actor")):
            value = request.query_params.get(name)
            if name == "actor" and value and not value.isdecimal():
                raise InvalidStateError("The actor is a person's number.", code="unknown_filter")
            if value:
                records = records.filter(**{column: value})
        page = Paginator(records, PAGE_SIZE).get_page(request.query_params.get("page", 1))
        return Response(
            {
                "count": page.paginator.count,
                "page": page.number,
                "n_pages": page.paginator.num_pages,
                "results": [audit_summary(record) for record in page.object_list],
            }
        )


urlpatterns = [path("audit", AuditApi.as_view(), name="audit")]
