"""Write a reconstructed SPECT, in counts or in Bq/mL, as one NM multi-frame object."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import NuclearMedicineImageStorage

from dosimetry.dicomio.writing_common import (
    PatientFacts,
    SeriesFacts,
    StudyFacts,
    WrittenSeries,
    date_text,
    decimal_text,
    decimal_texts,
    in_zone_of,
    make_uid,
    save,
    set_instance,
    set_pixels_16_bit,
    set_plane,
    slice_position_lps_mm,
    start_dataset,
    time_text,
)
from dosimetry.dicomio.writing_derivation import Derivation, add_derivation, add_rotation
from dosimetry.dicomio.writing_emission import (
    AcquisitionFacts,
    AgentFacts,
    add_patient_orientation,
    agent_item,
    code_item,
    energy_window_item,
)
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

MAX_STORED = 65535
S_MS = 1e3
SLICE_VECTOR_TAG = 0x00540080
FIRST_MAPPED_TAG, LAST_MAPPED_TAG = 0x00409216, 0x00409211


def write_nm(
    volume: Volume,
    *,
    path: Path,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    acquisition: AcquisitionFacts,
    agent: AgentFacts,
    n_projections: int = 120,
    is_stack_reversed: bool = False,
    derivation: Derivation | None = None,
) -> WrittenSeries:
    """Write counts as cameras without quantitative reconstruction do, or Bq/mL with a real world value map.

    Counts say nothing of Bq: reading them needs a calibration factor and the duration of the scan. NM objects have no
    attribute for a unit; Bq/mL stands in the Real World Value Mapping Sequence [2]_, which ``read_emission`` follows.
    A reader that knows no such map sees stored integers: give it counts, or a PET image.

    Parameters
    ----------
    volume : Volume
        Counts, whole numbers from 0 to 65,535, or Bq/mL, zero or more; not corrected for decay.
    path : Path
        The file to write.
    patient, study, series : facts
        Identity and identifiers.
    acquisition : AcquisitionFacts
        Start, duration, corrections.
    agent : AgentFacts
        Nuclide, administration.
    n_projections : int
        Projections of the scan. The duration of the scan is written only as duration for each projection, as cameras
        do.
    is_stack_reversed : bool
        Write the frames from the last slice to the first, with a negative spacing between slices.
    derivation : Derivation or None
        The projections from which the image was made; their rotation is written then.

    Returns
    -------
    WrittenSeries
        Path and identifiers.

    Raises
    ------
    InvalidInputError
        Another unit, values below zero or not finite, counts that are not whole or do not fit, no frame of reference.

    Notes
    -----
    Bq/mL are stored with 16 bits and one slope for the volume: the error is at most its maximum / 131,070.

    References
    ----------
    .. [1] DICOM PS3.3 A.5 NM Image IOD; C.8.4.15 NM reconstruction module.
    .. [2] DICOM PS3.3 C.7.6.16.2.11 Real World Value Mapping macro.
    """
    slope, values = _stored(volume)
    moment = in_zone_of(acquisition.started, reference=series.started)
    dataset = start_dataset(
        sop_class_uid=NuclearMedicineImageStorage, modality="NM", patient=patient, study=study, series=series
    )
    set_plane(dataset, grid=volume.grid, frame_of_reference_uid=volume.frame_of_reference_uid)
    uid = make_uid(series.series_uid, 0, seed=series.seed)
    set_instance(dataset, uid=uid, number=1, moment=moment)
    _add_image(dataset, acquisition=acquisition, moment=moment)
    _add_stack(dataset, volume=volume, is_stack_reversed=is_stack_reversed)
    _add_vectors(dataset, acquisition=acquisition, agent=agent, n_projections=n_projections, reference=series.started)
    if slope is not None:
        dataset.RealWorldValueMappingSequence = [_real_world_item(slope)]
    if derivation is not None:
        add_derivation(dataset, derivation)
        add_rotation(dataset, derivation, acquisition=acquisition)
    set_pixels_16_bit(dataset, values=values[::-1] if is_stack_reversed else values, is_signed=False)
    return WrittenSeries(
        paths=(save(dataset, path=path),),
        sop_class_uid=str(NuclearMedicineImageStorage),
        sop_instance_uids=(uid,),
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        frame_of_reference_uid=volume.frame_of_reference_uid,
        grid=volume.grid,
    )


def _stored(volume: Volume) -> tuple[float | None, NDArray[Any]]:
    """Return the slope to Bq/mL, None for counts, and the numbers to store."""
    if volume.unit != "Bq/mL":
        return None, _checked_counts(volume)
    values = np.asarray(volume.values, dtype=np.float64)
    if not np.all(np.isfinite(values)) or values.min() < 0.0:
        raise InvalidInputError("Activity concentrations must be finite and not below zero.", code="bad_values")
    slope = float(values.max()) / MAX_STORED or 1.0
    return slope, np.rint(values / slope)


def _real_world_item(slope: float) -> Dataset:
    """Return the map from stored integers to Bq/mL."""
    item = Dataset()
    item.add_new(FIRST_MAPPED_TAG, "US", 0)
    item.add_new(LAST_MAPPED_TAG, "US", MAX_STORED)
    item.LUTExplanation = "Activity concentration"
    item.LUTLabel = "BQML"
    item.RealWorldValueIntercept = 0.0
    item.RealWorldValueSlope = slope
    unit = code_item(value="Bq/ml", scheme="UCUM", meaning="Becquerels/milliliter")
    item.MeasurementUnitsCodeSequence = [unit]
    return item


def _checked_counts(volume: Volume) -> NDArray[Any]:
    values = np.asarray(volume.values, dtype=np.float64)
    if volume.unit != "counts":
        raise InvalidInputError(f"An NM image is written from counts or Bq/mL; got {volume.unit}.", code="bad_unit")
    if not np.all(np.isfinite(values)) or values.min() < 0.0 or values.max() > MAX_STORED:
        raise InvalidInputError(f"Counts must lie between 0 and {MAX_STORED}.", code="bad_values")
    if not np.array_equal(values, np.rint(values)):
        raise InvalidInputError("Counts must be whole numbers; round them first.", code="bad_values")
    return values


def _add_image(dataset: Dataset, *, acquisition: AcquisitionFacts, moment: datetime) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.AcquisitionDate = date_text(moment)
    dataset.AcquisitionTime = time_text(moment)
    dataset.CorrectedImage = list(acquisition.corrections)
    dataset.CountsAccumulated = ""
    dataset.ImageID = ""
    dataset.LossyImageCompression = "00"
    dataset.AcquisitionTerminationCondition = "TIME"


def _add_stack(dataset: Dataset, *, volume: Volume, is_stack_reversed: bool) -> None:
    n_slices = volume.grid.shape_zyx[0]
    first = n_slices - 1 if is_stack_reversed else 0
    sign = -1.0 if is_stack_reversed else 1.0
    detector = Dataset()
    detector.CollimatorType = "PARA"
    detector.CollimatorGridName = ""
    detector.FieldOfViewShape = ""
    detector.FieldOfViewDimensions = []
    detector.FocalDistance = []
    detector.XFocusCenter = ""
    detector.YFocusCenter = ""
    detector.ZoomCenter = ""
    detector.ZoomFactor = ""
    detector.CenterOfRotationOffset = ""
    detector.GantryDetectorTilt = ""
    detector.StartAngle = ""
    detector.RadialPosition = ""
    detector.ImageOrientationPatient = dataset.ImageOrientationPatient
    detector.ImagePositionPatient = decimal_texts(slice_position_lps_mm(volume.grid, number=first))
    del dataset.ImageOrientationPatient
    dataset.DetectorInformationSequence = [detector]
    dataset.NumberOfDetectors = 1
    dataset.SpacingBetweenSlices = decimal_text(sign * volume.grid.spacing_xyz_mm[2])
    dataset.NumberOfFrames = n_slices
    dataset.NumberOfSlices = n_slices
    dataset.FrameIncrementPointer = SLICE_VECTOR_TAG
    dataset.SliceVector = list(range(1, n_slices + 1))


def _add_vectors(
    dataset: Dataset, *, acquisition: AcquisitionFacts, agent: AgentFacts, n_projections: int, reference: datetime
) -> None:
    window = Dataset()
    if acquisition.energy_windows_kev:
        window.EnergyWindowRangeSequence = [energy_window_item(item) for item in acquisition.energy_windows_kev]
    window.EnergyWindowName = agent.nuclide
    dataset.EnergyWindowInformationSequence = [window]
    dataset.NumberOfEnergyWindows = 1
    dataset.RadiopharmaceuticalInformationSequence = [agent_item(agent, is_pet=False, reference=reference)]
    rotation = Dataset()
    rotation.StartAngle = "0"
    rotation.AngularStep = decimal_text(360.0 / n_projections)
    rotation.RotationDirection = "CW"
    rotation.ScanArc = "360"
    rotation.ActualFrameDuration = round(acquisition.frame_duration_s * S_MS / n_projections)
    rotation.RadialPosition = "250"
    rotation.NumberOfFramesInRotation = n_projections
    dataset.RotationInformationSequence = [rotation]
    dataset.NumberOfRotations = 1
    add_patient_orientation(dataset)
