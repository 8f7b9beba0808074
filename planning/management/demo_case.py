"""The demo patient: simulated, imported and taken through every step as people of the demo site would."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from celery import current_app
from django.utils import timezone

from planning import storage, tasks
from planning.errors import InvalidStateError
from planning.models import Cycle, Run, Site, UploadFile, User
from planning.models.reviews import SignatureMeaning
from planning.models.runs import RunState
from planning.queue import LABELS, TaskName
from planning.selectors.findings import cycle_findings
from planning.selectors.review_page import review_detail
from planning.services.automatic import Chain, import_as_proposed, next_step
from planning.services.plans import plan_save
from planning.services.reports import report_start
from planning.services.reviews import result_sign, warning_answer
from planning.services.uploads import upload_complete, upload_create
from planning.services.virtual_patients import virtual_patient_start

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
Say = Callable[[str], object]


def run_waiting(say: Say | None = None) -> None:
    """Execute queued runs in this process, as a worker would; a failed one stops the demo."""
    while run := Run.objects.filter(state=RunState.QUEUED).order_by("created_at").first():
        if say is not None:
            say(f"  {LABELS[TaskName(run.kind)]}")
        TASKS[run.kind](str(run.pk))
        run.refresh_from_db()
        if run.state != RunState.SUCCEEDED:
            raise InvalidStateError(f"The demo stopped at {run.kind}: {run.error_message}", code=run.error_code)


def demo_case_create(*, site: Site, passwords: dict[str, str], say: Say) -> None:
    """Make two cycles: the first approved with plan and report, the second imported and prepared for work."""
    start = (timezone.now() - CYCLE_INTERVAL - timedelta(days=10)).replace(hour=9, minute=30, second=0, microsecond=0)
    people = _people()
    say("Demo patient, cycle 1 (a virtual patient; a few minutes)")
    cycle = simulate_cycle(site=site, start=start, number=1, say=say)
    say("Demo patient, cycle 1: signatures, plan, report")
    sign_cycle(cycle, passwords)
    plan_save(actor=people["physicist.a"], course=cycle.course, planned_activity_bq=None, n_cycles_left=None)
    report_start(actor=people["physicist.a"], cycle=cycle)
    run_waiting(say)
    say("Demo patient, cycle 2")
    second = simulate_cycle(site=site, start=start + CYCLE_INTERVAL, number=2, say=say)
    Cycle.objects.filter(pk=second.pk).update(assignee=people["physicist.a"], due_at=timezone.now())


def _people() -> dict[str, User]:
    return {user.username: user for user in User.objects.all()}


def simulate_cycle(*, site: Site, start: datetime, number: int, say: Say) -> Cycle:
    """Simulate a cycle of the demo patient: the first goes to its dose, a later one waits for people."""
    virtual = virtual_patient_start(
        actor=_people()["physicist.a"],
        site=site,
        request={"agent": "DOTATATE", "seed": SEED, "scan_times_h": list(SCAN_TIMES_H), "cycle_number": number},
        settings={"curves": RESOLUTION, "dose": DOSE},
        patient_id=PATIENT_ID,
        start=start,
        is_automatic=number == 1,
    )
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
    """Answer the open warnings and sign as calculated, reviewed and approved, by three people."""
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
        digest = review_detail(cycle, user=people[username])["digest"]
        result_sign(actor=people[username], cycle=cycle, meaning=meaning, digest=digest, password=passwords[username])
