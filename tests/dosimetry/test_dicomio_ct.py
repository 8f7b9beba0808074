"""CT volumes: HU, order, geometry, enhanced objects, and everything that is refused."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.scaling import rescale
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from tests.phantoms import edits, objects


def refused(written, *, error=InvalidInputError):
    with pytest.raises(error) as caught:
        read_ct(edits.only(written))
    return caught.value.code, str(caught.value)


def test_slope_and_intercept_are_those_of_each_slice(tmp_path):
    volume = objects.volume(unit="HU")
    written = edits.ct_series(tmp_path, volume=volume)
    edits.change(written.paths[1], edits.setting(RescaleSlope="2", RescaleIntercept="-1024"))
    expected = volume.values.copy()
    expected[1] = 2 * expected[1] - 1024
    assert np.array_equal(read_ct(edits.only(written)).values, expected)


def test_values_beyond_int16_end_at_its_limits(tmp_path):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths, edits.setting(RescaleSlope="100", RescaleIntercept="-100000"))
    values = read_ct(edits.only(written)).values
    assert (values.dtype, values.min(), values.max()) == (np.int16, -32768, 32767)


@pytest.mark.parametrize("slope", ["0", "NaN", "1e400"])
def test_a_bad_slope_is_refused(slope):
    dataset = Dataset()
    dataset.RescaleIntercept = "0"
    # Written past the checks of pydicom, as a hostile file would have it.
    element = pydicom.DataElement(0x00281053, "DS", None)
    element._value = slope
    dataset[0x00281053] = element
    with pytest.raises(InvalidInputError, match="slope") as caught:
        rescale(np.zeros((2, 2), dtype=np.int16), dataset)
    assert caught.value.code == "bad_slope"


def test_absent_slope_and_intercept_are_one_and_zero():
    assert rescale(np.array([[3, -4]], dtype=np.int16), Dataset()).tolist() == [[3.0, -4.0]]


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_missing_geometry_is_refused(tmp_path, keyword):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths, edits.setting(**{keyword: None}))
    code, message = refused(written)
    assert code == "no_geometry"
    assert "position, orientation or spacing" in message


@pytest.mark.parametrize("spacing", [["0", "2"], ["-2", "2"]])
def test_zero_or_negative_spacing_is_refused(tmp_path, spacing):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths, edits.setting(PixelSpacing=spacing))
    code, message = refused(written)
    assert code == "bad_spacing"
    assert "above zero" in message


def test_a_lost_and_a_doubled_slice_are_refused(tmp_path):
    written = edits.ct_series(tmp_path)
    assert refused([written.paths[index] for index in (0, 1, 3, 4)])[0] == "slice_missing"
    assert refused([*written.paths, written.paths[2]])[0] == "duplicate_slice"


def test_a_tilted_gantry_is_refused(tmp_path):
    written = edits.ct_series(tmp_path)
    for number, path in enumerate(written.paths):

        def shift(dataset, number=number):
            x, y, z = (float(value) for value in dataset.ImagePositionPatient)
            dataset.ImagePositionPatient = [f"{x:.4f}", f"{y + 0.4 * number:.4f}", f"{z:.4f}"]

        edits.change(path, shift)
    code, message = refused(written)
    assert code == "gantry_tilt"
    assert "tilted gantry" in message


def test_one_slice_takes_its_thickness_or_is_refused(tmp_path):
    written = edits.ct_series(tmp_path)
    assert read_ct(edits.only(written.paths[:1])).grid.spacing_xyz_mm == (2.0, 2.5, 3.125)
    edits.change(written.paths[0], edits.setting(SliceThickness=None))
    assert refused(written.paths[:1]) == ("no_thickness", "One slice without a thickness has no volume.")


def test_other_series_are_no_ct(tmp_path):
    assert refused(edits.pet_series(tmp_path), error=UnsupportedDicomError) == ("not_ct", "This series is not a CT.")


def test_an_oblique_ct_lies_where_its_files_say(tmp_path):
    volume = objects.volume(unit="HU", direction=objects.TILTED)
    back = read_ct(edits.only(edits.ct_series(tmp_path, volume=volume)))
    assert np.array_equal(back.values, volume.values)
    assert back.grid.matches(volume.grid, tolerance_mm=1e-3)


def enhanced_ct(path, *, n_described=3, has_spacing=True):
    """Three slices from top to bottom, slope per frame."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = EnhancedCTImageStorage
    dataset.SOPInstanceUID = "2.25.5"
    dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.5"
    dataset.SeriesInstanceUID = "2.25.6"
    dataset.Modality = "CT"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 2, 3, 3
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.SliceThickness = "4"
    if has_spacing:
        measures.PixelSpacing = ["1.5", "1.25"]
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    for number in range(n_described):
        frame, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = ["0", "0", str(-4 * number)]
        values.RescaleSlope, values.RescaleIntercept = str(number + 1), "-1000"
        frame.PlanePositionSequence = [position]
        frame.PixelValueTransformationSequence = [values]
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    dataset.PixelData = np.arange(18, dtype="<i2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
    return [path]


def test_an_enhanced_ct_is_ordered_and_scaled_frame_by_frame(tmp_path):
    volume = read_ct(edits.only(enhanced_ct(tmp_path / "e.dcm")))
    stored = np.arange(18).reshape(3, 2, 3)
    assert np.array_equal(volume.values, [stored[i] * (i + 1) - 1000 for i in (2, 1, 0)])
    assert volume.grid.origin_lps_mm == (0.0, 0.0, -8.0)
    assert volume.grid.spacing_xyz_mm == (1.25, 1.5, 4.0)


def test_bad_enhanced_cts_are_refused(tmp_path):
    assert refused(enhanced_ct(tmp_path / "a.dcm", n_described=2))[0] == "frames_differ"
    assert refused(enhanced_ct(tmp_path / "b.dcm", has_spacing=False))[0] == "no_geometry"
    two = [*enhanced_ct(tmp_path / "c.dcm"), *enhanced_ct(tmp_path / "d.dcm")]
    code, message = refused(two, error=UnsupportedDicomError)
    assert code == "several_objects"
    assert "several objects" in message
