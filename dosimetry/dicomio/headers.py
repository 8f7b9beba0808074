"""Header facts of one DICOM instance, read without pixels."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dosimetry.errors import InvalidInputError

CT_CLASSES = {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"}
ENHANCED_CT_CLASS = "1.2.840.10008.5.1.4.1.1.2.1"
NM_CLASS = "1.2.840.10008.5.1.4.1.1.20"
PT_CLASS = "1.2.840.10008.5.1.4.1.1.128"
RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
SEG_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
}
HEADER_DEFER_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstanceHeader:
    """Hold the data set of one instance without pixels, its path and its transfer syntax."""

    path: Path
    dataset: Dataset
    transfer_syntax_uid: str

    @property
    def sop_class_uid(self) -> str:
        """Return the SOP class; that of the file meta information where an anonymiser emptied the data set's."""
        meta = getattr(self.dataset, "file_meta", None)
        stated = text_of(self.dataset, "SOPClassUID")
        return stated or (text_of(meta, "MediaStorageSOPClassUID") if meta is not None else "")

    @property
    def sop_instance_uid(self) -> str:
        """Return the instance UID; that of the file meta information where an anonymiser emptied the data set's."""
        meta = getattr(self.dataset, "file_meta", None)
        stated = text_of(self.dataset, "SOPInstanceUID")
        return stated or (text_of(meta, "MediaStorageSOPInstanceUID") if meta is not None else "")

    @property
    def series_uid(self) -> str:
        """Return the series instance UID."""
        return text_of(self.dataset, "SeriesInstanceUID")


def read_header(path: Path) -> InstanceHeader:
    """Read a file's header with pydicom; warnings and texts of the parser are not passed on.

    Parameters
    ----------
    path : Path
        A DICOM file that passed the guard.

    Returns
    -------
    InstanceHeader
        Everything but pixel data.

    Raises
    ------
    InvalidInputError
        Not readable as DICOM.
    """
    return _read(path, stop_before_pixels=True)


def read_with_pixels(path: Path) -> InstanceHeader:
    """Read a whole file, pixel data included.

    Raises
    ------
    InvalidInputError
        Not readable as DICOM.
    """
    return _read(path, stop_before_pixels=False)


def _read(path: Path, *, stop_before_pixels: bool) -> InstanceHeader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels, defer_size=None)
            syntax = str(dataset.file_meta.TransferSyntaxUID)
        except (InvalidDicomError, AttributeError, KeyError, ValueError, OSError, EOFError, NotImplementedError):
            raise InvalidInputError("A file could not be read as DICOM.", code="unreadable") from None
    return InstanceHeader(path=Path(path), dataset=dataset, transfer_syntax_uid=syntax)


def value_of(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value, or None when it is absent, empty or malformed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = dataset.get(keyword)
        except (ValueError, TypeError, OverflowError, AttributeError):
            return None
    return None if value in (None, "") else value


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an element as text without control characters; empty when absent."""
    value = value_of(dataset, keyword)
    text = "" if value is None else str(value)
    return "".join(letter for letter in text if letter.isprintable()).strip()


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """Return an element as a finite number, or None."""
    value = value_of(dataset, keyword)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 else None


def numbers_of(dataset: Dataset, keyword: str, n: int) -> tuple[float, ...] | None:
    """Return an element as ``n`` finite numbers, or None."""
    value = value_of(dataset, keyword)
    if value is None or isinstance(value, str):
        return None
    try:
        numbers = tuple(float(item) for item in value)
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == n and all(abs(item) < 1e300 for item in numbers) else None


def words_of(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return a multi-valued text element."""
    value = value_of(dataset, keyword)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split("\\"))
    try:
        return tuple(str(item) for item in value)
    except TypeError:
        return (str(value),)


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none when it is absent or not a sequence."""
    value = value_of(dataset, keyword)
    if value is None or isinstance(value, str | bytes):
        return []
    try:
        return [item for item in value if isinstance(item, Dataset)]
    except TypeError:
        return []
