"""Check what the header of a DICOM file says, after its structure was found sound. Runs in the guard's child."""

import mmap
import os
import re
import stat
import warnings
from io import BytesIO
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from dosimetry.dicomio.guard_codes import GuardCode, Verdict, refuse_if
from dosimetry.dicomio.guard_codestream import codestream_size
from dosimetry.dicomio.guard_walk import PREFIX_END, Buffer, PixelPlace, end_of_meta, inflate, walk

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
COMPRESSED = frozenset(
    {RLE, *(f"1.2.840.10008.1.2.4.{tail}" for tail in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203))}
)
"""JPEG, JPEG-LS, JPEG 2000, HTJ2K and RLE; video and JPIP are not read."""

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
SMALLEST_FILE_BYTES = 140
MAX_FRAME_EDGE = 4096
MAX_PIXEL_BYTES = 2 * 2**30
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 2**20
"""Decoded images below this size are harmless whatever their ratio."""

MAX_SEGMENTS = 2_000
MAX_POINTS = 5_000_000
FIRST_PIXEL_TAG = 0x7FE00008
DEFER_BYTES = 65_536
LONGEST_UID = 64
UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)+")
CONTROL_CHARACTERS = re.compile("[\x00-\x1a\x1c-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Escape (1b) is legal in some character sets; the last two ranges turn the direction of writing."""

IDENTIFYING = ("PatientID", "PatientName", "AccessionNumber", "StudyID", "IssuerOfPatientID", "OtherPatientIDs")
UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def check_file(path: str) -> Verdict:
    """Decide on one file.

    Parameters
    ----------
    path : str
        Any file name.

    Returns
    -------
    Verdict
        Accepted, maybe with a remark.

    Raises
    ------
    RefusedFileError
        With the code of the class of the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the parser's warnings quote values
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            refuse_if(not stat.S_ISREG(status.st_mode), GuardCode.NOT_A_PLAIN_FILE)
            refuse_if(status.st_size < SMALLEST_FILE_BYTES, GuardCode.NOT_DICOM)
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
                return _check_content(file, data)


def _check_content(file: BinaryIO, data: mmap.mmap) -> Verdict:
    refuse_if(data[128:132] != b"DICM", GuardCode.NOT_DICOM)
    start = end_of_meta(data)
    meta = read_dataset(BytesIO(data[PREFIX_END:start]), False, True)
    syntax = str(meta.get("TransferSyntaxUID", ""))
    refuse_if(str(meta.get("MediaStorageSOPClassUID", "")) == DICOMDIR_CLASS, GuardCode.DICOMDIR)
    refuse_if(syntax not in COMPRESSED | {IMPLICIT, EXPLICIT, DEFLATED}, GuardCode.TRANSFER_SYNTAX)
    if syntax == DEFLATED:
        body: Buffer = inflate(data, start=start)
        pixels = walk(body, start=0, is_explicit=True)
        dataset = read_dataset(BytesIO(body), False, True, stop_when=_is_pixels, defer_size=None)
    else:
        body = data
        pixels = walk(data, start=start, is_explicit=syntax != IMPLICIT)
        file.seek(0)
        dataset = pydicom.dcmread(file, stop_before_pixels=True, defer_size=DEFER_BYTES)
    check_identifiers(dataset, meta=meta)
    check_pixels(dataset, pixels=pixels, syntax=syntax, body=body)
    check_counts(dataset)
    return _verdict(dataset, has_foreign_preamble=any(data[:128]))


def _is_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return bool(tag >= FIRST_PIXEL_TAG)


def _verdict(dataset: Dataset, *, has_foreign_preamble: bool) -> Verdict:
    texts = (str(dataset.get(keyword, "")) for keyword in IDENTIFYING)
    has_controls = any(CONTROL_CHARACTERS.search(text) for text in texts)
    has_missing_uids = not all(str(dataset.get(keyword, "")) for keyword in UIDS)
    remarks = (
        (has_foreign_preamble, GuardCode.OK_ZERO_PREAMBLE),
        (has_controls, GuardCode.OK_STRIP_CONTROLS),
        (has_missing_uids, GuardCode.OK_WITHOUT_UIDS),
    )
    return Verdict(
        code=next((code for applies, code in remarks if applies), GuardCode.OK),
        has_foreign_preamble=has_foreign_preamble,
        has_control_characters=has_controls,
        has_missing_uids=has_missing_uids,
    )


def check_identifiers(dataset: Dataset, *, meta: Dataset) -> None:
    """Refuse identifiers that are malformed or unlike those of the file meta information.

    Empty ones pass when the file meta information names class and instance: some anonymisation programs leave only
    these.
    """
    stated = {keyword: str(dataset.get(keyword) or "") for keyword in UIDS}
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        label = str(meta.get(f"MediaStorage{keyword}") or "")
        refuse_if(bool(label and stated[keyword]) and label != stated[keyword], GuardCode.META_MISMATCH)
        stated[keyword] = stated[keyword] or label
        refuse_if(not stated[keyword], GuardCode.BAD_UID)
    for uid in filter(None, stated.values()):
        refuse_if(len(uid) > LONGEST_UID or not UID_PATTERN.fullmatch(uid), GuardCode.BAD_UID)


def check_pixels(dataset: Dataset, *, pixels: PixelPlace, syntax: str, body: Buffer) -> None:
    """Compare what the header asks for with the pixels that are there, before anything is allocated."""
    if "Rows" not in dataset and not pixels.tag:
        return
    rows, columns = (_whole(dataset, keyword, default=0) for keyword in ("Rows", "Columns"))
    n_frames = _whole(dataset, "NumberOfFrames", default=1)
    refuse_if(max(rows, columns) > MAX_FRAME_EDGE, GuardCode.FRAME_TOO_LARGE)
    refuse_if(min(rows, columns, n_frames) < 1, GuardCode.PIXELS_TOO_LARGE)
    n_bytes = _decoded_bytes(dataset, n_pixels=rows * columns * n_frames)
    refuse_if(n_bytes > MAX_PIXEL_BYTES, GuardCode.PIXELS_TOO_LARGE)
    refuse_if(not pixels.tag, GuardCode.TRUNCATED)
    if syntax not in COMPRESSED:
        refuse_if(pixels.n_items > 0, GuardCode.MISPLACED_ITEM)
        refuse_if(n_bytes > pixels.n_bytes, GuardCode.TRUNCATED)
        return
    refuse_if(len(pixels.fragments) < n_frames, GuardCode.TRUNCATED)
    is_far = n_bytes > RATIO_FREE_BYTES and n_bytes > MAX_RATIO * pixels.n_bytes
    refuse_if(is_far, GuardCode.RATIO_TOO_HIGH)
    if syntax != RLE:
        size = codestream_size(body, start=pixels.fragments[0][0], n_bytes=pixels.fragments[0][1])
        refuse_if(size is not None and size != (rows, columns), GuardCode.CODESTREAM_MISMATCH)


def check_counts(dataset: Dataset) -> None:
    """Refuse segmentations and structure sets with more parts than any reader needs."""
    refuse_if(len(dataset.get("SegmentSequence") or ()) > MAX_SEGMENTS, GuardCode.TOO_MANY_SEGMENTS)
    n_points = 0
    for region in dataset.get("ROIContourSequence") or ():
        for contour in region.get("ContourSequence") or ():
            n_points += max(0, _whole(contour, "NumberOfContourPoints", default=0))
    refuse_if(n_points > MAX_POINTS, GuardCode.TOO_MANY_POINTS)


def _whole(dataset: Dataset, keyword: str, *, default: int) -> int:
    try:
        value = dataset.get(keyword)
        return default if value is None or value == "" else int(value)
    except (ValueError, TypeError, OverflowError):
        refuse_if(True, GuardCode.BAD_NUMBER)
        raise


def _decoded_bytes(dataset: Dataset, *, n_pixels: int) -> int:
    n_samples = _whole(dataset, "SamplesPerPixel", default=1)
    n_bits = _whole(dataset, "BitsAllocated", default=8)
    refuse_if(n_samples not in (1, 3, 4) or n_bits not in (1, 8, 16, 32, 64), GuardCode.BAD_NUMBER)
    if str(dataset.get("PhotometricInterpretation", "")) == "YBR_FULL_422":
        n_samples = 2
    return (n_pixels * n_samples * n_bits + 7) // 8
