"""Stored integers of an instance: decoded by SimpleITK/GDCM where compressed, by pydicom where not."""

import math
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813 - the customary name
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dosimetry.dicomio.headers import number_of, read_with_pixels
from dosimetry.errors import InvalidInputError, UnsupportedDicomError

NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian}
SCALING_KEYWORDS = ("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "DoseGridScaling")


def read_stored_values(path: Path) -> tuple[NDArray[np.integer], Dataset]:
    """Return stored integers (frames, rows, columns) and the data set of one image instance.

    Slope and intercept are not applied: SimpleITK would decide the type by the first slice and default a bad slope.

    Parameters
    ----------
    path : Path
        One image instance.

    Returns
    -------
    tuple of (array, Dataset)
        Values as stored; the data set without pixel data.

    Raises
    ------
    InvalidInputError
        Bytes do not fit rows, columns, frames and bits, or the code stream cannot be decoded.
    UnsupportedDicomError
        Colour images.
    """
    header = read_with_pixels(path)
    dataset = header.dataset
    if int(number_of(dataset, "SamplesPerPixel") or 1) != 1:
        raise UnsupportedDicomError("Colour images are not read.", code="colour_image")
    shape = _declared_shape(dataset)
    is_native = header.transfer_syntax_uid in NATIVE
    values = _native_values(dataset, shape) if is_native else _decoded_values(dataset, shape)
    return values, dataset


def _declared_shape(dataset: Dataset) -> tuple[int, int, int]:
    numbers = (number_of(dataset, "NumberOfFrames") or 1.0, number_of(dataset, "Rows"), number_of(dataset, "Columns"))
    if any(value is None or value < 1.0 for value in numbers):
        raise InvalidInputError("An image states no rows, columns or frames.", code="no_matrix")
    frames, rows, columns = (int(value) for value in numbers if value is not None)
    return frames, rows, columns


def _native_values(dataset: Dataset, shape: tuple[int, int, int]) -> NDArray[np.integer]:
    bits = int(number_of(dataset, "BitsAllocated") or 0)
    if bits not in {8, 16, 32}:
        raise UnsupportedDicomError(f"Images of {bits} bits are not read.", code="bits_allocated")
    is_signed = int(number_of(dataset, "PixelRepresentation") or 0) == 1
    dtype = np.dtype(f"<{'i' if is_signed else 'u'}{bits // 8}")
    raw = dataset.get("PixelData") or b""
    n_bytes = math.prod(shape) * dtype.itemsize
    if len(raw) < n_bytes or len(raw) > n_bytes + 1:
        raise InvalidInputError("Pixel data do not fill the stated matrix; the file is cut off.", code="pixel_bytes")
    values = np.frombuffer(raw[:n_bytes], dtype=dtype).reshape(shape)
    return _without_high_bits(values, dataset, bits, is_signed=is_signed)


def _without_high_bits(
    values: NDArray[np.integer], dataset: Dataset, bits: int, *, is_signed: bool
) -> NDArray[np.integer]:
    """Drop bits above BitsStored (old overlays live there) and extend the sign."""
    stored = int(number_of(dataset, "BitsStored") or bits)
    if stored >= bits:
        return values
    shift = bits - stored
    if not is_signed:
        return np.asarray(np.bitwise_and(values, (1 << stored) - 1))
    return np.asarray(np.right_shift(np.left_shift(values, shift), shift))


def _decoded_values(dataset: Dataset, shape: tuple[int, int, int]) -> NDArray[np.integer]:
    """Decode a copy without scaling elements through SimpleITK."""
    for keyword in SCALING_KEYWORDS:
        if keyword in dataset:
            del dataset[keyword]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "instance.dcm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pydicom.dcmwrite(copy, dataset, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(copy))
        try:
            image = reader.Execute()
        except RuntimeError:
            raise InvalidInputError("The compressed pixels cannot be decoded.", code="decode_failed") from None
    values = np.asarray(sitk.GetArrayFromImage(image))
    if values.ndim == 2:
        values = values[None]
    if values.shape != shape or not np.issubdtype(values.dtype, np.integer):
        raise InvalidInputError("The decoded image has another size than its header states.", code="decode_size")
    return values
