"""How a patient lies in the scanner, as far as the header says."""

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import items_of, numbers_of, text_of
from dosimetry.errors import UnsupportedDicomError

FEET_FIRST_CODES = frozenset({"102541002", "F-10480", "G-5191"})
"""Feet-first in SCT, SRT and SNM3 (DICOM PS3.16, CID 21)."""
NOT_SUPINE_WORDS = ("prone", "decubitus", "lateral")


def require_head_first_supine(header: Dataset) -> None:
    """Refuse what says that its patient lies otherwise; a header that says nothing passes.

    Raises
    ------
    UnsupportedDicomError
        Feet first, not on the back, or rows of the detector that do not run from the head to the feet (code
        ``posture``).
    """
    stated = _stated(header)
    if stated:
        raise UnsupportedDicomError(
            f"The patient lies {stated}; projections are reconstructed of patients who lie head first on their back. "
            "Send the image that the camera reconstructed instead.",
            code="posture",
        )


def _stated(header: Dataset) -> str:
    position = text_of(header, "PatientPosition").upper()
    if position and position != "HFS":
        return position
    for item in items_of(header, "PatientGantryRelationshipCodeSequence"):
        if text_of(item, "CodeValue") in FEET_FIRST_CODES or "feet" in text_of(item, "CodeMeaning").lower():
            return "feet first"
    for item in items_of(header, "PatientOrientationCodeSequence"):
        for modifier in items_of(item, "PatientOrientationModifierCodeSequence"):
            meaning = text_of(modifier, "CodeMeaning").lower()
            if any(word in meaning for word in NOT_SUPINE_WORDS):
                return meaning
    for item in items_of(header, "DetectorInformationSequence"):
        direction = numbers_of(item, "ImageOrientationPatient", 6)
        if direction is not None and direction[5] > 0.0:
            return "so that the rows of the detector run from the feet to the head"
    return ""
