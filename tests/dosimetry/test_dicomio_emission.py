"""SPECT and PET as stored: units, slopes, administration in the header, NM geometry."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dosimetry.dicomio.emission import read_emission
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from tests.phantoms import edits, objects


def refused(written, *, error=InvalidInputError):
    with pytest.raises(error) as caught:
        read_emission(edits.only(written))
    return caught.value.code, str(caught.value)


def unit_code(value):
    item, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "UCUM", value
    item.MeasurementUnitsCodeSequence = [code]
    item.RealWorldValueSlope, item.RealWorldValueIntercept = 3.0, 1.0
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 65535
    return item


def test_every_slice_has_its_own_slope(tmp_path):
    volume = objects.volume(unit="Bq/mL")
    # A factor 1000 between slices: one slope for all would lose the weak ones. The first slope is 1.
    values = volume.values.copy()
    values[0] = np.rint(values[0])
    values[0, 0, 0] = 65535.0
    values *= np.array([1.0, 1e-3, 1e3, 1.0, 1e-1], dtype=np.float32)[:, None, None]
    written = edits.pet_series(tmp_path, volume=volume.with_values(values))
    back = read_emission(edits.only(written)).volume
    assert back.unit == "Bq/mL"
    for stored, expected in zip(back.values, values, strict=True):
        # Half a step of the slice's own 16 bits.
        assert np.abs(stored - expected).max() <= 0.51 * expected.max() / 65535


@pytest.mark.parametrize(("units", "unit"), [("BQML", "Bq/mL"), ("CNTS", "counts"), ("CPS", "counts/s")])
def test_units_are_those_of_the_header(tmp_path, units, unit):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(Units=units))
    assert read_emission(edits.only(written)).volume.unit == unit


@pytest.mark.parametrize("units", ["GML", "CM2ML"])
def test_suv_is_refused(tmp_path, units):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(Units=units))
    code, message = refused(written, error=UnsupportedDicomError)
    assert code == "units"
    assert f"PET units {units} are not read; export the series in Bq/mL" in message


def test_a_real_world_value_map_in_a_known_unit_wins(tmp_path):
    written = edits.pet_series(tmp_path)
    plain = read_emission(edits.only(written)).volume
    edits.change(written.paths, edits.setting(Units="GML", RealWorldValueMappingSequence=[unit_code("Bq/ml")]))
    mapped = read_emission(edits.only(written)).volume
    assert mapped.unit == "Bq/mL"
    slope = plain.values[0].max() / 65535.0
    assert mapped.values[0] == pytest.approx(3.0 * np.rint(plain.values[0] / slope) + 1.0, rel=1e-5)
    edits.change(written.paths, edits.setting(RealWorldValueMappingSequence=[unit_code("{SUVbw}g/ml")]))
    assert refused(written, error=UnsupportedDicomError)[0] == "units"


def test_missing_geometry_slices_and_kinds_are_refused(tmp_path):
    written = edits.pet_series(tmp_path / "a")
    assert refused(written.paths[:1]) == ("one_slice", "One slice is no volume.")
    assert refused([written.paths[index] for index in (0, 1, 3, 4)])[0] == "slice_missing"
    edits.change(written.paths[2], edits.setting(ImagePositionPatient=None))
    code, message = refused(written)
    assert code == "no_geometry"
    assert "position, orientation or spacing" in message
    ct = edits.ct_series(tmp_path / "b")
    assert refused(ct, error=UnsupportedDicomError) == ("not_emission", "This series is not SPECT or PET.")


def test_a_missing_duration_is_asked_about(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(ActualFrameDuration=None))
    image = read_emission(edits.only(written))
    assert {finding.code: finding.level for finding in image.findings}["no_duration"] == "ask"
    assert image.mid_acquisition == image.series.acquisition_start


# Administration in the header ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("write", "stated"), [(edits.pet_series, "7400000000"), (edits.nm_series, "7400")])
def test_total_dose_is_bq_in_pt_and_mbq_in_nm(tmp_path, write, stated):
    written = write(tmp_path)
    edits.change(written.paths, edits.agent_setting(RadionuclideTotalDose=stated))
    assert edits.only(written).administration.administered_activity_bq == 7.4e9


@pytest.mark.parametrize(("write", "stated"), [(edits.pet_series, "7400"), (edits.nm_series, "7400000000")])
def test_total_dose_in_the_wrong_unit_is_asked_about(tmp_path, write, stated):
    written = write(tmp_path)
    edits.change(written.paths, edits.agent_setting(RadionuclideTotalDose=stated))
    series = edits.only(written)
    assert series.administration.administered_activity_bq is None
    assert edits.codes(series)["administered_activity_unit"] == "ask"
    assert "enter it by hand" in series.findings[-1].message


def test_a_time_of_day_after_the_scan_is_not_proposed(tmp_path):
    written = edits.nm_series(tmp_path)
    edits.change(written.paths, edits.agent_setting(RadiopharmaceuticalStartTime="235959", RadionuclideTotalDose="0"))
    assert edits.only(written).administration is None


def test_an_object_without_agent_proposes_nothing(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(RadiopharmaceuticalInformationSequence=None))
    image = read_emission(edits.only(written))
    assert (image.series.administration, image.series.nuclide, image.half_life_header_s) == (None, None, None)


# NM ------------------------------------------------------------------------------------------------------------------


def test_nm_position_and_orientation_stand_with_the_detector(tmp_path):
    volume = objects.volume(unit="counts", direction=objects.TILTED)
    written = edits.nm_series(tmp_path, volume=volume)
    # A position beside the detector's is that of another object and is not taken.
    edits.change(written.paths, edits.setting(ImagePositionPatient=["0", "0", "0"]))
    back = read_emission(edits.only(written)).volume
    assert back.grid.matches(volume.grid, tolerance_mm=1e-3)
    assert np.array_equal(back.values, volume.values)
    assert back.unit == "counts"


def test_a_negative_spacing_between_slices_turns_the_stack(tmp_path):
    volume = objects.volume(unit="counts")
    written = edits.nm_series(tmp_path, volume=volume, is_stack_reversed=True)
    back = read_emission(edits.only(written)).volume
    assert back.grid.matches(volume.grid, tolerance_mm=1e-3)
    assert np.array_equal(back.values, volume.values)


def test_frames_follow_the_slice_vector(tmp_path):
    volume = objects.volume(unit="counts")
    written = edits.nm_series(tmp_path, volume=volume)
    edits.change(written.paths, edits.setting(SliceVector=[2, 1, 4, 3, 5]))
    back = read_emission(edits.only(written)).volume
    assert np.array_equal(back.values, volume.values[[1, 0, 3, 2, 4]])
    edits.change(written.paths, edits.setting(SliceVector=[1, 1, 2, 3, 4]))
    assert refused(written) == ("slice_vector", "The slice vector does not number the frames.")


def test_an_nm_real_world_value_map_wins(tmp_path):
    volume = objects.volume(unit="counts")
    written = edits.nm_series(tmp_path, volume=volume, is_stack_reversed=True)
    edits.change(written.paths, edits.setting(RealWorldValueMappingSequence=[unit_code("Bq/ml")]))
    back = read_emission(edits.only(written)).volume
    assert back.unit == "Bq/mL"
    assert np.array_equal(back.values, 3.0 * volume.values + 1.0)


@pytest.mark.parametrize(
    "edit",
    [
        edits.setting(SpacingBetweenSlices=None),
        edits.setting(SpacingBetweenSlices="0"),
        edits.setting(PixelSpacing=None),
        edits.setting(DetectorInformationSequence=None),
    ],
    ids=["no gap", "gap of zero", "no pixel spacing", "no detector"],
)
def test_nm_geometry_is_never_made_up(tmp_path, edit):
    written = edits.nm_series(tmp_path)
    edits.change(written.paths, edit)
    code, message = refused(written)
    assert code == "no_geometry"
    assert "spacing between slices" in message


def test_several_nm_objects_in_a_series_are_refused(tmp_path):
    first, second = edits.nm_series(tmp_path / "a"), edits.nm_series(tmp_path / "b")
    code, message = refused([*first.paths, *second.paths], error=UnsupportedDicomError)
    assert code == "several_objects"
    assert "several objects" in message


def test_nm_duration_is_that_of_all_views(tmp_path):
    series = edits.only(edits.nm_series(tmp_path, n_projections=60))
    assert series.frame_duration_s == pytest.approx(1500.0)
    assert series.decay_correction == "NONE"


def test_nm_that_says_decay_corrected_without_a_reference_is_left_open(tmp_path):
    written = edits.nm_series(tmp_path)
    edits.change(written.paths, edits.setting(CorrectedImage=["ATTN", "SCAT", "DECY"]))
    assert edits.only(written).decay_correction == ""
