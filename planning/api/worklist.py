from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.preconditions import if_match_version
from planning.api.schema import documented
from planning.errors import InvalidStateError
from planning.models import User
from planning.permissions import allowed_actions
from planning.selectors.courses import cycles_visible_to
from planning.selectors.cycles import cycle_detail
from planning.selectors.sites import people_of_site, sites_visible_to
from planning.selectors.worklist import FILTERS, worklist_counts, worklist_rows
from planning.services.audit import audit_view
from planning.services.cycles import cycle_assign

PAGE_SIZE = 25


class WorklistApi(APIView):
    @documented(query=("filter", "q", "agent", "assignee", "site", "page"))
    def get(self, request):
        name = request.query_params.get("filter", "all")
        if name not in FILTERS:
            raise InvalidStateError(f"Filter must be one of {', '.join(FILTERS)}.", code="unknown_filter")
        assignee = request.query_params.get("assignee", "")
        if assignee not in {"", "none"} and not assignee.isdecimal():
            raise InvalidStateError("The assignee is a person's number, or none.", code="unknown_filter")
        rows = worklist_rows(
            user=request.user,
            query=request.query_params.get("q", "").strip(),
            agent=request.query_params.get("agent", ""),
            assignee=assignee,
            site=request.query_params.get("site", ""),
        )
        now = timezone.now()
        shown = [row for row in rows if row.matches(name=name, user=request.user, now=now)]
        page = Paginator(shown, PAGE_SIZE).get_page(request.query_params.get("page", 1))
        return Response(
            {
                "count": len(shown),
                "counts": worklist_counts(rows, user=request.user),
                "agents": sorted({row.cycle.course.agent for row in rows}),
                "page": page.number,
                "n_pages": page.paginator.num_pages,
                "next": page.next_page_number() if page.has_next() else None,
                "previous": page.previous_page_number() if page.has_previous() else None,
                "results": [row.as_dict() for row in page.object_list],
                "updated_at": now.isoformat(),
            }
        )


class CycleAssignInput(serializers.Serializer):
    assignee_id = serializers.IntegerField(allow_null=True, required=False)
    due_at = serializers.DateTimeField(allow_null=True, required=False)


def cycle_response(cycle, user) -> Response:
    detail = {**cycle_detail(cycle, user=user), "allowed": allowed_actions(user=user, site=cycle.site)}
    return Response(detail, headers={"ETag": f'"{cycle.version}"'})


class CycleApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        audit_view(actor=request.user, patient=cycle.patient)
        return cycle_response(cycle, request.user)

    @documented(CycleAssignInput)
    def patch(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = CycleAssignInput(data=request.data)
        fields.is_valid(raise_exception=True)
        assignee_id = fields.validated_data.get("assignee_id", cycle.assignee_id)
        assignee = None if assignee_id is None else get_object_or_404(User, pk=assignee_id)
        cycle = cycle_assign(
            actor=request.user,
            cycle=cycle,
            version=if_match_version(request),
            assignee=assignee,
            due_at=fields.validated_data.get("due_at", cycle.due_at),
        )
        return cycle_response(cycle, request.user)


class PeopleApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        return Response({"results": people_of_site(site)})


urlpatterns = [
    path("worklist", WorklistApi.as_view(), name="worklist"),
    path("cycles/<uuid:cycle_id>", CycleApi.as_view(), name="cycle"),
    path("sites/<uuid:site_id>/people", PeopleApi.as_view(), name="people"),
]
