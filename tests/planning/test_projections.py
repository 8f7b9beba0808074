"""Scans that come as projections: proposed, quantified by reconstruction, told apart from images everywhere."""

from datetime import date, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone
from pydicom import dcmread

from dosimetry.dicomio.writing_common import SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.volume import Volume
from planning import models, storage
from planning.computation.imaged_line import imaged_kev
from planning.computation.imaging import compute_image
from planning.computation.series import dicom_series
from planning.errors import InvalidStateError
from planning.models.sites import Role
from planning.selectors.calibrations import PROJECTIONS_FACTOR, calibration_for
from planning.selectors.current import current_image
from planning.selectors.imaging import cycle_images
from planning.selectors.proposals import proposed_time_points
from planning.selectors.staleness import image_stale_causes
from planning.selectors.steps import cycle_steps
from planning.services.image_exports import image_export
from planning.services.imaging import images_start
from planning.services.imports import import_confirm
from planning.tasks.base import execute_run
from planning.tasks.imaging import run_images
from tests.phantoms import objects
from tests.phantoms.spect_scans import FINE, PROTOCOL, STARTED, small_scan, write_small_scan
from tests.planning.test_imports import confirmation, make_series, upload  # noqa: F401 - a fixture
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db
QUICK = {"camera": "Symbia ME", "n_iterations": 3, "n_subsets": 8, "scatter": "simulated"}


def store(case, clinic, paths, *, kind: str, uid: str) -> models.Series:
    series = models.Series.objects.create(
        site=clinic.site,
        patient=case.patient,
        time_point=case.time_point,
        kind=kind,
        modality="NM",
        series_uid=uid,
        study_uid="1.2.3",
        acquisition_start=STARTED,
    )
    models.SeriesFile.objects.bulk_create(
        models.SeriesFile(series=series, sop_instance_uid=f"{uid}.{i}", sha256=storage.store_file(path), n_bytes=1)
        for i, path in enumerate(paths)
    )
    stored = dicom_series(series)
    series.summary = {**stored.as_dict(), "imaged_kev": imaged_kev(stored)}
    series.save()
    return series


def ct_paths(folder):
    """Write a CT whose density is that of the simulated body."""
    hu = (small_scan().density - 1.0) * 1000.0
    grid = centred_grid(shape_zyx=FINE.shape_zyx, spacing_xyz_mm=FINE.spacing_xyz_mm)
    volume = Volume(values=hu.round().astype("int16"), grid=grid, unit="HU", frame_of_reference_uid="1.2.3.4")
    return write_ct(
        volume,
        folder=folder / "ct",
        patient=objects.PATIENT,
        study=StudyFacts(study_uid="1.2.3", started=STARTED),
        series=SeriesFacts(series_uid="1.2.3.2", number=2, started=STARTED, seed="ct"),
    ).paths


@pytest.fixture
def scanned(clinic, case, tmp_path):
    """Put projections, their CT and a factor of one head at the case's time point."""
    case.administration.administered_at = STARTED - timedelta(hours=24)
    case.administration.save()
    series = store(case, clinic, [write_small_scan(tmp_path)], kind="projections", uid="1.2.3.1")
    store(case, clinic, ct_paths(tmp_path), kind="ct", uid="1.2.3.2")
    for reconstruction, factor in ((PROJECTIONS_FACTOR, 1.0), ("OSEM", 3.0)):
        models.CalibrationFactor.objects.create(
            site=clinic.site,
            camera=series.summary["manufacturer_model"],
            nuclide="Lu-177",
            reconstruction=reconstruction,
            calibration_cps_per_bq=factor * PROTOCOL.calibration_cps_per_bq,
            calibration_standard_uncertainty_cps_per_bq=0.0,
            valid_from=date(2026, 1, 1),
            source="simulated",
            confirmed_by=clinic.users[Role.PHYSICIST],
            confirmed_at=timezone.now(),
        )
    return case


def prepared(clinic, case, parameters):
    run = images_start(actor=clinic.users[Role.PHYSICIST], cycle=case.cycle, parameters=parameters)
    execute_run(run_id=str(run.pk), body=run_images)
    run.refresh_from_db()
    return run


