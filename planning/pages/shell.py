"""What every page shares: the chosen site, the areas that a role may open, the patient strip with its steps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from planning.models import Course, Cycle, Membership, Site
from planning.permissions import Action, allowed_actions
from planning.selectors.current import current_result
from planning.selectors.staleness import calculation_stale_causes
from planning.selectors.steps import cycle_steps

SITE_KEY = "site_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    key: str
    label: str
    icon: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    user_name: str
    initials: str
    site: Site | None
    sites: tuple[Site, ...]
    roles: tuple[str, ...]
    role_labels: tuple[str, ...]
    allowed: tuple[str, ...]
    areas: tuple[Area, ...]
    time_zone: str
    now: datetime


def build_shell(request: HttpRequest) -> Shell:
    """Collect what strip, rail and menu of a page show to this user."""
    memberships = list(Membership.objects.filter(user=request.user).select_related("site"))
    sites = tuple(sorted({m.site for m in memberships}, key=lambda site: site.name))
    site = next((s for s in sites if str(s.pk) == request.session.get(SITE_KEY)), sites[0] if sites else None)
    own = [membership for membership in memberships if membership.site == site]
    allowed = tuple(str(action) for action in allowed_actions(user=request.user, site=site)) if site else ()
    name = request.user.printed_name
    return Shell(
        user_name=name,
        initials="".join(part[0] for part in name.split()[:2]).upper(),
        site=site,
        sites=sites,
        roles=tuple(str(membership.role) for membership in own),
        role_labels=tuple(membership.get_role_display() for membership in own),
        allowed=allowed,
        areas=_areas(set(allowed)),
        time_zone=site.time_zone if site else "UTC",
        now=timezone.now(),
    )


def render_page(
    request: HttpRequest, *, page: str, context: dict[str, Any] | None = None, data: dict[str, Any] | None = None
) -> HttpResponse:
    """Render the shell of one page; ``data`` becomes data attributes of #page for its module."""
    full = {"page": page, "entry": f"src/pages/{page}.ts", "shell": build_shell(request), "data": data or {}}
    response = render(request, f"pages/{page}.html", full | (context or {}))
    response["Cache-Control"] = "private, no-store"
    return response


def patient_strip(*, course: Course, cycle: Cycle | None) -> dict[str, Any]:
    """Return what the fixed strip and the step rail show for a case."""
    result = current_result(cycle) if cycle else None
    calculation = result.calculation if result else None
    return {
        "patient": course.patient,
        "course": course,
        "cycle": cycle,
        "result": result,
        "is_stale": bool(calculation and calculation_stale_causes(calculation)),
        "steps": cycle_steps(cycle) if cycle else [],
    }


def _areas(allowed: set[str]) -> tuple[Area, ...]:
    settings = {Action.VIEW_PATIENT, Action.EDIT_LIMITS, Action.CONFIRM_LIMITS}
    offered = [
        ("worklist", "Worklist", "list", "page-worklist", set()),
        ("import", "Import", "upload", "page-import", {Action.IMPORT_SCANS}),
        ("settings_cameras", "Cameras", "camera", "page-settings-cameras", settings),
        ("settings_limits", "Limits", "limit", "page-settings-limits", settings),
        ("settings_models", "AI contours", "spark", "page-settings-models", settings),
        ("settings_populations", "Populations", "timeline", "page-settings-populations", settings),
        ("settings_templates", "Templates", "cog", "page-settings-templates", settings),
        ("settings_virtual", "Virtual", "cube", "page-settings-virtual", {Action.VIEW_PATIENT}),
        ("settings_users", "Users", "users", "page-settings-users", {Action.MANAGE_USERS}),
        ("audit", "Audit", "shield", "page-audit", {Action.VIEW_AUDIT}),
    ]
    return tuple(
        Area(key=key, label=label, icon=icon, url=reverse(name))
        for key, label, icon, name, actions in offered
        if not actions or allowed & {action.value for action in actions}
    )
