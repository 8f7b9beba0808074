"""What the image writers write, the readers read back: values, places, times, units."""

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pydicom
import pytest

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import group_series
from dosimetry.dicomio.writing_common import decimal_text, make_uid
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_emission import AgentFacts, decay_factor
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import quantise, write_pet
from dosimetry.errors import InvalidInputError
from tests.phantoms import objects

FACTS = {"patient": objects.PATIENT, "study": objects.study()}
EMISSION = {"acquisition": objects.acquisition(), "agent": objects.agent()}


def write_a_ct(folder, *, direction=None):
    volume = objects.volume(unit="HU", direction=direction)
    return volume, write_ct(volume, folder=folder, series=objects.series("ct"), **FACTS)


def write_a_pet(folder, *, decay_correction="START", direction=None):
    volume = objects.volume(unit="Bq/mL", direction=direction)
    arguments = {**FACTS, **EMISSION, "decay_correction": decay_correction}
    return volume, write_pet(volume, folder=folder, series=objects.series("pt"), **arguments)


def write_an_nm(folder, *, is_stack_reversed=False, direction=None):
    volume = objects.volume(unit="counts", direction=direction)
    arguments = {**FACTS, **EMISSION, "is_stack_reversed": is_stack_reversed}
    return volume, write_nm(volume, path=folder / "nm.dcm", series=objects.series("nm"), **arguments)


def read_series(written):
    (series,) = group_series(read_header(path) for path in written.paths)
    return series


@pytest.mark.parametrize("direction", [None, objects.TILTED], ids=["straight", "oblique"])
def test_ct_comes_back(tmp_path, direction):
    volume, written = write_a_ct(tmp_path, direction=direction)
    if direction is not None:
        # The reader may refuse a tilted CT; the places in the file are checked instead.
        assert_places(written, volume.grid)
        return
    back = read_ct(read_series(written))
    assert np.array_equal(back.values, volume.values)
    assert back.grid.matches(volume.grid, tolerance_mm=1e-4)
    assert back.frame_of_reference_uid == volume.frame_of_reference_uid


def assert_places(written, grid):
    for index, path in enumerate(written.paths):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        first = grid.index_to_lps_mm(np.array([index, 0.0, 0.0]))
        assert np.allclose([float(value) for value in dataset.ImagePositionPatient], first, atol=1e-6)
        columns = [*grid.direction_matrix[:, 0], *grid.direction_matrix[:, 1]]
        assert np.allclose([float(value) for value in dataset.ImageOrientationPatient], columns, atol=1e-9)
        assert [float(value) for value in dataset.PixelSpacing] == [2.5, 2.0]


@pytest.mark.parametrize("decay_correction", ["NONE", "START", "ADMIN"])
@pytest.mark.parametrize("direction", [None, objects.TILTED], ids=["straight", "oblique"])
def test_pet_comes_back(tmp_path, decay_correction, direction):
    volume, written = write_a_pet(tmp_path, decay_correction=decay_correction, direction=direction)
    image = read_emission(read_series(written))
    # 16 bits a slice: half a step of the slice maximum.
    assert np.abs(image.volume.values - volume.values).max() <= 0.51 * volume.values.max() / 65535
    assert image.volume.grid.matches(volume.grid, tolerance_mm=1e-3)
    assert image.series.decay_correction == decay_correction
    assert image.series.frame_duration_s == 1500.0
    assert image.series.acquisition_start == objects.STARTED
    assert image.half_life_header_s == pytest.approx(objects.LU177_HALF_LIFE_S)


def test_pet_says_who_gave_what_and_when(tmp_path):
    _, written = write_a_pet(tmp_path)
    series = read_series(written)
    assert (series.nuclide, series.units) == ("Lu-177", "BQML")
    assert series.corrections == ("ATTN", "SCAT", "DECY")
    assert series.administration.administered_activity_bq == 7.4e9
    assert series.administration.start == objects.ADMINISTERED
    assert series.patient.name == objects.PATIENT.name


@pytest.mark.parametrize("is_stack_reversed", [False, True])
@pytest.mark.parametrize("direction", [None, objects.TILTED], ids=["straight", "oblique"])
def test_nm_comes_back(tmp_path, is_stack_reversed, direction):
    volume, written = write_an_nm(tmp_path, is_stack_reversed=is_stack_reversed, direction=direction)
    image = read_emission(read_series(written))
    points = np.array([[0, 0, 0], [4, 19, 23], [2, 5, 7]])
    for point in points:
        place = volume.grid.index_to_lps_mm(point.astype(float))
        z, y, x = np.rint(image.volume.grid.lps_mm_to_index(place)).astype(int)
        assert image.volume.values[z, y, x] == volume.values[tuple(point)]
    assert image.volume.unit == "counts"
    assert image.series.frame_duration_s == pytest.approx(1500.0)


@pytest.mark.parametrize("is_stack_reversed", [False, True])
def test_nm_in_bq_per_ml_comes_back_in_units(tmp_path, is_stack_reversed):
    volume = objects.volume(unit="Bq/mL")
    arguments = {**FACTS, **EMISSION, "is_stack_reversed": is_stack_reversed}
    written = write_nm(volume, path=tmp_path / "nm.dcm", series=objects.series("nm"), **arguments)
    assert all(verdict.is_accepted for _, verdict in check_files(written.paths))
    image = read_emission(read_series(written))
    assert image.volume.unit == "Bq/mL"
    assert image.series.decay_correction == "NONE"
    assert image.volume.grid.matches(volume.grid, tolerance_mm=1e-4)
    # 16 bits for the volume: half a step of its maximum.
    assert np.abs(image.volume.values - volume.values).max() <= 0.51 * volume.values.max() / 65535
    empty = write_nm(
        volume.with_values(0.0 * volume.values), path=tmp_path / "no.dcm", series=objects.series("no"), **arguments
    )
    assert not read_emission(read_series(empty)).volume.values.any()


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_nm_in_bq_per_ml_refuses_what_cannot_be(tmp_path, wrong):
    volume = objects.volume(unit="Bq/mL")
    with pytest.raises(InvalidInputError):
        write_nm(
            volume.with_values(wrong + 0.0 * volume.values),
            path=tmp_path / "nm.dcm",
            series=objects.series("nm"),
            **FACTS,
            **EMISSION,
        )


