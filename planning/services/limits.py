"""Versioned limit sets and therapy templates: added, confirmed by a second person, never edited."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import DoseLimit, LimitSet, Site, TherapyTemplate, User
from planning.permissions import Action
from planning.services.audit import audit_record


@transaction.atomic
def limit_set_create(*, actor: User, site: Site, name: str, limits: list[dict[str, Any]]) -> LimitSet:
    """Store a new version of a limit set; each limit needs its source."""
    permissions.require(user=actor, action=Action.EDIT_LIMITS, site=site)
    if not limits:
        raise InvalidStateError("A limit set needs at least one limit.", code="no_limits")
    newest = site.limit_sets.filter(name=name).order_by("-version").first()
    limit_set = LimitSet(site=site, name=name, version=1 if newest is None else newest.version + 1, created_by=actor)
    limit_set.full_clean(exclude=["confirmed_by", "confirmed_at"])
    limit_set.save()
    for fields in limits:
        limit = DoseLimit(limit_set=limit_set, **fields)
        limit.full_clean()
        limit.save()
    audit_record(actor=actor, action="limit_set.create", target=limit_set, site=site, after={"limits": limits})
    return limit_set


@transaction.atomic
def limit_set_confirm(*, actor: User, limit_set: LimitSet) -> LimitSet:
    permissions.require(user=actor, action=Action.CONFIRM_LIMITS, site=limit_set.site)
    _confirm(actor, limit_set)
    audit_record(actor=actor, action="limit_set.confirm", target=limit_set, site=limit_set.site)
    return limit_set


@transaction.atomic
def template_create(*, actor: User, site: Site, fields: dict[str, Any]) -> TherapyTemplate:
    """Store a new version of a therapy template; unusable for a prescription until confirmed."""
    permissions.require(user=actor, action=Action.EDIT_TEMPLATES, site=site)
    newest = site.therapy_templates.filter(name=fields.get("name", "")).order_by("-version").first()
    template = TherapyTemplate(
        site=site, version=1 if newest is None else newest.version + 1, created_by=actor, **fields
    )
    template.full_clean(exclude=["confirmed_by", "confirmed_at", "radiobiology", "sources", "scan_times_h"])
    template.save()
    audit_record(actor=actor, action="template.create", target=template, site=site)
    return template


@transaction.atomic
def template_confirm(*, actor: User, template: TherapyTemplate) -> TherapyTemplate:
    permissions.require(user=actor, action=Action.CONFIRM_TEMPLATES, site=template.site)
    _confirm(actor, template)
    audit_record(actor=actor, action="template.confirm", target=template, site=template.site)
    return template


def _confirm(actor: User, row: LimitSet | TherapyTemplate) -> None:
    if row.confirmed_at is not None:
        raise InvalidStateError("This version is confirmed already.", code="already_confirmed")
    if row.created_by_id == actor.pk:
        raise NotAllowedError("A second person confirms: you wrote this version.", code="second_person_required")
    row.confirmed_by = actor
    row.confirmed_at = timezone.now()
    row.save(update_fields=["confirmed_by", "confirmed_at"])
