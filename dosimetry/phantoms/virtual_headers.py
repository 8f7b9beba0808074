"""What the DICOM headers of a virtual patient say: who, when, with what, and identifiers that a seed gives again."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts, make_uid
from dosimetry.dicomio.writing_emission import AgentFacts
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.virtual_ct import CtOptions
from dosimetry.phantoms.virtual_patient import VirtualPatient
from dosimetry.phantoms.virtual_pet import PET_CAMERA
from dosimetry.quantification.spect_settings import SpectSettings

BIRTH_DATE = date(1960, 1, 1)
N_DIGEST = 16
"""Hexadecimal digits that name a request: 64 bits, so that two of a million requests hardly ever share one."""


def patient_facts(patient: VirtualPatient, *, name: str, patient_id: str) -> PatientFacts:
    """Return name and number with the sex, mass and height of the body."""
    habitus = patient.anatomy.habitus
    return PatientFacts(
        name=name,
        patient_id=patient_id,
        birth_date=BIRTH_DATE,
        sex="F" if habitus.sex == "female" else "M",
        weight_kg=habitus.mass_kg,
        height_m=0.01 * habitus.height_cm,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualHeaders:
    """Headers of every object of a patient.

    Parameters
    ----------
    virtual : VirtualPatient
        Who.
    start : datetime
        Administration, with time zone.
    ct_options : CtOptions
        How its CTs are taken.
    settings : SpectSettings
        How its projections are reconstructed.
    identity : PatientFacts or None
        Name and number; None names the patient by agent and seed, and by habitus, variants and lesions that are asked
        for.
    """

    virtual: VirtualPatient
    start: datetime
    ct_options: CtOptions
    settings: SpectSettings
    identity: PatientFacts | None = None

    @property
    def patient(self) -> PatientFacts:
        """Return who the headers name."""
        if self.identity is not None:
            return self.identity
        request = self.virtual.request
        asked = (request.habitus, request.variants, request.lesions)
        body = "" if asked == (None, frozenset(), None) else f"-{_digest(asked)[:6].upper()}"
        return patient_facts(
            self.virtual,
            name=f"VIRTUAL^{request.agent} {request.seed}{body}",
            patient_id=f"VIRTUAL-{request.agent}-{request.seed}{body}",
        )

    @property
    def camera(self) -> str:
        """Return the model of the camera: no real one's name."""
        return f"Virtual {PET_CAMERA if self.virtual.is_pet else self.virtual.protocol.camera}"

    @property
    def agent(self) -> AgentFacts:
        """Return agent, nuclide and administration."""
        return AgentFacts(
            name=self.virtual.request.agent,
            nuclide=self.virtual.nuclide,
            half_life_s=get_nuclide(self.virtual.nuclide).half_life_s,
            administered_activity_bq=self.virtual.biokinetics.administered_activity_bq,
            administered_at=self.start,
        )

    @property
    def uid_seed(self) -> str:
        """Return what identifiers are made from: equal requests and options get equal ones, all others others."""
        request = self.virtual.request
        owner = "" if self.identity is None else f"/{self.identity.patient_id}"
        asked = _digest((request, self.ct_options, self.settings.chosen))
        return f"virtual/{request.agent}/{request.seed}/{self.start.isoformat()}/{asked}{owner}"

    def scan_start(self, index: int, bed: int = 0) -> datetime:
        """Return the start of a bed; the first bed's middle is the time of the scan."""
        duration_s = self.virtual.scan_duration_s
        return self.start + timedelta(seconds=self.virtual.scan_times_s[index] + (bed - 0.5) * duration_s)

    def frame_of_reference_uid(self, index: int) -> str:
        """Return the frame that CT and emission of a scan share."""
        return make_uid("frame", index, seed=self.uid_seed)

    def study(self, index: int) -> StudyFacts:
        """Return the study of a scan."""
        return StudyFacts(
            study_uid=make_uid("study", index, seed=self.uid_seed),
            started=self.scan_start(index),
            description=f"{self.virtual.nuclide} {'PET' if self.virtual.is_pet else 'SPECT'}/CT",
            study_id=f"S{index + 1}",
        )

    def series(self, index: int, kind: str, number: int, text: str, *, delay_s: float = 0.0) -> SeriesFacts:
        """Return a series of a scan."""
        return SeriesFacts(
            series_uid=make_uid("series", kind, index, number, seed=self.uid_seed),
            number=number,
            started=self.scan_start(index) + timedelta(seconds=delay_s),
            description=text,
            seed=self.uid_seed,
        )


def _digest(value: Any) -> str:
    """Return a digest of dataclasses, numbers and texts that is the same on every machine and in every process."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()[:N_DIGEST]


def _plain(value: Any) -> Any:
    """Return lists, texts and floats for JSON; sets in order, for theirs differs between processes."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if value is None or isinstance(value, bool) else str(value)
