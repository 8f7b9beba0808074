"""The demo patient: simulated, imported and taken through every step as people of the demo site would."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from celery import current_app
from django.utils import timezone

from planning import storage, tasks
from planning.errors import InvalidStateError
from planning.models import Cycle, Report, Run, Site, UploadFile, User, VirtualPatient
from planning.models.reviews import SignatureMeaning
from planning.models.runs import OPEN_STATES, RunState
from planning.queue import LABELS, TaskName
from planning.selectors.current import current_result
from planning.selectors.findings import cycle_findings
from planning.selectors.review_page import review_detail
from planning.services.automatic import Chain, import_as_proposed, next_step
from planning.services.demo import SITE_NAME
from planning.services.plans import plan_save
from planning.services.reports import report_start
from planning.services.reviews import result_sign, warning_answer
from planning.services.runs import requeue_stale
from planning.services.uploads import upload_complete, upload_create
from planning.services.virtual_patients import virtual_patient_resume, virtual_patient_start

SEED = 7
PATIENT_ID = "DEMO-001"
RESOLUTION = {
    "partial_volume": "gtm",
    "resolution_fwhm_mm": 4.6,
    "resolution_standard_uncertainty_mm": 0.5,
    "resolution_source": "10 mL sphere, simulated with the same camera and reconstruction",
}
"""Of the usual reconstruction with its camera's resolution modelled; benchmarks/virtual_patients.py finds it."""
SCAN_TIMES_H = (24.0, 96.0, 168.0)
DOSE = {"engines": ["hybrid_mc", "kernel", "local"], "organ_level": True}
"""The first engine counts; the others stand beside it."""
TASKS = current_app.tasks if tasks.__all__ else {}
"""The import of ``planning.tasks`` registers every task."""
CYCLE_INTERVAL = timedelta(days=56)
PAUSE_S = 0.5
"""Between two looks at a run that another process holds."""
Say = Callable[[str], object]


def run_waiting(say: Say | None = None) -> None:
    """Execute the open runs of the demo site in this process, as a worker would; a failed one stops the demo.

    A run that another process holds, as one that was interrupted, is taken over once its lease has ended.
    """
    said, waited = None, None
    while run := Run.objects.filter(site__name=SITE_NAME, state__in=OPEN_STATES).order_by("created_at").first():
        if say is not None and run.pk != said:
            say(f"  {LABELS[TaskName(run.kind)]}")
            said = run.pk
        TASKS[run.kind](str(run.pk))
        run.refresh_from_db()
        if run.state in OPEN_STATES:
            if say is not None and run.pk != waited:
                say("  waiting: another process, or one that was interrupted, holds it for up to a minute")
                waited = run.pk
            requeue_stale()
            time.sleep(PAUSE_S)
        elif run.state != RunState.SUCCEEDED:
            raise InvalidStateError(f"The demo stopped at {run.kind}: {run.error_message}", code=run.error_code)


def demo_case_create(*, site: Site, passwords: dict[str, str], say: Say) -> None:
    """Make two cycles: the first approved with plan and report, the second imported and prepared for work.

    Every step that stands already is left as it is, so that a demo which was interrupted goes on where it stopped.
    """
    people = _people()
    say("Demo patient, cycle 1 (a virtual patient; a few minutes)")
    cycle = simulate_cycle(site=site, start=_first_start(site), number=1, say=say)
    say("Demo patient, cycle 1: signatures, plan, report")
    sign_cycle(cycle, passwords)
    if not cycle.course.plans.exists():
        plan_save(actor=people["physicist.a"], course=cycle.course, planned_activity_bq=None, n_cycles_left=None)
    if not Report.objects.filter(result__cycle=cycle).exists():
        report_start(actor=people["physicist.a"], cycle=cycle)
    run_waiting(say)
    say("Demo patient, cycle 2")
    second = simulate_cycle(site=site, start=_first_start(site) + CYCLE_INTERVAL, number=2, say=say)
    Cycle.objects.filter(pk=second.pk).update(assignee=people["physicist.a"], due_at=timezone.now())


