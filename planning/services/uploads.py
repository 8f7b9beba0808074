"""Receiving files: declared length and digest are checked before a row says that a file is there."""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from planning import permissions, storage
from planning.errors import ConflictError, InvalidStateError, PlanningError
from planning.models import Cycle, Site, Upload, UploadFile, User
from planning.models.runs import RunState
from planning.models.uploads import UploadState
from planning.permissions import Action
from planning.queue import TaskName
from planning.services.audit import audit_record
from planning.services.runs import run_start

CHUNK_BYTES = 2**20


class UploadRefusedError(PlanningError):
    """A body that cannot be taken; ``http_status`` says why."""

    def __init__(self, message: str, *, code: str, http_status: int) -> None:
        super().__init__(message, code=code)
        self.http_status = http_status


@transaction.atomic
def upload_create(*, actor: User, site: Site, n_files: int, n_bytes: int, cycle: Cycle | None = None) -> Upload:
    permissions.require(user=actor, action=Action.IMPORT_SCANS, site=site)
    if not 1 <= n_files <= settings.UPLOAD_MAX_FILES:
        raise InvalidStateError(f"An upload holds 1 to {settings.UPLOAD_MAX_FILES} files.", code="too_many_files")
    if n_bytes > settings.UPLOAD_MAX_BYTES or n_bytes > storage.free_bytes():
        message = "The upload is larger than the limit or the free space."
        raise UploadRefusedError(message, code="too_large", http_status=413)
    upload = Upload.objects.create(
        site=site, created_by=actor, n_files=n_files, n_bytes=n_bytes, cycle_uuid=cycle.pk if cycle else None
    )
    audit_record(actor=actor, action="upload.create", target=upload, site=site, after={"n_files": n_files})
    return upload


def upload_receive(
    *,
    actor: User,
    upload: Upload,
    number: int,
    name: str,
    n_declared: int,
    content_digest: str,
    read: Callable[[int], bytes],
) -> UploadFile:
    """Take one body; a repeated body of the same content is harmless, another content under the number is refused."""
    permissions.require(user=actor, action=Action.IMPORT_SCANS, site=upload.site)
    if upload.state != UploadState.RECEIVING:
        raise InvalidStateError("This upload is complete; start a new one.", code="upload_complete")
    if not 1 <= number <= upload.n_files:
        raise InvalidStateError("The file number is outside the declared count.", code="bad_number")
    if n_declared > settings.UPLOAD_MAX_FILE_BYTES:
        raise UploadRefusedError("The file is larger than the limit.", code="too_large", http_status=413)
    if storage.free_bytes() < n_declared + 2**28:
        raise UploadRefusedError("The store is full; tell the operator.", code="store_full", http_status=507)
    sha256 = _store_checked(n_declared, _wanted_digest(content_digest), read)
    return _record(upload, number, name, n_declared, sha256)


def _wanted_digest(header: str) -> str:
    if not (header.startswith("sha-256=:") and header.endswith(":") and len(header) > 10):
        raise UploadRefusedError(
            "Send the SHA-256 of the file in the Content-Digest header.", code="digest_required", http_status=400
        )
    try:
        return base64.b64decode(header[9:-1], validate=True).hex()
    except (binascii.Error, ValueError):
        raise UploadRefusedError("The Content-Digest is not base64.", code="digest_required", http_status=400) from None


def _store_checked(n_declared: int, wanted: str, read: Callable[[int], bytes]) -> str:
    part = Path(settings.OBJECTS_DIR) / f"{uuid4().hex}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    digest, n_read = hashlib.sha256(), 0
    try:
        with part.open("xb") as file:
            while n_read < n_declared and (chunk := read(min(CHUNK_BYTES, n_declared - n_read))):
                file.write(chunk)
                digest.update(chunk)
                n_read += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if n_read != n_declared:
            raise UploadRefusedError("The body was cut off; send it again.", code="body_cut_off", http_status=400)
        if digest.hexdigest() != wanted:
            raise UploadRefusedError("The digest differs; send it again.", code="digest_mismatch", http_status=422)
        return storage.adopt_part(part, wanted)
    finally:
        part.unlink(missing_ok=True)


@transaction.atomic
def _record(upload: Upload, number: int, name: str, n_bytes: int, sha256: str) -> UploadFile:
    row, is_new = UploadFile.objects.get_or_create(
        upload=upload,
        number=number,
        member=0,
        defaults={"name": name[:255], "n_bytes": n_bytes, "sha256": sha256},
    )
    if not is_new and row.sha256 != sha256:
        raise ConflictError("Another content was sent under this number before.", code="other_content")
    return row


@transaction.atomic
def upload_complete(*, actor: User, upload: Upload) -> Upload:
    """Close an upload and queue its reading; every declared file must be there."""
    permissions.require(user=actor, action=Action.IMPORT_SCANS, site=upload.site)
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    has_failed = upload.run is not None and upload.run.state in {RunState.FAILED, RunState.CANCELLED}
    if upload.state == UploadState.COMPLETE and not has_failed:
        return upload
    if upload.state not in {UploadState.RECEIVING, UploadState.COMPLETE}:
        raise InvalidStateError("This upload was read already.", code="upload_read")
    n_received = upload.files.filter(member=0).count()
    if n_received != upload.n_files:
        raise InvalidStateError(
            f"{n_received} of {upload.n_files} files are here; send the others first.", code="files_missing"
        )
    upload.state = UploadState.COMPLETE
    upload.run = run_start(
        actor=actor, site=upload.site, task=TaskName.IMPORT_UPLOAD, parameters={"upload": str(upload.pk)}
    )
    upload.save(update_fields=["state", "run"])
    audit_record(actor=actor, action="upload.complete", target=upload, site=upload.site)
    return upload
