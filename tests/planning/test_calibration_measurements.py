"""Phantoms measured in the product: simulated scans of known activity give back what was put in."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.phantom_finding import cylinder_share
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.recovery_spheres import sphere_fraction
from dosimetry.volume import Grid, Volume
from planning import models, storage
from planning.computation.calibration_measurements import METHODS, _centres
from planning.computation.series import dicom_series
from planning.models.sites import Role
from planning.tasks.base import execute_run
from planning.tasks.calibrations import run_calibration
from tests.phantoms import objects

pytestmark = pytest.mark.django_db

GRID = Grid(shape_zyx=(48, 64, 64), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-128.0, -128.0, -96.0))
SPREAD = PointSpread(spacing_xyz_mm=GRID.spacing_xyz_mm, fwhm_mm=12.0)
FACTOR_CPS_PER_MBQ = 9.0
ACTIVITY_MBQ, DURATION_S = 800.0, 1500.0
ASSAY = objects.STARTED - timedelta(hours=2)
LAMBDA = get_nuclide("Lu-177").decay_constant_per_s
MEAN = float(np.exp(-LAMBDA * 7200.0) * -np.expm1(-LAMBDA * DURATION_S) / (LAMBDA * DURATION_S))
"""Mean activity during the scan over that at the assay."""
SOURCE = {
    "nuclide": "Lu-177",
    "assay_at": ASSAY.isoformat(),
    "activity_mbq": ACTIVITY_MBQ,
    "activity_standard_uncertainty_mbq": 12.0,
}
DIAMETERS_MM = (17.0, 22.0, 28.0, 37.0, 60.0)
CENTRES = tuple((60.0 * float(np.cos(a)), 60.0 * float(np.sin(a)), 0.0) for a in np.radians(72.0 * np.arange(5)))


def stored(clinic, paths, uid: str) -> models.Series:
    """Return a scan in quarantine."""
    series = models.Series.objects.create(
        site=clinic.site,
        kind="emission",
        modality="NM",
        series_uid=uid,
        study_uid="1.2",
        acquisition_start=objects.STARTED,
    )
    models.SeriesFile.objects.bulk_create(
        models.SeriesFile(series=series, sop_instance_uid=f"{uid}.{i}", sha256=storage.store_file(path), n_bytes=1)
        for i, path in enumerate(paths)
    )
    series.summary = dicom_series(series).as_dict()
    series.save()
    return series


def count_scan(clinic, folder, share) -> models.Series:
    """Write counts of a phantom whose activity lies as ``share`` says, blurred, with Poisson noise."""
    expected = SPREAD.blur(share / share.sum()) * ACTIVITY_MBQ * MEAN * FACTOR_CPS_PER_MBQ * DURATION_S
    counts = np.random.default_rng(5).poisson(np.maximum(expected, 0.0))
    volume = Volume(values=counts.astype(np.float64), grid=GRID, unit="counts", frame_of_reference_uid="2.25.7")
    written = write_nm(
        volume,
        path=folder / "nm.dcm",
        patient=objects.PATIENT,
        study=objects.study(),
        series=objects.series("phantom"),
        acquisition=objects.acquisition(),
        agent=objects.agent(),
    )
    return stored(clinic, written.paths, "1.2.7")


def measured(client, clinic, method: str, inputs: dict, series: models.Series | None = None) -> models.Run:
    client.force_login(clinic.users[Role.PHYSICIST])
    body = {"method": method, "inputs": inputs, **({"series_id": str(series.pk)} if series else {})}
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
    assert answer.status_code == 202, answer.content
    run = models.Run.objects.get(pk=answer.json()["run_id"])
    execute_run(run_id=str(run.pk), body=run_calibration)
    run.refresh_from_db()
    return run


def result_of(run: models.Run) -> dict:
    assert run.state == "succeeded", run.error_message
    return models.CalibrationMeasurement.objects.get(run=run).result


def test_a_planar_source_gives_its_factor(client, clinic):
    inputs = {
        "nuclide": "Lu-177",
        "activity_mbq": 100.0,
        "activity_standard_uncertainty_mbq": 1.5,
        "assay_to_start_min": 0.0,
        "duration_s": 600.0,
        "counts": 100.0 * FACTOR_CPS_PER_MBQ * 600.0 + 3000.0,
        "background_counts": 3000.0,
    }
    result = result_of(measured(client, clinic, "planar", inputs))
    assert result["calibration_cps_per_mbq"] == pytest.approx(FACTOR_CPS_PER_MBQ, rel=1e-3)  # 600 s of decay
    assert result["contributions_percent"]["dose calibrator"] == pytest.approx(1.5)


@pytest.mark.parametrize("region", [{}, {"phantom_volume_ml": None}])
def test_a_cylinder_gives_its_factor(client, clinic, tmp_path, region):
    share = cylinder_share(GRID, centre_lps_mm=(6.0, -10.0, 4.0), diameter_mm=180.0, length_mm=140.0)
    if region:
        region = {
            "phantom_volume_ml": float(share.sum()) * GRID.voxel_volume_ml,
            "region_diameter_mm": 120.0,
            "region_length_mm": 80.0,
        }
    result = result_of(measured(client, clinic, "cylinder", SOURCE | region, count_scan(clinic, tmp_path, share)))
    u = result["standard_uncertainty_cps_per_mbq"]
    assert abs(result["calibration_cps_per_mbq"] - FACTOR_CPS_PER_MBQ) < u
    assert u / FACTOR_CPS_PER_MBQ == pytest.approx(0.015, rel=0.05)  # the dose calibrator's, counting is small
    assert result["centre_lps_mm"] == pytest.approx([6.0, -10.0, 4.0], abs=2.0)
    if region:  # the same factor from all counts: they differ by noise and the phantom's edge only
        assert result["whole_image_cps_per_mbq"] == pytest.approx(FACTOR_CPS_PER_MBQ, rel=0.01)
        difference = result["whole_image_cps_per_mbq"] / result["calibration_cps_per_mbq"] - 1.0
        assert result["whole_image_difference_percent"] == pytest.approx(100.0 * difference)
    else:
        assert result["whole_image_cps_per_mbq"] is None


def test_a_sphere_gives_its_factor(client, clinic, tmp_path):
    share = sphere_fraction(GRID, centre_lps_mm=(20.0, 10.0, -8.0), diameter_mm=60.0)
    inputs = SOURCE | {"sphere_diameter_mm": 60.0}
    result = result_of(measured(client, clinic, "sphere", inputs, count_scan(clinic, tmp_path, share)))
    assert result["calibration_cps_per_mbq"] == pytest.approx(FACTOR_CPS_PER_MBQ, rel=0.01)
    assert result["centre_lps_mm"] == pytest.approx([20.0, 10.0, -8.0], abs=1.0)
    assert result["whole_image_cps_per_mbq"] == pytest.approx(FACTOR_CPS_PER_MBQ, rel=0.01)


def test_a_typed_centre_is_taken_as_typed(client, clinic, tmp_path):
    share = sphere_fraction(GRID, centre_lps_mm=(20.0, 10.0, -8.0), diameter_mm=60.0)
    # A second, brighter place would be found first.
    share = share + 3.0 * sphere_fraction(GRID, centre_lps_mm=(-80.0, -80.0, 60.0), diameter_mm=20.0)
    series = count_scan(clinic, tmp_path, share)
    inputs = SOURCE | {"sphere_diameter_mm": 60.0, "region_diameter_mm": 90.0, "centres_lps_mm": [[20.0, 10.0, -8.0]]}
    result = result_of(measured(client, clinic, "sphere", inputs, series))
    assert result["centre_lps_mm"] == [20.0, 10.0, -8.0]
    assert "The centres of the spheres were typed." in result["notes"]


def test_centres_are_counted_before_a_run(client, clinic, tmp_path):
    series = count_scan(clinic, tmp_path, sphere_fraction(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=60.0))
    client.force_login(clinic.users[Role.PHYSICIST])
    place = [0.0, 0.0, 0.0]
    for method, inputs, text in (
        ("sphere", SOURCE | {"sphere_diameter_mm": 60.0, "centres_lps_mm": [place, place]}, "one centre"),
        ("sphere", SOURCE | {"sphere_diameter_mm": 60.0, "centres_lps_mm": [[0.0, 0.0]]}, "at least 3"),
        ("recovery", RECOVERY | {"centres_lps_mm": [place, place]}, "5 centres"),
    ):
        body = {"method": method, "inputs": inputs, "series_id": str(series.pk)}
        answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
        assert answer.status_code == 400
        assert text in answer.content.decode()
    assert not models.Run.objects.exists()
    with pytest.raises(InvalidInputError, match="as many centres"):
        _centres(None, {"centres_lps_mm": [place]}, diameters_mm=(10.0, 20.0))


@pytest.mark.parametrize("is_decaying", [True, False])
def test_a_dead_time_is_found_with_its_curve(client, clinic, is_decaying):
    tau_s = 4e-6
    places = np.linspace(0.0, 700.0, 15) if is_decaying else np.linspace(100.0, 3000.0, 15)
    true = (60e3 * np.exp(-LAMBDA * 3600.0 * places) if is_decaying else 20.0 * places) + 500.0
    rates = np.random.default_rng(3).poisson(true * np.exp(-true * tau_s) * 60.0) / 60.0
    inputs = {
        "nuclide": "Lu-177",
        "model": "paralysable",
        "is_decaying": is_decaying,
        "duration_s": 60.0,
        "background_cps": 500.0,
        "rows": np.column_stack([places, rates]).tolist(),
    }
    result = result_of(measured(client, clinic, "dead_time", inputs))
    assert abs(result["dead_time_us"] - 4.0) < 3.0 * result["standard_uncertainty_us"]
    assert result["is_significant"]
    assert result["p_value"] > 1e-3
    line, points = result["line"], result["points"]
    assert len(line["x"]) == len(line["y"]) == len(line["low_95"]) == len(line["high_95"])
    # Poisson rates of one minute; the line passes them within five standard deviations.
    assert points["standard_uncertainty"] == pytest.approx(np.sqrt(np.array(points["y"]) / 60.0))
    away = np.abs(np.interp(points["x"], line["x"], line["y"]) - points["y"]) / points["standard_uncertainty"]
    assert away.max() < 5.0


RECOVERY = {
    "nuclide": "Lu-177",
    "assay_at": ASSAY.isoformat(),
    "concentration_kbq_per_ml": 500.0,
    "relative_standard_uncertainty_percent": 3.0,
    "diameters_mm": list(DIAMETERS_MM),
    "reconstruction": "test, 12 mm",
}


def spheres_share() -> np.ndarray:
    return sum(
        sphere_fraction(GRID, centre_lps_mm=centre, diameter_mm=diameter)
        for centre, diameter in zip(CENTRES, DIAMETERS_MM, strict=True)
    )


@pytest.fixture
def spheres_scan(clinic, tmp_path) -> models.Series:
    """Write an image of five spheres of one solution in Bq/mL, blurred, without noise."""
    values = SPREAD.blur(spheres_share()) * RECOVERY["concentration_kbq_per_ml"] * 1e3 * MEAN
    written = write_pet(
        Volume(values=values.astype(np.float32), grid=GRID, unit="Bq/mL", frame_of_reference_uid="2.25.7"),
        folder=tmp_path / "pet",
        patient=objects.PATIENT,
        study=objects.study(),
        series=objects.series("spheres"),
        acquisition=objects.acquisition(),
        agent=objects.agent(),
        decay_correction="NONE",
    )
    return stored(clinic, written.paths, "1.2.8")


def test_recovery_of_spheres_rises_with_their_volume(client, clinic, spheres_scan):
    result = result_of(measured(client, clinic, "recovery", RECOVERY, spheres_scan))
    found = [row["recovery"] for row in result["spheres"]]
    blurred = SPREAD.blur(spheres_share())
    parts = [
        sphere_fraction(GRID, centre_lps_mm=centre, diameter_mm=diameter)
        for centre, diameter in zip(CENTRES, DIAMETERS_MM, strict=True)
    ]
    assert found == pytest.approx([float((blurred * part).sum() / part.sum()) for part in parts], rel=0.02)
    assert found == sorted(found)
    assert 0.0 < result["b1_ml"] < 10.0


def test_a_recovery_curve_comes_with_its_fit_and_its_band(client, clinic, spheres_scan):
    inputs = RECOVERY | {"centres_lps_mm": [list(centre) for centre in CENTRES]}
    result = result_of(measured(client, clinic, "recovery", inputs, spheres_scan))
    assert [row["centre_lps_mm"] for row in result["spheres"]] == inputs["centres_lps_mm"]
    assert result["notes"] == ["The centres of the spheres were typed."]
    # Three degrees of freedom: five spheres, two parameters.
    measured_rc, u = (np.array(result["points"][name]) for name in ("y", "standard_uncertainty"))
    fitted = 1.0 - 1.0 / (1.0 + (np.array(result["points"]["x"]) / result["b1_ml"]) ** result["b2"])
    expected = float(np.sum(((measured_rc - fitted) / u) ** 2)) / 3.0
    assert result["reduced_chi_square"] == pytest.approx(expected, rel=1e-6)
    assert u == pytest.approx(0.03 * measured_rc)
    line = result["line"]
    assert all(low < y < high for low, y, high in zip(line["low_95"], line["y"], line["high_95"], strict=True))


def test_a_scan_in_other_units_says_what_to_do(client, clinic, tmp_path):
    share = cylinder_share(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=180.0, length_mm=140.0)
    series = count_scan(clinic, tmp_path, share)
    inputs = {
        "nuclide": "Lu-177",
        "assay_at": ASSAY.isoformat(),
        "concentration_kbq_per_ml": 1.0,
        "relative_standard_uncertainty_percent": 3.0,
        "diameters_mm": [10.0, 20.0, 30.0],
        "reconstruction": "test",
    }
    run = measured(client, clinic, "recovery", inputs, series)
    assert (run.state, run.error_code) == ("failed", "units")
    assert not models.CalibrationMeasurement.objects.exists()


def test_a_clock_that_runs_backwards_is_named(client, clinic, tmp_path):
    share = cylinder_share(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=180.0, length_mm=140.0)
    late = SOURCE | {"assay_at": (objects.STARTED + timedelta(hours=1)).isoformat()}
    run = measured(client, clinic, "cylinder", late, count_scan(clinic, tmp_path, share))
    assert (run.state, run.error_code) == ("failed", "negative_time")


@pytest.mark.parametrize(
    ("method", "inputs"),
    [
        ("cylinder", SOURCE),
        ("planar", SOURCE),
        ("dead_time", {"nuclide": "Lu-177", "model": "paralysable", "is_decaying": True, "duration_s": 1, "rows": []}),
        ("magic", {}),
    ],
)
def test_what_lacks_something_is_refused_before_it_runs(client, clinic, method, inputs):
    client.force_login(clinic.users[Role.PHYSICIST])
    body = {"method": method, "inputs": inputs}
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
    assert answer.status_code == 400
    assert not models.Run.objects.exists()


def test_a_patients_scan_is_no_phantom(client, clinic, worked):
    client.force_login(clinic.users[Role.PHYSICIST])
    series = worked.points[0].series.get(kind="emission")
    body = {"method": "cylinder", "inputs": SOURCE, "series_id": str(series.pk)}
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
    assert answer.status_code == 404


def test_the_page_lists_scans_in_quarantine_and_what_was_measured(client, clinic, tmp_path):
    share = sphere_fraction(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=60.0)
    series = count_scan(clinic, tmp_path, share)
    measured(client, clinic, "sphere", SOURCE | {"sphere_diameter_mm": 60.0}, series)
    shown = client.get(f"/api/sites/{clinic.site.pk}/calibration-measurements").json()
    assert [scan["id"] for scan in shown["scans"]] == [str(series.pk)]
    (row,) = shown["results"]
    assert (row["method"], row["label"], row["scan"]["id"]) == ("sphere", "Hot sphere", str(series.pk))


def test_a_scan_of_another_nuclide_is_refused(client, clinic, tmp_path):
    share = cylinder_share(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=180.0, length_mm=140.0)
    run = measured(client, clinic, "cylinder", SOURCE | {"nuclide": "F-18"}, count_scan(clinic, tmp_path, share))
    assert (run.state, run.error_code) == ("failed", "other_nuclide")


def test_counts_corrected_for_decay_are_refused(clinic, tmp_path):
    share = cylinder_share(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=180.0, length_mm=140.0)
    image = read_emission(dicom_series(count_scan(clinic, tmp_path, share)))
    corrected = replace(image, series=replace(image.series, decay_correction="ADMIN"))
    for method in ("cylinder", "sphere"):
        with pytest.raises(InvalidInputError, match="decay"):
            METHODS[method](corrected, SOURCE | {"sphere_diameter_mm": 60.0})


def test_a_discarded_scan_is_no_phantom(client, clinic, tmp_path):
    share = sphere_fraction(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=60.0)
    series = count_scan(clinic, tmp_path, share)
    models.Series.objects.update(is_discarded=True)
    client.force_login(clinic.users[Role.PHYSICIST])
    body = {"method": "sphere", "inputs": SOURCE | {"sphere_diameter_mm": 60.0}, "series_id": str(series.pk)}
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
    assert answer.status_code == 404


def test_what_stands_in_for_a_number_is_said(client, clinic, tmp_path):
    share = sphere_fraction(GRID, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=60.0)
    series = count_scan(clinic, tmp_path, share)
    inputs = SOURCE | {"sphere_diameter_mm": 60.0}
    assert "stand in" in result_of(measured(client, clinic, "sphere", inputs, series))["notes"][0]
    assert result_of(measured(client, clinic, "sphere", inputs | {"acquired_counts": 4e6}, series))["notes"] == []
