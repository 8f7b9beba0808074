"""Unpack a ZIP archive from outside: limits while streaming, names never used as paths, no archives within."""

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dosimetry.dicomio.guard_codes import MESSAGES, GuardCode, RefusedFileError, refuse_if

MAX_ENTRIES = 20_000
MAX_BYTES = 8 * 2**30
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 2**20
"""Archives that unpack to less are harmless whatever their ratio: empty images compress well."""

MAX_DIRECTORY_BYTES = 32 * 2**20
STEP_BYTES = 2**18
LONGEST_NAME_SHOWN = 128
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
PLAIN_KINDS = frozenset({0, stat.S_IFREG, stat.S_IFDIR})
ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
END_RECORD = struct.Struct("<4s4H2LH")
END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
LONGEST_TAIL_BYTES = END_RECORD.size + 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedFile:
    """One file that was unpacked.

    Parameters
    ----------
    number : int
        Place in the archive, from 1; the file is stored under this number.
    path : Path
        Where it is.
    name_shown : str
        Last part of its name in the archive, for display only, without control characters.
    n_bytes : int
        Length.
    """

    number: int
    path: Path
    name_shown: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRefusal:
    """One entry that was left out, and why."""

    number: int
    name_shown: str
    code: GuardCode

    @property
    def message(self) -> str:
        """Return what a person is told to do."""
        return MESSAGES[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipExtraction:
    """What came out of an archive.

    Parameters
    ----------
    files : tuple of ExtractedFile
        Unpacked files in the order of the archive; empty when the archive is refused.
    refusals : tuple of EntryRefusal
        Entries that were left out; the others are unpacked nevertheless.
    archive_code : GuardCode or None
        Why the whole archive is refused; None when it is not.
    """

    files: tuple[ExtractedFile, ...] = ()
    refusals: tuple[EntryRefusal, ...] = ()
    archive_code: GuardCode | None = None

    @property
    def is_accepted(self) -> bool:
        """Return whether the archive as a whole was unpacked."""
        return self.archive_code is None

    @property
    def message(self) -> str:
        """Return what a person is told to do about the archive; empty when it was accepted."""
        return "" if self.archive_code is None else MESSAGES[self.archive_code]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipLimits:
    """Limits of one archive: entries, unpacked bytes, and unpacked bytes for each byte of the archive."""

    max_entries: int = MAX_ENTRIES
    max_bytes: int = MAX_BYTES
    max_ratio: int = MAX_RATIO
    ratio_free_bytes: int = RATIO_FREE_BYTES


def extract_zip(path: Path, into: Path, *, limits: ZipLimits | None = None) -> ZipExtraction:
    """Unpack the plain files of an archive under numbers.

    An archive that attacks (leads out of its folder, holds links, repeats names, unpacks too far) is refused as a
    whole and what was unpacked is deleted. Single entries that cannot be used (locked, archives within, damaged) are
    left out and listed.

    Parameters
    ----------
    path : Path
        The archive.
    into : Path
        Folder for the files ``000001``, ...; made when absent. Files of these names must not exist.
    limits : ZipLimits or None
        None takes 20,000 entries, 8 GiB and a ratio of 200.

    Returns
    -------
    ZipExtraction
        Files, refusals, and the code when the whole archive is refused. No hostile content raises.

    Notes
    -----
    Sizes in the archive are not believed: bytes are counted while they are written. Files still have to pass
    ``guard.check_files``.
    """
    chosen = limits or ZipLimits()
    into.mkdir(parents=True, exist_ok=True)
    written: list[ExtractedFile] = []
    try:
        with path.open("rb") as file:
            _check_directory_size(file)
            with zipfile.ZipFile(file) as archive:
                entries = _checked_entries(archive, limits=chosen)
                refusals = _extract(archive, entries, into=into, written=written, budget=_Budget(path, chosen))
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error, OverflowError):
        return _refuse_archive(GuardCode.NOT_ZIP, written)
    except RefusedFileError as refusal:
        return _refuse_archive(refusal.guard_code, written)
    return ZipExtraction(files=tuple(written), refusals=tuple(refusals))


def _refuse_archive(code: GuardCode, written: list[ExtractedFile]) -> ZipExtraction:
    for file in written:
        file.path.unlink(missing_ok=True)
    return ZipExtraction(archive_code=code)


