"""Checking the audit chain, and exporting its head so that a cut tail is found too."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from planning.models import AuditHead, AuditRecord
from planning.services.audit import GENESIS, chain_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    n_records: int
    faults: tuple[str, ...]


def head_export_path() -> Path:
    return Path(settings.DATA_DIR) / "audit_heads.jsonl"


def export_head() -> None:
    """Append the newest number and hash to the exported heads; copy this file to another host."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        return
    line = json.dumps({"number": head.number, "hash": head.hash, "at": timezone.now().isoformat()})
    with head_export_path().open("a") as file:
        file.write(line + "\n")


def verify_chain() -> ChainReport:
    """Recompute every hash, look for gaps, and compare with the head row and every exported head."""
    faults = []
    previous, number = GENESIS, 0
    hashes = {0: GENESIS}
    for record in AuditRecord.objects.order_by("number").iterator():
        number += 1
        if record.number != number:
            faults.append(f"Line {number} is missing.")
            number = record.number
        if record.previous_hash != previous:
            faults.append(f"Line {record.number} does not continue the line before.")
        if record.hash != chain_hash(record.previous_hash, record.payload):
            faults.append(f"Line {record.number} was altered.")
        if not _columns_match(record):
            faults.append(f"Columns of line {record.number} differ from what was hashed.")
        previous = record.hash
        hashes[record.number] = record.hash
    head = AuditHead.objects.filter(pk=1).first()
    if head is not None and (head.number, head.hash) != (number, previous):
        faults.append("The end of the chain differs from its head: lines were cut off.")
    faults += _exported_faults(hashes)
    return ChainReport(n_records=len(hashes) - 1, faults=tuple(faults))


def _columns_match(record: AuditRecord) -> bool:
    try:
        payload = json.loads(record.payload)
    except ValueError:
        return False
    if not isinstance(payload, dict):
        return False
    shown = (record.number, record.action, record.actor_id, _text(record.site_id), _text(record.patient_uuid))
    return shown == (payload["number"], payload["action"], payload["actor"], payload["site"], payload["patient"])


def _text(value) -> str | None:
    return None if value is None else str(value)


def _exported_faults(hashes: dict[int, str]) -> list[str]:
    path = head_export_path()
    if not path.exists():
        return []
    faults = []
    for line in path.read_text().splitlines():
        head = json.loads(line)
        if hashes.get(head["number"]) != head["hash"]:
            faults.append(f"The exported head {head['number']} is not in the chain.")
    return faults
