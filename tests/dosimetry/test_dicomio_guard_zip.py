"""Archives from outside: attacks are refused and leave nothing behind; single bad entries are left out."""

import struct
import zipfile

import pytest

from dosimetry.dicomio.guard_codes import GuardCode
from dosimetry.dicomio.zip_guard import ZipLimits, extract_zip
from tests.phantoms import hostile
from tests.phantoms.hostile_archives import hostile_archives

ARCHIVES = hostile_archives()


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.name)
def test_every_class_gets_its_code(archive, tmp_path):
    path, into = tmp_path / "a.zip", tmp_path / "in" / "to"
    archive.write(path)
    result = extract_zip(path, into)
    assert result.archive_code == archive.archive_code
    assert tuple(refusal.code for refusal in result.refusals) == archive.entry_codes
    kept = sorted(file.path for file in result.files)
    assert sorted(into.iterdir()) == kept
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "in"]
    assert result.is_accepted == (archive.archive_code is None)
    assert bool(result.message) != result.is_accepted


def test_files_are_stored_by_number_and_keep_their_bytes(tmp_path):
    path = tmp_path / "a.zip"
    names = ["folder/", "folder/one.dcm", "two\u202e\x07.dcm", "three"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else name.encode())
    result = extract_zip(path, tmp_path / "into")
    assert [file.path.name for file in result.files] == ["000002", "000003", "000004"]
    assert [file.name_shown for file in result.files] == ["one.dcm", "two.dcm", "three"]
    assert [file.path.read_bytes() for file in result.files] == [name.encode() for name in names[1:]]
    assert [file.n_bytes for file in result.files] == [len(name.encode()) for name in names[1:]]


def test_bytes_are_counted_while_writing(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5):
            archive.writestr(str(number), bytes(1000))
    assert extract_zip(path, tmp_path / "a", limits=ZipLimits(max_bytes=5000)).is_accepted
    refused = extract_zip(path, tmp_path / "b", limits=ZipLimits(max_bytes=4999))
    assert refused.archive_code == GuardCode.INFLATES_TOO_FAR
    assert list((tmp_path / "b").iterdir()) == []


def test_a_small_archive_may_have_a_high_ratio(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("empty image", bytes(4 * 2**20))
    assert extract_zip(path, tmp_path / "a").is_accepted
    refused = extract_zip(path, tmp_path / "b", limits=ZipLimits(ratio_free_bytes=0))
    assert refused.archive_code == GuardCode.INFLATES_TOO_FAR


def test_a_directory_that_claims_to_be_huge_is_not_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 2**30, 0, 0))
    assert extract_zip(path, tmp_path / "a").archive_code == GuardCode.TOO_MANY_ENTRIES


def test_a_dicom_file_that_starts_like_an_archive_is_unpacked(tmp_path):
    path = tmp_path / "a.zip"
    content = b"PK\x03\x04".ljust(128, b"\0") + hostile.small_ct()[128:]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", content)
    result = extract_zip(path, tmp_path / "a")
    assert [file.path.read_bytes() for file in result.files] == [content]
