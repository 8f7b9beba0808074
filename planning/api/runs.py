from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.models.runs import OPEN_STATES
from planning.selectors.runs import run_summary, runs_visible_to
from planning.services.runs import run_cancel

N_SHOWN = 25


class RunsApi(APIView):
    @documented(query=("open", "cycle"), operation="runs_list")
    def get(self, request):
        runs = runs_visible_to(user=request.user)
        if request.query_params.get("open") == "1":
            runs = runs.filter(state__in=OPEN_STATES)
        cycle = request.query_params.get("cycle")
        if cycle:
            runs = runs.filter(cycle_uuid=cycle)
        return Response({"results": [run_summary(run) for run in runs.order_by("-created_at")[:N_SHOWN]]})


class RunApi(APIView):
    @documented()
    def get(self, request, run_id):
        return Response(run_summary(get_object_or_404(runs_visible_to(user=request.user), pk=run_id)))


class RunCancelApi(APIView):
    @documented()
    def post(self, request, run_id):
        run = get_object_or_404(runs_visible_to(user=request.user), pk=run_id)
        return Response(run_summary(run_cancel(actor=request.user, run=run)))


urlpatterns = [
    path("runs", RunsApi.as_view(), name="runs"),
    path("runs/<uuid:run_id>", RunApi.as_view(), name="run"),
    path("runs/<uuid:run_id>/cancel", RunCancelApi.as_view(), name="run-cancel"),
]
