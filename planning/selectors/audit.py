"""The audit chain as its page shows it."""

import json
from typing import Any

from planning.models import AuditRecord
from planning.models.sites import Membership, Role

AUDIT_ROLES = (Role.AUDITOR, Role.QUALITY_LEAD)


def audit_records_visible_to(*, user):
    sites = Membership.objects.filter(user_id=user.pk, role__in=AUDIT_ROLES).values("site_id")
    return AuditRecord.objects.filter(site__in=sites)


def audit_summary(record: AuditRecord) -> dict[str, Any]:
    payload = json.loads(record.payload)
    return {
        "number": record.number,
        "hash": record.hash,
        "at": payload["at"],
        "actor": payload["actor_name"],
        "action": payload["action"],
        "target_type": payload["target_type"],
        "target_id": payload["target_id"],
        "patient": payload["patient"],
        "reason": payload["reason"],
        "before": payload["before"],
        "after": payload["after"],
    }
