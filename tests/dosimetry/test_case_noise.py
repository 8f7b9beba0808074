"""Noise replicates in a case: known noise comes back for every region, and those of another scan are refused."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from dosimetry.__main__ import main
from dosimetry.dicomio.emission import read_emission
from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from tests.phantoms.edits import only

START = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
NOISE = np.array([-0.05, 0.02, 0.06, -0.01, -0.02])
"""Of the whole image in each replicate: every region has the noise of the image."""


@pytest.fixture(scope="module")
def noisy_case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    options = DemoOptions(coarseness=2, resolution_fwhm_mm=0.0, has_noise=False)
    files = write_demo_patient(folder / "images", seed=3, start=START, options=options)
    points = []
    for scan in files.scans:
        target = folder / f"scan_{scan.number}"
        target.mkdir()
        paths = [*scan.emission.paths, *(scan.ct.paths if scan.ct else ()), files.rtstruct_path]
        for i, path in enumerate(paths if scan.number == files.scans[0].number else paths[:-1]):
            (target / f"{i}.dcm").symlink_to(path)
        values = read_emission(only(sorted(scan.emission.paths))).volume.values
        replicates = NoiseReplicates.of([values * (1.0 + part) for part in NOISE])
        (target / "noise_replicates.npz").write_bytes(replicates.to_bytes())
        points.append({"label": f"scan {scan.number}", "images": target.name})
    return folder, points


def analysed(noisy_case, points, name):
    folder, _ = noisy_case
    case = {
        "format": "theranostics-case-1",
        "nuclide": "Lu-177",
        "time_zone": "UTC",
        "administration": {"administered_activity_mbq": 7400.0, "administered_at": START.isoformat()},
        "time_points": points,
        "contours": "propagate",
        "single_time_point": {"effective_half_life_h": 60.0, "standard_uncertainty_h": 12.0, "source": "test"},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(case))
    status = main(["analyse", str(path), "--out", str(folder / name)])
    return json.loads((folder / name / "results.json").read_text()) if status == 0 else None


def with_replicates(points, n_scans=None):
    return [
        {**point, "noise_replicates": f"{point['images']}/noise_replicates.npz"}
        if n_scans is None or i < n_scans
        else point
        for i, point in enumerate(points)
    ]


def test_known_noise_is_found_in_every_region_and_in_its_uncertainty(noisy_case):
    one = noisy_case[1][:1]
    plain, found = analysed(noisy_case, one, "plain"), analysed(noisy_case, with_replicates(one), "noisy")
    percent = 100.0 * NOISE.std(ddof=1)
    rows = {row["name"]: row for row in found["regions"]}
    for before in plain["regions"]:
        after = rows[before["name"]]
        for old, new in zip(before["activity_mbq"], after["activity_mbq"], strict=True):
            assert "counting_noise_percent" not in old
            assert new["counting_noise_percent"] == pytest.approx(percent, rel=2e-3)
            assert new["value"] == old["value"]
            u = np.hypot(old["standard_uncertainty"], 0.01 * new["counting_noise_percent"] * new["value"])
            assert new["standard_uncertainty"] == pytest.approx(u)
        if "tia_mbq_h" in before:
            assert after["tia_mbq_h"]["standard_uncertainty"] > before["tia_mbq_h"]["standard_uncertainty"]
    assert not any("Counting noise" in text for text in [*plain["warnings"], *found["warnings"]])


def test_a_scan_without_them_beside_others_is_said(noisy_case):
    found = analysed(noisy_case, with_replicates(noisy_case[1][:2], n_scans=1), "partly")
    assert any("known on 1 of 2 scans" in text for text in found["warnings"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda folder: b"spoiled", "bad_replicates"),
        (lambda folder: NoiseReplicates.of(np.ones((5, 2, 2, 2))).to_bytes(), "other_replicates"),
        (lambda folder: (folder / "scan_2" / "noise_replicates.npz").read_bytes(), "other_replicates"),
    ],
)
def test_damaged_replicates_or_those_of_another_scan_are_refused(noisy_case, capsys, content, code):
    folder, points = noisy_case
    (folder / "other.npz").write_bytes(content(folder))
    first = {**points[0], "noise_replicates": "other.npz"}
    assert analysed(noisy_case, [first, *points[1:]], f"refused-{code}") is None
    assert f"[{code}]" in capsys.readouterr().err
