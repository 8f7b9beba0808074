"""Reads of report files."""

from typing import Any

from planning.models import Report
from planning.selectors.sites import site_ids_of


def reports_visible_to(*, user):
    return Report.objects.filter(result__cycle__course__patient__site__in=site_ids_of(user=user)).select_related(
        "result__cycle__course__patient__site"
    )


def report_summary(report: Report) -> dict[str, Any]:
    return {
        "id": str(report.pk),
        "number": report.number,
        "version": report.result.number,
        "state": report.result.state,
        "is_draft": report.is_draft,
        "at": report.created_at.isoformat(),
        "author": report.created_by.printed_name if report.created_by else "system",
        "digest": report.inputs_digest,
        "pdf_url": f"/api/reports/{report.pk}/pdf",
        "json_url": f"/api/reports/{report.pk}/json",
    }
