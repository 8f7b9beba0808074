"""Verdicts of the guards: a stable code for each class of file, and what a person is told to do."""

from dataclasses import dataclass
from enum import StrEnum

from dosimetry.errors import DosimetryError


class GuardCode(StrEnum):
    """Why a file is accepted or refused."""

    OK = "ok"
    OK_ZERO_PREAMBLE = "ok_zero_preamble"
    OK_STRIP_CONTROLS = "ok_strip_controls"
    OK_WITHOUT_UIDS = "ok_without_uids"
    NOT_A_PLAIN_FILE = "not_a_plain_file"
    NOT_DICOM = "not_dicom"
    DICOMDIR = "dicomdir"
    BAD_META = "bad_meta"
    META_MISMATCH = "meta_mismatch"
    TRANSFER_SYNTAX = "transfer_syntax"
    UNKNOWN_VR = "unknown_vr"
    LENGTH_BEYOND_END = "length_beyond_end"
    TRUNCATED = "truncated"
    MISPLACED_ITEM = "misplaced_item"
    NESTED_TOO_DEEP = "nested_too_deep"
    TOO_MANY_ELEMENTS = "too_many_elements"
    VALUE_TOO_LONG = "value_too_long"
    BAD_DEFLATE = "bad_deflate"
    INFLATES_TOO_FAR = "inflates_too_far"
    BAD_UID = "bad_uid"
    BAD_NUMBER = "bad_number"
    FRAME_TOO_LARGE = "frame_too_large"
    PIXELS_TOO_LARGE = "pixels_too_large"
    RATIO_TOO_HIGH = "ratio_too_high"
    CODESTREAM_MISMATCH = "codestream_mismatch"
    TOO_MANY_SEGMENTS = "too_many_segments"
    TOO_MANY_POINTS = "too_many_points"
    UNREADABLE = "unreadable"
    OUT_OF_MEMORY = "out_of_memory"
    LIMIT_EXCEEDED = "limit_exceeded"
    NOT_ZIP = "not_zip"
    PATH_TRAVERSAL = "path_traversal"
    DUPLICATE_NAME = "duplicate_name"
    ENCRYPTED = "encrypted"
    NESTED_ARCHIVE = "nested_archive"
    TOO_MANY_ENTRIES = "too_many_entries"
    COMPRESSION_METHOD = "compression_method"
    BAD_CHECKSUM = "bad_checksum"


PREAMBLE_BYTES = 128
ACCEPTED = frozenset({GuardCode.OK, GuardCode.OK_ZERO_PREAMBLE, GuardCode.OK_STRIP_CONTROLS, GuardCode.OK_WITHOUT_UIDS})

_SEND_AGAIN = "The file is damaged or was cut off. Send it again from the archive."
_BUILT_WRONG = "The file is not built as DICOM asks. Export it again, uncompressed, from the archive or the camera."
_TOO_LARGE = "The file asks for more than an image of this kind needs. Ask the sender what it is; it is not opened."

