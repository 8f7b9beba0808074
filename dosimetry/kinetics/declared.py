"""Voxels whose curve is one scan and a declared effective half-life."""

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
    factor = np.exp(decay_per_s * time_s) / decay_per_s * voxel_volume_ml
    return np.asarray(np.maximum(image_bq_per_ml, 0.0) * np.float32(factor), dtype=np.float32)


def declared_relative_uncertainty(
    *, time_s: float, effective_half_life_s: float, effective_half_life_standard_uncertainty_s: float
) -> float:
    """Return the relative standard uncertainty of the integral that a declared half-life brings.

    |l t - 1| u(T)/T, first order. It vanishes at t = T / ln 2, where the integral hardly depends on the half-life.

    Parameters
    ----------
    time_s, effective_half_life_s, effective_half_life_standard_uncertainty_s : float
        Time of the scan, half-life and its standard uncertainty, s.
    """
    decay_per_s = np.log(2.0) / effective_half_life_s
    return float(abs(decay_per_s * time_s - 1.0) * effective_half_life_standard_uncertainty_s / effective_half_life_s)
