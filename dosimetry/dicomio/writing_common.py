"""What every written DICOM object shares: identifiers, patient, study, series, equipment, times and number texts."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid

PROJECT_UID_ROOT = "2.25."
"""Root of identifiers made from UUIDs (ISO/IEC 9834-8; DICOM PS3.5 B.2); every identifier of the project begins so."""

PROJECT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://theranostics-web.invalid/dicom")
IMPLEMENTATION_CLASS_UID = f"{PROJECT_UID_ROOT}{uuid.uuid5(PROJECT_NAMESPACE, 'implementation').int}"
IMPLEMENTATION_VERSION_NAME = "THERAWEB_0_1"
MANUFACTURER = "Theranostics Web"
SOFTWARE_VERSION = "0.1.0"
NO_SEX_STATED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """Who the object is about.

    Parameters
    ----------
    name : str
        DICOM person name, as ``FAMILY^Given``.
    patient_id : str
        Identifier of the patient.
    birth_date : date or None
        None writes an empty element.
    sex : str
        ``M``, ``F``, ``O`` or empty.
    weight_kg, height_m : float or None
        None leaves the element out.
    """

    name: str
    patient_id: str
    birth_date: date | None = None
    sex: str = NO_SEX_STATED
    weight_kg: float | None = None
    height_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """The examination: identifier, start (with time zone) and texts."""

    study_uid: str
    started: datetime
    description: str = ""
    study_id: str = "1"
    accession_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """The series: identifier, number, start (with time zone), description, and a seed for instance identifiers.

    With a ``seed`` the SOP instance UIDs are the same at every writing; without one they are new.
    """

    series_uid: str
    number: int
    started: datetime
    description: str = ""
    seed: str | None = None
    body_part: str = "ABDOMEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSeries:
    """What was written: files in slice order, and the identifiers that other objects refer to."""

    paths: tuple[Path, ...]
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    grid: Grid | None = None


def make_uid(*parts: str | int, seed: str | None = None) -> str:
    """Make a DICOM identifier of the project.

    Parameters
    ----------
    *parts : str or int
        What the identifier is for; with a seed, equal parts give equal identifiers.
    seed : str or None
        None makes a new identifier that no one can guess.

    Returns
    -------
    str
        ``2.25.`` and a UUID as a decimal number, at most 44 characters.

    References
    ----------
    .. [1] DICOM PS3.5 B.2, UUID derived UID.
    """
    if seed is None:
        return f"{PROJECT_UID_ROOT}{uuid.uuid4().int}"
    text = "\x1f".join((seed, *(str(part) for part in parts)))
    return f"{PROJECT_UID_ROOT}{uuid.uuid5(PROJECT_NAMESPACE, text).int}"


def decimal_text(value: float) -> str:
    """Return a finite number as a DICOM decimal string of at most 16 characters.

    Raises
    ------
    InvalidInputError
        The number is not finite.
    """
    if not np.isfinite(value):
        raise InvalidInputError(f"DICOM decimal strings hold finite numbers; got {value}.", code="bad_number")
    return str(format_number_as_ds(float(value)))


def decimal_texts(values: Sequence[float] | NDArray[Any]) -> list[str]:
    """Return numbers as DICOM decimal strings."""
    return [decimal_text(float(value)) for value in values]


def date_text(moment: datetime | date) -> str:
    """Return YYYYMMDD."""
    return moment.strftime("%Y%m%d")


def time_text(moment: datetime) -> str:
    """Return HHMMSS.ffffff."""
    return moment.strftime("%H%M%S.%f")


def date_time_text(moment: datetime) -> str:
    """Return YYYYMMDDHHMMSS.ffffff with the offset from UTC."""
    return moment.strftime("%Y%m%d%H%M%S.%f") + offset_text(moment)


def offset_text(moment: datetime) -> str:
    """Return the offset from UTC as +HHMM.

    Raises
    ------
    InvalidInputError
        The time has no time zone.
    """
    if moment.utcoffset() is None:
        raise InvalidInputError("A time that is written to DICOM needs a time zone.", code="time_without_zone")
    return moment.strftime("%z")[:5]


def in_zone_of(moment: datetime, *, reference: datetime) -> datetime:
    """Return a moment in the fixed offset of another, so that one offset holds for a whole object."""
    offset = reference.utcoffset()
    if offset is None or moment.utcoffset() is None:
        raise InvalidInputError("A time that is written to DICOM needs a time zone.", code="time_without_zone")
    return moment.astimezone(timezone(offset))


def start_dataset(
    *, sop_class_uid: str, modality: str, patient: PatientFacts, study: StudyFacts, series: SeriesFacts
) -> Dataset:
    """Return a data set with the patient, study, series, equipment and SOP common modules.

    The SOP instance UID is set by ``set_instance``.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta.MediaStorageSOPClassUID = sop_class_uid
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class_uid
    dataset.Modality = modality
    _add_patient(dataset, patient=patient)
    _add_study(dataset, study=study, series=series)
    dataset.SeriesInstanceUID = series.series_uid
    dataset.SeriesNumber = series.number
    dataset.SeriesDate = date_text(series.started)
    dataset.SeriesTime = time_text(series.started)
    dataset.SeriesDescription = series.description
    dataset.BodyPartExamined = series.body_part
    dataset.TimezoneOffsetFromUTC = offset_text(series.started)
    _add_equipment(dataset)
    return dataset


