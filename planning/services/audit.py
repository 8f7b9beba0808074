"""The audit chain: each line carries the hash of the line before; the last write of a service's transaction."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from planning.models import AuditHead, AuditRecord, Patient, User

GENESIS = "0" * 64
VIEW_INTERVAL = timedelta(minutes=10)
"""A person's repeated views of one patient within this time are one line."""


def audit_record(
    *,
    actor: User | None,
    action: str,
    target: Any = None,
    site=None,
    patient=None,
    reason: str = "",
    before: dict | None = None,
    after: dict | None = None,
) -> AuditRecord:
    """Append one line. Call it inside the transaction of the write that it records."""
    with transaction.atomic():
        head = _lock_head()
        number = head.number + 1
        patient_uuid = str(patient.pk) if patient is not None else None
        payload = {
            "number": number,
            "at": timezone.now().isoformat(),
            "actor": actor.pk if actor else None,
            "actor_name": actor.printed_name if actor else "system",
            "action": action,
            "target_type": type(target).__name__ if target is not None else "",
            "target_id": str(target.pk) if target is not None else "",
            "site": str(site.pk) if site is not None else None,
            "patient": patient_uuid,
            "reason": reason,
            "before": before,
            "after": after,
        }
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        record = AuditRecord.objects.create(
            number=number,
            previous_hash=head.hash,
            hash=chain_hash(head.hash, text),
            actor=actor,
            site=site,
            patient_uuid=patient_uuid,
            action=action,
            payload=text,
        )
        AuditHead.objects.filter(pk=head.pk).update(number=number, hash=record.hash)
    return record


def audit_view(*, actor: User, patient: Patient) -> None:
    """Record that a person looked at a patient."""
    newest = (
        AuditRecord.objects.filter(actor=actor, action="patient.view", patient_uuid=patient.pk)
        .order_by("-number")
        .first()
    )
    if newest is not None:
        at = timezone.datetime.fromisoformat(json.loads(newest.payload)["at"])
        if timezone.now() - at < VIEW_INTERVAL:
            return
    audit_record(actor=actor, action="patient.view", target=patient, site=patient.site, patient=patient)


def chain_hash(previous_hash: str, payload: str) -> str:
    return hashlib.sha256(f"{previous_hash}\n{payload}".encode()).hexdigest()


def _lock_head() -> AuditHead:
    heads = AuditHead.objects.all()
    if connection.features.has_select_for_update:
        heads = heads.select_for_update()
    head = heads.filter(pk=1).first()
    return head or AuditHead.objects.create(pk=1, number=0, hash=GENESIS)
