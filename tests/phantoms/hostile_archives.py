"""ZIP archives that attack a reader, written anew each time, each with the verdict that the guard must give."""

import io
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.phantoms.hostile import MIB, small_ct


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileArchive:
    """One class of archive: its name, how to write it, the code of the whole or of its entries."""

    name: str
    write: Callable[[Path], None]
    archive_code: str | None = None
    entry_codes: tuple[str, ...] = ()


def hostile_archives() -> list[HostileArchive]:
    """Return archives that must be refused, wholly or in part."""
    return [
        HostileArchive(name="not_zip", write=_write_no_zip, archive_code="not_zip"),
        HostileArchive(name="bomb", write=_write_bomb, archive_code="inflates_too_far"),
        HostileArchive(name="traversal", write=_named("../../outside.dcm"), archive_code="path_traversal"),
        HostileArchive(name="absolute", write=_named("/etc/passwd"), archive_code="path_traversal"),
        HostileArchive(name="drive", write=_named("C:\\windows\\x.dcm"), archive_code="path_traversal"),
        HostileArchive(name="backslash", write=_named("a\\..\\..\\x.dcm"), archive_code="path_traversal"),
        HostileArchive(name="link", write=_write_link, archive_code="not_a_plain_file"),
        HostileArchive(name="same_but_for_case", write=_named("a.dcm", "A.DCM"), archive_code="duplicate_name"),
        HostileArchive(name="many_entries", write=_write_many, archive_code="too_many_entries"),
        HostileArchive(name="encrypted", write=_write_encrypted, entry_codes=("encrypted",)),
        HostileArchive(name="nested", write=_write_nested, entry_codes=("nested_archive", "nested_archive")),
        HostileArchive(name="unusual_method", write=_write_bzip2, entry_codes=("compression_method",)),
        HostileArchive(name="wrong_checksum", write=_write_wrong_checksum, entry_codes=("bad_checksum",)),
    ]


def _named(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                entry = zipfile.ZipInfo("placeholder")
                entry.filename = name
                archive.writestr(entry, name)

    return write


def _write_no_zip(path: Path) -> None:
    path.write_bytes(b"PK no archive")


def _write_bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.dcm", "w", force_zip64=True) as entry,
    ):
        for _ in range(200):
            entry.write(bytes(MIB))


def _write_link(path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")


def _write_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_001):
            archive.writestr(str(number), b"")


def _write_encrypted(path: Path) -> None:
    _named("plain.dcm")(path)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))


def _write_nested(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.dcm", b"x")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("inner.tar.gz", b"\x1f\x8b\x08" + bytes(20))
        archive.writestr("good.dcm", small_ct())


def _write_bzip2(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.dcm", bytes(1000))


def _write_wrong_checksum(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"the content of a file")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"the content", b"THE content"))
