"""Compiled loop of the mono-exponential fit of every voxel."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

N_ITERATIONS = 12
CONVERGED = 1e-7
SMALLEST_WEIGHT_SHARE = 0.05
"""A scan below this share of the largest is weighted as if it had it: its noise is background."""

AT_BOUND = 1.0 + 1e-6
"""A decay constant below the physical one times this lies at the physical bound."""

NO_RESIDUAL = -1.0
"""Stands for the residual of a voxel whose curve has no signal or lies at a bound: it says nothing about noise."""

N_MAPS = 4
"""Time-integrated activity per mL, its relative uncertainty for unit noise, decay constant, residual."""

_F = TypeVar("_F", bound=Callable[..., Any])


def njit(function: _F) -> _F:
    """Compile without the interpreter lock, so that heartbeats go on; typed."""
    compiled: _F = numba.njit(function, nogil=True, cache=True)
    return compiled


@njit
def read_voxel(images: Any, i: int, value: Any, weight: Any) -> float:
    """Copy one column and weigh it by 1 / activity; a scan that is nan has weight zero. Return the largest value."""
    top = 0.0
    for k in range(value.size):
        value[k] = images[k, i]
        top = max(top, value[k])
    for k in range(value.size):
        if np.isnan(value[k]):
            value[k] = weight[k] = 0.0
        elif top > 0.0:
            weight[k] = 1.0 / max(value[k], SMALLEST_WEIGHT_SHARE * top)
    return top


@njit
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


@njit
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


@njit
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


@njit
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


@njit
def _residual(value: Any, weight: Any, times: Any, amplitude: float, decay: float) -> float:
    total = 0.0
    for k in range(times.size):
        difference = value[k] - amplitude * np.exp(-decay * times[k])
        total += weight[k] * difference * difference
    return total


@njit
def fit_mono(images: Any, times: Any, bounds: Any, maps: Any) -> int:
    """Fit the columns of ``images`` (n_t, n) into ``maps`` (N_MAPS, n); return how many lie at the physical bound."""
    n_t, n = images.shape
    n_clamped = 0
    weight, value, sums = np.zeros(n_t), np.empty(n_t), np.empty(4)
    for i in range(n):
        maps[0, i] = maps[1, i] = 0.0
        maps[2, i], maps[3, i] = bounds[0], NO_RESIDUAL
        top = read_voxel(images, i, value, weight)
        if top <= 0.0:
            continue
        start = _log_linear_decay(value, times)
        decay = min(max(start, bounds[0]), bounds[1])
        if start >= 0.0:
            decay = _refined_decay(value, weight, times, decay, bounds, sums)
        _sums(value, weight, times, decay, sums)
        amplitude = max(sums[1] / sums[0], 0.0)
        if amplitude <= 0.0:
            continue
        is_at_bound = decay <= bounds[0] * AT_BOUND
        n_clamped += is_at_bound
        maps[0, i] = amplitude / decay
        maps[1, i] = _relative_uncertainty(sums, amplitude, decay, top, is_at_bound or start < 0.0)
        maps[2, i] = decay
        if start >= 0.0 and bounds[0] * AT_BOUND < decay < bounds[1]:
            maps[3, i] = _residual(value, weight, times, amplitude, decay) / top
    return n_clamped
