"""Write activity concentration as a PET Image series; quantitative SPECT is exchanged this way too."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

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
from dosimetry.dicomio.writing_derivation import Derivation, add_derivation
from dosimetry.dicomio.writing_emission import (
    AcquisitionFacts,
    AgentFacts,
    add_patient_orientation,
    agent_item,
    decay_factor,
    energy_window_item,
)
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

MAX_STORED = 65535
DECAY_CORRECTIONS = ("NONE", "START", "ADMIN")
S_MS = 1e3


def write_pet(
    volume: Volume,
    *,
    folder: Path,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    acquisition: AcquisitionFacts,
    agent: AgentFacts,
    decay_correction: str = "START",
    derivation: Derivation | None = None,
) -> WrittenSeries:
    """Write one file for each slice in BQML, each with its own rescale slope.

    Parameters
    ----------
    volume : Volume
        Bq/mL, zero or more, as it shall be read: already corrected for decay as ``decay_correction`` says.
    folder : Path
        Where the files ``0001.dcm``, ... are put; made when absent.
    patient, study, series : facts
        Identity and identifiers; ``series.started`` is the reference of ``START``.
    acquisition : AcquisitionFacts
        Start, duration, corrections.
    agent : AgentFacts
        Nuclide, half-life, administration.
    decay_correction : str
        ``NONE``, ``START`` (of the series) or ``ADMIN`` (administration).
    derivation : Derivation or None
        The instances from which the image was made.

    Returns
    -------
    WrittenSeries
        Paths and identifiers in slice order.

    Raises
    ------
    InvalidInputError
        Another unit, values below zero or not finite, unknown decay correction, no frame of reference.

    Notes
    -----
    Values are stored with 16 bits for each slice, so the error is at most the slice maximum / 131,070.

    References
    ----------
    .. [1] DICOM PS3.3 A.21 Positron Emission Tomography Image IOD; C.8.9.1 PET Series module.
    """
    _check(volume, decay_correction=decay_correction)
    dataset = start_dataset(
        sop_class_uid=PositronEmissionTomographyImageStorage, modality="PT", patient=patient, study=study, series=series
    )
    set_plane(dataset, grid=volume.grid, frame_of_reference_uid=volume.frame_of_reference_uid)
    moment = in_zone_of(acquisition.started, reference=series.started)
    _add_series(dataset, acquisition=acquisition, decay_correction=decay_correction, n_slices=len(volume.values))
    _add_acquisition(dataset, acquisition=acquisition, agent=agent, moment=moment, series=series)
    reference = _decay_reference(decay_correction, agent=agent, series=series)
    if reference is not None:
        factor = decay_factor(acquisition=acquisition, agent=agent, reference=reference)
        dataset.DecayFactor = decimal_text(factor)
    if derivation is not None:
        add_derivation(dataset, derivation)
    paths, uids = [], []
    for index, values in enumerate(volume.values):
        uid = make_uid(series.series_uid, index, seed=series.seed)
        set_instance(dataset, uid=uid, number=index + 1, moment=moment)
        dataset.ImageIndex = index + 1
        dataset.ImagePositionPatient = decimal_texts(slice_position_lps_mm(volume.grid, number=index))
        slope_text, stored = quantise(values)
        dataset.RescaleIntercept = "0"
        dataset.RescaleSlope = slope_text
        set_pixels_16_bit(dataset, values=stored, is_signed=False)
        paths.append(save(dataset, path=folder / f"{index + 1:04d}.dcm"))
        uids.append(uid)
    return WrittenSeries(
        paths=tuple(paths),
        sop_class_uid=str(PositronEmissionTomographyImageStorage),
        sop_instance_uids=tuple(uids),
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        frame_of_reference_uid=volume.frame_of_reference_uid,
        grid=volume.grid,
    )


def quantise(values: NDArray[Any]) -> tuple[str, NDArray[np.uint16]]:
    """Return the slope as its DICOM text and the 16 bit numbers that it turns into the values.

    The slope is rounded to its text first, so that the stored numbers belong to the slope that a reader sees.
    """
    largest = float(np.max(values))
    if largest <= 0.0:
        return "1", np.zeros(values.shape, dtype=np.uint16)
    slope_text = decimal_text(largest / MAX_STORED)
    stored = np.rint(np.asarray(values, dtype=np.float64) / float(slope_text))
    return slope_text, np.clip(stored, 0, MAX_STORED).astype(np.uint16)


def _check(volume: Volume, *, decay_correction: str) -> None:
    if volume.unit != "Bq/mL":
        raise InvalidInputError(f"A PET image is written from Bq/mL; got {volume.unit}.", code="bad_unit")
    if decay_correction not in DECAY_CORRECTIONS:
        raise InvalidInputError(f"Decay correction is one of {DECAY_CORRECTIONS}; got {decay_correction!r}.")
    if not np.all(np.isfinite(volume.values)) or np.min(volume.values) < 0.0:
        raise InvalidInputError("Activity concentrations must be finite and not below zero.", code="bad_values")


def _decay_reference(decay_correction: str, *, agent: AgentFacts, series: SeriesFacts) -> datetime | None:
    if decay_correction == "NONE":
        return None
    if decay_correction == "START":
        return series.started
    if agent.administered_at is None:
        raise InvalidInputError("Decay correction to administration needs the time of administration.")
    return agent.administered_at


def _add_series(dataset: Dataset, *, acquisition: AcquisitionFacts, decay_correction: str, n_slices: int) -> None:
    dataset.SeriesType = ["STATIC", "IMAGE"]
    dataset.Units = "BQML"
    dataset.CountsSource = "EMISSION"
    dataset.RandomsCorrectionMethod = "NONE"
    dataset.DecayCorrection = decay_correction
    dataset.ReconstructionMethod = acquisition.reconstruction
    dataset.AttenuationCorrectionMethod = "CT" if "ATTN" in acquisition.corrections else ""
    dataset.ScatterCorrectionMethod = "Energy window" if "SCAT" in acquisition.corrections else ""
    dataset.NumberOfSlices = n_slices
    dataset.CollimatorType = "NONE"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    has_decay = decay_correction != "NONE"
    wanted = [name for name in acquisition.corrections if name != "DECY"] + ["DECY"] * has_decay
    dataset.CorrectedImage = wanted


def _add_acquisition(
    dataset: Dataset, *, acquisition: AcquisitionFacts, agent: AgentFacts, moment: datetime, series: SeriesFacts
) -> None:
    dataset.AcquisitionDate = date_text(moment)
    dataset.AcquisitionTime = time_text(moment)
    dataset.ActualFrameDuration = round(acquisition.frame_duration_s * S_MS)
    since_series_ms = (acquisition.started.astimezone(UTC) - series.started.astimezone(UTC)).total_seconds() * S_MS
    dataset.FrameReferenceTime = decimal_text(since_series_ms + 0.5 * acquisition.frame_duration_s * S_MS)
    dataset.RadiopharmaceuticalInformationSequence = [agent_item(agent, is_pet=True, reference=series.started)]
    add_patient_orientation(dataset)
    if acquisition.energy_windows_kev:
        dataset.EnergyWindowRangeSequence = [energy_window_item(window) for window in acquisition.energy_windows_kev]
