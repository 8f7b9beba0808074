"""Mono-exponential fit of every voxel by variable projection."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InsufficientDataError, InvalidInputError

N_ITERATIONS = 12
CHUNK_VOXELS = 400_000
CONVERGED = 1e-7
SMALLEST_RELATIVE_SIGMA = 1e-6
N_PARAMETERS = 2
SMALLEST_WEIGHT_SHARE = 0.05
"""A scan below this share of the largest is weighted as if it had it: its noise is background."""

MOST_HALF_LIVES_BEFORE_FIRST_SCAN = 4.0
"""Extrapolation to administration multiplies the first scan by at most 2^4: noise beside zero or negative values has no
lower bound of its half-life, and without this its time-integrated activity has no upper one."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelwiseFit:
    """Maps of the fit, each (z, y, x) float32.

    Parameters
    ----------
    time_integrated_activity_bq_s : array
        Time-integrated activity of each voxel, Bq s; zero where there is no signal.
    relative_standard_uncertainty : array or None
        Relative standard uncertainty of it, first order; zero where there is no signal. None where the noise was
        neither given nor could be estimated.
    noise : float or None
        sigma / sqrt(A A_max) of one voxel at one time, as given or as the residuals show it.
    effective_decay_constant_per_s : array
        Effective decay constant, 1/s; the physical one where there is no signal.
    clamped_fraction : float
        Share of voxels with signal whose decay constant lies at the physical bound.
    """

    time_integrated_activity_bq_s: NDArray[np.float32]
    relative_standard_uncertainty: NDArray[np.float32] | None
    noise: float | None
    effective_decay_constant_per_s: NDArray[np.float32]
    clamped_fraction: float


def _njit(function: _F) -> _F:
    """Compile without the interpreter lock, so that heartbeats go on; typed."""
    compiled: _F = numba.njit(function, nogil=True, cache=True)
    return compiled


@_njit
def _log_linear_decay(value: Any, times: Any) -> float:
    """Start value: slope of ln y weighted with y^2 over the positive scans; negative when there is none."""
    s0 = s1 = s2 = y0 = y1 = 0.0
    n_positive = 0
    for k in range(times.size):
        if value[k] > 0.0:
            n_positive += 1
            w = value[k] * value[k]
            log_value = np.log(value[k])
            s0 += w
            s1 += w * times[k]
            s2 += w * times[k] * times[k]
            y0 += w * log_value
            y1 += w * times[k] * log_value
    determinant = s0 * s2 - s1 * s1
    if n_positive < 2 or determinant <= 0.0:
        return -1.0
    return -(s0 * y1 - s1 * y0) / determinant


@_njit
def _sums(value: Any, weight: Any, times: Any, decay: float, out: Any) -> None:
    """Weighted sums of e e, e y, e e t, e e t t with e = exp(-decay t)."""
    out[:] = 0.0
    for k in range(times.size):
        e = np.exp(-decay * times[k])
        wee = weight[k] * e * e
        out[0] += wee
        out[1] += weight[k] * e * value[k]
        out[2] += wee * times[k]
        out[3] += wee * times[k] * times[k]


@_njit
def _refined_decay(value: Any, weight: Any, times: Any, decay: float, bounds: Any, sums: Any) -> float:
    """Gauss-Newton in the decay constant with the amplitude eliminated, inside ``bounds``."""
    for _ in range(N_ITERATIONS):
        _sums(value, weight, times, decay, sums)
        amplitude = sums[1] / sums[0]
        mean_time = sums[2] / sums[0]
        jj = jr = 0.0
        for k in range(times.size):
            e = np.exp(-decay * times[k])
            gradient = -amplitude * e * (times[k] - mean_time)
            jj += weight[k] * gradient * gradient
            jr += weight[k] * gradient * (value[k] - amplitude * e)
        if jj <= 0.0:
            return decay
        step = min(max(jr / jj, -0.5 * decay), decay)
        refined = float(min(max(decay + step, bounds[0]), bounds[1]))
        if abs(refined - decay) <= CONVERGED * decay:
            return refined
        decay = refined
    return decay


