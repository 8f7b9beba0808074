"""What the DICOM headers of a virtual patient say: who, when, with what, and identifiers that a seed gives again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts, make_uid
from dosimetry.dicomio.writing_emission import AgentFacts
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.virtual_patient import VirtualPatient
from dosimetry.phantoms.virtual_pet import PET_CAMERA

BIRTH_DATE = date(1960, 1, 1)


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
    identity : PatientFacts or None
        Name and number; None names the patient by agent and seed.
    """

    virtual: VirtualPatient
    start: datetime
    identity: PatientFacts | None = None

    @property
    def patient(self) -> PatientFacts:
        """Return who the headers name."""
        if self.identity is not None:
            return self.identity
        request = self.virtual.request
        return patient_facts(
            self.virtual,
            name=f"VIRTUAL^{request.agent} {request.seed}",
            patient_id=f"VIRTUAL-{request.agent}-{request.seed}",
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
        """Return what identifiers are made from: the same patient gets the same ones."""
        request = self.virtual.request
        owner = "" if self.identity is None else f"/{self.identity.patient_id}"
        line = "" if request.line_kev is None else f"/{self.virtual.protocol.imaged_kev:g} keV"
        return f"virtual/{request.agent}/{request.seed}/{self.start.isoformat()}{line}{owner}"

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
