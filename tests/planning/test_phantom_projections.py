"""Projections of a phantom give the factor with which projections of patients are then reconstructed."""

from datetime import timedelta
from functools import lru_cache

import numpy as np
import pytest
from django.utils import timezone

from dosimetry.dicomio.writing_common import SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.acquisition import acquire
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.quantification.phantom_finding import cylinder_share
from dosimetry.quantification.phantom_source import PhantomSource
from dosimetry.quantification.recovery_spheres import sphere_fraction
from dosimetry.units import MBQ_BQ
from dosimetry.volume import Volume
from planning import models
from planning.computation.spect_settings import spect_settings
from planning.models.sites import Role
from planning.selectors.calibrations import PROJECTIONS_FACTOR, calibration_for
from planning.selectors.recovery_curves import is_usable
from planning.selectors.staleness import image_stale_causes
from planning.services.calibrations import calibration_confirm
from planning.services.recovery_curves import recovery_curve_create
from tests.phantoms import objects
from tests.phantoms.spect_scans import FINE, PROTOCOL, STARTED, SmallScan, write_small_scan
from tests.planning.test_calibration_measurements import measured, result_of
from tests.planning.test_projections import prepared, scanned, store  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
SETTINGS = {"camera": "Symbia ME", "n_iterations": 4, "n_subsets": 8, "scatter": "simulated"}
DIAMETER_MM, LENGTH_MM = 200.0, 140.0
BQ_PER_ML = 4e5
SPHERES_MM = (80.0, 60.0, 44.0)
CENTRES = ((-50.0, -20.0, 10.0), (45.0, -35.0, 0.0), (30.0, 50.0, -15.0))
TRUE_CPS_PER_MBQ = PROTOCOL.calibration_cps_per_bq * MBQ_BQ
ASSAY = STARTED - timedelta(hours=3)


@lru_cache(maxsize=2)
def phantom(kind: str) -> SmallScan:
    """Simulate a water cylinder of 200 mm, filled or with three hot spheres in it."""
    share = cylinder_share(FINE, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=DIAMETER_MM, length_mm=LENGTH_MM)
    hot = share
    if kind == "spheres":
        hot = sum(
            sphere_fraction(FINE, centre_lps_mm=centre, diameter_mm=size)
            for centre, size in zip(CENTRES, SPHERES_MM, strict=True)
        )
    activity = (BQ_PER_ML * hot).astype(np.float32)
    density = np.where(share > 0.5, 1.0, 0.00121).astype(np.float32)
    counted = acquire(activity_bq_per_ml=activity, density_g_per_ml=density, grid=FINE, protocol=PROTOCOL, seed=9)
    return SmallScan(activity=activity, density=density, sphere=hot, acquisition=counted)


def source_of(scan: SmallScan) -> dict:
    """Return what the form says of the activity: its mean during the scan is that of the simulation."""
    nuclide = get_nuclide("Lu-177")
    one = PhantomSource(
        nuclide=nuclide,
        assay_activity_bq=1.0,
        standard_uncertainty_bq=0.0,
        assay_to_start_s=(STARTED - ASSAY).total_seconds(),
        duration_s=PROTOCOL.view_duration_s * PROTOCOL.n_views / 2,
    )
    return {"nuclide": nuclide.name, "assay_at": ASSAY.isoformat(), "left": one.mean_activity_bq}


@pytest.fixture
def quarantine(clinic, tmp_path):
    """Return a function that puts projections and CT of a phantom where no patient is."""

    def put(scan: SmallScan, *, has_ct: bool = True) -> models.Series:
        nobody = type("Nobody", (), {"patient": None, "time_point": None})
        series = store(nobody, clinic, [write_small_scan(tmp_path, scan=scan)], kind="projections", uid="1.2.3.1")
        if has_ct:
            hu = Volume(
                values=((scan.density - 1.0) * 1000.0).round().astype("int16"),
                grid=centred_grid(shape_zyx=FINE.shape_zyx, spacing_xyz_mm=FINE.spacing_xyz_mm),
                unit="HU",
                frame_of_reference_uid="1.2.3.4",
            )
            written = write_ct(
                hu,
                folder=tmp_path / "ct",
                patient=objects.PATIENT,
                study=StudyFacts(study_uid="1.2.3", started=STARTED),
                series=SeriesFacts(series_uid="1.2.3.2", number=2, started=STARTED, seed="ct"),
            )
            store(nobody, clinic, written.paths, kind="ct", uid="1.2.3.2")
        return series

    return put


