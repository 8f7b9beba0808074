"""Write an image reconstructed from projections: their patient, study and frame of reference, a series of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Literal

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import InstanceHeader, items_of, number_of, text_of
from dosimetry.dicomio.series import Series
from dosimetry.dicomio.times import combine, zone_of
from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts, WrittenSeries, make_uid
from dosimetry.dicomio.writing_derivation import Derivation
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.volume import Volume

NM_FILE = "reconstructed.dcm"
SERIES_NUMBER_OFFSET = 1000
"""Added to the number of the projections' series, so that the image stands behind what the camera wrote."""
MOST_LETTERS = 64
"""Of a long string, the type of Series Description (DICOM PS3.5 6.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionFacts:
    """What a reconstruction adds to the header of its projections.

    Parameters
    ----------
    nuclide : Nuclide
        As quantified.
    frame_duration_s : float
        From the first to the last view of the first bed, s.
    corrections : tuple of str
        ``ATTN``, ``SCAT`` as they were made.
    description : str
        How the image was made, in words.
    """

    nuclide: Nuclide
    frame_duration_s: float
    corrections: tuple[str, ...]
    description: str


def write_reconstruction(
    volume: Volume,
    *,
    folder: Path,
    beds: tuple[Series, ...],
    facts: ReconstructionFacts,
    kind: Literal["NM", "PT"] = "NM",
    site_zone: tzinfo = UTC,
    seed: str | None = None,
) -> WrittenSeries:
    """Write Bq/mL as an NM object with a real world value map, or as a PT series with rescale slopes.

    Parameters
    ----------
    volume : Volume
        Mean activity concentration during the frame, Bq/mL, not corrected for decay.
    folder : Path
        Where ``reconstructed.dcm`` (NM) or ``0001.dcm``, ... (PT) are put; made when absent.
    beds : tuple of Series
        The projections, one or more; the first gives patient, study, times and agent.
    facts : ReconstructionFacts
        What was done.
    kind : {"NM", "PT"}
        Which object.
    site_zone : tzinfo
        Zone of times that state none.
    seed : str or None
        Equal seeds give equal identifiers; None gives new ones.

    Returns
    -------
    WrittenSeries
        Paths and identifiers. A volume without frame of reference gets one of its own.

    Raises
    ------
    InvalidInputError
        Another unit, values below zero or not finite, another kind, or no projections.
    InsufficientDataError
        The projections state no start of their acquisition.
    """
    if not beds or kind not in ("NM", "PT"):
        raise InvalidInputError("Give the projections of the image, and NM or PT as its kind.", code="bad_kind")
    source, started = beds[0], beds[0].acquisition_start
    if started is None:
        raise InsufficientDataError("The projections state no acquisition time; enter it first.", code="no_time")
    header = source.headers[0].dataset
    started = started.astimezone(zone_of(header, site_zone)[0])
    arguments: dict[str, Any] = {
        "patient": _patient(source),
        "study": _study(source, started=started),
        "series": _series(source, started=started, seed=seed),
        "acquisition": AcquisitionFacts(
            started=started, frame_duration_s=facts.frame_duration_s, corrections=facts.corrections
        ),
        "agent": _agent(source, nuclide=facts.nuclide),
        "derivation": Derivation(description=facts.description, sources=_headers(beds)),
    }
    frame = volume.frame_of_reference_uid or make_uid("frame", source.series_uid, seed=seed)
    placed = Volume(values=volume.values, grid=volume.grid, unit=volume.unit, frame_of_reference_uid=frame)
    if kind == "NM":
        return write_nm(placed, path=folder / NM_FILE, **arguments)
    return write_pet(placed, folder=folder, decay_correction="NONE", **arguments)


def _headers(beds: tuple[Series, ...]) -> tuple[InstanceHeader, ...]:
    return tuple(header for bed in beds for header in bed.headers)


def _patient(source: Series) -> PatientFacts:
    stated = source.patient
    born = combine(stated.birth_date, "00", UTC)
    return PatientFacts(
        name=stated.name,
        patient_id=stated.patient_id,
        birth_date=None if born is None else born.date(),
        sex=stated.sex,
        weight_kg=source.weight_kg,
        height_m=source.height_m,
    )


def _study(source: Series, *, started: datetime) -> StudyFacts:
    header = source.headers[0].dataset
    stated = combine(text_of(header, "StudyDate"), text_of(header, "StudyTime"), started.tzinfo or UTC)
    return StudyFacts(
        study_uid=source.study_uid,
        started=stated or started,
        description=source.study_description,
        study_id=text_of(header, "StudyID"),
        accession_number=text_of(header, "AccessionNumber"),
    )


def _series(source: Series, *, started: datetime, seed: str | None) -> SeriesFacts:
    header = source.headers[0].dataset
    return SeriesFacts(
        series_uid=make_uid("reconstruction", source.series_uid, seed=seed),
        number=SERIES_NUMBER_OFFSET + int(number_of(header, "SeriesNumber") or 0),
        started=started,
        description=f"Bq/mL {source.description}".strip()[:MOST_LETTERS],
        seed=seed,
        body_part=text_of(header, "BodyPartExamined"),
    )


def _agent(source: Series, *, nuclide: Nuclide) -> AgentFacts:
    given = source.administration
    return AgentFacts(
        name=_agent_name(source.headers[0].dataset, nuclide=nuclide.name),
        nuclide=nuclide.name,
        half_life_s=nuclide.half_life_s,
        administered_activity_bq=None if given is None else given.administered_activity_bq,
        administered_at=None if given is None else given.start,
    )


def _agent_name(header: Dataset, *, nuclide: str) -> str:
    """Return the name of the agent without its nuclide, which is written before it."""
    items = items_of(header, "RadiopharmaceuticalInformationSequence")
    text = text_of(items[0], "Radiopharmaceutical") if items else ""
    return text.removeprefix(nuclide).strip()
