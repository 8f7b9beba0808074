"""All engines side by side on the demo patient and on a real one, through the command line."""

import json
from datetime import UTC, datetime

import pytest

from dosimetry.__main__ import main
from dosimetry.dose.engines import ENGINES
from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
OPTIONS = {"seed": 5, "max_histories": 1_000_000}


def analysed(folder, case):
    path = folder / "case.json"
    path.write_text(json.dumps({"format": "theranostics-case-1", "nuclide": "Lu-177", **case}))
    assert main(["analyse", str(path), "--out", str(folder / "out")]) == 0
    return json.loads((folder / "out" / "results.json").read_text())


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    options = DemoOptions(resolution_fwhm_mm=0.0, has_noise=False)
    files = write_demo_patient(folder / "images", seed=3, start=START, options=options)
    points = []
    for scan in files.scans:
        target = folder / f"scan_{scan.number}"
        target.mkdir()
        paths = [*scan.emission.paths, *(scan.ct.paths if scan.ct else ())]
        if scan.number == files.scans[0].number:
            paths.append(files.rtstruct_path)
        for i, path in enumerate(paths):
            (target / f"{i}.dcm").symlink_to(path)
        points.append({"label": f"scan {scan.number}", "images": target.name})
    case = {
        "time_zone": "UTC",
        "administration": {"administered_activity_mbq": 7400.0, "administered_at": START.isoformat()},
        "time_points": points,
        "contours": "propagate",
        "density": {"from_ct": True},
        "engines": list(ENGINES),
        "engine_options": OPTIONS,
        "organ_level": True,
    }
    return folder, analysed(folder, case)


def test_organ_level_stands_beside_the_monte_carlo(demo):
    _, results = demo
    engines = {row["name"]: {item["engine"]: item for item in row["engines"]} for row in results["regions"]}
    kinds = {row["name"]: row["kind"] for row in results["regions"]}
    assert results["organ_level"]["rest_tia_mbq_h"] > 0.0
    for row in results["organ_level"]["regions"]:
        assert row["total_gy"] == pytest.approx(row["self_gy"] + sum(row["cross_gy"].values()))
        assert (row["sphere_gy"] is not None) == (kinds[row["name"]] == "lesion")
        # Regions of the phantom are filled evenly; voxels cut by the contour of 4 mm differ between the two.
        assert row["total_gy"] == pytest.approx(engines[row["name"]]["hybrid_mc"]["mean_gy"], rel=0.08)


def test_every_engine_has_its_map(demo):
    folder, results = demo
    assert [row["engine"] for row in results["engines"]] == list(ENGINES)
    assert (folder / "out" / "dose_gy.nii.gz").exists()
    for name in list(ENGINES)[1:]:
        assert (folder / "out" / f"dose_gy_{name}.nii.gz").exists()
        assert results["provenance"]["engines"][name]["engine"] == name


@pytest.mark.parametrize("organ", ["Kidney left", "Kidney right", "Spleen", "Liver"])
def test_organs_agree_between_engines(demo, organ):
    _, results = demo
    region = next(row for row in results["regions"] if row["name"] == organ)
    rows = {row["engine"]: row for row in region["engines"]}
    assert list(rows) == list(ENGINES)
    reference = rows["hybrid_mc"]["mean_gy"]
    # Lu-177 in soft tissue: kernel and both Monte Carlos within 3 %, local lacks photons (2 to 6 % of the dose).
    for name in ("kernel", "full_mc"):
        assert rows[name]["mean_gy"] == pytest.approx(reference, rel=0.03), name
    assert 0.90 < rows["local"]["mean_gy"] / reference < 1.01
    assert rows["local"]["difference_percent"] == 0.0
    assert rows["kernel"]["reason"]
    assert rows["kernel"]["photons_gy"] > 0.0


def test_a_real_patient_by_four_engines(tmp_path, shared_data):
    for number in (1, 2):
        (tmp_path / f"scan_{number}.zip").symlink_to(shared_data / "lu177_dotatate_patient" / f"scan_{number}.zip")
    engines = ["local", "kernel", "kernel_unscaled", "hybrid_mc"]
    results = analysed(
        tmp_path,
        {
            "time_zone": "America/Detroit",
            "administration": {
                "administered_activity_mbq": 7210.4256,
                "administered_at": "2018-11-15T09:22:00-05:00",
            },
            "time_points": [{"label": str(n), "images": f"scan_{n}.zip"} for n in (1, 2)],
            "engines": engines,
            "engine_options": OPTIONS,
        },
    )
    compared = [row["engines"] for row in results["regions"] if row.get("engines")]
    assert compared
    for rows in compared:
        assert [row["engine"] for row in rows] == engines
        # Declared density: both kernels are one, and photons add a few per cent.
        assert rows[1]["mean_gy"] == pytest.approx(rows[2]["mean_gy"], rel=1e-6)
        assert rows[1]["mean_gy"] == pytest.approx(rows[3]["mean_gy"], rel=0.02)
        assert abs(rows[1]["difference_percent"]) < 10.0
