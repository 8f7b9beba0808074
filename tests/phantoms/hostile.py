"""Files that attack a reader, made anew each time, each with the verdict that the guard must give."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    RTStructureSetStorage,
    SegmentationStorage,
)

EDGE = 32
MIB = 2**20
LONG_VRS = (b"OB", b"OW", b"SQ", b"UN", b"UT")
SOP_INSTANCE = "2.25.1001"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileFile:
    """One class of file: its name, how to make it, and the code that it must get."""

    name: str
    make: Callable[[], bytes]
    code: str


def small_ct(*, syntax: str = ExplicitVRLittleEndian, drop: tuple[str, ...] = (), **changes: object) -> bytes:
    """Return a valid CT slice of 32 x 32 pixels with some elements changed or left out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = SOP_INSTANCE
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1002", "2.25.1003"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "CT", "ZZPHI^Hostile", "ZZPHI-1"
    dataset.Rows = dataset.Columns = EDGE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = bytes(2 * EDGE * EDGE)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    for keyword in drop:
        delattr(dataset, keyword)
    is_compressed = syntax in (RLELossless, JPEG2000Lossless)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if is_compressed else "OW"
        dataset["PixelData"].is_undefined_length = is_compressed
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or SOP_INSTANCE
    return _to_bytes(dataset)


def _to_bytes(dataset: Dataset) -> bytes:
    settings = pydicom.config.settings
    before = settings.writing_validation_mode
    settings.writing_validation_mode = pydicom.config.IGNORE
    try:
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    finally:
        settings.writing_validation_mode = before
    return buffer.getvalue()


def _lenient(make: Callable[[], bytes]) -> Callable[[], bytes]:
    def made() -> bytes:
        settings = pydicom.config.settings
        reading, writing = settings.reading_validation_mode, settings.writing_validation_mode
        settings.reading_validation_mode = settings.writing_validation_mode = pydicom.config.IGNORE
        try:
            return make()
        finally:
            settings.reading_validation_mode, settings.writing_validation_mode = reading, writing

    return made


