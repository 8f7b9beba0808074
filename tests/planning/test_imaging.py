"""Images: prepared from DICOM on demand, kept when nothing changed, one reference, one window (rows 2, 4, 38, 39)."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from dosimetry.dicomio.writing_pet import write_pet
from planning import models, storage
from planning.computation.imaging import compute_image
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_image
from planning.selectors.imaging import cycle_images
from planning.services.imaging import images_save, images_start, reference_choose
from tests.phantoms import objects
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db


@pytest.fixture
def scanned(clinic, case, tmp_path):
    """Put a written PET series of the phantom file factory at the case's time point."""
    case.administration.administered_at = objects.ADMINISTERED
    case.administration.save()
    store_series(clinic, case, tmp_path, decay_correction="START")
    return case


def test_the_age_of_a_scan_is_known_before_it_is_prepared(scanned):
    (row,) = cycle_images(scanned.cycle)["time_points"]
    assert (row["image"], row["time"]) == (None, None)
    emission = models.Series.objects.get(time_point=scanned.time_point, kind="emission")
    hours = (emission.acquisition_start - objects.ADMINISTERED).total_seconds() / 3600.0
    assert row["start_time"]["value"] == pytest.approx(hours)
    assert (row["start_time"]["unit"], row["started_at"]) == ("h", emission.acquisition_start.isoformat())


def store_series(clinic, case, folder, *, decay_correction):
    acquisition, agent = objects.acquisition(), objects.agent()
    volume = objects.volume(unit="Bq/mL")
    written = write_pet(
        volume,
        folder=folder,
        patient=objects.PATIENT,
        study=objects.study(),
        series=objects.series("pt"),
        acquisition=acquisition,
        agent=agent,
        decay_correction=decay_correction,
    )
    series = models.Series.objects.create(
        site=clinic.site,
        patient=case.patient,
        time_point=case.time_point,
        kind="emission",
        modality="PT",
        series_uid=written.series_uid,
        study_uid="1.3",
        acquisition_start=acquisition.started,
        summary={"decay_correction": decay_correction, "units": "BQML"},
    )
    models.SeriesFile.objects.bulk_create(
        models.SeriesFile(series=series, sop_instance_uid=str(i), sha256=storage.store_file(path), n_bytes=1)
        for i, path in enumerate(written.paths)
    )
    return volume


def prepare(clinic, case) -> models.QuantifiedImage:
    run = images_start(actor=clinic.users[Role.PHYSICIST], cycle=case.cycle)
    result = compute_image(time_point=case.time_point, parameters={}, progress=no_progress)
    images_save(run=run, cycle=case.cycle, results=[(case.time_point, result)])
    return current_image(case.time_point)


def test_an_image_holds_bq_per_ml_at_mid_acquisition_and_says_what_was_done(clinic, scanned):
    image = prepare(clinic, scanned)
    facts = objects.acquisition()
    middle = facts.started + timedelta(seconds=facts.frame_duration_s / 2.0)
    # Mid-acquisition lies on whole seconds in the header.
    assert abs((image.mid_acquisition_at - middle).total_seconds()) <= 1.0
    assert image.time_s == pytest.approx((middle - objects.ADMINISTERED).total_seconds(), abs=1.0)
    assert image.steps
    assert image.emission_display.header["unit"] == "Bq/mL"
    assert {"theranostics_web", "commit"} <= set(image.versions)


