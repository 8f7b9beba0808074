"""Walk over tags and lengths of a DICOM data set before any parser sees it.

The walk never allocates what a length asks for: it compares every length with the end of what holds it.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass, field
from enum import Enum

from pydicom.datadict import DicomDictionary

from dosimetry.dicomio.guard_codes import GuardCode, RefusedFileError, refuse_if

Buffer = bytes | mmap.mmap

MAX_ELEMENTS = 500_000
MAX_DEPTH = 16
MAX_VALUE_BYTES = 64 * 2**20
MAX_INFLATED_BYTES = 128 * 2**20
MAX_META_BYTES = 65_536
INFLATE_STEP_BYTES = 2**16
PREFIX_END = 132
UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DELIMITER_GROUP = 0xFFFE
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_TAG = struct.Struct("<HH")
_LENGTH_16 = struct.Struct("<H")
_LENGTH_32 = struct.Struct("<L")


class Kind(Enum):
    """What holds the elements at the place of the walk."""

    ITEM = 1
    SEQUENCE = 2
    FRAGMENTS = 3


@dataclass(slots=True)
class Level:
    """An open data set, item, sequence or list of fragments."""

    kind: Kind
    end: int
    is_delimited: bool
    is_explicit: bool


@dataclass(slots=True)
class PixelPlace:
    """Where the pixels of the outermost data set lie.

    Parameters
    ----------
    tag : int
        Tag of the element, 0 for none.
    n_bytes : int
        Length of the value, or of all fragments but the offset table.
    fragments : list of (start, length)
        Fragments after the offset table.
    """

    tag: int = 0
    n_bytes: int = 0
    n_items: int = 0
    fragments: list[tuple[int, int]] = field(default_factory=list)


def end_of_meta(data: Buffer) -> int:
    """Return where the file meta information (group 0002, always explicit VR) ends.

    Raises
    ------
    RefusedFileError
        An unknown type, or more than 64 KiB.
    """
    position = PREFIX_END
    limit = min(len(data), PREFIX_END + MAX_META_BYTES)
    while data[position : position + 2] == b"\x02\x00":
        refuse_if(position + 12 > limit, GuardCode.BAD_META)
        vr = data[position + 4 : position + 6]
        refuse_if(vr not in LONG_VRS and vr not in SHORT_VRS, GuardCode.BAD_META)
        if vr in LONG_VRS:
            position += 12 + _LENGTH_32.unpack_from(data, position + 8)[0]
        else:
            position += 8 + _LENGTH_16.unpack_from(data, position + 6)[0]
        refuse_if(position > limit, GuardCode.BAD_META)
    return position


def inflate(data: Buffer, *, start: int) -> bytes:
    """Return the inflated data set of a deflated file, and stop as soon as it grows too large.

    Raises
    ------
    RefusedFileError
        Damaged, cut off, or more than 128 MiB.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    chunks: list[bytes] = []
    n_bytes = 0
    for position in range(start, len(data), INFLATE_STEP_BYTES):
        pending = data[position : position + INFLATE_STEP_BYTES]
        while pending:
            try:
                chunk = machine.decompress(pending, 2**20)
            except zlib.error:
                raise RefusedFileError(GuardCode.BAD_DEFLATE) from None
            pending = machine.unconsumed_tail
            n_bytes += len(chunk)
            refuse_if(n_bytes > MAX_INFLATED_BYTES, GuardCode.INFLATES_TOO_FAR)
            chunks.append(chunk)
        if machine.eof:
            break
    refuse_if(not machine.eof, GuardCode.TRUNCATED)
    return b"".join(chunks)


def walk(data: Buffer, *, start: int, is_explicit: bool) -> PixelPlace:
    """Check the structure of a little endian data set from ``start`` to the end of the buffer.

    Parameters
    ----------
    data : bytes or mmap
        The file, or the inflated data set.
    start : int
        First byte of the data set.
    is_explicit : bool
        Whether elements carry their type.

    Returns
    -------
    PixelPlace
        Where the pixels are.

    Raises
    ------
    RefusedFileError
        A length beyond what holds it, sequences deeper than 16, more than 500,000 elements, a value over 64 MiB that
        is not pixels, an unknown type, or a sequence that does not end.
    """
    return _Walk(data, start=start, is_explicit=is_explicit).run()


