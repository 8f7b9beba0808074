"""The real package end to end on tiny weights; and what happens where it is not complete, changed, slow or stopped."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation import totalsegmentator_process
from dosimetry.segmentation.totalsegmentator import totalsegmentator_contours
from dosimetry.segmentation.totalsegmentator_files import REGION_CLASSES, installation
from dosimetry.segmentation.totalsegmentator_process import segmented
from dosimetry.volume import Grid
from tests.tiny_totalsegmentator import (
    BOXES_LPS_MM,
    HU_OF_PARTS,
    PACKAGE,
    block_ct,
    empty_installation,
    inside,
    needs_package,
    tiny_installation,  # noqa: F401 - a fixture
    tiny_weights,
)

ONTO = Grid(shape_zyx=(60, 60, 60), spacing_xyz_mm=(4.0,) * 3, origin_lps_mm=(-118.0, -118.0, -118.0))
STRAIGHT = Grid(shape_zyx=(80, 80, 80), spacing_xyz_mm=(3.0,) * 3, origin_lps_mm=(-118.5, -118.5, -118.5))
FAKE_PACKAGE = """
import json, os, sys, time
from pathlib import Path
class_map = {{"total": {{1: "liver"}}}}
custom_trainers = {{}}
def totalsegmentator(image, answer, **_):
    {body}
"""


def turned_grid() -> Grid:
    """Return voxels of 2.5 x 3.5 x 2 mm whose x runs to the patient's right, turned by 12 degrees round z."""
    c, s = float(np.cos(0.21)), float(np.sin(0.21))
    direction = (-c, s, 0.0, -s, -c, 0.0, 0.0, 0.0, 1.0)
    grid = Grid(shape_zyx=(126, 78, 110), spacing_xyz_mm=(2.5, 3.5, 2.0), origin_lps_mm=(0, 0, 0), direction=direction)
    middle = grid.index_to_lps_mm(0.5 * (np.array(grid.shape_zyx) - 1.0))
    x, y, z = (float(-v) for v in middle)
    return replace(grid, origin_lps_mm=(x, y, z))


def region_boxes(name: str) -> list:
    return [BOXES_LPS_MM[part] for part in REGION_CLASSES[name] if part in BOXES_LPS_MM]


def truth_of(name: str) -> np.ndarray:
    points = ONTO.index_to_lps_mm(np.moveaxis(np.indices(ONTO.shape_zyx), 0, -1).astype(float))
    return np.logical_or.reduce([inside(points, box) for box in region_boxes(name)])


def fake_package(folder: Path, body: str):
    """Return an installation whose package does ``body``: what our side makes of a package that misbehaves."""
    found = empty_installation(folder)
    package = found.package / "totalsegmentator"
    package.mkdir()
    (package / "__init__.py").touch()
    for module in ("python_api", "nnunet", "map_to_binary"):
        (package / f"{module}.py").write_text(FAKE_PACKAGE.format(body=body))
    for place in ("data_augmentation.nnUNetTrainerNoMirroring", "training_length.nnUNetTrainer_Xepochs_NoMirroring"):
        module = found.package / "nnunetv2" / "training" / "nnUNetTrainer" / "variants" / Path(*place.split("."))
        module.parent.mkdir(parents=True, exist_ok=True)
        module.with_suffix(".py").write_text(
            "class nnUNetTrainerNoMirroring: ...\nclass nnUNetTrainer_4000epochs_NoMirroring: ...\n"
        )
    return found


def refused(code: str, **given) -> str:
    with pytest.raises(InvalidInputError) as error:
        totalsegmentator_contours(**{"onto": ONTO, "ct": block_ct(STRAIGHT), **given})
    assert error.value.code == code
    return str(error.value)


@needs_package
def test_every_block_comes_back_under_its_name_where_it_lies_in_the_patient(tiny_installation):  # noqa: F811
    shares = []
    contours = totalsegmentator_contours(
        installed=tiny_installation,
        onto=ONTO,
        ct=block_ct(turned_grid()),
        digest=tiny_installation.digest(),
        progress=shares.append,
    )
    found = {contour.name: contour for contour in contours}
    assert set(found) == {"Kidney left", "Kidney right", "Liver", "Spleen", "Spine", "Lung left"}
    for name, contour in found.items():
        truth = truth_of(name)
        shift_mm = 4.0 * (np.argwhere(contour.mask).mean(axis=0) - np.argwhere(truth).mean(axis=0))
        # The package works on 3 mm, the contours on 4 mm.
        assert np.abs(shift_mm).max() < 2.5, name
        # Bright blocks lose their blurred rim, where the CT number is that of another class.
        assert contour.mask.sum() == pytest.approx(truth.sum(), rel=0.2), name
        assert contour.confidence is None
        assert "no_confidence" in {finding.code for finding in contour.findings}
        assert "wrong_side" not in {finding.code for finding in contour.findings}
    assert not found["Kidney left"].is_refused
    assert found["Lung left"].is_refused  # two lobes of 84 mL are no lung
    assert shares == sorted(shares)


