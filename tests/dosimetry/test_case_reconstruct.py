"""The command line from projections and CT to an image in Bq/mL, on a scan whose truth is known."""

import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from dosimetry.__main__ import main
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.writing_common import SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.quantification.image_noise import region_noise
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.volume import Volume
from tests.phantoms import objects
from tests.phantoms.edits import change, only, setting
from tests.phantoms.spect_scans import FINE, PROTOCOL, STARTED, small_scan, write_small_scan

FACTOR = ["--calibration", str(PROTOCOL.calibration_cps_per_bq * 1e6)]
QUICK = ["--iterations", "3", "--subsets", "8"]


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Path:
    """Write projections and a CT whose density is that of the simulated body."""
    folder = tmp_path_factory.mktemp("scan")
    change(write_small_scan(folder), setting(ManufacturerModelName="Virtual Symbia ME"))
    hu = ((small_scan().density - 1.0) * 1000.0).round().astype("int16")
    grid = centred_grid(shape_zyx=FINE.shape_zyx, spacing_xyz_mm=FINE.spacing_xyz_mm)
    write_ct(
        Volume(values=hu, grid=grid, unit="HU", frame_of_reference_uid="1.2.3.4"),
        folder=folder / "ct",
        patient=objects.PATIENT,
        study=StudyFacts(study_uid="1.2.3", started=STARTED),
        series=SeriesFacts(series_uid="1.2.3.2", number=2, started=STARTED, seed="ct"),
    )
    return folder


def total_bq(folder: Path) -> float:
    image = read_emission(only(sorted(folder.glob("*.dcm"))))
    assert image.volume.unit == "Bq/mL"
    return float(image.volume.values.sum(dtype=float)) * image.volume.grid.voxel_volume_ml


@pytest.mark.parametrize("kind", ["NM", "PT"])
def test_projections_and_ct_become_an_image_in_bq_per_ml(scan, tmp_path, capsys, kind):
    assert main(["reconstruct", str(scan), "--out", str(tmp_path), "--emission", kind, *FACTOR, *QUICK]) == 0
    # Scatter and attenuation are those of a CT in whole HU on other voxels than the simulation's.
    assert total_bq(tmp_path) == pytest.approx(small_scan().total_bq, rel=0.03)
    said, progress = capsys.readouterr()
    assert "OSEM 3 x 8, CT attenuation, simulated scatter, resolution of Symbia ME" in said
    assert "Reconstructing, update 24 of 24" in progress
    assert "ZZPHI" not in said + progress


def test_noise_replicates_are_written_beside_the_image(scan, tmp_path, capsys):
    quick = ["--iterations", "2", "--subsets", "8", "--scatter", "windows", "--bootstrap", "5"]
    assert main(["reconstruct", str(scan), "--out", str(tmp_path), *FACTOR, *quick]) == 0
    said, progress = capsys.readouterr()
    content = (tmp_path / "noise_replicates.npz").read_bytes()
    assert f"SHA-256 {sha256(content).hexdigest()}" in said
    assert "counting noise moves the activity of the whole image by" in said
    assert "Noise replicate 5 of 5, update 16 of 16" in progress
    image = read_emission(only(sorted(tmp_path.glob("*.dcm")))).volume
    noise = region_noise(NoiseReplicates.from_bytes(content), np.ones(image.grid.shape_zyx), image=image.values)
    assert noise.n_replicates == 5 and 0.0 < noise.cv < 0.05
    assert sorted(path.name for path in tmp_path.iterdir()) == ["noise_replicates.npz", "reconstructed.dcm"]


def test_septal_penetration_and_other_frames_are_said(scan, tmp_path, capsys):
    copy = shutil.copytree(scan, tmp_path / "scan")
    for path in sorted((copy / "ct").glob("*.dcm")):
        change(path, setting(FrameOfReferenceUID="1.2.3.5"))
    septa = ["--penetration", "5", "--penetration-width", "60", "--scatter", "windows"]
    assert main(["reconstruct", str(copy), "--out", str(tmp_path / "out"), *FACTOR, *QUICK, *septa]) == 0
    said = capsys.readouterr().out
    assert "septal penetration 5 % of 60 mm" in said
    assert "different frames of reference" in said


def test_without_a_ct_attenuation_is_left_out_only_when_asked(scan, tmp_path, capsys):
    command = ["reconstruct", str(scan / "projections.dcm"), "--out", str(tmp_path), *FACTOR, *QUICK]
    assert main(command) == 2
    assert "no_ct" in capsys.readouterr().err
    assert main([*command, "--no-attenuation"]) == 0
    assert "no attenuation correction, TEW scatter" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--calibration", "0"], "bad_calibration"),
        (["--time-zone", "Nowhere"], "bad_time_zone"),
        (["--nuclide", "Zz-1"], "unknown_nuclide"),
        (["--dead-time", "1e6"], "bad_dead_time"),
        (["--nuclide", "Tc-99m"], "other_nuclide"),
        (["--calibration", "9000"], "implausible_calibration"),
        (["--penetration", "30"], "bad_penetration"),
        (["--bootstrap", "3"], "bad_replicate_count"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_written(scan, tmp_path, capsys, arguments, code):
    out = tmp_path / "out"
    assert main(["reconstruct", str(scan), "--out", str(out), *FACTOR, *QUICK, *arguments]) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not out.exists()


def test_other_images_are_no_scan(scan, tmp_path, capsys):
    assert main(["reconstruct", str(scan / "ct"), "--out", str(tmp_path), *FACTOR]) == 2
    assert "No SPECT projections" in capsys.readouterr().err
