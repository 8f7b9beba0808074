"""The noise of single voxels, estimated from the images themselves.

Model: the standard deviation of a voxel at one scan is s sqrt(A A_top), A its activity at that scan (a twentieth of
A_top at least: background), A_top the largest of its scans. s is then the relative standard uncertainty of the voxel at
its largest scan. Across scans noise behaves like counts; across voxels it is proportional to activity, as in images of
an iterative reconstruction.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

SIGNAL_SHARE = 0.1
"""Voxels below this share of the hottest ones carry background and stray light rather than noise of their own."""

HOTTEST_QUANTILE = 0.999
"""The hottest voxels without a few outliers."""

MAX_SAMPLED = 500_000
"""Voxels that are looked at, evenly spread: a median of so many is exact to a thousandth."""

FEWEST_VOXELS = 50
"""The median of fewer voxels scatters by more than about 15 %."""

NORMAL_MAD = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelNoise:
    """Relative standard uncertainty of one voxel at its largest scan, and where the number comes from.

    Parameters
    ----------
    relative_standard_uncertainty : float
        s, without unit.
    origin : {"declared", "residuals", "ratios"}
        Given by the user; from residuals of the fits; from the spread of the ratio of two scans, an upper limit.
    n_voxels : int
        Voxels that it rests on; zero when declared.
    """

    relative_standard_uncertainty: float
    origin: str
    n_voxels: int


def noise_from_residuals(residuals: NDArray[Any], *, n_free: int) -> VoxelNoise | None:
    """Estimate s from weighted sums of squares of fits, sum (y - f)^2 / (A A_top).

    The median is compared with that of a chi-squared distribution: up to a tenth of the voxels may follow another curve
    without moving the result by much.

    Parameters
    ----------
    residuals : (n,) array
        Sums of squares; negative where a voxel says nothing.
    n_free : int
        Scans less fitted parameters.

    Returns
    -------
    VoxelNoise or None
        None without a free scan, or with too few voxels.
    """
    used = residuals[residuals >= 0.0]
    if n_free < 1 or used.size < FEWEST_VOXELS:
        return None
    value = float(np.sqrt(np.median(used) / chi2.median(n_free)))
    return VoxelNoise(relative_standard_uncertainty=value, origin="residuals", n_voxels=int(used.size))


def noise_from_ratios(first: NDArray[Any], second: NDArray[Any]) -> VoxelNoise | None:
    """Estimate an upper limit of s from two scans: voxels of one half-life would all have one ratio.

    The spread holds the true differences of half-lives too, so the number is never too small for voxels that follow the
    noise model.

    Parameters
    ----------
    first, second : (n,) arrays
        Activity concentrations of the same voxels, Bq/mL.

    Returns
    -------
    VoxelNoise or None
        None with too few voxels above zero.
    """
    is_used = (first > 0.0) & (second > 0.0)
    y, z = first[is_used].astype(np.float64), second[is_used].astype(np.float64)
    if y.size < FEWEST_VOXELS:
        return None
    ratio = np.log(y / z)
    spread = np.sqrt(np.maximum(y, z) * (1.0 / y + 1.0 / z))
    value = NORMAL_MAD * float(np.median(np.abs(ratio - np.median(ratio)) / spread))
    return VoxelNoise(relative_standard_uncertainty=value, origin="ratios", n_voxels=int(y.size))


def estimate_noise(flat: NDArray[np.float32], residuals: NDArray[np.float32]) -> VoxelNoise | None:
    """Estimate s of a series from its voxels with signal.

    Parameters
    ----------
    flat : (n_t, n) array
        Activity concentrations, Bq/mL; nan where a scan does not reach.
    residuals : (n,) array
        Weighted sums of squares of the mono-exponential fits, negative where a voxel says nothing.

    Returns
    -------
    VoxelNoise or None
        From residuals with three scans or more, from ratios with two; None with too few voxels with signal.
    """
    step = max(flat.shape[1] // MAX_SAMPLED, 1)
    sampled, residual = flat[:, ::step], residuals[::step]
    is_measured = ~np.isnan(sampled).any(axis=0)
    sampled, residual = sampled[:, is_measured], residual[is_measured]
    if sampled.shape[1]:
        top = sampled.max(axis=0)
        has_signal = top >= max(SIGNAL_SHARE * float(np.quantile(top, HOTTEST_QUANTILE)), np.finfo(np.float32).tiny)
        sampled, residual = sampled[:, has_signal], residual[has_signal]
    if flat.shape[0] == 2:
        return noise_from_ratios(sampled[0], sampled[1])
    return noise_from_residuals(residual, n_free=flat.shape[0] - 2)
