"""Bringing in scans, and confirming what lies in quarantine."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from planning.pages.shell import render_page
from planning.selectors.courses import cycles_visible_to
from planning.selectors.uploads import uploads_visible_to


@require_safe
@login_required
def import_page(request: HttpRequest) -> HttpResponse:
    """Show the drop area; with ``?cycle=`` the scans are meant for that cycle, if the user may see it."""
    wanted = request.GET.get("cycle", "")
    cycle = None
    if wanted:
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=_uuid_or_none(wanted))
    return render_page(request, page="import", data={"cycle": cycle.pk if cycle else ""})


@require_safe
@login_required
def confirm_page(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    upload = get_object_or_404(uploads_visible_to(user=request.user), pk=upload_id)
    return render_page(request, page="confirm", data={"upload": upload.pk, "upload-site": upload.site_id})


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