def test_projections_become_an_image_in_bq_per_ml(clinic, scanned):
    run = prepared(clinic, scanned, QUICK)
    assert run.state == "succeeded", run.error_message
    image = current_image(scanned.time_point)
    # Scatter and attenuation are those of a CT in whole HU on other voxels than the simulation's.
    assert image.whole_image_activity_bq == pytest.approx(small_scan().total_bq, rel=0.03)
    assert image.steps[0].startswith("Reconstructed from 40 views at 208 keV: OSEM 3 x 8")
    assert not any("Stored" in step for step in image.steps)
    assert image.calibration.reconstruction == PROJECTIONS_FACTOR
    assert image.time_s == pytest.approx(24 * 3600.0 + 0.5 * PROTOCOL.duration_s)
    shown = cycle_images(scanned.cycle)
    assert shown["reconstruction"] == QUICK
    (row,) = shown["time_points"]
    assert row["started_at"] == STARTED.isoformat()
    assert row["image"]["corrections"] == ["ATTN", "SCAT"]
    assert cycle_steps(scanned.cycle)[0].state == "done"


def test_the_dialog_begins_with_what_is_usual_for_a_known_camera(client, clinic, scanned):
    series = scanned.time_point.series.get(kind="projections")
    series.summary["manufacturer_model"] = "Virtual Symbia ME"
    series.save()
    client.force_login(clinic.users[Role.PHYSICIST])
    shown = client.get(f"/api/cycles/{scanned.cycle.pk}/images").json()["reconstruction"]
    assert (shown["camera"], shown["scatter"], shown["dead_time_s"]) == ("Symbia ME", "simulated", 0.0)
    models.Series.objects.filter(kind="ct").update(is_discarded=True)
    shown = client.get(f"/api/cycles/{scanned.cycle.pk}/images").json()["reconstruction"]
    assert (shown["camera"], shown["scatter"]) == ("Symbia ME", "windows")


def test_septal_penetration_is_kept_and_refused_without_its_width(client, clinic, scanned):
    client.force_login(clinic.users[Role.PHYSICIST])
    address = f"/api/cycles/{scanned.cycle.pk}/images/prepare"
    answer = client.post(address, {"penetration_share": 0.3, "camera": "Symbia HE"}, "application/json")
    assert answer.status_code == 400
    assert "the width of these counts" in answer.content.decode()
    chosen = {"penetration_share": 0.3, "penetration_fwhm_mm": 60.0, "camera": "Symbia HE"}
    answer = client.post(address, chosen, "application/json")
    run = models.Run.objects.get(pk=answer.json()["run_id"])
    assert run.parameters == chosen


def test_a_dead_time_is_typed_in_microseconds_and_kept_in_seconds(client, clinic, scanned):
    client.force_login(clinic.users[Role.PHYSICIST])
    address = f"/api/cycles/{scanned.cycle.pk}/images/prepare"
    answer = client.post(address, {"dead_time_us": 2.5, "dead_time_model": "non_paralysable"}, "application/json")
    run = models.Run.objects.get(pk=answer.json()["run_id"])
    assert run.parameters == {"dead_time_s": pytest.approx(2.5e-6), "dead_time_model": "non_paralysable"}
    assert client.post(address, {"dead_time_us": 1e6}, "application/json").status_code == 400


def test_other_settings_make_a_new_revision_and_equal_ones_none(clinic, scanned):
    prepared(clinic, scanned, QUICK)
    prepared(clinic, scanned, QUICK)
    assert current_image(scanned.time_point).number == 1
    prepared(clinic, scanned, {**QUICK, "scatter": "windows"})
    assert current_image(scanned.time_point).number == 2


def test_without_a_factor_for_projections_the_run_says_so(clinic, scanned):
    models.CalibrationFactor.objects.filter(reconstruction=PROJECTIONS_FACTOR).update(is_withdrawn=True)
    run = prepared(clinic, scanned, QUICK)
    assert (run.state, run.error_code) == ("failed", "no_calibration")
    assert current_image(scanned.time_point) is None