@needs_package
@pytest.mark.slow
def test_the_full_model_joins_its_five_parts(tmp_path):
    weights = tiny_weights(tmp_path, "full")
    contours = totalsegmentator_contours(
        installed=installation(package=PACKAGE, weights=weights, variant="full"),
        onto=ONTO,
        ct=block_ct(STRAIGHT, HU_OF_PARTS["291"]),
    )
    assert {"Kidney left", "Spine"} <= {contour.name for contour in contours}


def test_without_a_ct_nothing_is_drawn(tmp_path):
    assert "needs a CT" in refused("no_image", installed=empty_installation(tmp_path), ct=None)


def test_missing_weights_are_named_and_none_are_fetched(tmp_path):
    installed = empty_installation(tmp_path)
    (installed.weights / installed.variant.files[2]).unlink()
    message = refused("missing_weights", installed=installed)
    assert "checkpoint_final.pth is missing" in message
    assert "nothing is downloaded" in message


def test_a_folder_without_the_package_is_refused(tmp_path):
    installed = empty_installation(tmp_path)
    refused("missing_package", installed=replace(installed, package=tmp_path))


def test_changed_weights_and_another_version_have_another_digest(tmp_path):
    installed = empty_installation(tmp_path / "one")
    enabled = installed.digest()
    assert empty_installation(tmp_path / "two", version="2.18.1").digest() != enabled
    assert empty_installation(tmp_path / "three").digest() == enabled
    (installed.weights / installed.variant.files[2]).write_text("other numbers")
    assert "quality lead" in refused("weights_digest", installed=installed, digest=enabled)


def test_an_unknown_variant_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="fast or full"):
        installation(package=tmp_path, weights=tmp_path, variant="fastest")


def test_a_failure_of_the_package_is_told_with_its_last_words(tmp_path):
    installed = fake_package(tmp_path, "raise MemoryError('no room for the image')")
    assert "no room for the image" in refused("engine_failed", installed=installed)


def test_an_end_without_an_answer_draws_nothing(tmp_path):
    refused("engine_failed", installed=fake_package(tmp_path, "pass"))


def test_a_package_that_does_not_end_is_stopped(tmp_path):
    refused("engine_timeout", installed=fake_package(tmp_path, "time.sleep(600)"), timeout_s=1.5)


class Cancelled(Exception):
    """Stands for the loss of a run."""


def test_a_cancelled_run_stops_the_package_and_what_it_started(tmp_path):
    seen = tmp_path / "pids.txt"
    body = (
        f"import subprocess; p = subprocess.Popen(['sleep', '600']); Path({str(seen)!r}).write_text("
        "f'{os.getpid()} {p.pid}'); time.sleep(600)"
    )
    installed = fake_package(tmp_path / "package", body)

    def progress(_share: float) -> None:
        if seen.is_file() and seen.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        segmented(block_ct(STRAIGHT), installed=installed, progress=progress, timeout_s=60.0)
    deadline = time.monotonic() + 5.0
    pids = [int(pid) for pid in seen.read_text().split()]
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_alive(pid) for pid in pids)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_package_sees_no_secret_no_network_and_sends_no_statistics(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "ours alone")
    written = tmp_path / "environment.json"
    body = (
        "home = Path(os.environ['TOTALSEG_HOME_DIR']); "
        "config = json.loads((home / 'config.json').read_text()); "
        f"Path({str(written)!r}).write_text(json.dumps([dict(os.environ), config]))"
    )
    installed = fake_package(tmp_path / "package", body)
    refused("engine_failed", installed=installed)
    environment, config = json.loads(written.read_text())
    assert "SECRET_KEY" not in environment
    assert environment["HTTPS_PROXY"] == environment["HTTP_PROXY"] == totalsegmentator_process.NOWHERE
    assert config["send_usage_stats"] is False
    assert environment["TOTALSEG_WEIGHTS_PATH"] != str(installed.weights)
    assert os.environ.get("TOTALSEG_HOME_DIR") is None