class _Walk:
    def __init__(self, data: Buffer, *, start: int, is_explicit: bool) -> None:
        self.data = data
        self.position = start
        self.n_elements = 0
        self.pixels = PixelPlace()
        self.levels = [Level(Kind.ITEM, len(data), False, is_explicit)]

    def run(self) -> PixelPlace:
        levels = self.levels
        while levels:
            level = levels[-1]
            if self.position == level.end and not level.is_delimited:
                levels.pop()
                continue
            refuse_if(self.position + 8 > level.end, GuardCode.TRUNCATED)
            self.n_elements += 1
            refuse_if(self.n_elements > MAX_ELEMENTS, GuardCode.TOO_MANY_ELEMENTS)
            group, element = _TAG.unpack_from(self.data, self.position)
            tag = group << 16 | element
            if group == DELIMITER_GROUP:
                self._delimiter(tag, level)
            else:
                refuse_if(level.kind is not Kind.ITEM, GuardCode.MISPLACED_ITEM)
                self._element(tag, level)
            # A sequence and its item are two levels; the data set itself is one.
            refuse_if(len(levels) > 2 * MAX_DEPTH + 1, GuardCode.NESTED_TOO_DEEP)
        return self.pixels

    def _delimiter(self, tag: int, level: Level) -> None:
        (length,) = _LENGTH_32.unpack_from(self.data, self.position + 4)
        self.position += 8
        if tag == ITEM:
            self._item(length, level)
            return
        closes = Kind.ITEM if tag == ITEM_END else Kind.SEQUENCE
        is_right = level.kind is closes or (tag == SEQUENCE_END and level.kind is Kind.FRAGMENTS)
        refuse_if(not level.is_delimited or not is_right, GuardCode.MISPLACED_ITEM)
        self.levels.pop()

    def _item(self, length: int, level: Level) -> None:
        refuse_if(level.kind is Kind.ITEM, GuardCode.MISPLACED_ITEM)
        if level.kind is Kind.FRAGMENTS:
            self._fragment(length, level)
            return
        end = level.end if length == UNDEFINED_LENGTH else self.position + length
        refuse_if(end > level.end, GuardCode.LENGTH_BEYOND_END)
        self.levels.append(Level(Kind.ITEM, end, length == UNDEFINED_LENGTH, level.is_explicit))

    def _fragment(self, length: int, level: Level) -> None:
        refuse_if(self.position + length > level.end, GuardCode.LENGTH_BEYOND_END)
        if len(self.levels) == 2:
            self.pixels.n_items += 1
            if self.pixels.n_items > 1:
                self.pixels.fragments.append((self.position, length))
                self.pixels.n_bytes += length
        self.position += length

    def _element(self, tag: int, level: Level) -> None:
        is_sequence, is_explicit, length = self._header(tag, level)
        is_pixels = tag in PIXEL_TAGS
        is_outermost = len(self.levels) == 1
        if is_pixels and is_outermost:
            self.pixels = PixelPlace(tag=tag, n_bytes=0 if length == UNDEFINED_LENGTH else length)
        if length == UNDEFINED_LENGTH:
            kind = Kind.FRAGMENTS if is_pixels else Kind.SEQUENCE
            self.levels.append(Level(kind, level.end, True, is_explicit))
            return
        end = self.position + length
        refuse_if(end > level.end, GuardCode.LENGTH_BEYOND_END)
        if is_sequence:
            self.levels.append(Level(Kind.SEQUENCE, end, False, is_explicit))
            return
        refuse_if(length > MAX_VALUE_BYTES and not (is_pixels and is_outermost), GuardCode.VALUE_TOO_LONG)
        self.position = end

    def _header(self, tag: int, level: Level) -> tuple[bool, bool, int]:
        """Read type and length; return whether a sequence, whether its items are explicit, and the length."""
        data, position = self.data, self.position
        if not level.is_explicit:
            self.position = position + 8
            return _is_known_sequence(tag), False, _LENGTH_32.unpack_from(data, position + 4)[0]
        vr = bytes(data[position + 4 : position + 6])
        if vr in SHORT_VRS:
            self.position = position + 8
            return False, True, _LENGTH_16.unpack_from(data, position + 6)[0]
        refuse_if(vr not in LONG_VRS, GuardCode.UNKNOWN_VR)
        refuse_if(position + 12 > level.end, GuardCode.TRUNCATED)
        self.position = position + 12
        length: int = _LENGTH_32.unpack_from(data, position + 8)[0]
        if vr == b"UN":  # unknown type: what lies inside is implicit (PS3.5 6.2.2), and a parser may open it
            return _is_known_sequence(tag), False, length
        return vr == b"SQ", True, length


def _is_known_sequence(tag: int) -> bool:
    entry = DicomDictionary.get(tag)
    return entry is not None and entry[0] == "SQ"
