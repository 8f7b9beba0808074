"""The command ``python -m dosimetry phantom``: one virtual patient into a folder."""

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.agents import AGENTS, get_agent
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.virtual_ct import NOISE_HU, CtOptions
from dosimetry.phantoms.virtual_patient import (
    USUAL_SCANS_H,
    VirtualPatient,
    VirtualPatientRequest,
    make_virtual_patient,
)
from dosimetry.phantoms.virtual_truth import compute_truth
from dosimetry.phantoms.virtual_writer import EMISSION_KINDS, VirtualFiles, VirtualWriter
from dosimetry.quantification.spect_settings import SCATTER_WORDS, USUAL_SETTINGS, SpectSettings

USUAL_START = "2026-03-02T09:00:00+00:00"
ENGINES = ("hybrid_mc", "kernel", "local")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the command."""
    parser.add_argument("--agent", choices=sorted(AGENTS), default="DOTATATE")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal patients")
    parser.add_argument("--out", type=Path, required=True, help="folder for DICOM and truth.json")
    scans = ",".join(f"{hours:g}" for hours in USUAL_SCANS_H)
    parser.add_argument("--scans", help=f"hours after administration, as {scans}; without it those of the agent")
    parser.add_argument("--variant", action="append", choices=[str(v) for v in Variant], default=[])
    parser.add_argument("--beds", type=int, default=1, help="bed positions of each SPECT")
    parser.add_argument("--line", type=float, help="imaged photon line, keV, as 113 for Lu-177")
    parser.add_argument("--start", default=USUAL_START, help="administration, ISO 8601 with time zone")
    parser.add_argument("--ct", choices=sorted(NOISE_HU), default="low_dose", help="dose level of the CT")
    parser.add_argument("--contrast", action="store_true", help="CT with contrast agent")
    parser.add_argument("--engine", choices=ENGINES, default="hybrid_mc", help="engine of the true dose")
    parser.add_argument("--scatter", choices=sorted(SCATTER_WORDS), default="simulated")
    parser.add_argument("--iterations", type=int, default=10, help="as the product reconstructs; 10 unless given")
    parser.add_argument("--emission", choices=EMISSION_KINDS, default="PT", help="object of a reconstructed image")
    parser.add_argument("--projections-only", action="store_true", help="leave the reconstruction to the product")


def run(chosen: argparse.Namespace, *, log: Callable[[str], None]) -> VirtualFiles:
    """Make, simulate and write a patient.

    Raises
    ------
    InvalidInputError
        Times, start or other arguments that cannot be used; nothing is written then.
    """
    try:
        usual = get_agent(chosen.agent).scan_times_h
        times = tuple(float(text) for text in str(chosen.scans).split(",")) if chosen.scans else usual
        start = datetime.fromisoformat(str(chosen.start))
    except ValueError:
        raise InvalidInputError(
            "Give scans as hours, as 24,96,168, and the start as 2026-03-02T09:00:00+01:00.", code="bad_times"
        ) from None
    request = VirtualPatientRequest(
        agent=chosen.agent,
        seed=chosen.seed,
        scan_times_h=times,
        variants=frozenset(Variant(name) for name in chosen.variant),
        n_beds=chosen.beds,
        line_kev=chosen.line,
    )
    if start.tzinfo is None:
        raise InvalidInputError("The start of the administration needs a time zone.", code="no_time_zone")
    patient = make_virtual_patient(request)
    habitus = patient.anatomy.habitus
    log(f"{habitus.sex}, {habitus.height_cm:g} cm, {habitus.mass_kg:g} kg, {len(patient.names)} source regions")
    writer = VirtualWriter(
        folder=chosen.out,
        patient=patient,
        start=start,
        ct_options=CtOptions(dose_level=chosen.ct, has_contrast=chosen.contrast),
        settings=_settings(patient, chosen),
        is_reconstructed=not chosen.projections_only,
        log=log,
        emission_kind=chosen.emission,
    )
    truth = compute_truth(patient, engine=chosen.engine)
    log(f"True dose by {chosen.engine}")
    files = writer.write(truth)
    rate = files.calibration_cps_per_bq
    head = "" if rate is None else f"; one head counts {rate * 1e6:.3f} cps/MBq"
    log(f"Truth in {files.truth_path.name}{head}")
    return files


def _settings(patient: VirtualPatient, chosen: argparse.Namespace) -> SpectSettings:
    """Return how projections are reconstructed; of a PET there are none."""
    if patient.is_pet:
        return USUAL_SETTINGS
    return SpectSettings(camera=patient.protocol.camera, scatter=chosen.scatter, n_iterations=chosen.iterations)
