"""Memory of a worker over a whole cycle with large scans. Run: python benchmarks/worker_memory.py

Four time points of 128 x 128 x 128 with CTs of 512 x 512 x 300 are written as DICOM by one process and taken from
import to dose by another, which runs the product's tasks as a worker child does. Prints the peak memory after each.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BAR_MB = 4096
HOURS = (24.0, 48.0, 96.0, 168.0)


def write_scans(folder: Path) -> None:
    from datetime import UTC, datetime, timedelta

    from dosimetry.phantoms import demo_writer
    from dosimetry.phantoms.demo_files import DemoOptions
    from dosimetry.phantoms.patient import make_demo_patient
    from dosimetry.phantoms.scanner import centred_grid

    demo_writer.EMISSION_GRID = centred_grid(shape_zyx=(128, 128, 128), spacing_xyz_mm=(4.0, 4.0, 4.0))
    demo_writer.CT_GRID = centred_grid(shape_zyx=(300, 512, 512), spacing_xyz_mm=(0.977, 0.977, 1.25))
    patient = make_demo_patient(7, scan_times_s=tuple(3600.0 * hours for hours in HOURS))
    start = datetime.now(tz=UTC) - timedelta(days=9)
    writer = demo_writer.DemoWriter(folder=folder, patient=patient, start=start, options=DemoOptions(has_noise=False))
    scans = [writer.write_scan(i) for i in range(len(HOURS))]
    writer.write_regions(scans[0])


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def work(folder: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from planning.management import demo_case
    from planning.models import Run
    from planning.models.runs import RunState
    from planning.services.demo import demo_site_create

    def run_waiting(_say=None) -> None:
        while run := Run.objects.filter(state=RunState.QUEUED).order_by("created_at").first():
            started = time.perf_counter()
            demo_case.TASKS[run.kind](str(run.pk))
            run.refresh_from_db()
            if run.state != RunState.SUCCEEDED:
                raise SystemExit(f"{run.kind}: {run.error_message}")
            print(f"{run.kind:28s} {time.perf_counter() - started:6.1f} s, peak so far {peak_mb():6.0f} MB", flush=True)

    call_command("migrate", verbosity=0)
    demo_case.run_waiting = run_waiting
    site, _ = demo_site_create()
    cycle = demo_case.import_folder(site=site, folder=folder)
    demo_case.calculate_cycle(cycle)
    verdict = "within" if peak_mb() < BAR_MB else "MISSES"
    print(f"worker peak memory {peak_mb():.0f} MB: {verdict} the bar of {BAR_MB} MB")


def main() -> None:
    if len(sys.argv) == 3:
        return write_scans(Path(sys.argv[2])) if sys.argv[1] == "write" else work(Path(sys.argv[2]))
    with tempfile.TemporaryDirectory(prefix="worker-memory-") as place:
        environment = {
            **os.environ,
            "DATA_DIR": f"{place}/data",
            "DJANGO_SETTINGS_MODULE": "theranostics_web.settings.development",
        }
        for step in ("write", "work"):
            subprocess.run([sys.executable, __file__, step, f"{place}/scans"], env=environment, check=True, cwd=ROOT)
    return None


if __name__ == "__main__":
    main()