def test_row_04_one_decay_state_whatever_the_header_says(clinic, case, tmp_path):
    """The same stored values mean other activities under NONE, START and ADMIN, by the decay between their moments."""
    case.administration.administered_at = objects.ADMINISTERED
    case.administration.save()
    activities = {}
    for decay_correction in ("NONE", "START", "ADMIN"):
        case.time_point.series.update(is_discarded=True)
        store_series(clinic, case, tmp_path / decay_correction, decay_correction=decay_correction)
        activities[decay_correction] = prepare(clinic, case).whole_image_activity_bq
    decay_per_s = np.log(2.0) / objects.LU177_HALF_LIFE_S
    delay_s = (objects.STARTED - objects.ADMINISTERED).total_seconds()
    # Values corrected to administration are larger by the decay until the start; the half-lives of header and
    # nuclide table agree to 1e-4, over less than half of one.
    assert activities["START"] / activities["ADMIN"] == pytest.approx(np.exp(decay_per_s * delay_s), rel=1e-4)
    # The frame mean differs from the value at its start by half the frame, 0.09 %.
    assert activities["START"] / activities["NONE"] == pytest.approx(1.0 - decay_per_s * 750.0, rel=1e-4)


def test_unchanged_inputs_keep_their_revision_and_a_correction_makes_a_new_one(clinic, scanned):
    first = prepare(clinic, scanned)
    assert prepare(clinic, scanned) == first
    models.Administration.objects.create(
        cycle=scanned.cycle,
        number=2,
        administered_at=objects.ADMINISTERED - timedelta(hours=1),
        administered_activity_bq=7e9,
        source="typed",
        reason="wrong hour",
    )
    second = prepare(clinic, scanned)
    assert (second.number, second.time_s - first.time_s) == (2, pytest.approx(3600.0))
    first.refresh_from_db()
    assert first.number == 1


def test_row_02_an_image_before_the_administration_is_refused_by_the_database(clinic, scanned):
    image = prepare(clinic, scanned)
    with pytest.raises(IntegrityError), transaction.atomic():
        models.QuantifiedImage.objects.filter(pk=image.pk).update(time_s=-3600.0)


def test_preparing_needs_scans_an_administration_and_the_right(clinic, case):
    physicist = clinic.users[Role.PHYSICIST]
    with pytest.raises(NotAllowedError):
        images_start(actor=clinic.users[Role.READER], cycle=case.cycle)
    models.Administration.objects.filter(cycle=case.cycle).delete()
    with pytest.raises(InvalidStateError) as caught:
        images_start(actor=physicist, cycle=case.cycle)
    assert caught.value.code == "no_administration"
    case.time_point.delete()
    with pytest.raises(InvalidStateError) as caught:
        images_start(actor=physicist, cycle=case.cycle)
    assert caught.value.code == "no_time_points"
    assert not models.Run.objects.filter(kind=TaskName.PREPARE_IMAGES).exists()


def test_one_time_point_is_the_reference(worked):
    reference_choose(actor=worked.physicist, time_point=worked.points[2])
    assert [point.is_reference for point in worked.cycle.time_points.order_by("number")] == [False, False, True]
    with pytest.raises(IntegrityError), transaction.atomic():
        models.TimePoint.objects.filter(pk=worked.points[0].pk).update(is_reference=True)


def test_row_38_all_time_points_share_the_window_of_the_first(worked):
    shown = cycle_images(worked.cycle)
    headers = [current_image(point).emission_display.header for point in worked.points]
    assert shown["window"] == headers[0]["window"]
    assert headers[0]["window"]["upper"] > headers[2]["window"]["upper"]
    assert [row["time"]["value"] for row in shown["time_points"]] == [24.0, 96.0, 168.0]


def test_row_39_voxels_are_sent_to_their_own_site_only(worked, clinic):
    asset = current_image(worked.points[0]).emission_display
    url = f"/api/volumes/{asset.pk}/voxels"
    own = clinic.client(worked.physicist).get(url)
    assert own.status_code == 200
    assert own.headers["ETag"] == f'"{asset.voxels_sha256}"'
    assert "no-cache" in own.headers["Cache-Control"]
    own.close()
    again = clinic.client(worked.physicist).get(url, headers={"If-None-Match": own.headers["ETag"]})
    assert again.status_code == 304
    foreign = clinic.client(clinic.foreigner)
    assert foreign.get(url, headers={"If-None-Match": own.headers["ETag"]}).status_code == 404
    assert foreign.get(f"/api/volumes/{asset.pk}/header").status_code == 404