def test_total_dose_is_in_mbq_in_nm_and_in_bq_in_pt(tmp_path):
    _, nm = write_an_nm(tmp_path)
    _, pt = write_a_pet(tmp_path)
    stated = [
        float(pydicom.dcmread(part.paths[0]).RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose)
        for part in (nm, pt)
    ]
    assert stated == [7400.0, 7.4e9]


def test_decay_factor_turns_the_frame_mean_into_the_activity_at_the_reference():
    acquisition = objects.acquisition()
    agent = AgentFacts(name="x", nuclide="Tc-99m", half_life_s=6000.0)
    constant = np.log(2.0) / agent.half_life_s
    times = np.linspace(0.0, acquisition.frame_duration_s, 200_001)
    mean_of_unit_start = float(np.trapezoid(np.exp(-constant * times), times)) / acquisition.frame_duration_s
    factor = decay_factor(acquisition=acquisition, agent=agent, reference=acquisition.started)
    assert factor * mean_of_unit_start == pytest.approx(1.0, rel=1e-9)
    earlier = decay_factor(
        acquisition=acquisition, agent=agent, reference=acquisition.started - timedelta(seconds=6000)
    )
    assert earlier == pytest.approx(2.0 * factor, rel=1e-12)


def test_equal_seeds_write_equal_files(tmp_path):
    for write in (write_a_ct, write_a_pet, write_an_nm):
        _, first = write(tmp_path / "a" / write.__name__)
        _, second = write(tmp_path / "b" / write.__name__)
        assert [path.read_bytes() for path in first.paths] == [path.read_bytes() for path in second.paths]
        assert len(set(first.sop_instance_uids)) == len(first.sop_instance_uids)


def test_every_text_keeps_its_length_and_files_pass_the_guard(tmp_path):
    written = [write(tmp_path / write.__name__)[1] for write in (write_a_ct, write_a_pet, write_an_nm)]
    paths = [path for part in written for path in part.paths]
    assert {verdict.code for _, verdict in check_files(paths)} == {"ok"}
    for path in paths:
        for element in pydicom.dcmread(path).iterall():
            values = element.value if element.VM > 1 else [element.value]
            if element.VR == "DS":
                assert all(len(str(value)) <= 16 for value in values), element.keyword
            if element.VR == "UI":
                assert all(len(value) <= 64 for value in values), element.keyword


def test_uids_belong_to_the_project():
    assert make_uid() != make_uid()
    assert make_uid("a", 1, seed="s") == make_uid("a", 1, seed="s")
    assert make_uid("a", 1, seed="s") != make_uid("a1", seed="s")
    assert make_uid().startswith("2.25.")
    assert len(make_uid()) <= 64


@pytest.mark.parametrize("value", [np.pi * 1e-9, -1.0 / 3.0, 123456789.123456789, 7.4e9, 0.0])
def test_decimal_texts_are_short_and_close(value):
    text = decimal_text(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)


def test_the_slope_is_rounded_before_the_values():
    values = np.random.default_rng(1).uniform(0.0, 1.0 / 3.0, size=(64, 64))
    slope_text, stored = quantise(values)
    assert np.abs(stored * float(slope_text) - values).max() <= 0.501 * float(slope_text)
    assert quantise(np.zeros((2, 2)))[0] == "1"


def test_wrong_input_is_refused(tmp_path):
    hu, counts, activity = (objects.volume(unit=unit) for unit in ("HU", "counts", "Bq/mL"))
    ct = {"folder": tmp_path, "series": objects.series("x"), **FACTS}
    with pytest.raises(InvalidInputError, match="HU"):
        write_ct(counts, **ct)
    with pytest.raises(InvalidInputError, match="16 bits"):
        write_ct(hu.with_values(hu.values + 40000.0), **ct)
    with pytest.raises(InvalidInputError, match="frame of reference"):
        write_ct(replace(hu, frame_of_reference_uid=""), **ct)
    with pytest.raises(InvalidInputError, match="time zone"):
        write_ct(hu, **{**ct, "series": replace(objects.series("x"), started=objects.STARTED.replace(tzinfo=None))})
    with pytest.raises(InvalidInputError, match="below zero"):
        write_pet(activity.with_values(activity.values - 100.0), **ct, **EMISSION)
    with pytest.raises(InvalidInputError, match="Decay correction"):
        write_pet(activity, **ct, **EMISSION, decay_correction="LATER")
    nm = {"path": tmp_path / "x.dcm", "series": objects.series("x"), **FACTS, **EMISSION}
    with pytest.raises(InvalidInputError, match="whole numbers"):
        write_nm(counts.with_values(counts.values + 0.5), **nm)
    with pytest.raises(InvalidInputError, match="duration"):
        replace(objects.acquisition(), frame_duration_s=0.0)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="the DICOM validator dciodvfy is not installed")
@pytest.mark.parametrize("write", [write_a_ct, write_a_pet, write_an_nm])
def test_the_validator_finds_no_error(tmp_path, write):
    _, written = write(tmp_path)
    answer = subprocess.run(
        ["dciodvfy", written.paths[1 % len(written.paths)]], capture_output=True, text=True, check=False
    )
    lines = (answer.stdout + answer.stderr).splitlines()
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []
