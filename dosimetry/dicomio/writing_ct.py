"""Write a CT volume as a CT Image series."""

from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.uid import CTImageStorage

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
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

DEFAULT_TUBE_VOLTAGE_KV = 130.0


def write_ct(
    volume: Volume,
    *,
    folder: Path,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    acquired: datetime | None = None,
    tube_voltage_kv: float = DEFAULT_TUBE_VOLTAGE_KV,
) -> WrittenSeries:
    """Write one file for each slice, stored as HU with slope 1 and intercept 0.

    Parameters
    ----------
    volume : Volume
        HU, within the range of 16 bit signed numbers; rounded to whole HU. Needs a frame of reference.
    folder : Path
        Where the files ``0001.dcm``, ... are put; made when absent.
    patient, study, series : facts
        Identity and identifiers.
    acquired : datetime or None
        Start of the acquisition with time zone; None takes the start of the series.
    tube_voltage_kv : float
        Tube voltage, kV.

    Returns
    -------
    WrittenSeries
        Paths and identifiers in slice order.

    Raises
    ------
    InvalidInputError
        Another unit than HU, a value that does not fit, no frame of reference.

    References
    ----------
    .. [1] DICOM PS3.3 A.3 CT Image IOD.
    """
    if volume.unit != "HU":
        raise InvalidInputError(f"A CT is written from HU; got {volume.unit}.", code="bad_unit")
    moment = in_zone_of(acquired or series.started, reference=series.started)
    dataset = start_dataset(sop_class_uid=CTImageStorage, modality="CT", patient=patient, study=study, series=series)
    set_plane(dataset, grid=volume.grid, frame_of_reference_uid=volume.frame_of_reference_uid)
    dataset.PatientPosition = "HFS"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.AcquisitionDate = date_text(moment)
    dataset.AcquisitionTime = time_text(moment)
    dataset.AcquisitionNumber = 1
    dataset.KVP = decimal_text(tube_voltage_kv)
    dataset.RescaleIntercept = "0"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter = "40"
    dataset.WindowWidth = "400"
    paths, uids = [], []
    for index, values in enumerate(volume.values):
        uid = make_uid(series.series_uid, index, seed=series.seed)
        set_instance(dataset, uid=uid, number=index + 1, moment=moment)
        dataset.ImagePositionPatient = decimal_texts(slice_position_lps_mm(volume.grid, number=index))
        set_pixels_16_bit(dataset, values=np.rint(values), is_signed=True)
        paths.append(save(dataset, path=folder / f"{index + 1:04d}.dcm"))
        uids.append(uid)
    return WrittenSeries(
        paths=tuple(paths),
        sop_class_uid=str(CTImageStorage),
        sop_instance_uids=tuple(uids),
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        frame_of_reference_uid=volume.frame_of_reference_uid,
        grid=volume.grid,
    )
