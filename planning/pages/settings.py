"""Settings of a site and the audit trail: shells only; the API decides who may change what."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from planning.pages.shell import build_shell, render_page
from planning.permissions import Action
from planning.services.audit_chain import verify_chain

SETTINGS = (Action.VIEW_PATIENT, Action.EDIT_LIMITS, Action.CONFIRM_LIMITS)
NEEDED = {
    "settings_cameras": SETTINGS,
    "settings_limits": SETTINGS,
    "settings_models": SETTINGS,
    "settings_populations": SETTINGS,
    "settings_templates": SETTINGS,
    "settings_users": (Action.MANAGE_USERS,),
    "settings_virtual": (Action.VIEW_PATIENT,),
}
"""Any one of these actions opens the page; the API decides on every change."""


@require_safe
@login_required
def settings_page(request: HttpRequest, page: str) -> HttpResponse:
    if not {action.value for action in NEEDED[page]} & set(build_shell(request).allowed):
        raise PermissionDenied
    return render_page(request, page=page)


@require_safe
@login_required
def audit_page(request: HttpRequest) -> HttpResponse:
    """Show the audit trail; with ``?check=1`` every hash of the chain is computed again first."""
    if Action.VIEW_AUDIT.value not in build_shell(request).allowed:
        raise PermissionDenied
    chain = verify_chain() if request.GET.get("check") == "1" else None
    return render_page(request, page="audit", context={"chain": chain})


@require_safe
@login_required
def keys_page(request: HttpRequest) -> HttpResponse:
    return render_page(request, page="keys")