@_njit
def _relative_uncertainty(sums: Any, amplitude: float, decay: float, scale: float, is_fixed: bool) -> float:
    """First-order relative standard uncertainty of amplitude / decay; with a fixed decay, of the amplitude."""
    if is_fixed:
        return float(np.sqrt(scale / sums[0]) / amplitude)
    a_ll = amplitude * amplitude * sums[3]
    a_al = -amplitude * sums[2]
    determinant = sums[0] * a_ll - a_al * a_al
    if determinant <= 0.0:
        return 0.0
    variance = scale * a_ll / determinant / amplitude**2
    variance += scale * sums[0] / determinant / decay**2
    variance += 2.0 * scale * a_al / determinant / (amplitude * decay)
    return float(np.sqrt(max(variance, 0.0)))


@_njit
def _fit_chunk(images: Any, times: Any, bounds: Any, maps: Any) -> int:
    """Fit the columns of ``images`` (n_t, n) into ``maps`` (4, n); return how many lie at the physical bound.

    The second map is the relative uncertainty for a noise of one, the fourth the misfit in units of A_max.
    """
    n_t, n = images.shape
    n_clamped = 0
    weight, value, sums = np.empty(n_t), np.empty(n_t), np.empty(4)
    for i in range(n):
        maps[:, i] = 0.0
        maps[2, i] = bounds[0]
        top = 0.0
        for k in range(n_t):
            value[k] = images[k, i]
            top = max(top, value[k])
        if top <= 0.0:
            continue
        for k in range(n_t):
            weight[k] = 1.0 / max(value[k], SMALLEST_WEIGHT_SHARE * top)
        start = _log_linear_decay(value, times)
        decay = min(max(start, bounds[0]), bounds[1])
        if start >= 0.0:
            decay = _refined_decay(value, weight, times, decay, bounds, sums)
        _sums(value, weight, times, decay, sums)
        amplitude = max(sums[1] / sums[0], 0.0)
        if amplitude <= 0.0:
            continue
        is_at_bound = decay <= bounds[0] * (1.0 + 1e-6)
        n_clamped += is_at_bound
        maps[0, i] = amplitude / decay
        maps[1, i] = _relative_uncertainty(sums, amplitude, decay, top, is_at_bound or start < 0.0)
        maps[2, i] = decay
        misfit = 0.0
        for k in range(n_t):
            residual = value[k] - amplitude * np.exp(-decay * times[k])
            misfit += weight[k] * residual * residual
        maps[3, i] = misfit / top
    return n_clamped


def _validated(
    images: NDArray[np.float32], times_s: NDArray[Any], voxel_volume_ml: float, per_s: float, noise: float | None
) -> NDArray[np.float64]:
    times = np.asarray(times_s, dtype=np.float64)
    if images.ndim != 4 or images.shape[0] != times.size:
        raise InvalidInputError("Voxel-wise curves need one image for each time.", code="bad_series")
    if times.size < 2:
        raise InsufficientDataError("Voxel-wise curves need two scans; declare a half-life for one scan.")
    if not (np.all(np.isfinite(times)) and np.all(times > 0.0) and np.all(np.diff(times) > 0.0)):
        raise InvalidInputError("Scan times must be above zero and rising.", code="bad_times")
    if not (0.0 < voxel_volume_ml < np.inf and 0.0 < per_s < np.inf):
        raise InvalidInputError("The volume of a voxel and the decay constant must be above zero.", code="bad_series")
    if noise is not None and not 0.0 <= noise < np.inf:
        raise InvalidInputError("The noise of a voxel cannot be negative.", code="bad_series")
    return times


def _noise(flat: NDArray[np.float32], maps: NDArray[np.float32], *, n_scans: int) -> float:
    """Return sigma / sqrt(A A_max) from the misfit of all voxels, each weighted with its largest activity."""
    top = np.maximum(flat.max(axis=0), 0.0) * (maps[0] > 0.0)
    total = float(top.sum(dtype=np.float64))
    if total <= 0.0:
        return 0.0
    misfit = float((top * maps[3]).sum(dtype=np.float64)) / total
    return float(np.sqrt(misfit / (n_scans - N_PARAMETERS)))


