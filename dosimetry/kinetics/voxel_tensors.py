"""The mono-exponential fit of every voxel on tensors: the loop of ``voxel_kernels`` for a whole chunk at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import TensorBackend
from dosimetry.kinetics.voxel_kernels import AT_BOUND, N_ITERATIONS, NO_RESIDUAL, SMALLEST_WEIGHT_SHARE


def fit_mono_tensors(
    columns: NDArray[np.float32],
    times_s: NDArray[np.float64],
    bounds: NDArray[np.float64],
    maps: NDArray[np.float32],
    *,
    backend: TensorBackend,
) -> int:
    """Fit a chunk in double precision on the backend's device.

    Parameters
    ----------
    columns : (n_t, n) float32 array
        Activity concentrations, Bq/mL; nan where a scan does not reach.
    times_s : (n_t,) array
        Times after administration, s.
    bounds : (2,) array
        Smallest and largest decay constant, 1/s.
    maps : (N_MAPS, n) float32 array
        Filled as by ``voxel_kernels.fit_mono``.
    backend : TensorBackend
        torch and its device.

    Returns
    -------
    int
        How many voxels lie at the physical bound.
    """
    torch = backend.torch
    place = {"dtype": torch.float64, "device": backend.name}
    y = torch.from_numpy(columns).to(**place)
    t = torch.as_tensor(times_s, **place)[:, None]
    is_measured = ~torch.isnan(y)
    y = torch.nan_to_num(y, nan=0.0)
    top = y.amax(dim=0).clamp(min=0.0)
    weight = is_measured / torch.maximum(y, SMALLEST_WEIGHT_SHARE * top).clamp(min=torch.finfo(torch.float64).tiny)
    weight = torch.where(top > 0.0, weight, torch.zeros_like(weight))
    start = _log_linear(torch, y, t)
    decay = start.clamp(float(bounds[0]), float(bounds[1]))
    is_fixed = start < 0.0
    for _ in range(N_ITERATIONS):
        refined = _step(torch, y, weight, t, decay).clamp(float(bounds[0]), float(bounds[1]))
        decay = torch.where(is_fixed, decay, refined)
    e = torch.exp(-decay * t)
    see, sey = (weight * e * e).sum(dim=0), (weight * e * y).sum(dim=0)
    amplitude = torch.where(see > 0.0, sey / see, torch.zeros_like(see)).clamp(min=0.0)
    has_signal = amplitude > 0.0
    is_at_bound = has_signal & (decay <= bounds[0] * AT_BOUND)
    relative = _relative(torch, weight, e, t, amplitude, decay, top, is_at_bound | is_fixed)
    residual = (weight * (y - amplitude * e) ** 2).sum(dim=0) / top
    says_nothing = is_at_bound | is_fixed | (decay >= bounds[1]) | ~has_signal
    zero = torch.zeros_like(decay)
    rows = (
        amplitude / decay,
        torch.where(has_signal, relative, zero),
        torch.where(has_signal, decay, zero + bounds[0]),
        torch.where(says_nothing, zero + NO_RESIDUAL, residual),
    )
    maps[:] = torch.stack(rows).to(torch.float32).cpu().numpy()
    return int(is_at_bound.sum())


def _log_linear(torch: Any, y: Any, t: Any) -> Any:
    """Return the slope of ln y weighted with y^2 over the positive scans; negative when there is none."""
    is_positive = y > 0.0
    w = torch.where(is_positive, y * y, torch.zeros_like(y))
    log_y = torch.log(torch.where(is_positive, y, torch.ones_like(y)))
    s0, s1, s2 = w.sum(dim=0), (w * t).sum(dim=0), (w * t * t).sum(dim=0)
    determinant = s0 * s2 - s1 * s1
    slope = (s1 * (w * log_y).sum(dim=0) - s0 * (w * t * log_y).sum(dim=0)) / determinant
    return torch.where((is_positive.sum(dim=0) < 2) | (determinant <= 0.0), torch.full_like(slope, -1.0), slope)


def _step(torch: Any, y: Any, weight: Any, t: Any, decay: Any) -> Any:
    """Return the decay constants after one Gauss-Newton step with the amplitude eliminated."""
    e = torch.exp(-decay * t)
    we = weight * e
    see = (we * e).sum(dim=0)
    amplitude = (we * y).sum(dim=0) / see
    gradient = -amplitude * e * (t - (we * e * t).sum(dim=0) / see)
    jj = (weight * gradient * gradient).sum(dim=0)
    jr = (weight * gradient * (y - amplitude * e)).sum(dim=0)
    step = torch.maximum(torch.minimum(jr / jj, decay), -0.5 * decay)
    return torch.where(jj > 0.0, decay + step, decay)


def _relative(torch: Any, weight: Any, e: Any, t: Any, amplitude: Any, decay: Any, top: Any, is_fixed: Any) -> Any:
    """Return the relative standard uncertainty of amplitude / decay for unit noise."""
    see, set_, sett = ((weight * e * e * t**power).sum(dim=0) for power in (0, 1, 2))
    a_ll, a_al = amplitude**2 * sett, -amplitude * set_
    determinant = see * a_ll - a_al * a_al
    variance = top * (a_ll / amplitude**2 + see / decay**2 + 2.0 * a_al / (amplitude * decay)) / determinant
    free = torch.where(determinant > 0.0, variance.clamp(min=0.0).sqrt(), torch.zeros_like(variance))
    return torch.where(is_fixed, (top / see).sqrt() / amplitude, free)
