"""Mono-exponential fit of every voxel by variable projection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import Device, choose_device, n_cpu_workers, tensor_backend
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.voxel_kernels import N_MAPS, fit_mono
from dosimetry.kinetics.voxel_noise import VoxelNoise, estimate_noise
from dosimetry.kinetics.voxel_tensors import fit_mono_tensors

CHUNK_VOXELS = 400_000

MOST_HALF_LIVES_BEFORE_FIRST_SCAN = 4.0
"""Extrapolation to administration multiplies the first scan by at most 2^4: noise beside zero or negative values has no
lower bound of its half-life, and without this its time-integrated activity has no upper one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelwiseFit:
    """Maps of the fit, each (z, y, x) float32.

    Parameters
    ----------
    time_integrated_activity_bq_s : array
        Time-integrated activity of each voxel, Bq s; zero where there is no signal.
    relative_standard_uncertainty : array
        Relative standard uncertainty of it from the noise; zero where there is no signal, nan where the noise is not
        known.
    effective_decay_constant_per_s : array
        Effective decay constant, 1/s; the physical one where there is no signal.
    clamped_fraction : float
        Share of voxels with signal whose decay constant lies at the physical bound.
    noise : VoxelNoise or None
        What the uncertainty rests on; None when it was not declared and there were too few voxels to estimate it.
    """

    time_integrated_activity_bq_s: NDArray[np.float32]
    relative_standard_uncertainty: NDArray[np.float32]
    effective_decay_constant_per_s: NDArray[np.float32]
    clamped_fraction: float
    noise: VoxelNoise | None


def fit_voxels(
    *,
    images_bq_per_ml: NDArray[np.float32],
    times_s: NDArray[Any],
    voxel_volume_ml: float,
    decay_constant_per_s: float,
    relative_standard_uncertainty: float | None = None,
    may_be_unmeasured: bool = False,
    device: Device | None = None,
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
    relative_standard_uncertainty : float or None
        sigma / sqrt(A A_max) of one voxel at one time, for the uncertainty map; None: estimated from the images.
    may_be_unmeasured : bool
        A voxel that is nan at a time lies outside that scan and rests on the others; without this nan is refused.
    device : {"cpu", "cuda", "torch_cpu"} or None
        None: CUDA when torch finds a card, else compiled code on all cores.
    progress : callable (fraction, message) or None
        Called after each chunk.

    Returns
    -------
    VoxelwiseFit
        Maps in float32; sums in float64. The uncertainty is that of independent noise alone.

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
    times = validated_series(images_bq_per_ml, times_s)
    if not (0.0 < voxel_volume_ml < np.inf and 0.0 < decay_constant_per_s < np.inf):
        raise InvalidInputError("The volume of a voxel and the decay constant must be above zero.", code="bad_series")
    if relative_standard_uncertainty is not None and not 0.0 <= relative_standard_uncertainty < np.inf:
        raise InvalidInputError("Relative uncertainties cannot be negative.", code="bad_series")
    shape = images_bq_per_ml.shape[1:]
    flat = images_bq_per_ml.reshape(times.size, -1)
    bounds = np.array([decay_constant_per_s, fastest_decay_per_s(times, decay_constant_per_s)])
    maps, n_clamped = _fit_all(flat, times, bounds, device, may_be_unmeasured, progress)
    if relative_standard_uncertainty is None:
        noise = estimate_noise(flat, maps[3])
    else:
        noise = VoxelNoise(relative_standard_uncertainty=relative_standard_uncertainty, origin="declared", n_voxels=0)
    has_signal = maps[0] > 0.0
    maps[0] *= np.float32(voxel_volume_ml)
    maps[1] *= np.float32(np.nan if noise is None else noise.relative_standard_uncertainty)
    maps[1][~has_signal] = 0.0
    return VoxelwiseFit(
        time_integrated_activity_bq_s=maps[0].reshape(shape),
        relative_standard_uncertainty=maps[1].reshape(shape),
        effective_decay_constant_per_s=maps[2].reshape(shape),
        clamped_fraction=n_clamped / max(int(np.count_nonzero(has_signal)), 1),
        noise=noise,
    )


def validated_series(images_bq_per_ml: NDArray[Any], times_s: NDArray[Any]) -> NDArray[np.float64]:
    """Return the times of a series of images as float64.

    Raises
    ------
    InvalidInputError
        There is not one image for each time, or the times are not above zero and rising.
    InsufficientDataError
        Fewer than two times.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if images_bq_per_ml.ndim != 4 or images_bq_per_ml.shape[0] != times.size:
        raise InvalidInputError("Voxel-wise curves need one image for each time.", code="bad_series")
    if times.size < 2:
        raise InsufficientDataError("Voxel-wise curves need two scans; declare a half-life for one scan.")
    if not (np.all(np.isfinite(times)) and np.all(times > 0.0) and np.all(np.diff(times) > 0.0)):
        raise InvalidInputError("Scan times must be above zero and rising.", code="bad_times")
    return times


def fastest_decay_per_s(times_s: NDArray[np.float64], decay_constant_per_s: float) -> float:
    """Return the largest decay constant that a voxel may have, 1/s; at least twice the physical one."""
    fastest_per_s = MOST_HALF_LIVES_BEFORE_FIRST_SCAN * np.log(2.0) / float(times_s[0])
    return float(max(fastest_per_s, 2.0 * decay_constant_per_s))


def _fit_all(
    flat: NDArray[np.float32],
    times: NDArray[np.float64],
    bounds: NDArray[np.float64],
    device: Device | None,
    may_be_unmeasured: bool,
    progress: Callable[[float, str], None] | None,
) -> tuple[NDArray[np.float32], int]:
    """Fit chunk by chunk: on threads by compiled code, or one after the other on tensors."""
    n = flat.shape[1]
    maps = np.zeros((N_MAPS, n), dtype=np.float32)
    backend = tensor_backend(choose_device(device))

    def fit_slice(start: int) -> int:
        part = slice(start, min(start + CHUNK_VOXELS, n))
        columns = np.ascontiguousarray(flat[:, part], dtype=np.float32)
        if not np.isfinite(columns).all() and (not may_be_unmeasured or np.isinf(columns).any()):
            raise InvalidInputError("An image holds a value that is not a finite number.", code="bad_series")
        if backend is None:
            return int(fit_mono(columns, times, bounds, maps[:, part]))
        return fit_mono_tensors(columns, times, bounds, maps[:, part], backend=backend)

    starts = list(range(0, n, CHUNK_VOXELS))
    n_clamped = 0
    with ThreadPoolExecutor(max_workers=n_cpu_workers() if backend is None else 1) as pool:
        for i, clamped in enumerate(pool.map(fit_slice, starts)):
            n_clamped += clamped
            if progress is not None:
                progress((i + 1) / len(starts), "Fitting voxels")
    return maps, n_clamped
