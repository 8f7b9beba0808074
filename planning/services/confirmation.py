"""What a site measures or enters counts once a second person confirmed it, until it is withdrawn with a reason."""

from collections.abc import Collection
from typing import Any

from django.utils import timezone

from planning import permissions
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import User
from planning.permissions import Action
from planning.services.audit import audit_record


def second_person_confirm(
    *, actor: User, entry: Any, noun: str, code: str, authors: Collection[Any], refusal: str
) -> None:
    """Confirm an entry of a site in a name that is not among its ``authors``; ``code`` begins the audit's action."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=entry.site)
    if entry.confirmed_at is not None or entry.is_withdrawn:
        raise InvalidStateError(f"The {noun} is confirmed or withdrawn already.", code="already_decided")
    if actor.pk in authors:
        raise NotAllowedError(f"A second person confirms: {refusal}.", code="second_person_required")
    entry.confirmed_by, entry.confirmed_at = actor, timezone.now()
    entry.save(update_fields=["confirmed_by", "confirmed_at"])
    audit_record(actor=actor, action=f"{code}.confirm", target=entry, site=entry.site)


def entry_withdraw(*, actor: User, entry: Any, noun: str, code: str, reason: str) -> None:
    """Withdraw an entry of a site for good; what was made with it becomes stale."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=entry.site)
    if entry.is_withdrawn:
        raise InvalidStateError(f"The {noun} is withdrawn already.", code="already_decided")
    if not reason.strip():
        raise InvalidStateError(f"Give a reason for withdrawing the {noun}.", code="reason_required")
    entry.is_withdrawn = True
    entry.save(update_fields=["is_withdrawn"])
    audit_record(actor=actor, action=f"{code}.withdraw", target=entry, site=entry.site, reason=reason)