MESSAGES: dict[GuardCode, str] = {
    GuardCode.OK: "Accepted.",
    GuardCode.OK_ZERO_PREAMBLE: (
        "Accepted. The free space before the header holds another file format; it is emptied in every copy."
    ),
    GuardCode.OK_STRIP_CONTROLS: "Accepted. Identifying texts hold control characters; they are not shown.",
    GuardCode.OK_WITHOUT_UIDS: (
        "Accepted. Identifiers (UIDs) were removed from the file: check by eye which patient and series it belongs to."
    ),
    GuardCode.NOT_A_PLAIN_FILE: "Not a file that can be read. Send plain files only, no links and no devices.",
    GuardCode.NOT_DICOM: "Not a DICOM file. Nothing to do if it is a note or a viewer program of the disc.",
    GuardCode.DICOMDIR: "The index of a disc, not an image. Nothing to do.",
    GuardCode.BAD_META: f"The header of the file is not readable. {_SEND_AGAIN}",
    GuardCode.META_MISMATCH: (
        "The file's label names another object than its content. Some anonymisation programs leave it so: "
        "export again, or run the program with new file meta information."
    ),
    GuardCode.TRANSFER_SYNTAX: (
        "The file is stored in a way that is not read (big endian, video or private). Export it as Explicit VR Little "
        "Endian."
    ),
    GuardCode.UNKNOWN_VR: f"An element has an unknown type. {_BUILT_WRONG}",
    GuardCode.LENGTH_BEYOND_END: f"An element is longer than the file. {_SEND_AGAIN}",
    GuardCode.TRUNCATED: f"The file ends too early. {_SEND_AGAIN}",
    GuardCode.MISPLACED_ITEM: f"Sequences and items do not fit together. {_BUILT_WRONG}",
    GuardCode.NESTED_TOO_DEEP: f"Sequences lie in sequences more than 16 deep. {_TOO_LARGE}",
    GuardCode.TOO_MANY_ELEMENTS: f"More than 500,000 elements. {_TOO_LARGE}",
    GuardCode.VALUE_TOO_LONG: f"A single element other than pixels is longer than 64 MiB. {_TOO_LARGE}",
    GuardCode.BAD_DEFLATE: f"The compressed part cannot be opened. {_SEND_AGAIN}",
    GuardCode.INFLATES_TOO_FAR: f"It becomes far larger when it is unpacked than it may. {_TOO_LARGE}",
    GuardCode.BAD_UID: (
        "An identifier (UID) is not digits and dots of at most 64 characters. Ask the sender to export "
        "again with valid identifiers."
    ),
    GuardCode.BAD_NUMBER: f"Rows, columns, frames or bits are not readable numbers. {_BUILT_WRONG}",
    GuardCode.FRAME_TOO_LARGE: f"An image has more than 4096 rows or columns. {_TOO_LARGE}",
    GuardCode.PIXELS_TOO_LARGE: f"No image, or more than 2 GiB of pixels. {_TOO_LARGE}",
    GuardCode.RATIO_TOO_HIGH: f"The pixels become more than 200 times larger when unpacked. {_TOO_LARGE}",
    GuardCode.CODESTREAM_MISMATCH: f"The compressed image has another size than the header says. {_BUILT_WRONG}",
    GuardCode.TOO_MANY_SEGMENTS: f"More than 2,000 segments. {_TOO_LARGE}",
    GuardCode.TOO_MANY_POINTS: f"More than 5 million contour points. {_TOO_LARGE}",
    GuardCode.UNREADABLE: f"The DICOM reader cannot read the file. {_BUILT_WRONG}",
    GuardCode.OUT_OF_MEMORY: f"Reading the header needs more than 512 MB of memory. {_TOO_LARGE}",
    GuardCode.LIMIT_EXCEEDED: f"Reading the header took more than 10 s or broke the reader. {_TOO_LARGE}",
    GuardCode.NOT_ZIP: f"Not a readable ZIP archive. {_SEND_AGAIN}",
    GuardCode.PATH_TRAVERSAL: (
        "A name in the archive leads out of it. Pack the files again with an ordinary program; nothing was unpacked."
    ),
    GuardCode.DUPLICATE_NAME: (
        "Two files of the archive have the same name. Pack them again with different names; nothing was unpacked."
    ),
    GuardCode.ENCRYPTED: "The archive is locked with a password. Pack it again without one.",
    GuardCode.NESTED_ARCHIVE: "An archive within the archive is not opened. Unpack it first and send its files.",
    GuardCode.TOO_MANY_ENTRIES: "The archive has more than 20,000 entries. Send it in parts.",
    GuardCode.COMPRESSION_METHOD: "The archive uses an unusual compression. Pack it again as an ordinary ZIP file.",
    GuardCode.BAD_CHECKSUM: f"A file in the archive differs from its checksum. {_SEND_AGAIN}",
}
"""What a person is told; no text comes from the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the guard says of one file.

    Parameters
    ----------
    code : GuardCode
        Class of the file.
    has_foreign_preamble : bool
        The 128 bytes before the header belong to another format.
    has_control_characters : bool
        Identifying texts hold control characters: strip them on display, never log them.
    has_missing_uids : bool
        Study, series or instance identifiers are empty, as some anonymisation programs leave them.
    """

    code: GuardCode
    has_foreign_preamble: bool = False
    has_control_characters: bool = False
    has_missing_uids: bool = False

    @property
    def is_accepted(self) -> bool:
        """Return whether the file may be read."""
        return self.code in ACCEPTED

    @property
    def message(self) -> str:
        """Return what a person is told to do."""
        return MESSAGES[self.code]

    @property
    def zero_preamble(self) -> bool:
        """Return whether the first 128 bytes must be zeros in every copy that is served."""
        return self.has_foreign_preamble


def without_preamble(content: bytes) -> bytes:
    """Return the content of an accepted file with zeros in the 128 bytes before the header, for copies to serve."""
    return bytes(PREAMBLE_BYTES) + content[PREAMBLE_BYTES:]


class RefusedFileError(DosimetryError):
    """A file from outside is refused; the code is a ``GuardCode`` and the message holds nothing of the file."""

    default_code = GuardCode.UNREADABLE

    def __init__(self, code: GuardCode) -> None:
        super().__init__(MESSAGES[code], code=code.value)
        self.guard_code = code


def refuse_if(condition: bool, code: GuardCode) -> None:
    """Raise ``RefusedFileError`` with a code when a condition holds."""
    if condition:
        raise RefusedFileError(code)