def fit_voxels(
    *,
    images_bq_per_ml: NDArray[np.float32],
    times_s: NDArray[Any],
    voxel_volume_ml: float,
    decay_constant_per_s: float,
    noise: float | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> VoxelwiseFit:
    """Fit A exp(-l t) with l >= physical to every voxel and integrate from administration to infinity.

    The half-life is at least a quarter of the first scan's time (or half the physical one, if that is shorter).
    The amplitude is eliminated (variable projection) and l found by Gauss-Newton from a y^2-weighted log-linear start.
    Weights assume count-like noise, sigma^2 proportional to activity. A voxel with one positive scan decays with the
    physical constant; a voxel without any has time-integrated activity zero.

    Parameters
    ----------
    images_bq_per_ml : (n_t, z, y, x) float32 array
        Activity concentration at each time, registered, Bq/mL.
    times_s : (n_t,) array
        Times after administration, s, above zero, rising; two at least.
    voxel_volume_ml : float
        Volume of a voxel, mL.
    decay_constant_per_s : float
        Physical decay constant, 1/s.
    noise : float or None
        sigma / sqrt(A A_max) of one voxel at one time, for the uncertainty map. None: from the residuals of all voxels,
        weighted with their activity, which needs three scans; two scans leave no residual and no map. The residuals
        hold also what a falling exponential does not describe, and motion.
    progress : callable (fraction, message) or None
        Called after each chunk.

    Returns
    -------
    VoxelwiseFit
        Maps in float32; sums in float64.

    Raises
    ------
    InvalidInputError
        Shapes disagree, times are not above zero and rising, a value is not a finite number, or the volume of a voxel
        or the decay constant is not above zero.
    InsufficientDataError
        Fewer than two times.

    References
    ----------
    .. [1] Golub & Pereyra, Separable nonlinear least squares, Inverse Problems 19 (2003) R1-R26.
    """
    times = _validated(images_bq_per_ml, times_s, voxel_volume_ml, decay_constant_per_s, noise)
    shape = images_bq_per_ml.shape[1:]
    flat = images_bq_per_ml.reshape(times.size, -1)
    n = flat.shape[1]
    maps = np.zeros((4, n), dtype=np.float32)
    fastest_per_s = MOST_HALF_LIVES_BEFORE_FIRST_SCAN * np.log(2.0) / times[0]
    bounds = np.array([decay_constant_per_s, max(fastest_per_s, 2.0 * decay_constant_per_s)])

    def fit_slice(start: int) -> int:
        part = slice(start, min(start + CHUNK_VOXELS, n))
        columns = np.ascontiguousarray(flat[:, part], dtype=np.float32)
        if not np.isfinite(columns).all():
            raise InvalidInputError("An image holds a value that is not a finite number.", code="bad_series")
        return int(_fit_chunk(columns, times, bounds, maps[:, part]))

    starts = list(range(0, n, CHUNK_VOXELS))
    n_clamped = 0
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 2)) as pool:
        for i, clamped in enumerate(pool.map(fit_slice, starts)):
            n_clamped += clamped
            if progress is not None:
                progress((i + 1) / len(starts), "Fitting voxels")
    n_signal = int(np.count_nonzero(maps[0]))
    if noise is None and times.size > N_PARAMETERS:
        noise = _noise(flat, maps, n_scans=times.size)
    if noise is not None:
        maps[1] *= np.float32(max(noise, SMALLEST_RELATIVE_SIGMA))
    maps[0] *= np.float32(voxel_volume_ml)
    return VoxelwiseFit(
        time_integrated_activity_bq_s=maps[0].reshape(shape),
        relative_standard_uncertainty=None if noise is None else maps[1].reshape(shape),
        noise=noise,
        effective_decay_constant_per_s=maps[2].reshape(shape),
        clamped_fraction=n_clamped / max(n_signal, 1),
    )
