"""Assignment and due date of a cycle, under optimistic lock."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from planning import permissions
from planning.errors import ConflictError, InvalidStateError
from planning.models import Cycle, User
from planning.permissions import Action
from planning.services.audit import audit_record


@transaction.atomic
def cycle_assign(*, actor: User, cycle: Cycle, version: int, assignee: User | None, due_at: datetime | None) -> Cycle:
    """Assign a cycle to a person of its site and set when it is due; a stale version is refused."""
    permissions.require(user=actor, action=Action.ASSIGN, site=cycle.site)
    if assignee is not None and not assignee.memberships.filter(site=cycle.site).exists():
        raise InvalidStateError("This person has no role at the site of the case.", code="not_at_site")
    before = {"assignee": cycle.assignee_id, "due_at": cycle.due_at and cycle.due_at.isoformat()}
    n = Cycle.objects.filter(pk=cycle.pk, version=version).update(
        assignee=assignee, due_at=due_at, version=F("version") + 1
    )
    if not n:
        raise ConflictError("Somebody else changed this row; load it again.", code="stale_version")
    cycle.refresh_from_db()
    after = {"assignee": cycle.assignee_id, "due_at": due_at and due_at.isoformat()}
    audit_record(
        actor=actor,
        action="cycle.assign",
        target=cycle,
        site=cycle.site,
        patient=cycle.patient,
        before=before,
        after=after,
    )
    return cycle
