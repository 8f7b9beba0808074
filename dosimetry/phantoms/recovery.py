"""What an ideal reader would measure in a blurred scan of the demo patient, against the truth."""

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.patient import DemoPatient
from dosimetry.phantoms.scanner import activity_volume, region_coverage
from dosimetry.volume import Grid


def recovery_in_regions(
    patient: DemoPatient, *, grid: Grid, scan_number: int, resolution_fwhm_mm: float
) -> dict[str, float]:
    """Return measured over true activity for every region, for perfect contours and no noise.

    Blur and large voxels move activity over the border of a region; a pipeline without partial-volume correction
    should find the true activity times this number, not the true activity.

    Parameters
    ----------
    patient : DemoPatient
        The truth.
    grid : Grid
        Voxels of the SPECT.
    scan_number : int
        Number of the scan, from 1.
    resolution_fwhm_mm : float
        Blur of the SPECT, mm; 0 for none.

    Returns
    -------
    dict of str to float
        For each region the activity in its voxels, each weighted with the share that the region fills, over its true
        activity. Below 1 for hot regions, above 1 for cold ones.

    Raises
    ------
    InvalidInputError
        There is no such scan.
    """
    if not 1 <= scan_number <= len(patient.scan_times_s):
        raise InvalidInputError(f"The patient has {len(patient.scan_times_s)} scans; got number {scan_number}.")
    time_s = patient.scan_times_s[scan_number - 1]
    fractions = region_coverage(grid=grid, pose=patient.poses[scan_number - 1], regions=patient.regions)
    truth = patient.truth
    image = activity_volume(
        fractions=fractions,
        concentrations_bq_per_ml={name: truth[name].activity_bq(time_s) / truth[name].volume_ml for name in truth},
        grid=grid,
        resolution_fwhm_mm=resolution_fwhm_mm,
    )
    recovery = {}
    for name, share in fractions.items():
        measured_bq = float(np.sum(image.values * share, dtype=np.float64)) * grid.voxel_volume_ml
        recovery[name] = measured_bq / truth[name].activity_bq(time_s)
    return recovery
