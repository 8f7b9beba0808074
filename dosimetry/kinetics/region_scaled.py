"""Voxels that all follow one curve: a declared effective half-life, or the curve of their region."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError


def integrate_declared(
    image_bq_per_ml: NDArray[Any], *, time_s: float, effective_half_life_s: float, voxel_volume_ml: float
) -> NDArray[np.float32]:
    """Integrate each voxel of one scan with one half-life, from administration to infinity.

    TIA = A(t) exp(l t) / l with l = ln 2 / T_eff; uptake is ignored. Negative voxels have none.

    Parameters
    ----------
    image_bq_per_ml : (z, y, x) array
        Activity concentration at ``time_s``, Bq/mL.
    time_s : float
        Time of the scan after administration, s, above zero.
    effective_half_life_s : float
        Declared half-life, s, above zero.
    voxel_volume_ml : float
        Volume of a voxel, mL.

    Returns
    -------
    (z, y, x) float32 array
        Time-integrated activity, Bq s.

    Raises
    ------
    InvalidInputError
        A time, half-life or volume that is not above zero.
    """
    if not all(0.0 < value < np.inf for value in (time_s, effective_half_life_s, voxel_volume_ml)):
        raise InvalidInputError("Time, half-life and voxel volume must be above zero.", code="half_life_range")
    decay_per_s = np.log(2.0) / effective_half_life_s
    ratio_s = float(np.exp(decay_per_s * time_s) / decay_per_s)
    return integrate_scaled(image_bq_per_ml, tia_per_activity_s=ratio_s, voxel_volume_ml=voxel_volume_ml)


def integrate_scaled(
    image_bq_per_ml: NDArray[Any], *, tia_per_activity_s: float, voxel_volume_ml: float
) -> NDArray[np.float32]:
    """Integrate each voxel of one scan with the curve of its region: TIA_v = A_v(t) TIA/A(t).

    The named alternative to voxel-wise curves. It needs no registration and is right only where all voxels of a region
    clear alike: in a lesion of which half clears with 30 h and half with 90 h, voxels err by + 80 % and - 36 % from a
    scan at 4 h, by - 34 % and - 3 % from one at 96 h (verification numbers, section 6).

    Parameters
    ----------
    image_bq_per_ml : (z, y, x) array
        Activity concentration at the time of the scan, Bq/mL; negative voxels have none.
    tia_per_activity_s : float
        Time-integrated activity of the region's curve over its activity at that time, s, above zero.
    voxel_volume_ml : float
        Volume of a voxel, mL.

    Returns
    -------
    (z, y, x) float32 array
        Time-integrated activity, Bq s.

    Raises
    ------
    InvalidInputError
        A ratio or volume that is not above zero.
    """
    if not all(0.0 < value < np.inf for value in (tia_per_activity_s, voxel_volume_ml)):
        raise InvalidInputError("The curve of a region and the voxel volume must be above zero.", code="bad_ratio")
    factor = np.float32(tia_per_activity_s * voxel_volume_ml)
    return np.asarray(np.maximum(image_bq_per_ml, 0.0) * factor, dtype=np.float32)


def replace_in_region(
    tia_bq_s: NDArray[np.float32], declared_bq_s: NDArray[np.float32], *, fraction: NDArray[Any]
) -> NDArray[np.float32]:
    """Take the declared values in a region, in voxels at its edge by the share that lies inside.

    The voxel map then rests on the same half-life as the region's own curve.

    Parameters
    ----------
    tia_bq_s, declared_bq_s : (z, y, x) arrays
        Maps of time-integrated activity, Bq s.
    fraction : (z, y, x) array
        Share of each voxel inside the region; values above 1 count as 1.

    Returns
    -------
    (z, y, x) float32 array
        Map with the region replaced.

    Raises
    ------
    InvalidInputError
        Maps of different shapes.
    """
    if not tia_bq_s.shape == declared_bq_s.shape == fraction.shape:
        raise InvalidInputError("The maps of a region and of the image have different shapes.", code="bad_series")
    inside = np.clip(fraction, 0.0, 1.0).astype(np.float32)
    return np.asarray(tia_bq_s + inside * (declared_bq_s - tia_bq_s), dtype=np.float32)
