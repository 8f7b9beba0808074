"""Small volumes and identities for tests that write DICOM."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts, make_uid
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.volume import Grid, Volume

STARTED = datetime(2024, 3, 5, 23, 50, tzinfo=timezone(timedelta(hours=1)))
"""Shortly before midnight, so that dates of several elements differ."""

ADMINISTERED = datetime(2024, 3, 4, 8, 30, tzinfo=UTC)
LU177_HALF_LIFE_S = 6.647 * 86400.0
TILT_RAD = 0.1
TILTED = (1.0, 0.0, 0.0, 0.0, np.cos(TILT_RAD), -np.sin(TILT_RAD), 0.0, np.sin(TILT_RAD), np.cos(TILT_RAD))
PATIENT = PatientFacts(name="ZZPHI^Prüfung", patient_id="ZZPHI-7", sex="F", weight_kg=61.5, height_m=1.7)


def grid(*, direction: tuple[float, ...] | None = None) -> Grid:
    """A grid with different steps and counts on every axis, off centre."""
    arguments = {} if direction is None else {"direction": tuple(float(value) for value in direction)}
    return Grid(
        shape_zyx=(5, 20, 24), spacing_xyz_mm=(2.0, 2.5, 3.125), origin_lps_mm=(-10.123456, 20.7, -133.25), **arguments
    )


def volume(*, unit: str, seed: int = 3, direction: tuple[float, ...] | None = None) -> Volume:
    """Whole numbers from 0 to 2999 in a frame of reference."""
    values = np.random.default_rng(seed).integers(0, 3000, size=(5, 20, 24)).astype(np.float32)
    return Volume(values=values, grid=grid(direction=direction), unit=unit, frame_of_reference_uid="2.25.77")


def study() -> StudyFacts:
    return StudyFacts(study_uid=make_uid("study", seed="tests"), started=STARTED - timedelta(minutes=5))


def series(name: str, *, number: int = 1) -> SeriesFacts:
    return SeriesFacts(
        series_uid=make_uid("series", name, seed="tests"),
        number=number,
        started=STARTED,
        description=name,
        seed="tests",
    )


def acquisition() -> AcquisitionFacts:
    return AcquisitionFacts(started=STARTED, frame_duration_s=1500.0, energy_windows_kev=((187.2, 228.8),))


def agent() -> AgentFacts:
    return AgentFacts(
        name="DOTATATE",
        nuclide="Lu-177",
        half_life_s=LU177_HALF_LIFE_S,
        administered_activity_bq=7.4e9,
        administered_at=ADMINISTERED,
    )
