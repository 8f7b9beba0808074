"""Grouping of instances into series of one grid, and the order and distance of slices."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.geometry import normal_of, order_slices, stack_grid
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import group_series
from dosimetry.errors import InvalidInputError
from tests.phantoms import edits, objects

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def positions(along, *, across_x_mm=0.0):
    return [(10.0 + i * across_x_mm, -3.0, float(z)) for i, z in enumerate(along)]


def test_files_in_any_order_are_stacked_by_position(tmp_path):
    volume = objects.volume(unit="HU")
    written = edits.ct_series(tmp_path, volume=volume)
    # Numbers and slice locations lie; names are in another order already.
    for number, path in enumerate(written.paths):
        edits.change(path, edits.setting(InstanceNumber=7 - number, SliceLocation=str(-number)))
    series = edits.only([written.paths[index] for index in (3, 0, 4, 2, 1)])
    back = read_ct(series)
    assert np.array_equal(back.values, volume.values)
    assert back.grid.matches(volume.grid)


def test_each_series_uid_is_a_series_in_order_of_acquisition(tmp_path):
    ct, pet = edits.ct_series(tmp_path / "ct"), edits.pet_series(tmp_path / "pt")
    edits.change(ct.paths, edits.setting(AcquisitionDate="20240309"))
    found = edits.grouped([*ct.paths, *pet.paths])
    assert [(series.kind, series.part, series.n_instances) for series in found] == [("emission", 0, 5), ("ct", 0, 5)]
    assert found[1].acquisition_start - found[0].acquisition_start == timedelta(days=4)


@pytest.mark.parametrize(
    "changed",
    [
        {"FrameOfReferenceUID": "2.25.78"},
        {"ImageOrientationPatient": ["1", "0", "0", "0", "0.8", "0.6"]},
        {"Rows": 24, "Columns": 20},
        {"PixelSpacing": ["2.5", "2.1"]},
    ],
    ids=["frame", "orientation", "matrix", "spacing"],
)
def test_a_series_that_mixes_grids_is_split_and_asked_about(tmp_path, changed):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths[3:], edits.setting(**changed))
    found = sorted(edits.grouped(written), key=lambda series: series.part)
    assert [(series.part, series.n_instances) for series in found] == [(0, 3), (1, 2)]
    assert all(edits.codes(series)["several_grids"] == "ask" for series in found)
    assert "part 2" in found[1].findings[-1].message


def test_localisers_are_kept_apart(tmp_path):
    written = edits.ct_series(tmp_path)
    edits.change(written.paths[0], edits.setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    assert {(series.kind, series.n_instances) for series in edits.grouped(written)} == {("ct", 4), ("other", 1)}


def test_projections_are_no_volume(tmp_path):
    written = edits.nm_series(tmp_path)
    edits.change(written.paths, edits.setting(ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]))
    assert edits.only(written).kind == "projections"


@pytest.mark.parametrize(("write", "level"), [(edits.ct_series, "ask"), (edits.pet_series, "block")])
def test_lossy_compression_is_named(tmp_path, write, level):
    written = write(tmp_path)
    edits.change(written.paths[2], edits.setting(LossyImageCompression="01"))
    assert edits.codes(edits.only(written))["lossy"] == level


def test_missing_times_and_nuclides_are_named(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(
        written.paths,
        edits.setting(AcquisitionDate=None, SeriesDate=None, TimezoneOffsetFromUTC=None, DecayCorrection="NONE"),
    )
    edits.change(
        written.paths,
        edits.agent_setting(RadionuclideCodeSequence=None, Radiopharmaceutical="agent", RadionuclideHalfLife="1000"),
    )
    series = edits.only(written)
    assert (series.acquisition_start, series.nuclide) == (None, None)
    assert edits.codes(series)["no_time"] == "block"
    assert edits.codes(series)["no_nuclide"] == "ask"


def test_series_time_and_site_zone_are_noted(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(AcquisitionDate=None, TimezoneOffsetFromUTC=None))
    assert edits.codes(edits.only(written)) == {"series_time": "note", "site_zone": "note"}


def test_facts_without_identity_are_plain(tmp_path):
    facts = edits.only(edits.pet_series(tmp_path)).as_dict()
    assert "ZZPHI" not in repr(facts)
    assert facts["acquisition_start"] == objects.STARTED.astimezone(UTC).isoformat()
    assert facts["administered_activity_bq"] == 7.4e9


def test_the_nuclide_can_stand_in_the_half_life(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.agent_setting(RadionuclideCodeSequence=None, Radiopharmaceutical="agent"))
    assert edits.only(written).nuclide == "Lu-177"


@given(order=st.permutations(range(6)), gap=st.floats(0.2, 9.0), start=st.floats(-900.0, 900.0))
def test_slices_are_put_in_rising_order(order, gap, start):
    along = [start + gap * index for index in order]
    found, found_gap = order_slices(positions_lps_mm=positions(along), orientation=AXIAL)
    assert np.array_equal(np.array(order)[found], np.arange(6))
    assert found_gap == pytest.approx(gap, rel=1e-9)


@pytest.mark.parametrize(
    ("along", "across", "code", "message"),
    [
        ([0, 3, 3, 6], 0.0, "duplicate_slice", "same place"),
        ([0, 3, 6, 12, 15], 0.0, "slice_missing", "missing"),
        ([0, 3, 6, 9.5, 12], 0.0, "uneven_slices", "unevenly"),
        ([0, 3, 6, 9], 0.5, "gantry_tilt", "tilted gantry"),
    ],
)
def test_bad_stacks_are_refused(along, across, code, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        order_slices(positions_lps_mm=positions(along, across_x_mm=across), orientation=AXIAL)
    assert caught.value.code == code


def test_bed_joints_of_two_percent_are_allowed():
    _, gap = order_slices(positions_lps_mm=positions([0, 3, 6, 9.06, 12.06]), orientation=AXIAL)
    assert gap == pytest.approx(3.0)


def test_one_slice_has_no_gap():
    order, gap = order_slices(positions_lps_mm=positions([4.0]), orientation=AXIAL)
    assert (order.tolist(), np.isnan(gap)) == ([0], True)


@pytest.mark.parametrize(
    "orientation",
    [(1, 0, 0, 1, 0, 0), (2, 0, 0, 0, 1, 0), (0, 0, 0, 0, 1, 0), (1, 0, 0, 0.1, 0.995, 0)],
    ids=["parallel", "long", "zero", "sheared"],
)
def test_axes_that_are_not_perpendicular_are_refused(orientation):
    with pytest.raises(InvalidInputError, match="perpendicular") as caught:
        normal_of(orientation)
    assert caught.value.code == "bad_direction"


@pytest.mark.parametrize("spacing", [(0.0, 2.0), (-1.0, 2.0), (np.nan, 2.0), (2.0, np.inf)])
def test_spacing_is_never_made_up(spacing):
    with pytest.raises(InvalidInputError, match="above zero") as caught:
        stack_grid(
            shape_zyx=(2, 3, 4),
            row_column_spacing_mm=spacing,
            gap_mm=3.0,
            first_position_lps_mm=(0.0, 0.0, 0.0),
            orientation=AXIAL,
        )
    assert caught.value.code == "bad_spacing"


def test_pixel_spacing_is_between_rows_then_columns():
    grid = stack_grid(
        shape_zyx=(2, 3, 4),
        row_column_spacing_mm=(2.5, 2.0),
        gap_mm=3.0,
        first_position_lps_mm=(1.0, 2.0, 3.0),
        orientation=AXIAL,
    )
    assert grid.index_to_lps_mm(np.array([1.0, 1.0, 1.0])) == pytest.approx([3.0, 4.5, 6.0])


def test_empty_sop_class_falls_back_to_the_file_meta_information(tmp_path):
    written = edits.ct_series(tmp_path)
    dataset = pydicom.dcmread(written.paths[0])
    dataset.SOPClassUID = ""
    dataset.SOPInstanceUID = ""
    dataset.save_as(tmp_path / "empty.dcm")
    header = read_header(tmp_path / "empty.dcm")
    assert (header.sop_class_uid, header.sop_instance_uid) == (written.sop_class_uid, written.sop_instance_uids[0])


@given(data=st.binary(max_size=300))
def test_other_bytes_are_refused_with_a_code(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "x"
    path.write_bytes(b"\0" * 128 + b"DICM" + data)
    try:
        header = read_header(path)
    except InvalidInputError as error:
        assert (error.code, str(error)) == ("unreadable", "A file could not be read as DICOM.")
    else:
        assert [series.kind for series in group_series([header])] == ["other"]


def test_late_dates_do_not_come_from_the_study(tmp_path):
    written = edits.pet_series(tmp_path)
    edits.change(written.paths, edits.setting(StudyDate="20240301", ContentDate="20240401"))
    assert edits.only(written).acquisition_start == datetime(2024, 3, 5, 22, 50, tzinfo=UTC)