def test_a_factor_of_projections_never_serves_an_image(scanned):
    projections = scanned.time_point.series.get(kind="projections")
    assert calibration_for(projections).reconstruction == PROJECTIONS_FACTOR
    projections.kind = "emission"
    assert calibration_for(projections).reconstruction == "OSEM"


def test_of_two_cts_the_one_in_the_frame_of_the_scan_is_taken(scanned, clinic, tmp_path):
    projections = scanned.time_point.series.get(kind="projections")
    other = scanned.time_point.series.get(kind="ct")
    own = store(scanned, clinic, ct_paths(tmp_path / "own"), kind="ct", uid="1.2.3.8")
    for series, frame in ((projections, "1.2.9"), (other, "1.2.8"), (own, "1.2.9")):
        models.Series.objects.filter(pk=series.pk).update(frame_of_reference_uid=frame)
    result = compute_image(time_point=scanned.time_point, parameters=BED_SETTINGS, progress=no_progress)
    assert result["fields"]["ct_series"] == own


def test_a_factor_of_another_window_never_serves_projections(scanned):
    projections = scanned.time_point.series.get(kind="projections")
    assert projections.summary["imaged_kev"] == pytest.approx(208.4, abs=0.1)
    factors = models.CalibrationFactor.objects.filter(reconstruction=PROJECTIONS_FACTOR)
    factors.update(imaged_kev=112.9)
    assert calibration_for(projections) is None
    factors.update(imaged_kev=208.0)
    assert calibration_for(projections) == factors.get()


def test_two_acquisitions_at_one_time_point_are_refused(clinic, scanned, tmp_path):
    store(scanned, clinic, [write_small_scan(tmp_path)], kind="projections", uid="1.2.3.9")
    with pytest.raises(InsufficientDataError, match="2 SPECT"):
        compute_image(time_point=scanned.time_point, parameters=QUICK, progress=no_progress)


BED_SETTINGS = {"n_iterations": 2, "n_subsets": 8, "scatter": "windows", "has_attenuation": False}


def add_bed(clinic, case, folder) -> models.Series:
    """Add the first bed's file, moved up so that four slices overlap, in its frame of reference."""
    path = write_small_scan(folder)
    dataset = dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9.1"
    dataset.SeriesInstanceUID = "1.2.3.9"
    position = [float(value) for value in dataset.DetectorInformationSequence[0].ImagePositionPatient]
    n_rows, pixel_mm = int(dataset.Rows), float(dataset.PixelSpacing[0])
    for detector in dataset.DetectorInformationSequence:
        detector.ImagePositionPatient = [position[0], position[1], position[2] + (n_rows - 4) * pixel_mm]
    dataset.save_as(path)
    bed = store(case, clinic, [path], kind="projections", uid="1.2.3.9")
    case.time_point.series.filter(kind="projections").update(frame_of_reference_uid="1.2.3.4")
    return bed


def test_the_beds_of_a_scan_become_one_image(clinic, scanned, tmp_path):
    first = scanned.time_point.series.get(kind="projections")
    bed = add_bed(clinic, scanned, tmp_path)
    assert prepared(clinic, scanned, BED_SETTINGS).state == "succeeded"
    image = current_image(scanned.time_point)
    n_rows = small_scan().acquisition.counts.shape[2]
    assert image.emission_grid["shape_zyx"][0] == 2 * n_rows - 4
    assert image.emission_series == first
    assert set(image.beds.all()) == {first, bed}
    assert any("2 beds joined" in step for step in image.steps)
    assert image_stale_causes(image) == []
    path = tmp_path / "nm.dcm"
    path.write_bytes(image_export(actor=clinic.users[Role.PHYSICIST], image=image))
    named = {item.ReferencedSOPInstanceUID for item in dcmread(path).SourceImageSequence}
    assert named == {dicom_series(row).headers[0].sop_instance_uid for row in (first, bed)}


