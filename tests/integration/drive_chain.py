"""Take a demo patient from DICOM to a signed report and a plan through real workers that are killed at every step.

Run by test_chain.py in a process of its own, with the environment of the database and broker under test. Prints one
JSON line.
"""

import json
import os
import signal
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - after setup
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from dosimetry.phantoms.demo import make_demo_patient, write_demo_patient  # noqa: E402
from dosimetry.phantoms.demo_files import DemoOptions  # noqa: E402
from planning import models  # noqa: E402
from planning.management import demo_case  # noqa: E402
from planning.models.runs import RunState  # noqa: E402
from planning.services.audit_chain import verify_chain  # noqa: E402
from planning.services.demo import demo_site_create  # noqa: E402
from planning.services.plans import plan_save  # noqa: E402
from planning.services.reports import report_start  # noqa: E402

LIMIT_S = 180.0
kills: dict[str, int] = {}


def kill_worker() -> None:
    """Kill -9 the whole worker group; the supervisor brings a new one."""
    pids = dict(item.split("=") for item in (Path(settings.DATA_DIR) / "serve.pids").read_text().split())
    try:
        os.killpg(int(pids["worker"]), signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_while_killing(_say=None) -> None:
    """Wait until every run has ended; kill the worker once in the middle of each kind of run."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        waiting = list(models.Run.objects.filter(state__in=[RunState.QUEUED, RunState.RUNNING]))
        if not waiting:
            break
        for run in waiting:
            if run.state == RunState.RUNNING and run.kind not in kills:
                kill_worker()
                kills[run.kind] = run.attempt
        if time.monotonic() > deadline:
            raise TimeoutError([f"{run.kind} {run.state} {run.attempt}" for run in waiting])
        time.sleep(0.02)
    failed = models.Run.objects.exclude(state=RunState.SUCCEEDED).first()
    if failed is not None:
        raise RuntimeError(f"{failed.kind}: {failed.error_code} {failed.error_message}")


def main() -> None:
    call_command("migrate", verbosity=0)
    demo_case.run_waiting = wait_while_killing
    site, passwords = demo_site_create()
    start = (timezone.now() - timedelta(days=10)).replace(hour=9, minute=30, second=0, microsecond=0)
    options = DemoOptions(coarseness=2, resolution_fwhm_mm=0.0, has_noise=False)
    with tempfile.TemporaryDirectory() as folder:
        write_demo_patient(Path(folder), seed=demo_case.SEED, start=start, options=options)
        cycle = demo_case.import_folder(site=site, folder=Path(folder))
    demo_case.calculate_cycle(cycle)
    demo_case.sign_cycle(cycle, passwords)
    physicist = models.User.objects.get(username="physicist.a")
    plan_save(actor=physicist, course=cycle.course, planned_activity_bq=None, n_cycles_left=None)
    report_start(actor=physicist, cycle=cycle)
    wait_while_killing()
    truth = make_demo_patient(demo_case.SEED).truth
    calculation = cycle.dose_calculations.get()
    doses = {
        row.region.name: [row.absorbed_dose_gy, truth[row.region.name].absorbed_dose_gy, row.region.kind]
        for row in calculation.regions.select_related("region")
    }
    result = {
        "doses": doses,
        "kills": kills,
        "attempts": dict(models.Run.objects.values_list("kind", "attempt")),
        "n_patients": models.Patient.objects.count(),
        "n_images": models.QuantifiedImage.objects.count(),
        "n_registrations": models.Registration.objects.count(),
        "n_curves": models.CurveRevision.objects.count(),
        "n_doses": models.DoseCalculation.objects.count(),
        "n_reports": models.Report.objects.count(),
        "n_runs": models.Run.objects.count(),
        "states": sorted(set(models.Run.objects.values_list("state", flat=True))),
        "result_state": cycle.results.latest("number").state,
        "audit_faults": list(verify_chain().faults),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
