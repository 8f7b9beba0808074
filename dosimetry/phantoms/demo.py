"""Write the demo patient as real DICOM: three SPECT/CT examinations and the true contours."""

from datetime import datetime
from pathlib import Path

from dosimetry.phantoms.demo_files import CALIBRATION_CPS_PER_BQ, DemoFiles, DemoOptions, DemoScan
from dosimetry.phantoms.demo_writer import DemoWriter
from dosimetry.phantoms.patient import DemoPatient, make_demo_patient

__all__ = ["DemoFiles", "DemoOptions", "DemoPatient", "DemoScan", "make_demo_patient", "write_demo_patient"]


def write_demo_patient(
    folder: Path, *, seed: int = 1, start: datetime, options: DemoOptions | None = None
) -> DemoFiles:
    """Write SPECT and CT at 24, 96 and 168 h and the true contours of the first scan.

    Parameters
    ----------
    folder : Path
        Made when absent; holds ``scan_1/emission``, ``scan_1/ct``, ..., ``regions``.
    seed : int
        Seed of patient, movement and noise; equal arguments give equal files.
    start : datetime
        Administration, with time zone.
    options : DemoOptions or None
        None takes the defaults.

    Returns
    -------
    DemoFiles
        Paths, identifiers and truth.

    Raises
    ------
    InvalidInputError
        No time zone, or an unknown option.

    Notes
    -----
    The patient moves a few mm and about one degree between scans; each scan has its own frame of reference, shared by
    its SPECT and CT. ``patient.poses`` are the true transforms from the first scan to each scan.
    """
    chosen = options or DemoOptions()
    patient = make_demo_patient(
        seed,
        cycle_number=chosen.cycle_number,
        administered_activity_bq=chosen.administered_activity_bq,
        uptake_scale=chosen.uptake_scale,
    )
    writer = DemoWriter(folder=Path(folder), patient=patient, start=start, options=chosen)
    scans = tuple(writer.write_scan(index) for index in range(len(patient.scan_times_s)))
    rtstruct_path, seg_path = writer.write_regions(scans[0])
    return DemoFiles(
        folder=Path(folder),
        patient=patient,
        administered_at=start,
        calibration_cps_per_bq=CALIBRATION_CPS_PER_BQ,
        scans=scans,
        rtstruct_path=rtstruct_path,
        seg_path=seg_path,
    )
