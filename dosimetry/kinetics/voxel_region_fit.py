"""Fit of the voxels of one region with the shape of its accepted curve, by variable projection."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import n_cpu_workers
from dosimetry.kinetics.voxel_kernels import NO_RESIDUAL, njit, read_voxel
from dosimetry.kinetics.voxel_noise import VoxelNoise, noise_from_residuals
from dosimetry.kinetics.voxel_shapes import VoxelShape

N_GRID = 25
"""Values of d between its bounds that are compared before the best one is refined: the cost may have two minima."""

N_GOLDEN = 40
"""Golden sections: 1e-8 of the distance between two values of the grid."""

CHUNK_VOXELS = 20_000
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionVoxelFit:
    """Result for the voxels of a region, in the order given.

    Parameters
    ----------
    time_integrated_activity_bq_s_per_ml : (n,) float32 array
        Integral of the concentration, Bq s/mL.
    unit_standard_uncertainty : (n,) float32 array
        Its standard uncertainty for a noise of one, Bq s/mL.
    noise : VoxelNoise or None
        Noise from the residuals of this fit; None without a free scan or with too few voxels.
    """

    time_integrated_activity_bq_s_per_ml: NDArray[np.float32]
    unit_standard_uncertainty: NDArray[np.float32]
    noise: VoxelNoise | None


@njit
def _amplitudes(value: Any, weight: Any, g: Any, h: Any, two: bool, out: Any) -> float:
    """Weighted least squares with amplitudes at least zero into ``out``; return the sum of squares."""
    gg = gh = hh = gy = hy = 0.0
    for k in range(value.size):
        gg += weight[k] * g[k] * g[k]
        gy += weight[k] * g[k] * value[k]
        if two:
            gh += weight[k] * g[k] * h[k]
            hh += weight[k] * h[k] * h[k]
            hy += weight[k] * h[k] * value[k]
    out[0] = max(gy / gg, 0.0) if gg > 0.0 else 0.0
    out[1] = 0.0
    if two and hh > 0.0:
        determinant = gg * hh - gh * gh
        a = (hh * gy - gh * hy) / determinant if determinant > 1e-14 * gg * hh else 0.0
        b = (gg * hy - gh * gy) / determinant if determinant > 1e-14 * gg * hh else 0.0
        if a > 0.0 and b > 0.0:
            out[0], out[1] = a, b
        elif hy * max(hy, 0.0) / hh > gy * max(gy, 0.0) / max(gg, 1e-300):
            out[0], out[1] = 0.0, hy / hh
    total = 0.0
    for k in range(value.size):
        difference = value[k] - out[0] * g[k] - (out[1] * h[k] if two else 0.0)
        total += weight[k] * difference * difference
    return total


@njit
def _curve(shift: float, times: Any, p: Any, n: Any, g: Any) -> None:
    for k in range(times.size):
        g[k] = np.exp(-shift * times[k]) * p[k] - n[k]


@njit
def _best_shift(
    value: Any, weight: Any, times: Any, p: Any, n: Any, h: Any, two: bool, grid: Any, g: Any, out: Any
) -> float:
    """Least squares in d with the amplitudes eliminated: the best of a grid, then golden sections beside it."""
    best, lowest = 0, np.inf
    for j in range(grid.size):
        _curve(grid[j], times, p, n, g)
        cost = _amplitudes(value, weight, g, h, two, out)
        if cost < lowest:
            best, lowest = j, cost
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    _curve(left, times, p, n, g)
    cost_left = _amplitudes(value, weight, g, h, two, out)
    _curve(right, times, p, n, g)
    cost_right = _amplitudes(value, weight, g, h, two, out)
    for _ in range(N_GOLDEN):
        if cost_left <= cost_right:
            high, right, cost_right = right, left, cost_left
            left = high - GOLDEN * (high - low)
            _curve(left, times, p, n, g)
            cost_left = _amplitudes(value, weight, g, h, two, out)
        else:
            low, left, cost_left = left, right, cost_right
            right = low + GOLDEN * (high - low)
            _curve(right, times, p, n, g)
            cost_right = _amplitudes(value, weight, g, h, two, out)
    return float(0.5 * (low + high))


@njit
def _scaled_normal(jacobian: Any, gradient: Any, weight: Any, m: int) -> Any:
    """J^T W J of the first ``m`` columns with the gradient as last column, every parameter in units of its column."""
    normal = np.zeros((m, m + 1))
    for i in range(m):
        for j in range(m):
            for k in range(weight.size):
                normal[i, j] += weight[k] * jacobian[k, i] * jacobian[k, j]
    scale = np.sqrt(np.diag(normal))
    for i in range(m):
        if scale[i] > 0.0:
            normal[i, m] = gradient[i] / scale[i]
            for j in range(m):
                normal[i, j] /= scale[i] * scale[j] if scale[j] > 0.0 else 1.0
    return normal


@njit
def _variance(normal: Any) -> float:
    """gradient N^-1 gradient by Gaussian elimination; zero when a parameter is open."""
    m = normal.shape[0]
    variance = 0.0
    # The elimination turns it into a sum of squares over the pivots, for N is symmetric and positive.
    for i in range(m):
        if normal[i, i] <= 1e-14:
            return 0.0
        variance += normal[i, m] * normal[i, m] / normal[i, i]
        for j in range(i + 1, m):
            factor = normal[j, i] / normal[i, i]
            for k in range(i, m + 1):
                normal[j, k] -= factor * normal[i, k]
    return float(variance)


@njit
def _uncertainty(
    times: Any,
    weight: Any,
    p: Any,
    n: Any,
    h: Any,
    amplitude: Any,
    shift: float,
    terms: Any,
    integrals: Any,
    moves: bool,
) -> float:
    """Standard uncertainty of the integral for unit variance; parameters at a bound are known."""
    jacobian, gradient = np.zeros((times.size, 3)), np.zeros(3)
    m = 0
    if amplitude[0] > 0.0:
        for k in range(times.size):
            jacobian[k, m] = np.exp(-shift * times[k]) * p[k] - n[k]
        gradient[m] = integrals[0]
        m += 1
        if moves:
            for k in range(times.size):
                jacobian[k, m] = -amplitude[0] * times[k] * np.exp(-shift * times[k]) * p[k]
            for j in range(terms.shape[1]):
                gradient[m] -= amplitude[0] * terms[0, j] / (terms[1, j] + shift) ** 2
            m += 1
    if amplitude[1] > 0.0:
        jacobian[:, m] = h
        gradient[m] = integrals[1]
        m += 1
    return float(np.sqrt(max(_variance(_scaled_normal(jacobian, gradient, weight, m)), 0.0)))


@njit
def _fit_columns(
    images: Any, times: Any, p: Any, n: Any, h: Any, two: bool, grid: Any, terms: Any, fixed: Any, maps: Any
) -> None:
    """Fit the columns (n_t, n) into ``maps`` (3, n): integral, its uncertainty for unit noise, residual.

    ``terms``: amplitudes and constants of the first basis; ``fixed``: integral of its uptake and of the second basis.
    """
    n_t, n_columns = images.shape
    value, weight, g = np.zeros(n_t), np.zeros(n_t), np.zeros(n_t)
    amplitude, integrals = np.zeros(2), np.zeros(2)
    for i in range(n_columns):
        maps[0, i] = maps[1, i] = 0.0
        maps[2, i] = NO_RESIDUAL
        top = read_voxel(images, i, value, weight)
        if top <= 0.0:
            continue
        shift = grid[0]
        if grid.size > 1:
            shift = _best_shift(value, weight, times, p, n, h, two, grid, g, amplitude)
        _curve(shift, times, p, n, g)
        cost = _amplitudes(value, weight, g, h, two, amplitude)
        integrals[0], integrals[1] = -fixed[0], fixed[1]
        for j in range(terms.shape[1]):
            integrals[0] += terms[0, j] / (terms[1, j] + shift)
        maps[0, i] = amplitude[0] * integrals[0] + amplitude[1] * integrals[1]
        margin = 1e-4 * (grid[-1] - grid[0])
        moves = grid.size > 1 and grid[0] + margin < shift < grid[-1] - margin
        scale = np.sqrt(top)
        maps[1, i] = scale * _uncertainty(times, weight, p, n, h, amplitude, shift, terms, integrals, moves)
        is_free = amplitude[0] > 0.0 and (moves or grid.size == 1) and (amplitude[1] > 0.0 or not two)
        if is_free and weight.min() > 0.0:  # every scan was measured
            maps[2, i] = cost / top


def fit_region_voxels(
    columns_bq_per_ml: NDArray[np.float32], *, times_s: NDArray[np.float64], shape: VoxelShape
) -> RegionVoxelFit:
    """Fit the voxels of a region with the shape that its curve gives them.

    Noise and weights as in ``fit_voxels``. A voxel without a value above zero has no time-integrated activity.

    Parameters
    ----------
    columns_bq_per_ml : (n_t, n) float32 array
        Activity concentrations, Bq/mL; a scan that is nan is left out for that voxel.
    times_s : (n_t,) array
        Times after administration, s.
    shape : VoxelShape
        What a voxel may do.

    Returns
    -------
    RegionVoxelFit
        Integrals, uncertainties, noise.
    """
    first, second = shape.first, shape.second
    low, high = shape.shift_bounds_per_s
    h = np.zeros(times_s.size) if second is None else second.falling(times_s) - second.uptake(times_s)
    fixed = np.array([first.uptake_integral_s(), 0.0 if second is None else second.integral_s()])
    slowest = float(first.decays_per_s.min())
    # Steps of equal ratio in the slowest constant: a half-life is as likely to differ by a factor either way.
    grid = np.geomspace(slowest + low, slowest + high, N_GRID) - slowest if low < high else np.zeros(1)
    terms = np.stack([first.amplitudes, first.decays_per_s])
    n = columns_bq_per_ml.shape[1]
    maps = np.zeros((3, n), dtype=np.float32)
    p, uptake = first.falling(times_s), first.uptake(times_s)

    def fit_part(start: int) -> None:
        part = slice(start, min(start + CHUNK_VOXELS, n))
        columns = np.ascontiguousarray(columns_bq_per_ml[:, part], dtype=np.float32)
        _fit_columns(columns, times_s, p, uptake, h, second is not None, grid, terms, fixed, maps[:, part])

    with ThreadPoolExecutor(max_workers=n_cpu_workers()) as pool:
        list(pool.map(fit_part, range(0, n, CHUNK_VOXELS)))
    return RegionVoxelFit(
        time_integrated_activity_bq_s_per_ml=maps[0],
        unit_standard_uncertainty=maps[1],
        noise=noise_from_residuals(maps[2], n_free=times_s.size - shape.n_parameters),
    )
