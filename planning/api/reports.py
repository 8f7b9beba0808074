from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning import storage
from planning.api.schema import documented
from planning.models import Report
from planning.selectors.courses import cycles_visible_to
from planning.selectors.reports import report_summary, reports_visible_to
from planning.services.audit import audit_record
from planning.services.reports import report_start

CONTENT_TYPES = {"pdf": "application/pdf", "json": "application/json"}


class ReportsApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        reports = Report.objects.filter(result__cycle=cycle).order_by("-created_at")
        return Response({"results": [report_summary(report) for report in reports]})

    @documented(status=202)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        return Response({"run_id": str(report_start(actor=request.user, cycle=cycle).pk)}, status=202)


class ReportFileApi(APIView):
    @documented()
    def get(self, request, report_id, kind):
        report = get_object_or_404(reports_visible_to(user=request.user), pk=report_id)
        cycle = report.result.cycle
        audit_record(
            actor=request.user,
            action=f"report.download_{kind}",
            target=report,
            site=cycle.site,
            patient=cycle.patient,
        )
        sha256 = report.pdf_sha256 if kind == "pdf" else report.json_sha256
        state = "DRAFT-" if report.is_draft else ""
        name = f"{state}report-cycle-{cycle.number}-v{report.result.number}-{report.number}.{kind}"
        return FileResponse(
            storage.open_object(sha256), as_attachment=True, filename=name, content_type=CONTENT_TYPES[kind]
        )


urlpatterns = [
    path("cycles/<uuid:cycle_id>/reports", ReportsApi.as_view(), name="reports"),
    path("reports/<uuid:report_id>/pdf", ReportFileApi.as_view(), {"kind": "pdf"}, name="report-pdf"),
    path("reports/<uuid:report_id>/json", ReportFileApi.as_view(), {"kind": "json"}, name="report-json"),
]