def element(group: int, number: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """Return one explicit little endian element, with a length that may lie."""
    stated = len(value) if length is None else length
    if vr in LONG_VRS:
        return struct.pack("<HH2sHL", group, number, vr, 0, stated) + value
    return struct.pack("<HH2sH", group, number, vr, stated) + value


def nested(depth: int, *, is_closed: bool = True) -> bytes:
    """Return sequences of undefined length within each other."""
    opening = element(0x0040, 0xA730, b"SQ", b"", length=0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return opening * depth + (closing * depth if is_closed else b"")


def nested_unknown(depth: int) -> bytes:
    """Return the same as elements of unknown type (UN), which a parser opens as implicit sequences."""
    inner = b""
    for _ in range(depth):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
        inner = struct.pack("<HHL", 0x0040, 0xA730, len(item)) + item
    return element(0x0040, 0xA730, b"UN", inner[8:])


def before_pixels(content: bytes, extra: bytes) -> bytes:
    """Put elements in front of the pixels."""
    place = content.rindex(struct.pack("<HH", 0x7FE0, 0x0010))
    return content[:place] + extra + content[place:]


def rle_frame(n_pixels: int, *, n_segments: int) -> bytes:
    """Return a run-length encoded frame of zeros."""
    segment = b"\x81\x00" * (n_pixels // 128)
    offsets = [64 + number * len(segment) for number in range(n_segments)] + [0] * (15 - n_segments)
    return struct.pack("<16L", n_segments, *offsets) + segment * n_segments


def jpeg_2000_start(*, rows: int, columns: int) -> bytes:
    """Return the first bytes of a JPEG 2000 codestream of a size, padded."""
    size = struct.pack(">HHLLLL", 41, 0, columns, rows, 0, 0)
    return (b"\xff\x4f\xff\x51" + size).ljust(200, b"\0")


def rle_ct(frames: list[bytes], **changes: object) -> bytes:
    """Return an RLE CT with given frames."""
    return small_ct(syntax=RLELossless, PixelData=encapsulate(frames), **changes)


def deflate_bomb(*, n_mib: int = 600) -> bytes:
    """Return a deflated file that becomes 600 MiB, made without holding them in memory."""
    plain = small_ct(drop=("PixelData",))
    head = small_ct(syntax=DeflatedExplicitVRLittleEndian, drop=("PixelData",))
    body = plain[_meta_end(plain) :] + element(0x7FE0, 0x0010, b"OW", b"", length=n_mib * MIB)
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [head[: _meta_end(head)], machine.compress(body)]
    parts += [machine.compress(bytes(MIB)) for _ in range(n_mib)]
    return b"".join([*parts, machine.flush()])


def _meta_end(content: bytes) -> int:
    length = struct.unpack_from("<L", content, 140)[0]
    return 144 + int(length)


def _many_elements() -> bytes:
    groups = range(0x0011, 0x0031, 2)
    return b"".join(element(group, number, b"LO", b"") for group in groups for number in range(0x1000, 0xFFFF))


def _other_label() -> bytes:
    return small_ct().replace(SOP_INSTANCE.encode(), b"2.25.9999", 1)


def _dicomdir() -> bytes:
    return small_ct(SOPClassUID="1.2.840.10008.1.3.10", drop=("PixelData", "Rows", "Columns"))


def _segmentation(n_segments: int) -> bytes:
    return small_ct(
        SOPClassUID=SegmentationStorage,
        drop=("PixelData", "Rows", "Columns"),
        SegmentSequence=[Dataset() for _ in range(n_segments)],
    )


def _structure_set(n_points: int) -> bytes:
    contour = Dataset()
    contour.NumberOfContourPoints = str(n_points)
    region = Dataset()
    region.ContourSequence = [contour]
    return small_ct(
        SOPClassUID=RTStructureSetStorage, drop=("PixelData", "Rows", "Columns"), ROIContourSequence=[region]
    )


def _random_bytes() -> bytes:
    return random.Random(4).randbytes(100_000)


def _implicit_as_explicit() -> bytes:
    implicit, explicit = small_ct(syntax=ImplicitVRLittleEndian), small_ct()
    return explicit[: _meta_end(explicit)] + implicit[_meta_end(implicit) :]


def _explicit_as_implicit() -> bytes:
    implicit, explicit = small_ct(syntax=ImplicitVRLittleEndian), small_ct()
    return implicit[: _meta_end(implicit)] + explicit[_meta_end(explicit) :]


def _with_syntax(uid: bytes) -> bytes:
    return small_ct().replace(b"1.2.840.10008.1.2.1\0", uid.ljust(20, b"\0"))


def _cut_in_half() -> bytes:
    content = small_ct()
    return content[: len(content) // 2]


def _pixel_length_lie() -> bytes:
    content = small_ct()
    place = content.rindex(b"OW\0\0") + 4
    return content[:place] + struct.pack("<L", 0xFFFFFFF0) + content[place + 4 :]


def legal_files() -> list[HostileFile]:
    """Return strange files that are legal: a guard that refuses them is wrong too."""
    program = b"MZ" + b"\x90" * 126
    page = b"<html><script>alert(1)</script>".ljust(128)
    jpeg = encapsulate([jpeg_2000_start(rows=EDGE, columns=EDGE)])
    zeros = rle_frame(512 * 512, n_segments=2)
    return [
        HostileFile(name="plain", make=small_ct, code="ok"),
        HostileFile(name="plain_implicit", make=lambda: small_ct(syntax=ImplicitVRLittleEndian), code="ok"),
        HostileFile(name="plain_deflated", make=lambda: small_ct(syntax=DeflatedExplicitVRLittleEndian), code="ok"),
        HostileFile(name="jpeg_2000", make=lambda: small_ct(syntax=JPEG2000Lossless, PixelData=jpeg), code="ok"),
        HostileFile(
            name="compressed_zeros",
            make=lambda: rle_ct([zeros] * 512, Rows=512, Columns=512, NumberOfFrames=512),
            code="ok",
        ),
        HostileFile(name="nested_16", make=lambda: small_ct() + nested(16), code="ok"),
        HostileFile(name="html_name", make=lambda: small_ct(PatientName="<img src=x onerror=alert(1)>"), code="ok"),
        HostileFile(name="formula_name", make=lambda: small_ct(PatientName="=cmd|'/c calc'!A1"), code="ok"),
        HostileFile(name="preamble_program", make=lambda: program + small_ct()[128:], code="ok_zero_preamble"),
        HostileFile(name="preamble_page", make=lambda: page + small_ct()[128:], code="ok_zero_preamble"),
        HostileFile(
            name="control_character", make=lambda: small_ct(PatientID="ZZPHI\r\nline"), code="ok_strip_controls"
        ),
        HostileFile(
            name="turned_writing",
            make=lambda: small_ct(SpecificCharacterSet="ISO_IR 192", PatientName="ZZPHI\u202egnp.exe"),
            code="ok_strip_controls",
        ),
        HostileFile(name="uids_removed", make=lambda: small_ct(SeriesInstanceUID=""), code="ok_without_uids"),
    ]


def refused_files() -> list[HostileFile]:
    """Return files that must be refused, small and large."""
    rows = [
        ("empty", lambda: b"", "not_dicom"),
        ("random", _random_bytes, "not_dicom"),
        ("text", lambda: b"A note that came with the disc.\n" * 20, "not_dicom"),
        ("dicomdir", _dicomdir, "dicomdir"),
        ("meta_type", lambda: small_ct().replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x10\x00Q!", 1), "bad_meta"),
        ("meta_endless", lambda: bytes(128) + b"DICM" + element(2, 1, b"OB", b"", length=2**31), "bad_meta"),
        ("meta_mismatch", _other_label, "meta_mismatch"),
        ("big_endian", lambda: _with_syntax(b"1.2.840.10008.1.2.2"), "transfer_syntax"),
        ("private_syntax", lambda: _with_syntax(b"1.2.840.99999.1.2.1"), "transfer_syntax"),
        ("unknown_vr", lambda: small_ct() + struct.pack("<HH2sH", 0x7FE1, 0x1010, b"Q!", 0), "unknown_vr"),
        ("implicit_as_explicit", _implicit_as_explicit, "unknown_vr"),
        ("explicit_as_implicit", _explicit_as_implicit, "length_beyond_end"),
        ("cut_in_half", _cut_in_half, "length_beyond_end"),
        ("pixel_length_lie", _pixel_length_lie, "length_beyond_end"),
        ("never_closed", lambda: small_ct() + nested(5, is_closed=False), "truncated"),
        ("half_of_pixels", lambda: small_ct(PixelData=bytes(EDGE * EDGE)), "truncated"),
        ("no_pixels", lambda: small_ct(drop=("PixelData",)), "truncated"),
        ("frames_missing", lambda: rle_ct([rle_frame(1024, n_segments=2)], NumberOfFrames=9), "truncated"),
        ("item_at_top", lambda: small_ct() + struct.pack("<HHL", 0xFFFE, 0xE000, 0), "misplaced_item"),
        ("delimiter_at_top", lambda: small_ct() + struct.pack("<HHL", 0xFFFE, 0xE00D, 0), "misplaced_item"),
        ("plain_fragments", _plain_fragments, "misplaced_item"),
        ("nested_17", lambda: small_ct() + nested(17), "nested_too_deep"),
        ("nested_5000", lambda: small_ct() + nested(5000), "nested_too_deep"),
        ("nested_unknown", lambda: small_ct() + nested_unknown(600), "nested_too_deep"),
        ("million_elements", lambda: small_ct() + _many_elements(), "too_many_elements"),
        (
            "long_text",
            lambda: before_pixels(small_ct(), element(0x11, 0x1010, b"UT", bytes(65 * MIB))),
            "value_too_long",
        ),
        ("bad_deflate", _bad_deflate, "bad_deflate"),
        ("deflate_bomb", deflate_bomb, "inflates_too_far"),
        ("deflate_cut", _deflate_cut, "truncated"),
        ("uid_traversal", lambda: small_ct(SOPInstanceUID="../../../../etc/cron.d/x"), "bad_uid"),
        ("uid_too_long", lambda: small_ct(StudyInstanceUID="1." * 40 + "1"), "bad_uid"),
        ("uid_letters", lambda: small_ct(SeriesInstanceUID="1.2.abc"), "bad_uid"),
        ("frames_not_a_number", _frames_not_a_number, "bad_number"),
        ("bits_of_17", lambda: small_ct(BitsAllocated=17), "bad_number"),
        ("huge_rows", lambda: small_ct(Rows=65535, Columns=65535), "frame_too_large"),
        ("rle_bomb", _rle_bomb, "frame_too_large"),
        ("no_rows", lambda: small_ct(Rows=0), "pixels_too_large"),
        ("huge_frames", lambda: small_ct(NumberOfFrames=2147483647), "pixels_too_large"),
        ("negative_frames", lambda: small_ct(NumberOfFrames=-5), "pixels_too_large"),
        ("rle_ratio", _rle_ratio, "ratio_too_high"),
        ("codestream_size", _codestream(rows=4000), "codestream_mismatch"),
        ("no_codestream", _no_codestream, "codestream_mismatch"),
        ("many_segments", lambda: _segmentation(2_500), "too_many_segments"),
        ("many_points", lambda: _structure_set(10**7), "too_many_points"),
    ]
    return [HostileFile(name=name, make=_lenient(make), code=code) for name, make, code in rows]


def all_files() -> list[HostileFile]:
    """Return legal and refused files."""
    return [
        *(HostileFile(name=file.name, make=_lenient(file.make), code=file.code) for file in legal_files()),
        *refused_files(),
    ]


def _plain_fragments() -> bytes:
    content = small_ct(syntax=RLELossless, PixelData=encapsulate([bytes(4096)]))
    return content.replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")


def _bad_deflate() -> bytes:
    content = small_ct(syntax=DeflatedExplicitVRLittleEndian)
    return content[: _meta_end(content)] + b"\xff" * 200


def _deflate_cut() -> bytes:
    content = small_ct(syntax=DeflatedExplicitVRLittleEndian)
    return content[:-12]


def _frames_not_a_number() -> bytes:
    content = small_ct(NumberOfFrames=1)
    return content.replace(b"(\0\x08\0IS\x02\x001 ", b"(\0\x08\0IS\x02\0x!")


def _rle_bomb() -> bytes:
    n = 20_000
    return rle_ct([rle_frame(n * n, n_segments=1)], Rows=n, Columns=n, BitsAllocated=8, BitsStored=8, HighBit=7)


def _rle_ratio() -> bytes:
    return rle_ct([bytes(128)] * 200, Rows=512, Columns=512, NumberOfFrames=200)


def _codestream(*, rows: int) -> Callable[[], bytes]:
    pixels = encapsulate([jpeg_2000_start(rows=rows, columns=EDGE)])
    return lambda: small_ct(syntax=JPEG2000Lossless, PixelData=pixels)


def _no_codestream() -> bytes:
    return small_ct(syntax=JPEG2000Lossless, PixelData=encapsulate([b"no picture at all" * 20]))


def mutants(content: bytes, *, seed: int, n: int) -> Iterator[bytes]:
    """Yield copies of a file with some bytes changed, inserted, left out, or the end cut off."""
    generator = random.Random(seed)
    for _ in range(n):
        copy = bytearray(content)
        for _ in range(generator.randint(1, 8)):
            place = generator.randrange(132, len(copy))
            choice = generator.random()
            if choice < 0.6:
                copy[place] = generator.randrange(256)
            elif choice < 0.75:
                copy[place:place] = generator.randbytes(generator.randint(1, 16))
            elif choice < 0.9:
                del copy[place : place + generator.randint(1, 16)]
            else:
                del copy[place:]
            if len(copy) < 200:
                break
        yield bytes(copy)
