"""Write SPECT projections as one NM object, as a camera exports them."""

from dataclasses import dataclass
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
    start_dataset,
    time_text,
)
from dosimetry.dicomio.writing_emission import (
    AcquisitionFacts,
    AgentFacts,
    add_patient_orientation,
    agent_item,
    energy_window_item,
)
from dosimetry.errors import InvalidInputError

MAX_STORED = 65535
S_MS = 1e3
FRAME_VECTOR_TAGS = (0x00540010, 0x00540020, 0x00540050, 0x00540090)
"""Energy window, detector, rotation and angular view, the vectors of a tomographic acquisition (C.8.4.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitFacts:
    """Where the detector stood.

    Parameters
    ----------
    angles_deg : floats
        Equal steps over the whole circle; zero at the patient's back, 90 degrees at the left side.
    radii_mm : floats
        Axis to collimator at each view, mm.
    pixel_mm : (column, row) float
        Size of a pixel, mm.
    lowest_row_z_mm : float
        LPS z of the lowest row.
    n_heads : int
        Detectors that count at the same time; each takes an equal arc.
    """

    angles_deg: tuple[float, ...]
    radii_mm: tuple[float, ...]
    pixel_mm: tuple[float, float]
    lowest_row_z_mm: float
    n_heads: int = 1


def write_projections(
    counts: NDArray[Any],
    *,
    path: Path,
    orbit: OrbitFacts,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    acquisition: AcquisitionFacts,
    agent: AgentFacts,
    frame_of_reference_uid: str,
) -> WrittenSeries:
    """Write counts of every energy window and view.

    Parameters
    ----------
    counts : (n_windows, n_views, n_rows, n_columns) array
        Whole numbers from 0 to 65,535; the first row is the lowest. Windows as in ``acquisition``.
    path : Path
        The file to write.
    orbit : OrbitFacts
        Angles and radii.
    patient, study, series : facts
        Identity and identifiers.
    acquisition : AcquisitionFacts
        ``frame_duration_s`` is that of the whole scan; each stop of the heads gets its equal part.
    agent : AgentFacts
        Nuclide, administration.
    frame_of_reference_uid : str
        That of the CT.

    Returns
    -------
    WrittenSeries
        Path and identifiers.

    Raises
    ------
    InvalidInputError
        Counts that are not whole, do not fit, or are not those of the windows and views; uneven angles.

    References
    ----------
    .. [1] DICOM PS3.3 A.5 NM Image IOD; C.8.4.8, C.8.4.11, C.8.4.12.
    """
    values = _checked(counts, orbit, acquisition)
    moment = in_zone_of(acquisition.started, reference=series.started)
    dataset = start_dataset(
        sop_class_uid=NuclearMedicineImageStorage, modality="NM", patient=patient, study=study, series=series
    )
    dataset.FrameOfReferenceUID = frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    if acquisition.camera:
        dataset.ManufacturerModelName = acquisition.camera
    uid = make_uid(series.series_uid, 0, seed=series.seed)
    set_instance(dataset, uid=uid, number=1, moment=moment)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]
    dataset.AcquisitionDate = date_text(moment)
    dataset.AcquisitionTime = time_text(moment)
    dataset.CountsAccumulated = ""
    dataset.ImageID = ""
    dataset.LossyImageCompression = "00"
    dataset.AcquisitionTerminationCondition = "TIME"
    dataset.Rows, dataset.Columns = values.shape[2:]
    dataset.PixelSpacing = decimal_texts((orbit.pixel_mm[1], orbit.pixel_mm[0]))
    _add_orbit(dataset, orbit, acquisition, n_rows=values.shape[2])
    _add_windows(dataset, acquisition, agent, series)
    add_patient_orientation(dataset)
    _add_vectors(dataset, n_windows=values.shape[0], n_views=values.shape[1], n_heads=orbit.n_heads)
    frames = values[:, :, ::-1].reshape(-1, *values.shape[2:])
    set_pixels_16_bit(dataset, values=frames, is_signed=False)
    return WrittenSeries(
        paths=(save(dataset, path=path),),
        sop_class_uid=str(NuclearMedicineImageStorage),
        sop_instance_uids=(uid,),
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        frame_of_reference_uid=frame_of_reference_uid,
    )


def _checked(counts: NDArray[Any], orbit: OrbitFacts, acquisition: AcquisitionFacts) -> NDArray[Any]:
    values = np.asarray(counts, dtype=np.float64)
    expected = (len(acquisition.energy_windows_kev), len(orbit.angles_deg))
    if values.ndim != 4 or values.shape[:2] != expected or len(orbit.radii_mm) != expected[1]:
        raise InvalidInputError(f"Projections of {expected} windows and views are {values.shape}.", code="bad_values")
    if expected[1] % orbit.n_heads:
        raise InvalidInputError(f"{orbit.n_heads} heads cannot share {expected[1]} views.", code="bad_orbit")
    if not np.all(np.isfinite(values)) or values.min() < 0.0 or values.max() > MAX_STORED:
        raise InvalidInputError(f"Counts must lie between 0 and {MAX_STORED}.", code="bad_values")
    if not np.array_equal(values, np.rint(values)):
        raise InvalidInputError("Counts must be whole numbers; round them first.", code="bad_values")
    steps = np.diff(orbit.angles_deg)
    if steps.size and not np.allclose(steps, steps[0], atol=1e-3):
        raise InvalidInputError("Angles of written projections must have equal steps.", code="bad_orbit")
    return values


def _add_orbit(dataset: Dataset, orbit: OrbitFacts, acquisition: AcquisitionFacts, *, n_rows: int) -> None:
    n_views = len(orbit.angles_deg)
    per_head = n_views // orbit.n_heads
    step = orbit.angles_deg[1] - orbit.angles_deg[0] if n_views > 1 else 0.0
    highest_z_mm = orbit.lowest_row_z_mm + (n_rows - 1) * orbit.pixel_mm[1]
    dataset.DetectorInformationSequence = [
        _detector(orbit, slice(head * per_head, (head + 1) * per_head), highest_z_mm) for head in range(orbit.n_heads)
    ]
    dataset.NumberOfDetectors = orbit.n_heads
    rotation = Dataset()
    rotation.StartAngle = decimal_text(orbit.angles_deg[0] % 360.0)
    rotation.AngularStep = decimal_text(abs(step))
    rotation.RotationDirection = "CC" if step >= 0.0 else "CW"
    rotation.ScanArc = decimal_text(abs(step) * per_head)
    rotation.ActualFrameDuration = round(acquisition.frame_duration_s * S_MS / per_head)
    rotation.NumberOfFramesInRotation = per_head
    dataset.RotationInformationSequence = [rotation]
    dataset.NumberOfRotations = 1
    dataset.TypeOfDetectorMotion = "STEP AND SHOOT"


def _detector(orbit: OrbitFacts, views: slice, highest_z_mm: float) -> Dataset:
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
    detector.CenterOfRotationOffset = "0"
    detector.GantryDetectorTilt = "0"
    detector.StartAngle = decimal_text(orbit.angles_deg[views.start] % 360.0)
    detector.RadialPosition = decimal_texts(orbit.radii_mm[views])
    detector.ImageOrientationPatient = decimal_texts((1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    detector.ImagePositionPatient = decimal_texts((0.0, 0.0, highest_z_mm))
    return detector


def _add_windows(dataset: Dataset, acquisition: AcquisitionFacts, agent: AgentFacts, series: SeriesFacts) -> None:
    windows = []
    for limits in acquisition.energy_windows_kev:
        window = Dataset()
        window.EnergyWindowRangeSequence = [energy_window_item(limits)]
        window.EnergyWindowName = f"{limits[0]:g}-{limits[1]:g} keV"
        windows.append(window)
    dataset.EnergyWindowInformationSequence = windows
    dataset.NumberOfEnergyWindows = len(windows)
    dataset.RadiopharmaceuticalInformationSequence = [agent_item(agent, is_pet=False, reference=series.started)]


def _add_vectors(dataset: Dataset, *, n_windows: int, n_views: int, n_heads: int) -> None:
    n_frames = n_windows * n_views
    per_head = n_views // n_heads
    dataset.FrameIncrementPointer = list(FRAME_VECTOR_TAGS)
    dataset.EnergyWindowVector = np.repeat(np.arange(1, n_windows + 1), n_views).tolist()
    dataset.DetectorVector = np.tile(np.repeat(np.arange(1, n_heads + 1), per_head), n_windows).tolist()
    dataset.RotationVector = [1] * n_frames
    dataset.AngularViewVector = np.tile(np.arange(1, per_head + 1), n_windows * n_heads).tolist()
    dataset.NumberOfFrames = n_frames
