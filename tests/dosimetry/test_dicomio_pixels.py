"""Stored integers: bits, signs, syntaxes, and pixel data that do not fit their header."""

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from dosimetry.dicomio.pixels import read_stored_values
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from tests.phantoms import edits, objects


@pytest.fixture
def written(tmp_path):
    return edits.ct_series(tmp_path)


def refused(path, *, error=InvalidInputError):
    with pytest.raises(error) as caught:
        read_stored_values(path)
    return caught.value.code, str(caught.value)


def test_slope_and_intercept_are_left_alone(written):
    edits.change(written.paths[0], edits.setting(RescaleSlope="0", RescaleIntercept="-1024"))
    values, dataset = read_stored_values(written.paths[0])
    assert values.shape == (1, 20, 24)
    assert np.array_equal(values[0], objects.volume(unit="HU").values[0])
    assert dataset.RescaleIntercept == -1024


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_every_lossless_syntax_gives_the_same_integers(written, tmp_path, syntax):
    expected, dataset = read_stored_values(written.paths[0])
    if syntax == RLELossless:
        dataset.compress(syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "other.dcm"
    pydicom.dcmwrite(path, dataset)
    assert np.array_equal(read_stored_values(path)[0], expected)


@given(
    stored=st.integers(2, 16),
    is_signed=st.booleans(),
    raw=st.lists(st.integers(0, 65535), min_size=4, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_bits_above_those_stored_are_dropped_and_the_sign_is_kept(tmp_path_factory, stored, is_signed, raw):
    folder = tmp_path_factory.mktemp("bits")
    dataset = pydicom.dcmread(edits.ct_series(folder).paths[0])
    dataset.Rows = dataset.Columns = 2
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, stored - 1, int(is_signed)
    dataset.PixelData = np.array(raw, dtype="<u2").tobytes()
    path = folder / "bits.dcm"
    dataset.save_as(path)
    values = read_stored_values(path)[0].ravel().tolist()
    low = [value % 2**stored for value in raw]
    limit = 2 ** (stored - 1)
    assert values == ([value - 2**stored if value >= limit else value for value in low] if is_signed else low)


@pytest.mark.parametrize("missing", [2, 100])
def test_short_pixel_data_are_refused_and_never_padded(written, missing):
    edits.change(written.paths[0], lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[:-missing]))
    code, message = refused(written.paths[0])
    assert code == "pixel_bytes"
    assert "cut off" in message


def test_surplus_pixel_data_are_refused(written):
    edits.change(written.paths[0], lambda dataset: setattr(dataset, "PixelData", dataset.PixelData + b"\0\0"))
    assert refused(written.paths[0])[0] == "pixel_bytes"


@pytest.mark.parametrize(
    ("change", "error", "code", "message"),
    [
        ({"Rows": None}, InvalidInputError, "no_matrix", "rows"),
        ({"Columns": 0}, InvalidInputError, "no_matrix", "columns"),
        ({"BitsAllocated": 12}, UnsupportedDicomError, "bits_allocated", "12 bits"),
        ({"SamplesPerPixel": 3}, UnsupportedDicomError, "colour_image", "Colour"),
        ({"Rows": 4000, "Columns": 4000}, InvalidInputError, "pixel_bytes", "cut off"),
    ],
)
def test_headers_that_do_not_fit_are_refused(written, change, error, code, message):
    edits.change(written.paths[0], edits.setting(**change))
    found, text = refused(written.paths[0], error=error)
    assert found == code
    assert message in text


def test_code_streams_that_are_none_are_refused(written, tmp_path):
    dataset = pydicom.dcmread(written.paths[0])
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 60])
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    path = tmp_path / "bad.dcm"
    dataset.save_as(path)
    assert refused(path) == ("decode_failed", "The compressed pixels cannot be decoded.")


def test_code_streams_of_another_size_are_refused(written, tmp_path):
    dataset = pydicom.dcmread(written.paths[0])
    dataset.compress(RLELossless)
    dataset.Rows = 10
    path = tmp_path / "size.dcm"
    dataset.save_as(path)
    code, message = refused(path)
    assert code in {"decode_failed", "decode_size"}
    assert "decoded" in message