def test_a_bed_that_is_added_or_taken_out_makes_the_image_stale(clinic, scanned, tmp_path):
    prepared(clinic, scanned, BED_SETTINGS)
    bed = add_bed(clinic, scanned, tmp_path)
    assert image_stale_causes(current_image(scanned.time_point)) == [
        "a bed of the scan was added; prepare the images again to take it in"
    ]
    guard = cycle_steps(scanned.cycle)[1]
    assert (guard.key, guard.state) == ("guard", "stale")
    assert guard.reason.startswith("a bed of the scan was added")
    (row,) = cycle_images(scanned.cycle)["time_points"]
    assert "a bed of the scan was added" in row["image"]["stale_causes"][0]
    prepared(clinic, scanned, BED_SETTINGS)
    newest = current_image(scanned.time_point)
    assert (newest.number, image_stale_causes(newest)) == (2, [])
    models.Series.objects.filter(pk=bed.pk).update(is_discarded=True)
    assert image_stale_causes(newest) == ["a bed of the scan was taken out"]


def test_other_projections_or_an_image_of_the_camera_make_it_stale_too(clinic, scanned, tmp_path):
    prepared(clinic, scanned, BED_SETTINGS)
    image = current_image(scanned.time_point)
    other = store(scanned, clinic, [write_small_scan(tmp_path)], kind="projections", uid="1.2.3.9")
    assert image_stale_causes(image) == ["other projections were added; prepare the images again to take it in"]
    models.Series.objects.filter(pk=other.pk).update(kind="emission")
    assert image_stale_causes(image) == ["an image of the camera was added, which now counts"]


def test_images_of_before_learn_their_beds(clinic, scanned, tmp_path):
    migration = import_module("planning.migrations.0016_image_beds")
    first = scanned.time_point.series.get(kind="projections")
    bed = add_bed(clinic, scanned, tmp_path)
    prepared(clinic, scanned, BED_SETTINGS)
    image = current_image(scanned.time_point)
    image.beds.clear()
    migration.name_the_beds(apps, None)
    assert set(image.beds.all()) == {first, bed}
    image.steps = ["Reconstructed from 40 views"]
    image.save()
    migration.name_the_beds(apps, None)
    assert set(image.beds.all()) == {first}


def test_impossible_settings_are_refused(client, clinic, scanned):
    with pytest.raises(InvalidInputError):
        compute_image(time_point=scanned.time_point, parameters={"scatter": "simulated"}, progress=no_progress)
    client.force_login(clinic.users[Role.PHYSICIST])
    url = f"/api/cycles/{scanned.cycle.pk}/images/prepare"
    answer = client.post(url, {"scatter": "simulated"}, content_type="application/json")
    assert answer.status_code == 400
    assert "known camera" in answer.content.decode()
    assert client.post(url, {"n_subsets": 99}, content_type="application/json").status_code == 400
    assert client.post(url, QUICK, content_type="application/json").status_code == 202


def test_projections_are_proposed_only_without_an_image(upload):  # noqa: F811 - the fixture
    beside = make_series(upload, "1.2.7", hours=24.05, kind="projections", modality="NM")
    alone = make_series(upload, "1.2.8", hours=168, kind="projections", modality="NM")
    points = proposed_time_points(list(upload.series.all()))
    assert [len(point) for point in points] == [1, 1, 1]
    assert points[2] == [alone]
    assert beside not in [series for point in points for series in point]


def test_a_time_point_may_rest_on_projections_alone(clinic, upload):  # noqa: F811 - the fixture
    make_series(upload, "1.2.8", hours=168, kind="projections", modality="NM")
    cycle, _ = import_confirm(actor=clinic.users[Role.TECHNOLOGIST], upload=upload, confirmation=confirmation(upload))
    assert cycle.time_points.count() == 3
    newest = cycle.time_points.order_by("number").last()
    assert newest.series.get().kind == "projections"


def test_two_projections_for_one_time_point_are_not_confirmed(clinic, upload):  # noqa: F811 - the fixture
    first = make_series(upload, "1.2.8", hours=168, kind="projections", modality="NM")
    second = make_series(upload, "1.2.9", hours=170, kind="projections", modality="NM")
    whole = confirmation(upload)
    whole["time_points"] = [{"series": [str(first.pk), str(second.pk)]}]
    with pytest.raises(InvalidStateError, match="exactly one"):
        import_confirm(actor=clinic.users[Role.TECHNOLOGIST], upload=upload, confirmation=whole)