def _add_patient(dataset: Dataset, *, patient: PatientFacts) -> None:
    dataset.PatientName = patient.name
    dataset.PatientID = patient.patient_id
    dataset.PatientBirthDate = date_text(patient.birth_date) if patient.birth_date else ""
    dataset.PatientSex = patient.sex
    if patient.weight_kg is not None:
        dataset.PatientWeight = decimal_text(patient.weight_kg)
    if patient.height_m is not None:
        dataset.PatientSize = decimal_text(patient.height_m)


def _add_study(dataset: Dataset, *, study: StudyFacts, series: SeriesFacts) -> None:
    started = in_zone_of(study.started, reference=series.started)
    dataset.StudyInstanceUID = study.study_uid
    dataset.StudyDate = date_text(started)
    dataset.StudyTime = time_text(started)
    dataset.StudyID = study.study_id
    dataset.StudyDescription = study.description
    dataset.AccessionNumber = study.accession_number
    dataset.ReferringPhysicianName = ""


def _add_equipment(dataset: Dataset) -> None:
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MANUFACTURER
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = SOFTWARE_VERSION


def set_instance(dataset: Dataset, *, uid: str, number: int, moment: datetime) -> None:
    """Set the identifier, number and creation time of an instance."""
    dataset.SOPInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.InstanceNumber = number
    dataset.InstanceCreationDate = date_text(moment)
    dataset.InstanceCreationTime = time_text(moment)
    dataset.ContentDate = date_text(moment)
    dataset.ContentTime = time_text(moment)


def set_plane(dataset: Dataset, *, grid: Grid, frame_of_reference_uid: str) -> None:
    """Set what all slices of a grid share: spacing, orientation, matrix, frame of reference."""
    if not frame_of_reference_uid:
        raise InvalidInputError("An image that is written needs a frame of reference.", code="no_frame_of_reference")
    step_x, step_y, step_z = grid.spacing_xyz_mm
    direction = grid.direction_matrix
    dataset.FrameOfReferenceUID = frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = decimal_texts((step_y, step_x))
    dataset.SliceThickness = decimal_text(step_z)
    dataset.ImageOrientationPatient = decimal_texts([*direction[:, 0], *direction[:, 1]])
    dataset.Rows = grid.shape_zyx[1]
    dataset.Columns = grid.shape_zyx[2]


def slice_position_lps_mm(grid: Grid, *, number: int) -> NDArray[np.float64]:
    """Return the centre of the first voxel of slice ``number`` (from 0), LPS mm."""
    return grid.index_to_lps_mm(np.array([number, 0, 0], dtype=float))


def set_pixels_16_bit(dataset: Dataset, *, values: NDArray[Any], is_signed: bool) -> None:
    """Set a monochrome 16 bit pixel module from whole numbers that fit.

    Raises
    ------
    InvalidInputError
        A value does not fit 16 bits.
    """
    kind = np.int16 if is_signed else np.uint16
    limits = np.iinfo(kind)
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        raise InvalidInputError("A voxel value does not fit the 16 bits of the image.", code="value_does_not_fit")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(is_signed)
    dataset.PixelData = np.ascontiguousarray(values).astype(f"<{'i' if is_signed else 'u'}2").tobytes()
    dataset["PixelData"].VR = "OW"


def save(dataset: Dataset, *, path: Path) -> Path:
    """Write a data set as a DICOM file with an empty preamble; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