def _check_directory_size(file: BinaryIO) -> None:
    """Refuse a directory that would take too much memory, before it is read."""
    size = file.seek(0, 2)
    file.seek(max(0, size - LONGEST_TAIL_BYTES))
    tail = file.read(LONGEST_TAIL_BYTES)
    place = tail.rfind(b"PK\x05\x06")
    refuse_if(place < 0 or place + END_RECORD.size > len(tail), GuardCode.NOT_ZIP)
    n_directory_bytes: int = END_RECORD.unpack_from(tail, place)[5]
    refuse_if(n_directory_bytes != 0xFFFFFFFF and n_directory_bytes > MAX_DIRECTORY_BYTES, GuardCode.TOO_MANY_ENTRIES)
    locator = place - LOCATOR_64.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        start = locator - END_RECORD_64.size
        refuse_if(start < 0 or tail[start : start + 4] != b"PK\x06\x06", GuardCode.NOT_ZIP)
        refuse_if(END_RECORD_64.unpack_from(tail, start)[8] > MAX_DIRECTORY_BYTES, GuardCode.TOO_MANY_ENTRIES)
    file.seek(0)


def _checked_entries(archive: zipfile.ZipFile, *, limits: ZipLimits) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    refuse_if(len(entries) > limits.max_entries, GuardCode.TOO_MANY_ENTRIES)
    names: set[str] = set()
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        refuse_if(_leads_out(name), GuardCode.PATH_TRAVERSAL)
        refuse_if(stat.S_IFMT(entry.external_attr >> 16) not in PLAIN_KINDS, GuardCode.NOT_A_PLAIN_FILE)
        folded = unicodedata.normalize("NFC", str(PurePosixPath(name))).casefold()
        refuse_if(folded in names, GuardCode.DUPLICATE_NAME)
        names.add(folded)
    return entries


def _leads_out(name: str) -> bool:
    has_drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    return name.startswith("/") or has_drive or "\0" in name or ".." in name.split("/")


class _Budget:
    """Bytes that may still be written."""

    def __init__(self, path: Path, limits: ZipLimits) -> None:
        by_ratio = max(limits.ratio_free_bytes, limits.max_ratio * path.stat().st_size)
        self.left = min(limits.max_bytes, by_ratio)

    def spend(self, n_bytes: int) -> None:
        self.left -= n_bytes
        refuse_if(self.left < 0, GuardCode.INFLATES_TOO_FAR)


def _extract(
    archive: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    *,
    into: Path,
    written: list[ExtractedFile],
    budget: _Budget,
) -> list[EntryRefusal]:
    refusals = []
    for number, entry in enumerate(entries, start=1):
        if entry.is_dir():
            continue
        path = into / f"{number:06d}"
        shown = _shown(entry.filename)
        code = _code_of_entry(entry)
        if code is None:
            file = ExtractedFile(number=number, path=path, name_shown=shown, n_bytes=0)
            written.append(file)  # before the first byte, so that a refusal deletes it
            code, n_bytes = _write(archive, entry, path=path, budget=budget)
            written.pop()
            if code is None:
                written.append(ExtractedFile(number=number, path=path, name_shown=shown, n_bytes=n_bytes))
                continue
            path.unlink(missing_ok=True)
        refusals.append(EntryRefusal(number=number, name_shown=shown, code=code))
    return refusals


def _code_of_entry(entry: zipfile.ZipInfo) -> GuardCode | None:
    if entry.flag_bits & ENCRYPTED_FLAGS:
        return GuardCode.ENCRYPTED
    return None if entry.compress_type in METHODS else GuardCode.COMPRESSION_METHOD


def _write(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, path: Path, budget: _Budget
) -> tuple[GuardCode | None, int]:
    """Write one entry; return why it is left out, or None, and its length."""
    n_bytes = 0
    with path.open("xb") as target:
        try:
            for chunk in _chunks(archive, entry):
                if n_bytes == 0 and _is_archive(chunk):
                    return GuardCode.NESTED_ARCHIVE, 0
                budget.spend(len(chunk))
                n_bytes += len(chunk)
                target.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return GuardCode.BAD_CHECKSUM, n_bytes
    return None, n_bytes


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as source:
        while chunk := source.read(STEP_BYTES):
            yield chunk


def _is_archive(head: bytes) -> bool:
    if head[128:132] == b"DICM":
        return False
    return head.startswith(ARCHIVE_STARTS) or head[257:262] == b"ustar"


def _shown(name: str) -> str:
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return NOT_SHOWN.sub("", last)[:LONGEST_NAME_SHOWN] or "unnamed"
