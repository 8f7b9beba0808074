"""Noise replicates through the service, and a reconstruction that is stopped in the middle leaves nothing half-made."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db.models.functions import Now

from planning import storage
from planning.computation.image_noise import replicates_of
from planning.computation.imaging import compute_image
from planning.models import AuditRecord, QuantifiedImage, Run, VolumeAsset
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.selectors.current import current_image
from planning.selectors.imaging import cycle_images
from planning.services.imaging import images_start
from planning.services.runs import requeue_stale, run_cancel
from planning.tasks import base
from planning.tasks.base import execute_run
from planning.tasks.imaging import run_images
from tests.planning.test_projections import prepared, scanned  # noqa: F401 - a fixture
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db
PLAIN = {"n_iterations": 2, "n_subsets": 8, "scatter": "windows", "has_attenuation": False}
NOISY = {**PLAIN, "n_replicates": 5}
PLACES = ("Reconstructing, update 9", "Noise replicate 3 of 5, update 9", "Storing")


class KilledError(BaseException):
    """The process dies: nothing of the product catches it."""


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    """Other tests write into the common store, and damage objects there, at the same time."""
    settings.OBJECTS_DIR = tmp_path / "objects"


@pytest.fixture
def cycle(scanned):  # noqa: F811 - the fixture
    return scanned.cycle


@pytest.fixture
def started(clinic, cycle):
    return images_start(actor=clinic.users[Role.PHYSICIST], cycle=cycle, parameters=NOISY)


def interrupt(monkeypatch, place, act):
    """Act once, where a run comes to a place; a lost run stops at the next report."""
    usual, done = base.Heart.progress, []

    def progress(heart, fraction, message):
        if place in message and not done:
            done.append(message)
            act(heart)
        usual(heart, fraction, message)

    monkeypatch.setattr(base.Heart, "progress", progress)
    return done


def remains():
    """Return what a run left: rows of results, and files without a whole content."""
    return (
        QuantifiedImage.objects.count(),
        VolumeAsset.objects.count(),
        AuditRecord.objects.filter(action="image.save").count(),
        len(list(Path(configured.OBJECTS_DIR).glob("*.part"))),
    )


def assert_objects_are_whole():
    for path in Path(configured.OBJECTS_DIR).glob("??/*"):
        assert storage.read_bytes(path.name) is not None


def test_replicates_are_kept_beside_the_image_and_said(client, clinic, cycle, scanned):  # noqa: F811
    run = prepared(clinic, scanned, NOISY)
    assert run.state == "succeeded", run.error_message
    image = current_image(scanned.time_point)
    replicates = replicates_of(image)
    assert len(replicates) == 5
    assert replicates.shape_zyx == tuple(image.emission_grid["shape_zyx"])
    assert any(step.startswith("Noise replicates: 5, each reconstructed") for step in image.steps)
    client.force_login(clinic.users[Role.PHYSICIST])
    assert client.get(f"/api/cycles/{cycle.pk}/images").json()["reconstruction"]["n_replicates"] == 5
    # The mean of the replicates is the image, whose counts they were drawn from; each total is good to about 0.5 %.
    totals = [float(replicates.image(i).sum(dtype=float)) for i in range(5)]
    emission = storage.load_array(image.emission_sha256)
    assert sum(totals) / 5.0 == pytest.approx(float(emission.sum(dtype=float)), rel=0.01)


def test_asking_for_replicates_makes_a_revision_with_the_same_image(clinic, scanned):  # noqa: F811
    prepared(clinic, scanned, PLAIN)
    first = current_image(scanned.time_point)
    assert first.replicates_sha256 == "" and replicates_of(first) is None
    prepared(clinic, scanned, {**PLAIN, "n_replicates": 0})
    assert current_image(scanned.time_point) == first
    prepared(clinic, scanned, NOISY)
    second = current_image(scanned.time_point)
    assert (second.number, second.emission_sha256) == (2, first.emission_sha256)
    assert second.inputs_digest != first.inputs_digest


@pytest.mark.parametrize("number", [3, 51, -1, 2.5])
def test_a_number_of_replicates_that_cannot_be_is_refused(client, clinic, cycle, number):
    client.force_login(clinic.users[Role.PHYSICIST])
    url = f"/api/cycles/{cycle.pk}/images/prepare"
    assert client.post(url, {"n_replicates": number}, content_type="application/json").status_code == 400


@pytest.mark.parametrize("place", PLACES)
def test_a_cancelled_run_leaves_nothing_and_can_be_repeated(monkeypatch, clinic, scanned, started, place):  # noqa: F811
    before = remains()

    def cancel(heart):
        run_cancel(actor=clinic.users[Role.PHYSICIST], run=started)
        heart.is_lost = True  # as the heartbeat learns from the database

    done = interrupt(monkeypatch, place, cancel)
    execute_run(run_id=str(started.pk), body=run_images)
    assert done
    started.refresh_from_db()
    assert started.state == RunState.CANCELLED
    assert remains() == before and current_image(scanned.time_point) is None
    assert_objects_are_whole()
    shown = cycle_images(scanned.cycle)["time_points"]
    assert [row["image"] for row in shown] == [None]
    assert prepared(clinic, scanned, NOISY).state == "succeeded"
    assert current_image(scanned.time_point).number == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_leaves_nothing_and_the_next_one_makes_the_same(
    monkeypatch,
    clinic,
    scanned,  # noqa: F811
    started,
    place,
):
    before = remains()

    def die(_heart):
        raise KilledError

    interrupt(monkeypatch, place, die)
    with pytest.raises(KilledError):
        execute_run(run_id=str(started.pk), body=run_images)
    started.refresh_from_db()
    assert (started.state, started.attempt) == (RunState.RUNNING, 1)
    assert remains() == before and current_image(scanned.time_point) is None
    assert_objects_are_whole()
    execute_run(run_id=str(started.pk), body=run_images)  # delivered again while the lease holds: nobody may take it
    assert current_image(scanned.time_point) is None
    Run.objects.filter(pk=started.pk).update(lease_expires_at=Now() - timedelta(seconds=1), ring_after=Now())
    assert requeue_stale() == 1
    execute_run(run_id=str(started.pk), body=run_images)
    started.refresh_from_db()
    assert (started.state, started.attempt) == (RunState.SUCCEEDED, 2)
    image = current_image(scanned.time_point)
    assert image.number == 1 and QuantifiedImage.objects.count() == 1
    # Draws rest on the counts alone: whoever computes them finds the same bytes.
    again = compute_image(time_point=scanned.time_point, parameters=NOISY, progress=no_progress)["fields"]
    for name in ("inputs_digest", "emission_sha256", "replicates_sha256"):
        assert getattr(image, name) == again[name]


def test_a_run_that_dies_three_times_ends_with_a_word_and_can_be_started_again(
    monkeypatch,
    clinic,
    scanned,  # noqa: F811
    started,
):
    def die(_heart, _fraction, _message):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(base.Heart, "progress", die)
        for _ in range(3):
            with pytest.raises(KilledError):
                execute_run(run_id=str(started.pk), body=run_images)
            Run.objects.filter(pk=started.pk).update(lease_expires_at=Now() - timedelta(seconds=1), ring_after=Now())
            requeue_stale()
    started.refresh_from_db()
    assert (started.state, started.error_code) == (RunState.FAILED, "worker_lost")
    assert "start again" in started.error_message
    again = prepared(clinic, scanned, NOISY)
    assert again.pk != started.pk and again.state == "succeeded"
