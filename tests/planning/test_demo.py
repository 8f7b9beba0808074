"""The demo patient: interrupted at every step it goes on, makes nothing twice and leaves other data alone."""

import itertools
import json
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions
from planning import models, storage
from planning.errors import PlanningError
from planning.management import demo_case
from planning.models.reviews import ResultState
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.services import demo
from planning.services.audit_chain import verify_chain
from planning.services.runs import run_claim, run_fail
from planning.tasks import virtual_patients
from tests.factories import make_run, make_site, make_user

pytestmark = pytest.mark.django_db
COARSE = {"coarseness": 2, "resolution_fwhm_mm": 0.0, "has_noise": False}


def small_patient(*, request, patient_id, name, start, progress):
    """Stand in for the simulation of minutes: the small demo patient of the library as an upload."""
    options = DemoOptions(patient_id=patient_id, patient_name=name, cycle_number=request["cycle_number"], **COARSE)
    with tempfile.TemporaryDirectory() as folder:
        written = write_demo_patient(Path(folder), seed=request["seed"], start=start, options=options)
        files = [
            {"name": path.name, "n_bytes": path.stat().st_size, "sha256": storage.store_file(path)}
            for path in written.paths
        ]
    camera = {"camera": "Virtual", "nuclide": "Lu-177", "imaged_kev": 208.0, "calibration_cps_per_bq": 1e-5}
    return {"files": files, "truth": {"regions": []}, **camera}


@pytest.fixture
def quick(monkeypatch, settings):
    """Make the demo one of seconds; leases end at once, as after a minute."""
    settings.RUN_LEASE_S = 0.2
    settings.RUN_HEARTBEAT_S = 0.05
    monkeypatch.setattr(demo_case, "PAUSE_S", 0.1)
    monkeypatch.setattr(demo_case, "RESOLUTION", {})
    monkeypatch.setattr(demo_case, "DOSE", {"engines": ["local"]})
    monkeypatch.setattr(demo, "shipped_networks", tuple)
    monkeypatch.setattr(virtual_patients, "compute_virtual_patient", small_patient)


def not_begun(_run_id):
    raise KeyboardInterrupt


def held(run_id):
    run_claim(run_id=run_id)
    raise KeyboardInterrupt


def failed(run_id):
    run_fail(run=run_claim(run_id=run_id), code="disturbed", message="Disturbed on purpose.")


class Disturbed:
    """Tasks and steps of the demo, each of which is disturbed the first time that it is wanted."""

    def __init__(self, patch, ways):
        self.seen = set()
        self.ways = ways
        patch.setattr(demo_case, "TASKS", {kind: self.task(kind, run) for kind, run in demo_case.TASKS.items()})
        for name in ("plan_save", "report_start", "virtual_patient_start"):
            patch.setattr(demo_case, name, self.step(name, getattr(demo_case, name)))
        sign = demo_case.result_sign
        steps = {meaning: self.step(f"sign {meaning}", sign) for meaning in demo_case.SignatureMeaning}
        patch.setattr(demo_case, "result_sign", lambda **fields: steps[fields["meaning"]](**fields))

    def is_first(self, key) -> bool:
        is_new = key not in self.seen
        self.seen.add(key)
        return is_new

    def task(self, kind, run):
        def execute(run_id):
            cycle = models.Run.objects.get(pk=run_id).parameters.get("virtual_patient", "")
            (next(self.ways) if self.is_first((kind, cycle)) else run)(run_id)

        return execute

    def step(self, name, work):
        def stopped(**fields):
            if self.is_first(name):
                raise KeyboardInterrupt
            return work(**fields)

        return stopped


def made_to_the_end(**options) -> int:
    """Start the demo until it ends by itself; return how often it stopped before."""
    for n_stops in range(60):
        try:
            call_command("demo_data", **options)
        except (KeyboardInterrupt, PlanningError):
            continue
        return n_stops
    raise AssertionError("the demo never ended")


def test_a_demo_that_is_disturbed_at_every_step_goes_on_and_makes_nothing_twice(quick, monkeypatch, tmp_path):
    disturbed = Disturbed(monkeypatch, itertools.cycle([not_begun, held, failed]))
    other = make_site("Other clinic")
    foreign = make_run(other, kind="planning.run_report")
    person = make_user("other", (other, Role.PHYSICIST))
    hashed = person.password
    assert made_to_the_end(passwords_to=str(tmp_path / "passwords.json")) == len(disturbed.seen)
    assert len(disturbed.seen) > 12
    site = models.Site.objects.get(name=demo.SITE_NAME)
    patient = models.Patient.objects.get(site=site)
    first_cycle, second_cycle = models.Cycle.objects.filter(course__patient=patient).order_by("number")
    (result,) = first_cycle.results.all()
    assert result.state == ResultState.APPROVED
    assert [signature.meaning for signature in result.signatures.all()] == ["calculated", "reviewed", "approved"]
    assert (first_cycle.course.plans.count(), result.reports.count()) == (1, 1)
    assert second_cycle.time_points.count() == first_cycle.time_points.count() == 3
    assert second_cycle.assignee.username == "physicist.a"
    assert models.VirtualPatient.objects.filter(is_finished=True).count() == models.VirtualPatient.objects.count() == 2
    administered = [cycle.administrations.get().administered_at for cycle in (first_cycle, second_cycle)]
    assert administered[1] - administered[0] == demo_case.CYCLE_INTERVAL
    assert patient.lab_results.exists()
    # Nothing of the other site moved.
    foreign.refresh_from_db()
    person.refresh_from_db()
    assert (foreign.state, person.password) == (RunState.QUEUED, hashed)
    assert not verify_chain().faults
    # A demo that stands is left alone: the passwords that were printed last still hold.
    passwords = json.loads((tmp_path / "passwords.json").read_text())
    n_runs = models.Run.objects.count()
    call_command("demo_data")
    assert models.User.objects.get(username="physicist.a").check_password(passwords["physicist.a"])
    assert models.Run.objects.count() == n_runs


def test_the_site_alone_is_made_once(quick):
    call_command("demo_data", no_case=True)
    hashed = models.User.objects.get(username="physician").password
    call_command("demo_data", no_case=True)
    assert models.User.objects.get(username="physician").password == hashed
    assert not models.Patient.objects.exists()


def test_names_that_other_people_have_are_left_alone(quick):
    other = make_site("Other clinic")
    theirs = make_user("physicist.a", (other, Role.PHYSICIST))
    hashed = theirs.password
    with pytest.raises(CommandError, match=r"users named physicist\.a, .* DATA_DIR to an empty folder"):
        call_command("demo_data", no_case=True)
    theirs.refresh_from_db()
    assert theirs.password == hashed
    assert list(models.User.objects.all()) == [theirs]
    assert list(models.Site.objects.all()) == [other]
