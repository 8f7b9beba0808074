"""Receiving files: declared length and digest are checked before a row says that a file is there."""

import base64
import binascii
import errno
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from planning import permissions, storage
from planning.errors import ConflictError, InvalidStateError, PlanningError
from planning.models import Cycle, Site, Upload, UploadFile, User
from planning.models.runs import RunState
from planning.models.uploads import UploadState
from planning.permissions import Action
from planning.queue import TaskName
from planning.services.audit import audit_record
from planning.services.runs import run_start

OPEN_STATES = (UploadState.RECEIVING, UploadState.COMPLETE, UploadState.READ)
"""Uploads whose files lie in quarantine and count towards the limit of their site."""
SPARE_BYTES = 2**28
"""Room that an upload leaves on the disk, for database and results."""


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
    open_bytes = Upload.objects.filter(site=site, state__in=OPEN_STATES).aggregate(n=Coalesce(Sum("n_bytes"), 0))["n"]
    if open_bytes + n_bytes > settings.UPLOAD_MAX_OPEN_BYTES:
        message = "Too much waits for confirmation at this site; confirm or discard earlier uploads first."
        raise UploadRefusedError(message, code="quarantine_full", http_status=413)
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
    _check_open(upload)
    if not 1 <= number <= upload.n_files:
        raise InvalidStateError("The file number is outside the declared count.", code="bad_number")
    if n_declared > settings.UPLOAD_MAX_FILE_BYTES:
        raise UploadRefusedError("The file is larger than the limit.", code="too_large", http_status=413)
    if storage.free_bytes() < n_declared + SPARE_BYTES:
        raise _store_full()
    if not upload.files.filter(number=number, member=0).exists():
        _check_quota(upload, n_declared)
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
    n_left = n_declared

    def next_chunk() -> bytes:
        nonlocal n_left
        chunk = read(min(storage.CHUNK_BYTES, n_left)) if n_left else b""
        n_left -= len(chunk)
        return chunk

    try:
        with storage.receiving(next_chunk) as received:
            if received.n_bytes != n_declared:
                raise UploadRefusedError("The body was cut off; send it again.", code="body_cut_off", http_status=400)
            if received.sha256 != wanted:
                raise UploadRefusedError("The digest differs; send it again.", code="digest_mismatch", http_status=422)
            return received.adopt()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _store_full() from None


def _store_full() -> UploadRefusedError:
    return UploadRefusedError("The store is full; tell the operator.", code="store_full", http_status=507)


@transaction.atomic
def _record(upload: Upload, number: int, name: str, n_bytes: int, sha256: str) -> UploadFile:
    """Add the row under a lock of its upload, so that parallel bodies cannot pass a limit or a closed upload."""
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    _check_open(upload)
    row = upload.files.filter(number=number, member=0).first()
    if row is None:
        _check_quota(upload, n_bytes)
        return UploadFile.objects.create(upload=upload, number=number, name=name[:255], n_bytes=n_bytes, sha256=sha256)
    if row.sha256 != sha256:
        raise ConflictError("Another content was sent under this number before.", code="other_content")
    return row


def _check_open(upload: Upload) -> None:
    if upload.state != UploadState.RECEIVING:
        raise InvalidStateError("This upload is complete; start a new one.", code="upload_complete")


def _check_quota(upload: Upload, n_more: int) -> None:
    """Refuse more bytes than the upload declared when it began."""
    n_received = upload.files.aggregate(n=Coalesce(Sum("n_bytes"), 0))["n"]
    if n_received + n_more > upload.n_bytes:
        message = "The files are larger than the upload declared; start a new one."
        raise UploadRefusedError(message, code="more_than_declared", http_status=413)


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
