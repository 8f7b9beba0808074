"""The demo patient: written as DICOM, imported and taken through every step as people of the demo site would."""

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from celery import current_app
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions
from planning import storage, tasks
from planning.errors import InvalidStateError
from planning.models import Cycle, Run, Site, Upload, UploadFile, User
from planning.models.contours import ContourState
from planning.models.registrations import Decision
from planning.models.reviews import SignatureMeaning
from planning.models.runs import RunState
from planning.selectors.current import current_contours, current_curves, current_registration, reference_time_point
from planning.selectors.findings import cycle_findings
from planning.selectors.proposals import upload_proposal
from planning.selectors.review_page import review_detail
from planning.services.contour_runs import contour_import_start, contour_propagation_start
from planning.services.contour_states import contour_state_set
from planning.services.doses import dose_start
from planning.services.imports import import_confirm
from planning.services.kinetics import curve_choose, curves_start
from planning.services.plans import plan_save
from planning.services.registrations import registration_decide, registration_start
from planning.services.reports import report_start
from planning.services.reviews import result_sign, warning_answer
from planning.services.uploads import upload_complete, upload_create

SEED = 7
ENGINES = ("local", "kernel", "hybrid_mc")
"""The first counts; the others stand beside it."""
TASKS = current_app.tasks if tasks.__all__ else {}
"""The import of ``planning.tasks`` registers every task."""
CYCLE_INTERVAL = timedelta(days=56)
Say = Callable[[str], object]


def run_waiting() -> None:
    """Execute queued runs in this process, as a worker would; a failed one stops the demo."""
    while run := Run.objects.filter(state=RunState.QUEUED).order_by("created_at").first():
        TASKS[run.kind](str(run.pk))
        run.refresh_from_db()
        if run.state != RunState.SUCCEEDED:
            raise InvalidStateError(f"The demo stopped at {run.kind}: {run.error_message}", code=run.error_code)


def demo_case_create(*, site: Site, passwords: dict[str, str], say: Say) -> None:
    """Make two cycles: the first approved with plan and report, the second imported and prepared for work."""
    start = (timezone.now() - CYCLE_INTERVAL - timedelta(days=10)).replace(hour=9, minute=30, second=0, microsecond=0)
    say("Demo patient, cycle 1: import")
    cycle = import_cycle(site=site, start=start, options=DemoOptions(cycle_number=1))
    say("Demo patient, cycle 1: registration, contours, curves, dose")
    calculate_cycle(cycle)
    say("Demo patient, cycle 1: signatures, plan, report")
    sign_cycle(cycle, passwords)
    people = _people()
    plan_save(actor=people["physicist.a"], course=cycle.course, planned_activity_bq=None, n_cycles_left=None)
    report_start(actor=people["physicist.a"], cycle=cycle)
    run_waiting()
    say("Demo patient, cycle 2: import")
    second = import_cycle(site=site, start=start + CYCLE_INTERVAL, options=DemoOptions(cycle_number=2))
    Cycle.objects.filter(pk=second.pk).update(assignee=people["physicist.a"], due_at=timezone.now())


def _people() -> dict[str, User]:
    return {user.username: user for user in User.objects.all()}


def import_cycle(*, site: Site, start: datetime, options: DemoOptions) -> Cycle:
    """Write a cycle as DICOM and import it."""
    with tempfile.TemporaryDirectory(prefix="theranostics-demo-") as folder:
        write_demo_patient(Path(folder), seed=SEED, start=start, options=options)
        return import_folder(site=site, folder=Path(folder))


def import_folder(*, site: Site, folder: Path) -> Cycle:
    """Upload the DICOM files of a folder, confirm what the import proposes, and prepare the images."""
    actor = _people()["physicist.a"]
    upload = _upload(site, actor, folder)
    upload_complete(actor=actor, upload=upload)
    run_waiting()
    upload.refresh_from_db()
    group = upload_proposal(upload)["groups"][0]
    proposed, match = group["proposed"], next(iter(group["matches"]), None)
    given = proposed["administration"]
    cycle, _ = import_confirm(
        actor=actor,
        upload=upload,
        confirmation={
            "group": group["key"],
            "patient": {"id": match["patient_id"]} if match else proposed["patient"],
            "course": {"id": proposed["course"]["id"]} if match else proposed["course"],
            "cycle": {"number": proposed["cycle_number"]},
            "administration": {
                "administered_activity": {"value": given["administered_activity"]["value"], "unit": "MBq"},
                "administered_at": parse_datetime(given["administered_at"]),
                "source": "image header",
            },
            "time_points": [{"series": point["series_ids"]} for point in proposed["time_points"]],
        },
    )
    run_waiting()
    return cycle


def _upload(site: Site, actor: User, folder: Path) -> Upload:
    paths = sorted(path for path in folder.rglob("*.dcm") if path.is_file())
    n_bytes = sum(path.stat().st_size for path in paths)
    upload = upload_create(actor=actor, site=site, n_files=len(paths), n_bytes=n_bytes)
    UploadFile.objects.bulk_create(
        UploadFile(
            upload=upload,
            number=number,
            name=path.name,
            n_bytes=path.stat().st_size,
            sha256=storage.store_file(path),
        )
        for number, path in enumerate(paths, start=1)
    )
    return upload


def calculate_cycle(cycle: Cycle) -> None:
    """Take a prepared cycle through registration, contours, curves and dose, accepting what is proposed."""
    people = _people()
    physicist, editor = people["physicist.a"], people["editor"]
    if cycle.time_points.count() > 1:
        registration_start(actor=physicist, cycle=cycle)
        run_waiting()
    for time_point in cycle.time_points.filter(is_reference=False):
        registration = current_registration(time_point)
        registration_decide(
            actor=physicist, registration=registration, decision=Decision.ACCEPTED, remark="Outlines agree."
        )
    reference = reference_time_point(cycle)
    structures = reference.series.filter(kind="rtstruct").first()
    contour_import_start(actor=editor, time_point=reference, series=structures)
    run_waiting()
    others = list(cycle.time_points.exclude(pk=reference.pk))
    contour_propagation_start(actor=editor, time_point=reference, targets=others)
    run_waiting()
    accept_contours(cycle, editor)
    curves_start(actor=physicist, cycle=cycle, parameters={})
    run_waiting()
    for curve in current_curves(cycle).curves.all():
        curve_choose(actor=physicist, curve=curve, model=curve.recommended_model, is_accepted=True)
    dose_start(actor=physicist, cycle=cycle, parameters={"engines": list(ENGINES), "organ_level": True})
    run_waiting()


def accept_contours(cycle: Cycle, actor: User) -> None:
    for time_point in cycle.time_points.all():
        for contour in current_contours(time_point).contours.select_related("region"):
            contour_state_set(
                actor=actor,
                time_point=time_point,
                base_number=current_contours(time_point).number,
                region=contour.region,
                state=ContourState.ACCEPTED,
            )


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
