"""Uploads: declared length and digest are checked; a repeat is harmless, a lie is refused."""

import base64
import hashlib

import pytest

from planning import storage
from planning.models import Upload, UploadFile
from planning.models.sites import Role
from planning.services.uploads import UploadRefusedError, upload_receive

pytestmark = pytest.mark.django_db
BODY = b"some bytes of a file" * 100


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


@pytest.fixture
def client(clinic):
    return clinic.client(clinic.users[Role.TECHNOLOGIST])


@pytest.fixture
def upload(clinic, client):
    answer = client.post("/api/uploads", {"site_id": str(clinic.site.pk), "n_files": 2, "n_bytes": 4000}, format="json")
    assert answer.status_code == 201
    return Upload.objects.get(pk=answer.json()["id"])


def put(client, upload, number=1, body=BODY, **headers):
    sent = {"Content-Digest": digest_of(BODY), "X-File-Name": "ZZPHI%20scan.dcm", **headers}
    return client.put(
        f"/api/uploads/{upload.pk}/files/{number}", body, content_type="application/octet-stream", headers=sent
    )


def test_a_whole_file_is_stored_under_its_digest_and_may_come_twice(client, upload):
    for _ in range(2):
        assert put(client, upload).status_code == 201
    row = UploadFile.objects.get()
    assert row.name == "ZZPHI scan.dcm"
    assert storage.object_path(row.sha256).read_bytes() == BODY


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Digest": digest_of(b"other")}, 422, "digest_mismatch"),
        ({"Content-Digest": "md5=:xx:"}, 400, "digest_required"),
        ({"Content-Digest": "sha-256=:%%%%:"}, 400, "digest_required"),
    ],
)
def test_a_wrong_digest_stores_nothing(client, upload, headers, status, code):
    answer = put(client, upload, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not UploadFile.objects.exists()


def test_a_cut_body_is_refused(clinic, upload):
    """Servers hand on a cut body as if it were whole: the count of bytes finds it."""
    parts = iter([BODY[:50]])
    with pytest.raises(UploadRefusedError) as caught:
        upload_receive(
            actor=clinic.users[Role.TECHNOLOGIST],
            upload=upload,
            number=1,
            name="x",
            n_declared=len(BODY),
            content_digest=digest_of(BODY),
            read=lambda _n: next(parts, b""),
        )
    assert (caught.value.http_status, caught.value.code) == (400, "body_cut_off")
    assert not UploadFile.objects.exists()


def test_a_chunked_body_is_refused(client, upload):
    url = f"/api/uploads/{upload.pk}/files/1"
    answer = client.generic("PUT", url, b"", HTTP_TRANSFER_ENCODING="chunked", HTTP_CONTENT_DIGEST=digest_of(BODY))
    assert answer.status_code == 411


def test_too_large_is_refused_before_reading(client, upload, settings):
    settings.UPLOAD_MAX_FILE_BYTES = 10
    assert put(client, upload).status_code == 413


def test_other_content_under_a_number_is_refused(client, upload):
    assert put(client, upload).status_code == 201
    other = b"something else"
    answer = put(client, upload, body=other, **{"Content-Digest": digest_of(other)})
    assert (answer.status_code, answer.json()["code"]) == (409, "other_content")


def test_an_incomplete_upload_cannot_be_closed(client, upload):
    put(client, upload)
    answer = client.post(f"/api/uploads/{upload.pk}/complete")
    assert (answer.status_code, answer.json()["code"]) == (409, "files_missing")
    assert put(client, upload, number=3).json()["code"] == "bad_number"


def test_another_site_finds_no_upload(clinic, upload):
    foreign = clinic.client(clinic.foreigner)
    assert put(foreign, upload).status_code == 404
    assert foreign.get(f"/api/uploads/{upload.pk}").status_code == 404
