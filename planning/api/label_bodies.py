"""Label voxels as gzip bodies: declared length and digest, inflated to no more than expected."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from urllib.parse import unquote

from django.http import HttpResponse

from planning import storage
from planning.services.uploads import UploadRefusedError

MAX_BODY_BYTES = 32 * 2**20
MAX_VOXELS = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBody:
    voxels: bytes
    voxels_sha256: str
    note: str

    def store(self) -> str:
        return storage.store_bytes(gzip.compress(self.voxels, compresslevel=1, mtime=0))


def read_label_body(request) -> LabelBody:
    """Read and check the body. Refusals: 411 no length, 413 too large, 400 cut off or not gzip, 422 other digest."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared.isdigit() or "HTTP_TRANSFER_ENCODING" in request.META:
        raise UploadRefusedError("Send the length of the body.", code="length_required", http_status=411)
    if int(declared) > MAX_BODY_BYTES:
        raise UploadRefusedError("The body is larger than a contour set can be.", code="too_large", http_status=413)
    raw = request._request.read(int(declared))
    if len(raw) != int(declared):
        raise UploadRefusedError("The body was cut off; save again.", code="body_cut_off", http_status=400)
    voxels = _inflated(raw)
    sha256 = hashlib.sha256(voxels).hexdigest()
    if request.headers.get("X-Voxels-SHA256", "").lower() != sha256:
        raise UploadRefusedError("The digest differs; save again.", code="digest_mismatch", http_status=422)
    return LabelBody(voxels=voxels, voxels_sha256=sha256, note=unquote(request.headers.get("X-Note", ""))[:255])


def _inflated(raw: bytes) -> bytes:
    machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        voxels = machine.decompress(raw, MAX_VOXELS + 1)
    except zlib.error:
        raise UploadRefusedError("The body is not gzip.", code="not_gzip", http_status=400) from None
    if len(voxels) > MAX_VOXELS or not machine.eof:
        raise UploadRefusedError("The voxels do not fit any grid.", code="too_large", http_status=413)
    return voxels


def stored_label_response(draft) -> HttpResponse:
    """Send stored gzip labels of a draft, with the revision they were drawn on."""
    with storage.open_object(draft.object_sha256) as stored:
        response = HttpResponse(stored.read(), content_type="application/octet-stream")
    response["Content-Encoding"] = "gzip"
    response["X-Base-Number"] = draft.base_number
    response["X-Voxels-SHA256"] = draft.voxels_sha256
    response["Cache-Control"] = "private, no-store"
    return response
