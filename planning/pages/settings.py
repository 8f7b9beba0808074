"""Settings of a site and the audit trail: shells only; the API decides who may change what."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from planning.permissions import Action

from planning.pages.shell import build_shell, render_page

NEEDED = {
    "settings_cameras": Action.VIEW_PATIENT,
    "settings_limits": Action.VIEW_PATIENT,
    "settings_templates": Action.VIEW_PATIENT,
    "settings_users": Action.MANAGE_USERS,
    "audit": Action.VIEW_AUDIT,
}


@require_safe
@login_required
def settings_page(request: HttpRequest, page: str) -> HttpResponse:
    if NEEDED[page].value not in build_shell(request).allowed:
        raise PermissionDenied
    return render_page(request, page=page)


@require_safe
@login_required
def keys_page(request: HttpRequest) -> HttpResponse:
    return render_page(request, page="keys")