def cylinder_inputs(scan: SmallScan, **more) -> dict:
    source = source_of(scan)
    return {
        "nuclide": source["nuclide"],
        "assay_at": source["assay_at"],
        "activity_mbq": scan.total_bq / source["left"] / MBQ_BQ,
        "activity_standard_uncertainty_mbq": 0.01 * scan.total_bq / MBQ_BQ,
        "spect": SETTINGS,
        **more,
    }


def confirmed(client, clinic, result: dict, camera: str) -> models.CalibrationFactor:
    body = {
        "camera": camera,
        "nuclide": "Lu-177",
        "imaged_kev": result["imaged_kev"],
        "reconstruction": result["reconstruction"],
        "calibration_cps_per_mbq": result["calibration_cps_per_mbq"],
        "calibration_standard_uncertainty_cps_per_mbq": result["standard_uncertainty_cps_per_mbq"],
        "valid_from": "2025-01-01",
        "source": "cylinder",
    }
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibrations", body, "application/json")
    assert answer.status_code == 201, answer.content
    factor = models.CalibrationFactor.objects.get(pk=answer.json()["id"])
    return calibration_confirm(actor=clinic.users[Role.QUALITY_LEAD], factor=factor)


def test_a_cylinder_gives_the_factor_that_its_reconstruction_of_patients_takes(
    client,
    clinic,
    scanned,  # noqa: F811 - the fixture
    quarantine,
):
    scan = phantom("cylinder")
    series = quarantine(scan)
    region = {"phantom_volume_ml": scan.sphere.sum() * FINE.voxel_volume_ml}
    region |= {"region_diameter_mm": 110.0, "region_length_mm": 70.0}
    result = result_of(measured(client, clinic, "cylinder", cylinder_inputs(scan, **region), series))
    # Three per mille of noise; scatter and attenuation are those of a CT on other voxels than the simulation's.
    assert result["calibration_cps_per_mbq"] == pytest.approx(TRUE_CPS_PER_MBQ, rel=0.02)
    assert result["whole_image_cps_per_mbq"] == pytest.approx(TRUE_CPS_PER_MBQ, rel=0.02)
    assert result["imaged_kev"] == pytest.approx(208.4, abs=0.1)
    identity = spect_settings(SETTINGS).identity
    assert result["reconstruction"] == f"{PROJECTIONS_FACTOR}: {identity}"
    # The statistics are those of the projections, with no number typed.
    counted = scan.acquisition.counts[0].sum()
    inside = 110.0**2 * 70.0 / (DIAMETER_MM**2 * LENGTH_MM)
    assert result["contributions_percent"]["counting"] == pytest.approx(100.0 / np.sqrt(counted * inside), rel=0.05)
    assert any(note.startswith("Reconstructed from 40 views at 208 keV: OSEM 4 x 8") for note in result["notes"])
    assert not any("stand in" in note for note in result["notes"])
    # A patient: exactly this reconstruction takes it, another the factor in air, a camera's image neither.
    projections = scanned.time_point.series.get(kind="projections")
    in_air = calibration_for(projections, reconstruction=identity)
    assert in_air.reconstruction == PROJECTIONS_FACTOR
    assert prepared(clinic, scanned, SETTINGS).state == "succeeded"
    before = scanned.time_point.images.get()
    assert (before.reconstruction, before.calibration, image_stale_causes(before)) == (identity, in_air, [])
    assert f"Calibration factor of “{PROJECTIONS_FACTOR}”." in before.steps
    factor = confirmed(client, clinic, result, projections.summary["manufacturer_model"])
    assert calibration_for(projections, reconstruction=identity) == factor
    assert calibration_for(projections, reconstruction=spect_settings({}).identity) == in_air
    assert image_stale_causes(before) == ["another calibration factor applies"]
    projections.kind = "emission"
    assert calibration_for(projections, reconstruction=identity).reconstruction == "OSEM"


