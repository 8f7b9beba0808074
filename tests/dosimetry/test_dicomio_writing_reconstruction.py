"""A reconstructed image written beside its projections: read again with the same values, names and times."""

import shutil
import subprocess
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pydicom
import pytest

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.writing_derivation import Derivation
from dosimetry.dicomio.writing_reconstruction import ReconstructionFacts, write_reconstruction
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.volume import Volume
from tests.phantoms.edits import change as edit
from tests.phantoms.edits import only, setting
from tests.phantoms.spect_scans import PIXELS, PROTOCOL, STARTED, series_of, write_small_scan

DURATION_S = PROTOCOL.view_duration_s * PROTOCOL.n_views / 2
FACTS = ReconstructionFacts(
    nuclide=get_nuclide("Lu-177"),
    frame_duration_s=DURATION_S,
    corrections=("ATTN", "SCAT"),
    description="Reconstructed from 40 views at 208 keV: OSEM 3 x 8. " + 1000 * "x",
)


@pytest.fixture
def source(tmp_path):
    path = write_small_scan(tmp_path)
    edit(path, setting(StationName="NM7", StudyID="S4", AccessionNumber="A5", PatientBirthDate="19600102"))
    return series_of(path)


def volume(frame: str = "1.2.3.4") -> Volume:
    values = np.random.default_rng(2).gamma(0.5, 2e5, size=PIXELS.shape_zyx).astype(np.float32)
    return Volume(values=values, grid=PIXELS, unit="Bq/mL", frame_of_reference_uid=frame)


def write(source, folder, *, kind: str = "NM", **changes):
    wanted = {"facts": FACTS, "beds": (source,), "seed": "tests", "volume": volume(), **changes}
    return write_reconstruction(wanted.pop("volume"), folder=folder, kind=kind, **wanted)


@pytest.mark.parametrize("kind", ["NM", "PT"])
def test_the_image_is_read_again_with_its_values_place_and_time(source, tmp_path, kind):
    written = write(source, tmp_path / kind, kind=kind)
    series = only(written)
    image = read_emission(series)
    assert (image.volume.unit, series.decay_correction, series.nuclide) == ("Bq/mL", "NONE", "Lu-177")
    assert series.corrections == ("ATTN", "SCAT")
    # 16 bits: half a step of the maximum of the volume (NM) or of the slice (PT).
    assert np.abs(image.volume.values - volume().values).max() <= 0.51 * volume().values.max() / 65535
    assert image.volume.grid.matches(PIXELS, tolerance_mm=1e-4)
    assert image.volume.frame_of_reference_uid == source.frame_of_reference_uid
    assert series.acquisition_start == STARTED
    assert series.frame_duration_s == pytest.approx(DURATION_S, abs=0.02)
    assert {finding.level for finding in image.findings} <= {"note"}


@pytest.mark.parametrize("kind", ["NM", "PT"])
def test_the_image_belongs_to_the_projections_study_and_names_them(source, tmp_path, kind):
    dataset = pydicom.dcmread(write(source, tmp_path / kind, kind=kind).paths[0])
    original = source.headers[0].dataset
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "StudyTime"):
        assert dataset[keyword].value == original[keyword].value, keyword
    assert (dataset.StudyID, dataset.AccessionNumber) == ("S4", "A5")
    assert dataset.SeriesInstanceUID != original.SeriesInstanceUID
    assert dataset.ImageType[0] == "DERIVED"
    (item,) = dataset.SourceImageSequence
    assert item.ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert dataset.ContributingEquipmentSequence[0].StationName == "NM7"
    assert len(dataset.DerivationDescription) == 1024
    assert dataset.RadiopharmaceuticalInformationSequence[0].Radiopharmaceutical == "Lu-177 DOTATATE"


def test_the_rotation_is_that_of_the_projections(source, tmp_path):
    dataset = pydicom.dcmread(write(source, tmp_path / "nm").paths[0])
    original = source.headers[0].dataset.RotationInformationSequence[0]
    for keyword in ("StartAngle", "AngularStep", "RotationDirection", "ScanArc", "NumberOfFramesInRotation"):
        assert dataset.RotationInformationSequence[0][keyword].value == original[keyword].value, keyword


def test_several_beds_are_all_named(source, tmp_path):
    dataset = pydicom.dcmread(write(source, tmp_path / "nm", beds=(source, source)).paths[0])
    assert len(dataset.SourceImageSequence) == 2


def test_equal_seeds_write_equal_files_and_no_seed_new_identifiers(source, tmp_path):
    first, second = (write(source, tmp_path / name) for name in "ab")
    assert first.paths[0].read_bytes() == second.paths[0].read_bytes()
    third, fourth = (write(source, tmp_path / name, seed=None) for name in "cd")
    assert third.series_uid != fourth.series_uid


def test_a_header_without_zone_or_frame_of_reference_is_completed(tmp_path):
    path = write_small_scan(tmp_path)
    edit(path, setting(TimezoneOffsetFromUTC=None))
    zone = ZoneInfo("Europe/Berlin")
    source = only([path], site_zone=zone)
    written = write(source, tmp_path / "nm", site_zone=zone, volume=volume(frame=""))
    assert only(written).acquisition_start == source.acquisition_start
    assert written.frame_of_reference_uid.startswith("2.25.")


def test_what_cannot_be_written_is_refused(source, tmp_path):
    with pytest.raises(InvalidInputError, match="NM or PT"):
        write(source, tmp_path, kind="CT")
    with pytest.raises(InvalidInputError, match="projections"):
        write(source, tmp_path, beds=())
    with pytest.raises(InvalidInputError, match="made from"):
        Derivation(description="x", sources=())
    with pytest.raises(InsufficientDataError, match="acquisition time"):
        write(replace(source, acquisition_start=None), tmp_path)


@pytest.mark.parametrize("kind", ["NM", "PT"])
def test_the_files_pass_the_guard(source, tmp_path, kind):
    written = write(source, tmp_path / kind, kind=kind)
    assert {verdict.code for _, verdict in check_files(written.paths)} == {"ok"}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="the DICOM validator dciodvfy is not installed")
@pytest.mark.parametrize("kind", ["NM", "PT"])
def test_the_validator_finds_no_error(source, tmp_path, kind):
    written = write(source, tmp_path / kind, kind=kind)
    answer = subprocess.run(["dciodvfy", written.paths[0]], capture_output=True, text=True, check=False)
    lines = (answer.stdout + answer.stderr).splitlines()
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []
