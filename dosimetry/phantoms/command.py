"""The command ``python -m dosimetry phantom``: one virtual patient into a folder."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

from dosimetry.errors import DosimetryError, InvalidInputError
from dosimetry.phantoms.acquisition import ScannerFaults
from dosimetry.phantoms.agents import AGENTS, get_agent
from dosimetry.phantoms.habitus import Habitus, Sex
from dosimetry.phantoms.lesions import LesionRequest, Site
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
from dosimetry.units import US_S

USUAL_START = "2026-03-02T09:00:00+00:00"
NO_LESION = "none"
T = TypeVar("T")
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
    parser.add_argument(
        "--body", type=_body, help="sex, height (cm) and mass (kg), as female:160:55; drawn if not given"
    )
    parser.add_argument(
        "--lesion", type=_lesion, action="append", help="place, mL and number, as liver:10:3; 'none' for no lesion"
    )
    parser.add_argument("--arms-down", action="store_true", help="arms beside the trunk")
    parser.add_argument("--still", action="store_true", help="lies the same in every scan")
    parser.add_argument("--dead-time", type=float, default=0.0, help="of one head, µs, paralysable")
    parser.add_argument("--penetration", type=float, default=0.0, help="counts that cross septa, %%")
    parser.add_argument("--penetration-width", type=float, default=0.0, help="of these on the crystal, FWHM, mm")
    parser.add_argument("--start", default=USUAL_START, help="administration, ISO 8601 with time zone")
    parser.add_argument("--ct", choices=sorted(NOISE_HU), default="low_dose", help="dose level of the CT")
    parser.add_argument("--contrast", action="store_true", help="CT with contrast agent")
    parser.add_argument(
        "--breathing", type=float, default=CtOptions().breathing_mm, help="of the diaphragm in the CT, mm"
    )
    parser.add_argument("--ct-field", type=float, default=0.0, help="diameter of the CT's circle, mm; 0 for all")
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
    request = request_of(chosen)
    try:
        start = datetime.fromisoformat(str(chosen.start))
    except ValueError:
        raise InvalidInputError("Give the start as 2026-03-02T09:00:00+01:00.", code="bad_times") from None
    if start.tzinfo is None:
        raise InvalidInputError("The start of the administration needs a time zone.", code="no_time_zone")
    patient = make_virtual_patient(request)
    habitus = patient.anatomy.habitus
    log(f"{habitus.sex}, {habitus.height_cm:g} cm, {habitus.mass_kg:g} kg, {len(patient.names)} source regions")
    writer = VirtualWriter(
        folder=chosen.out,
        patient=patient,
        start=start,
        ct_options=CtOptions(
            dose_level=chosen.ct,
            has_contrast=chosen.contrast,
            breathing_mm=chosen.breathing,
            field_of_view_mm=chosen.ct_field,
        ),
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


def request_of(chosen: argparse.Namespace) -> VirtualPatientRequest:
    """Return the patient that the arguments ask for.

    Raises
    ------
    InvalidInputError
        Scans that are no hours, or as ``VirtualPatientRequest``.
    """
    try:
        usual = get_agent(chosen.agent).scan_times_h
        times = tuple(float(text) for text in str(chosen.scans).split(",")) if chosen.scans else usual
    except ValueError:
        raise InvalidInputError("Give scans as hours, as 24,96,168.", code="bad_times") from None
    return VirtualPatientRequest(
        agent=chosen.agent,
        seed=chosen.seed,
        scan_times_h=times,
        variants=frozenset(Variant(name) for name in chosen.variant),
        habitus=chosen.body,
        lesions=_wanted_lesions(chosen.lesion),
        is_arms_up=not chosen.arms_down,
        is_moving=not chosen.still,
        faults=ScannerFaults(
            dead_time_s=chosen.dead_time * US_S,
            penetration_share=chosen.penetration / 100.0,
            penetration_fwhm_mm=chosen.penetration_width,
        ),
        n_beds=chosen.beds,
        line_kev=chosen.line,
    )


def _settings(patient: VirtualPatient, chosen: argparse.Namespace) -> SpectSettings:
    """Return how projections are reconstructed; of a PET there are none."""
    if patient.is_pet:
        return USUAL_SETTINGS
    return SpectSettings(
        camera=patient.protocol.camera,
        scatter=chosen.scatter,
        n_iterations=chosen.iterations,
        **asdict(patient.request.faults),
    )


def _body(text: str) -> Habitus:
    sex, height, mass = _parts(text, 3)
    return _as_argument(lambda: Habitus(sex=cast(Sex, sex), height_cm=float(height), mass_kg=float(mass)))


def _lesion(text: str) -> LesionRequest | None:
    if text == NO_LESION:
        return None
    site, volume, n = _parts(f"{text}:1" if text.count(":") == 1 else text, 3)
    return _as_argument(lambda: LesionRequest(site=cast(Site, site), volume_ml=float(volume), n=int(n)))


def _parts(text: str, n: int) -> list[str]:
    parts = text.split(":")
    if len(parts) != n:
        raise argparse.ArgumentTypeError(f"{text!r} has {len(parts)} parts between colons instead of {n}")
    return parts


def _as_argument(make: Callable[[], T]) -> T:
    try:
        return make()
    except (ValueError, DosimetryError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _wanted_lesions(given: list[LesionRequest | None] | None) -> tuple[LesionRequest, ...] | None:
    """Return the lesions that were asked for, none for 'none', and None where they are drawn."""
    return None if given is None else tuple(lesion for lesion in given if lesion is not None)
