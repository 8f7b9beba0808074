"""The PET images of a virtual patient: one image over all beds, its activity that of the middle of the scan."""

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.pet_scan import MCT_FLOW_CPS_PER_BQ, PetProtocol, scan_pet
from dosimetry.phantoms.virtual_anatomy import paint_labels
from dosimetry.phantoms.virtual_patient import FINE_PER_PIXEL, VirtualPatient
from dosimetry.volume import Grid, Volume

PET_CAMERA = "mCT Flow"
LEFT_BY_ATTENUATION = 0.1
"""Share of annihilation pairs that leave the trunk (25 cm of water leave 0.09); plausible, of ours, for noise only."""


def pet_image(patient: VirtualPatient, *, scan: int, seed: int, frame_of_reference_uid: str = "") -> Volume:
    """Return the PET image of a scan: true activity, resolution and noise of the scanner, Bq/mL at mid-scan.

    Beds are taken as seen at one time, the middle of the scan: for minutes against a half-life of an hour or two what
    decay moves between beds is corrected by the scanner.

    Parameters
    ----------
    patient : VirtualPatient
        Of an agent that is imaged by PET.
    scan : int
        From 0.
    seed : int
        Of the noise.
    frame_of_reference_uid : str
        Of the image.

    Returns
    -------
    Volume
        Bq/mL on voxels of 4 mm over all beds; not corrected for decay.

    Raises
    ------
    InvalidInputError
        The agent is imaged by SPECT.
    """
    if not patient.is_pet:
        raise InvalidInputError(f"{patient.request.agent} is imaged by SPECT, not by PET.", code="not_pet")
    fine = _fine_grid(patient)
    labels = paint_labels(patient.anatomy, grid=fine, pose=patient.poses[scan])
    counts_per_bq = MCT_FLOW_CPS_PER_BQ * patient.scan_duration_s * LEFT_BY_ATTENUATION
    return scan_pet(
        patient.activity_map(labels, scan=scan),
        grid=fine,
        protocol=PetProtocol(counts_per_bq=counts_per_bq, voxel_block=FINE_PER_PIXEL),
        seed=seed,
        frame_of_reference_uid=frame_of_reference_uid,
    )


def _fine_grid(patient: VirtualPatient) -> Grid:
    """Return the fine voxels from the lower end of the first bed to the upper end of the last."""
    first, last = patient.fine_grid(0), patient.fine_grid(patient.request.n_beds - 1)
    n_z, n_y, n_x = first.shape_zyx
    further = (last.origin_lps_mm[2] - first.origin_lps_mm[2]) / first.spacing_xyz_mm[2]
    return Grid(
        shape_zyx=(n_z + int(np.rint(further)), n_y, n_x),
        spacing_xyz_mm=first.spacing_xyz_mm,
        origin_lps_mm=first.origin_lps_mm,
    )
