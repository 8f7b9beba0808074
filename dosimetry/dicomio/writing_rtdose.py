"""Write an absorbed-dose map as an RT Dose object."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTDoseStorage

from dosimetry.dicomio.writing_common import (
    PatientFacts,
    SeriesFacts,
    StudyFacts,
    WrittenSeries,
    decimal_text,
    decimal_texts,
    make_uid,
    save,
    set_instance,
    set_plane,
    slice_position_lps_mm,
    start_dataset,
)
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

FRAME_OFFSET_TAG = 0x3004000C
LARGEST_STORED = 2**31 - 1


def write_rtdose(
    dose: Volume,
    *,
    path: Path,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    comment: str = "",
) -> WrittenSeries:
    """Write a dose map in Gy with 32 bits a voxel.

    Parameters
    ----------
    dose : Volume
        Absorbed dose, Gy, zero or more, with a frame of reference.
    path : Path
        The file to write.
    patient, study, series : facts
        Identity and identifiers.
    comment : str
        How it was computed, in words.

    Returns
    -------
    WrittenSeries
        Path and identifiers.

    Raises
    ------
    InvalidInputError
        Another unit, or a dose below zero or not finite.

    References
    ----------
    .. [1] DICOM PS3.3 A.18.3 RT Dose IOD, C.8.8.3 RT Dose module.
    """
    values = np.asarray(dose.values, dtype=np.float64)
    if dose.unit != "Gy":
        raise InvalidInputError(f"RT Dose is written from Gy; got {dose.unit}.", code="bad_unit")
    if not np.all(np.isfinite(values)) or values.min() < 0.0:
        raise InvalidInputError("The dose holds a value below zero or one that is not finite.", code="bad_values")
    dataset = start_dataset(sop_class_uid=RTDoseStorage, modality="RTDOSE", patient=patient, study=study, series=series)
    set_plane(dataset, grid=dose.grid, frame_of_reference_uid=dose.frame_of_reference_uid)
    uid = make_uid(series.series_uid, 0, seed=series.seed)
    set_instance(dataset, uid=uid, number=1, moment=series.started)
    dataset.ImagePositionPatient = decimal_texts(slice_position_lps_mm(dose.grid, number=0))
    n_slices = dose.grid.shape_zyx[0]
    dataset.NumberOfFrames = n_slices
    dataset.FrameIncrementPointer = FRAME_OFFSET_TAG
    dataset.GridFrameOffsetVector = decimal_texts(np.arange(n_slices) * dose.grid.spacing_xyz_mm[2])
    dataset.DoseUnits = "GY"
    dataset.DoseType = "PHYSICAL"
    dataset.DoseSummationType = "PLAN"
    dataset.DoseComment = comment
    dataset.TissueHeterogeneityCorrection = ["IMAGE"]
    _set_pixels(dataset, values)
    return WrittenSeries(
        paths=(save(dataset, path=path),),
        sop_class_uid=str(RTDoseStorage),
        sop_instance_uids=(uid,),
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        frame_of_reference_uid=dose.frame_of_reference_uid,
        grid=dose.grid,
    )


def _set_pixels(dataset: Dataset, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> None:
    """Store whole numbers of a scaling that the decimal text holds exactly."""
    largest = float(values.max())
    scaling = float(decimal_text(largest / LARGEST_STORED * 1.001)) if largest > 0.0 else 1.0
    dataset.DoseGridScaling = decimal_text(scaling)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 32
    dataset.BitsStored = 32
    dataset.HighBit = 31
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.rint(values / scaling).astype("<u4").tobytes()
    dataset["PixelData"].VR = "OW"