def _people() -> dict[str, User]:
    return {user.username: user for user in User.objects.all()}


def _first_start(site: Site) -> datetime:
    """Return when the first cycle was given: as it was begun, else so that the second ended some days ago."""
    begun = _begun(site, number=1)
    if begun is not None:
        return datetime.fromisoformat(begun.run.parameters["start"])
    return (timezone.now() - CYCLE_INTERVAL - timedelta(days=10)).replace(hour=9, minute=30, second=0, microsecond=0)


def _begun(site: Site, *, number: int) -> VirtualPatient | None:
    return VirtualPatient.objects.filter(site=site, patient_id=PATIENT_ID, request__cycle_number=number).first()


def simulate_cycle(*, site: Site, start: datetime, number: int, say: Say) -> Cycle:
    """Simulate a cycle of the demo patient, or go on with it: the first goes to its dose, a later one waits."""
    actor = _people()["physicist.a"]
    virtual = _begun(site, number=number)
    if virtual is None:
        virtual = virtual_patient_start(
            actor=actor,
            site=site,
            request={"agent": "DOTATATE", "seed": SEED, "scan_times_h": list(SCAN_TIMES_H), "cycle_number": number},
            settings={"curves": RESOLUTION, "dose": DOSE},
            patient_id=PATIENT_ID,
            start=start,
            is_automatic=number == 1,
        )
    else:
        run_waiting(say)
        virtual = virtual_patient_resume(actor=actor, virtual=virtual)
    run_waiting(say)
    virtual.refresh_from_db()
    if not virtual.is_finished:
        raise InvalidStateError(f"The demo stopped: {virtual.error_message}", code="demo_stopped")
    return virtual.cycle


def import_folder(*, site: Site, folder: Path) -> Cycle:
    """Upload the DICOM files of a folder, confirm what the import proposes, and prepare the images."""
    actor = _people()["physicist.a"]
    paths = sorted(path for path in folder.rglob("*.dcm") if path.is_file())
    sizes = [path.stat().st_size for path in paths]
    upload = upload_create(actor=actor, site=site, n_files=len(paths), n_bytes=sum(sizes))
    UploadFile.objects.bulk_create(
        UploadFile(upload=upload, number=number, name=path.name, n_bytes=n_bytes, sha256=storage.store_file(path))
        for number, (path, n_bytes) in enumerate(zip(paths, sizes, strict=True), start=1)
    )
    upload_complete(actor=actor, upload=upload)
    run_waiting()
    upload.refresh_from_db()
    cycle = import_as_proposed(actor=actor, upload=upload)
    run_waiting()
    return cycle


def calculate_cycle(cycle: Cycle) -> None:
    """Take a prepared cycle through registration, contours, curves and dose, accepting what is proposed."""
    people = _people()
    dose = {**DOSE, "engines": ["local", "kernel", "hybrid_mc"]}
    chain = Chain(cycle=cycle, physicist=people["physicist.a"], editor=people["editor"], dose=dose)
    while next_step(chain):
        run_waiting()


def sign_cycle(cycle: Cycle, passwords: dict[str, str]) -> None:
    """Answer the open warnings and sign as calculated, reviewed and approved, by three people; once each."""
    people = _people()
    for finding in cycle_findings(cycle):
        if finding.needs_answer:
            source = {
                "step": finding.step,
                "source_id": finding.source_id,
                "code": finding.code,
                "region_id": finding.region_id,
            }
            warning_answer(
                actor=people["physicist.a"], cycle=cycle, source=source, answer="Checked on the demo patient."
            )
    for username, meaning in (
        ("physicist.a", SignatureMeaning.CALCULATED),
        ("physicist.b", SignatureMeaning.REVIEWED),
        ("physician", SignatureMeaning.APPROVED),
    ):
        result = current_result(cycle)
        if result is not None and result.signatures.filter(meaning=meaning).exists():
            continue
        digest = review_detail(cycle, user=people[username])["digest"]
        result_sign(actor=people[username], cycle=cycle, meaning=meaning, digest=digest, password=passwords[username])