def test_spheres_are_recovered_in_the_reconstruction_of_patients(client, clinic, quarantine):
    scan = phantom("spheres")
    series = quarantine(scan)
    source = source_of(scan)
    inputs = {
        "nuclide": "Lu-177",
        "assay_at": source["assay_at"],
        "concentration_kbq_per_ml": BQ_PER_ML / source["left"] / 1e3,
        "relative_standard_uncertainty_percent": 5.0,
        "diameters_mm": list(SPHERES_MM),
        "centres_lps_mm": [list(centre) for centre in CENTRES],
        "spect": SETTINGS,
    }
    run = measured(client, clinic, "recovery", inputs, series)
    assert (run.state, run.error_code) == ("failed", "no_calibration")
    assert "first measure and confirm the factor" in run.error_message
    models.CalibrationFactor.objects.create(
        site=clinic.site,
        camera=series.summary["manufacturer_model"],
        nuclide="Lu-177",
        reconstruction=PROJECTIONS_FACTOR,
        calibration_cps_per_bq=PROTOCOL.calibration_cps_per_bq,
        calibration_standard_uncertainty_cps_per_bq=0.0,
        valid_from="2025-01-01",
        source="simulated",
        confirmed_by=clinic.second,
        confirmed_at=timezone.now(),
    )
    run = measured(client, clinic, "recovery", inputs, series)
    result = result_of(run)
    found = [sphere["recovery"] for sphere in result["spheres"]]
    assert 1.0 > found[0] > found[1] > found[2] > 0.4
    measurement = models.CalibrationMeasurement.objects.get(run=run)
    assert is_usable(measurement)
    curve = recovery_curve_create(
        actor=clinic.users[Role.PHYSICIST], site=clinic.site, measurement=measurement, camera="NM 1"
    )
    assert curve.reconstruction == f"{PROJECTIONS_FACTOR}: {spect_settings(SETTINGS).identity}"


def test_the_form_begins_with_what_is_usual_for_the_camera_and_its_ct(client, clinic, quarantine):
    series = quarantine(phantom("cylinder"))
    series.summary["manufacturer_model"] = "Virtual Symbia ME"
    series.save()
    client.force_login(clinic.users[Role.PHYSICIST])
    address = f"/api/sites/{clinic.site.pk}/calibration-measurements"
    shown = client.get(address).json()
    (scan,) = shown["scans"]
    assert (scan["id"], scan["is_projections"]) == (str(series.pk), True)
    assert (scan["spect"]["camera"], scan["spect"]["scatter"]) == ("Symbia ME", "simulated")
    assert "Symbia ME" in shown["cameras"]
    models.Series.objects.filter(kind="ct").update(is_discarded=True)
    (scan,) = client.get(address).json()["scans"]
    assert (scan["spect"]["scatter"], scan["spect"]["has_attenuation"]) == ("windows", False)


@pytest.mark.parametrize(
    ("method", "change", "said"),
    [
        ("cylinder", {"spect": {"scatter": "simulated"}}, "known camera"),
        ("cylinder", {"spect": {"n_subsets": 99}}, "30"),
        ("recovery", {"spect": None}, "Say how the camera reconstructed"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_a_run(client, clinic, quarantine, method, change, said):
    scan = phantom("cylinder")
    series = quarantine(scan, has_ct=False)
    more = {"diameters_mm": [10, 20, 30], "concentration_kbq_per_ml": 1, "relative_standard_uncertainty_percent": 5}
    inputs = {name: value for name, value in (cylinder_inputs(scan, **more) | change).items() if value is not None}
    client.force_login(clinic.users[Role.PHYSICIST])
    body = {"method": method, "series_id": str(series.pk), "inputs": inputs}
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibration-measurements", body, "application/json")
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not models.Run.objects.exists()


def test_the_nuclide_of_the_form_is_that_of_the_header(client, clinic, quarantine):
    scan = phantom("cylinder")
    run = measured(client, clinic, "cylinder", cylinder_inputs(scan, nuclide="I-131"), quarantine(scan))
    assert (run.state, run.error_code) == ("failed", "other_nuclide")
