"""Simulate the scans of a virtual patient and keep them as an upload would."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dosimetry.phantoms.acquisition import ScannerFaults
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.virtual_headers import patient_facts
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.phantoms.virtual_truth import compute_truth, truth_as_dict
from dosimetry.phantoms.virtual_writer import VirtualScan, VirtualWriter
from dosimetry.quantification.spect_settings import USUAL_SETTINGS
from planning import storage
from planning.computation.virtual_settings import wanted_body, wanted_ct, wanted_lesions

TRUTH_ENGINE = "hybrid_mc"


def virtual_request(parameters: Mapping[str, Any]) -> VirtualPatientRequest:
    """Return what is asked for; impossible things raise with what to change."""
    return VirtualPatientRequest(
        agent=parameters["agent"],
        seed=parameters["seed"],
        scan_times_h=tuple(parameters["scan_times_h"]),
        habitus=wanted_body(parameters),
        lesions=wanted_lesions(parameters),
        is_arms_up=parameters.get("is_arms_up", True),
        faults=ScannerFaults(**(parameters.get("faults") or {})),
        variants=frozenset(Variant(name) for name in parameters.get("variants", ())),
        cycle_number=parameters.get("cycle_number", 1),
    )


def compute_virtual_patient(
    *,
    request: Mapping[str, Any],
    patient_id: str,
    name: str,
    start: datetime,
    progress: Callable[[float, str], None],
) -> dict[str, Any]:
    """Return stored files (name, length, digest), the truth, and the camera with its true factor."""
    progress(0.01, "Making body and biokinetics")
    patient = make_virtual_patient(virtual_request(request))
    truth = compute_truth(
        patient, engine=TRUTH_ENGINE, progress=lambda share, text: progress(0.05 + 0.25 * share, f"True dose: {text}")
    )
    n_steps = 2 * len(patient.poses)
    n_done = 0

    def log(text: str) -> None:
        nonlocal n_done
        n_done += 1
        progress(0.30 + 0.65 * min(n_done / n_steps, 1.0), text)

    with tempfile.TemporaryDirectory(prefix="theranostics-virtual-") as folder:
        writer = VirtualWriter(
            folder=Path(folder),
            patient=patient,
            start=start,
            ct_options=wanted_ct(request),
            settings=USUAL_SETTINGS,
            is_reconstructed=False,
            log=log,
            identity=patient_facts(patient, name=name, patient_id=patient_id),
        )
        scans = writer.write_scans()
        rtstruct, _ = writer.write_regions(scans[0])
        progress(0.96, "Storing")
        files = [
            {"name": path.name, "n_bytes": path.stat().st_size, "sha256": storage.store_file(path)}
            for path in (*_paths(scans), rtstruct)
        ]
    return {
        "files": files,
        "truth": truth_as_dict(patient, truth),
        "camera": writer.headers.camera,
        "nuclide": patient.nuclide,
        "imaged_kev": patient.protocol.imaged_kev,
        "calibration_cps_per_bq": patient.protocol.calibration_cps_per_bq,
    }


def _paths(scans: tuple[VirtualScan, ...]) -> list[Path]:
    return [path for scan in scans for series in (scan.ct, *scan.projections) for path in series.paths]
