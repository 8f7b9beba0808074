"""A reconstructed image leaves as DICOM NM and comes back through the import with the same values."""

import shutil
import subprocess

import numpy as np
import pytest
from pydicom import dcmread

from planning import models, storage
from planning.computation.imaging import compute_image
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.current import current_image
from planning.selectors.imaging import cycle_images
from planning.services.image_exports import image_export
from tests.factories import make_case
from tests.planning.test_projections import QUICK, prepared, scanned, store  # noqa: F401 - scanned is a fixture
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported(clinic, scanned, tmp_path):  # noqa: F811 - the fixture
    """Reconstruct the scan and write its file."""
    assert prepared(clinic, scanned, {**QUICK, "n_iterations": 1, "scatter": "windows"}).state == "succeeded"
    image = current_image(scanned.time_point)
    path = tmp_path / "nm.dcm"
    path.write_bytes(image_export(actor=clinic.users[Role.PHYSICIST], image=image))
    return image, path


def test_the_file_is_imported_again_with_the_same_values(clinic, scanned, exported):  # noqa: F811
    image, path = exported
    scanned.time_point.series.filter(kind="projections").update(is_discarded=True)
    store(scanned, clinic, [path], kind="emission", uid="1.2.3.77")
    again = compute_image(time_point=scanned.time_point, parameters={}, progress=no_progress)["fields"]
    before, after = (storage.load_array(sha256) for sha256 in (image.emission_sha256, again["emission_sha256"]))
    # 16 bits for the volume: half a step of its maximum.
    assert np.abs(after - before).max() <= 0.51 * before.max() / 65535
    assert again["emission_grid"]["origin_lps_mm"] == pytest.approx(image.emission_grid["origin_lps_mm"], abs=1e-4)
    assert again["frame_of_reference_uid"] == image.frame_of_reference_uid
    assert again["mid_acquisition_at"] == image.mid_acquisition_at
    assert again["whole_image_activity_bq"] == pytest.approx(image.whole_image_activity_bq, rel=1e-4)
    assert again["findings"] == []


def test_the_file_says_whose_it_is_and_how_it_was_made(scanned, exported):  # noqa: F811
    _, path = exported
    dataset = dcmread(path)
    source = scanned.time_point.series.get(kind="projections")
    assert (dataset.Modality, dataset.StudyInstanceUID) == ("NM", source.study_uid)
    assert dataset.SeriesInstanceUID != source.series_uid
    assert list(dataset.CorrectedImage) == ["ATTN", "SCAT"]
    assert dataset.DerivationDescription.startswith("Reconstructed from 40 views at 208 keV: OSEM 1 x 8")
    (value_map,) = dataset.RealWorldValueMappingSequence
    assert value_map.MeasurementUnitsCodeSequence[0].CodeValue == "Bq/ml"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="the DICOM validator dciodvfy is not installed")
def test_the_validator_finds_no_error(exported):
    _, path = exported
    answer = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = (answer.stdout + answer.stderr).splitlines()
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []


def test_the_page_names_the_file_and_a_download_is_recorded(client, clinic, scanned, exported):  # noqa: F811
    _, path = exported
    (row,) = cycle_images(scanned.cycle)["time_points"]
    client.force_login(clinic.users[Role.PHYSICIST])
    answer = client.get(row["image"]["dicom_url"])
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()
    assert answer["Content-Type"] == "application/dicom"
    assert "ZZPHI" not in answer["Content-Disposition"]
    newest = models.AuditRecord.objects.order_by("-number").first()
    assert (newest.action, newest.actor) == ("image.download_dicom", clinic.users[Role.PHYSICIST])


def test_without_the_right_to_export_nothing_leaves(clinic, exported):
    image, _ = exported
    n_before = models.AuditRecord.objects.count()
    with pytest.raises(NotAllowedError):
        image_export(actor=clinic.users[Role.TECHNOLOGIST], image=image)
    assert models.AuditRecord.objects.count() == n_before


def test_an_image_of_the_camera_has_no_file(clinic):
    case = make_case(clinic.site)
    with pytest.raises(InvalidStateError, match="camera reconstructed"):
        image_export(actor=clinic.users[Role.PHYSICIST], image=case.image)
    (row, *_) = cycle_images(case.cycle)["time_points"]
    assert row["image"]["dicom_url"] is None
