"""A simulated PET image: true activity blurred by the scanner, with noise of stated counts; no sinograms in between."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.volume import Grid, Volume, block_mean, coarser_grid

MCT_FLOW_FWHM_MM = (5.16, 5.16, 5.85)
"""FWHM (x, y, z) of Siemens Biograph mCT Flow 10 cm off the axis: radial 5.16 mm, axial 5.85 mm (back-projection).
Rausch et al., EJNMMI Phys 2:26, 2015, 10.1186/s40658-015-0132-1 (NEMA NU 2-2012)."""
MCT_FLOW_CPS_PER_BQ = 9.6e-3
"""NEMA sensitivity of the same scanner, 9.6 kcps/MBq, same source. It holds for a line source without attenuation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PetProtocol:
    """How a PET image is taken.

    Parameters
    ----------
    fwhm_mm : (x, y, z) float
        Resolution of the reconstructed image, mm.
    counts_per_bq : float
        Counts that one Bq in a voxel gives to it, all losses included; sets the noise. For a scanner: sensitivity,
        cps/Bq, times duration, s, times the share that attenuation leaves.
    voxel_block : int
        Fine voxels along an image voxel.

    Raises
    ------
    InvalidInputError
        A count level not above zero, or a block below 1.
    """

    counts_per_bq: float
    fwhm_mm: tuple[float, float, float] = MCT_FLOW_FWHM_MM
    voxel_block: int = 2

    def __post_init__(self) -> None:
        if not (np.isfinite(self.counts_per_bq) and self.counts_per_bq > 0.0):
            raise InvalidInputError(
                f"The counts per Bq of a PET scan must be above zero; got {self.counts_per_bq}.", code="bad_protocol"
            )
        if self.voxel_block < 1:
            raise InvalidInputError("An image voxel holds at least one fine voxel.", code="bad_protocol")


def scan_pet(
    activity_bq_per_ml: NDArray[Any],
    *,
    grid: Grid,
    protocol: PetProtocol,
    seed: int | None,
    frame_of_reference_uid: str = "",
) -> Volume:
    """Return the image that a PET scanner makes of activity that stands at its frame mean.

    White noise of variance A / (V n) is drawn on the fine voxels, A the concentration there, V their volume and n the
    counts per Bq, as Poisson counts of the voxel would have it; then activity and noise are blurred together, so that
    noise correlates like the resolution, and averaged over image voxels. A Poisson draw of the fine voxels' expected
    counts does exactly this and is never below zero.

    Parameters
    ----------
    activity_bq_per_ml : (n_z, n_y, n_x) array
        Fine voxels, Bq/mL, zero or more; mean over the frame.
    grid : Grid
        Of the fine voxels.
    protocol : PetProtocol
        Resolution and count level.
    seed : int or None
        Of the noise; None gives the expected image.
    frame_of_reference_uid : str
        Of the image.

    Returns
    -------
    Volume
        Bq/mL, zero or more, on voxels of ``voxel_block`` fine ones.

    Raises
    ------
    GeometryMismatchError
        An array that does not fit the grid, or a grid that is not a whole number of image voxels.
    InvalidInputError
        Activity below zero or not finite, or a resolution finer than the fine voxels.

    Notes
    -----
    Attenuation, scatter and randoms are taken as corrected without bias; the noise they leave is not modelled. Noise of
    a real OSEM image depends on its surroundings too. The border is mirrored.
    """
    activity = np.asarray(activity_bq_per_ml, dtype=np.float64)
    if activity.shape != grid.shape_zyx:
        raise GeometryMismatchError(f"The activity has shape {activity.shape}, the grid says {grid.shape_zyx}.")
    if any(size % protocol.voxel_block for size in grid.shape_zyx):
        raise GeometryMismatchError(
            f"The grid {grid.shape_zyx} is not a whole number of image voxels of {protocol.voxel_block}."
        )
    if not np.all(np.isfinite(activity)) or activity.min() < 0.0:
        raise InvalidInputError("Activity concentrations must be finite and not below zero.", code="bad_activity")
    spread = PointSpread(spacing_xyz_mm=grid.spacing_xyz_mm, fwhm_mm=protocol.fwhm_mm)
    if seed is not None:
        counts_per_bq_per_ml = protocol.counts_per_bq * grid.voxel_volume_ml
        counts = np.random.default_rng([seed, 83]).poisson(activity * counts_per_bq_per_ml)
        activity = counts / counts_per_bq_per_ml
    return Volume(
        values=block_mean(spread.blur(activity), protocol.voxel_block).astype(np.float32),
        grid=coarser_grid(grid, protocol.voxel_block),
        unit="Bq/mL",
        frame_of_reference_uid=frame_of_reference_uid,
    )
