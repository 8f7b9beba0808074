"""What written emission images (PT and NM) say about the agent and the acquisition."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from pydicom.dataset import Dataset

from dosimetry.dicomio.writing_common import date_time_text, decimal_text, in_zone_of, time_text
from dosimetry.errors import InvalidInputError
from dosimetry.units import MBQ_BQ

NUCLIDE_CODES = {
    "Lu-177": ("447553000", "SCT", "^177^Lutetium"),
    "Y-90": ("14691008", "SCT", "^90^Yttrium"),
    "I-131": ("1368003", "SCT", "^131^Iodine"),
    "I-123": ("21572004", "SCT", "^123^Iodine"),
    "I-124": ("40937006", "SCT", "^124^Iodine"),
    "In-111": ("56609000", "SCT", "^111^Indium"),
    "Tc-99m": ("72454006", "SCT", "^99m^Technetium"),
    "Ga-68": ("35337001", "SCT", "^68^Gallium"),
    "Cu-64": ("3932008", "SCT", "^64^Copper"),
    "Cu-67": ("53700003", "SCT", "^67^Copper"),
    "F-18": ("77004003", "SCT", "^18^Fluorine"),
    "Re-186": ("395865006", "SCT", "^186^Rhenium"),
    "Re-188": ("423578007", "SCT", "^188^Rhenium"),
    "Sm-153": ("419804008", "SCT", "^153^Samarium"),
    "Ra-223": ("24853006", "SCT", "^223^Radium"),
}
"""SNOMED CT codes of nuclides (DICOM CID 18 and CID 4020); others get a private code with their plain name."""

PRIVATE_SCHEME = "99THERAWEB"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionFacts:
    """How the image was taken.

    Parameters
    ----------
    started : datetime
        Start of the acquisition, with time zone.
    frame_duration_s : float
        Time from the first to the last projection, s, above zero.
    corrections : tuple of str
        Values of Corrected Image (0028,0051), as ``ATTN``, ``SCAT``, ``DECY``.
    energy_windows_kev : tuple of (low, high)
        Energy windows, keV; empty leaves them out.
    reconstruction : str
        Name of the reconstruction method.
    camera : str
        Model of the camera; empty leaves this package as the maker.
    """

    started: datetime
    frame_duration_s: float
    corrections: tuple[str, ...] = ("ATTN", "SCAT")
    energy_windows_kev: tuple[tuple[float, float], ...] = ()
    reconstruction: str = "OSEM"
    camera: str = ""

    def __post_init__(self) -> None:
        if not self.frame_duration_s > 0.0:
            raise InvalidInputError("The duration of a scan must be above zero.", code="bad_duration")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What was given.

    Parameters
    ----------
    name : str
        Agent, as ``DOTATATE``.
    nuclide : str
        As ``Lu-177``.
    half_life_s : float
        Half-life that the decay correction used, s.
    administered_activity_bq : float or None
        Activity at ``administered_at``, Bq; None writes nothing.
    administered_at : datetime or None
        Start of the administration, with time zone; None writes nothing.
    """

    name: str
    nuclide: str
    half_life_s: float
    administered_activity_bq: float | None = None
    administered_at: datetime | None = None


def decay_factor(*, acquisition: AcquisitionFacts, agent: AgentFacts, reference: datetime) -> float:
    """Return what the mean activity of the frame was multiplied with to give the activity at ``reference``.

    lambda dt / (1 - exp(-lambda dt)) takes the mean of a frame of length dt to its start, exp(lambda (start -
    reference)) from there to the reference time.
    """
    decay_constant_per_s = float(np.log(2.0)) / agent.half_life_s
    exponent = decay_constant_per_s * acquisition.frame_duration_s
    to_start = exponent / -float(np.expm1(-exponent))
    # In UTC: two times of one zone subtract by the clock on the wall, which jumps at the change to summer time.
    since_reference_s = (acquisition.started.astimezone(UTC) - reference.astimezone(UTC)).total_seconds()
    return to_start * float(np.exp(decay_constant_per_s * since_reference_s))


def nuclide_code_item(nuclide: str) -> Dataset:
    """Return the code item of a nuclide."""
    value, scheme, meaning = NUCLIDE_CODES.get(nuclide, (nuclide, PRIVATE_SCHEME, nuclide))
    return code_item(value=value, scheme=scheme, meaning=meaning)


def code_item(*, value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def add_patient_orientation(dataset: Dataset) -> None:
    """Say in codes that the patient lies on the back, head first (DICOM PS3.3 C.8.4.6, CID 19, 20 and 21)."""
    posture = code_item(value="102538003", scheme="SCT", meaning="recumbent")
    posture.PatientOrientationModifierCodeSequence = [code_item(value="40199007", scheme="SCT", meaning="supine")]
    dataset.PatientOrientationCodeSequence = [posture]
    dataset.PatientGantryRelationshipCodeSequence = [code_item(value="102540001", scheme="SCT", meaning="headfirst")]


def energy_window_item(window_kev: tuple[float, float]) -> Dataset:
    """Return an item with the limits of one energy window."""
    item = Dataset()
    item.EnergyWindowLowerLimit = decimal_text(window_kev[0])
    item.EnergyWindowUpperLimit = decimal_text(window_kev[1])
    return item


def agent_item(agent: AgentFacts, *, is_pet: bool, reference: datetime) -> Dataset:
    """Return the item of the Radiopharmaceutical Information Sequence.

    The total dose (0018,1074) is in Bq in PT objects and in MBq in NM objects. NM objects hold the time of the
    administration without its day, as the standard has it.

    References
    ----------
    .. [1] DICOM PS3.3 C.8.9.2 (PET isotope module), C.8.4.10 (NM isotope module).
    """
    item = Dataset()
    item.RadionuclideCodeSequence = [nuclide_code_item(agent.nuclide)]
    item.Radiopharmaceutical = f"{agent.nuclide} {agent.name}"
    item.RadiopharmaceuticalRoute = "Intravenous route"
    if is_pet:
        item.RadionuclideHalfLife = decimal_text(agent.half_life_s)
        item.RadionuclidePositronFraction = ""
    if agent.administered_activity_bq is not None:
        scale = 1.0 if is_pet else MBQ_BQ
        item.RadionuclideTotalDose = decimal_text(agent.administered_activity_bq / scale)
    if agent.administered_at is not None:
        moment = in_zone_of(agent.administered_at, reference=reference)
        item.RadiopharmaceuticalStartTime = time_text(moment)
        if is_pet:
            item.RadiopharmaceuticalStartDateTime = date_time_text(moment)
    return item
