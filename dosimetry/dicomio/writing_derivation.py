"""Say in a written image that it was made from other instances: which, how, and by which camera they were taken."""

from copy import deepcopy
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import InstanceHeader, items_of, number_of, text_of
from dosimetry.dicomio.writing_emission import AcquisitionFacts, code_item
from dosimetry.errors import InvalidInputError

MOST_LETTERS = 1024
"""Of a short text, the type of Derivation Description (DICOM PS3.5 6.2)."""
S_MS = 1e3
ORIENTATION_KEYWORDS = ("PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence")
EQUIPMENT_KEYWORDS = ("ManufacturerModelName", "StationName", "InstitutionName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """What an image was made from.

    Parameters
    ----------
    description : str
        How, in words; cut at the 1,024 letters that the element holds.
    sources : tuple of InstanceHeader
        The instances, one or more; the first gives camera, rotation and posture.

    Raises
    ------
    InvalidInputError
        No source.
    """

    description: str
    sources: tuple[InstanceHeader, ...]

    def __post_init__(self) -> None:
        if not self.sources:
            raise InvalidInputError("A derived image needs the instances that it was made from.", code="no_sources")


def add_derivation(dataset: Dataset, derivation: Derivation) -> None:
    """Mark an image as derived and name its sources, the camera and how the patient lay.

    References
    ----------
    .. [1] DICOM PS3.3 C.7.6.1.1.2 image type, C.7.6.1.1.4 source image; C.12.1 contributing equipment; PS3.16 CID 7202
       purposes of reference, CID 7005 contributing equipment.
    """
    first = derivation.sources[0].dataset
    dataset.ImageType = ["DERIVED", *list(dataset.ImageType)[1:]]
    dataset.DerivationDescription = derivation.description[:MOST_LETTERS]
    dataset.SourceImageSequence = [_source_item(header) for header in derivation.sources]
    dataset.ContributingEquipmentSequence = [_equipment_item(first)]
    for keyword in ORIENTATION_KEYWORDS:
        if items_of(first, keyword):
            setattr(dataset, keyword, deepcopy(items_of(first, keyword)))


def add_rotation(dataset: Dataset, derivation: Derivation, *, acquisition: AcquisitionFacts) -> None:
    """Take the rotation of the detector from the projections; its frames together last as long as the acquisition."""
    rotations = items_of(derivation.sources[0].dataset, "RotationInformationSequence")
    if not rotations:
        return
    rotation = deepcopy(rotations[0])
    n_views = int(number_of(rotation, "NumberOfFramesInRotation") or 1)
    rotation.NumberOfFramesInRotation = n_views
    rotation.ActualFrameDuration = round(acquisition.frame_duration_s * S_MS / n_views)
    dataset.RotationInformationSequence = [rotation]


def _source_item(header: InstanceHeader) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = header.sop_class_uid
    item.ReferencedSOPInstanceUID = header.sop_instance_uid
    purpose = code_item(value="121322", scheme="DCM", meaning="Source image for image processing operation")
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item


def _equipment_item(source: Dataset) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [code_item(value="109101", scheme="DCM", meaning="Acquisition Equipment")]
    item.Manufacturer = text_of(source, "Manufacturer") or "not stated"
    for keyword in EQUIPMENT_KEYWORDS:
        if text_of(source, keyword):
            setattr(item, keyword, text_of(source, keyword))
    return item
