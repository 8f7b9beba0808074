"""Voxel-wise fit with uncertainty map against a scipy loop. Run: python benchmarks/voxelwise_fit.py"""

import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.compute import n_cpu_workers
from dosimetry.kinetics.voxel_kernels import SMALLEST_WEIGHT_SHARE
from dosimetry.kinetics.voxelwise import fastest_decay_per_s, fit_voxels
from dosimetry.nuclides.decay import get_nuclide

N_LOOP, N_RUNS = 2_000, 5
TIMES_S = np.array([4.0, 24.0, 96.0, 168.0]) * 3600.0
PER_S = 1e-6
"""curve_fit moves in units of this, so that both of its parameters are near one."""


def noisy_images(n: int) -> np.ndarray:
    """Return (4, n, n, n) float32: half-life 20 to 120 h, activity over a decade, sigma = 0.1 sqrt(A A_first)."""
    random = np.random.default_rng(0)
    images = np.empty((TIMES_S.size, n, n, n), dtype=np.float32)
    for z in range(n):
        half_life_s = random.uniform(20.0, 120.0, (n, n)) * 3600.0
        first = 10.0 ** random.uniform(3.0, 4.0, (n, n))
        for k, time_s in enumerate(TIMES_S):
            clean = first * np.exp(-np.log(2.0) * time_s / half_life_s)
            images[k, z] = clean + 0.1 * np.sqrt(clean * first) * random.standard_normal((n, n))
    return images


def median_seconds(images: np.ndarray, constant: float, n_runs: int) -> tuple[float, np.ndarray]:
    seconds, fit = [], None
    for _ in range(n_runs + 1):
        fit = None  # two results at once would count double
        started = time.perf_counter()
        fit = fit_voxels(
            images_bq_per_ml=images, times_s=TIMES_S, voxel_volume_ml=1.0, decay_constant_per_s=constant, device="cpu"
        )
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:]), fit.time_integrated_activity_bq_s.ravel()


def scipy_tia(column: np.ndarray, constant: float) -> float:
    top = column.max()
    bounds = ([0.0, constant / PER_S], [np.inf, fastest_decay_per_s(TIMES_S, constant) / PER_S])
    amplitude, decay = curve_fit(
        lambda t, a, k: a * np.exp(-k * PER_S * t),
        TIMES_S,
        column / top,
        p0=(1.0, 3.0),
        sigma=np.sqrt(np.maximum(column / top, SMALLEST_WEIGHT_SHARE)),
        bounds=bounds,
    )[0]
    return float(amplitude * top / (decay * PER_S))


def main() -> None:
    constant = get_nuclide("Lu-177").decay_constant_per_s
    images = noisy_images(128)
    ours, tia = median_seconds(images, constant, N_RUNS)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    sampled = np.random.default_rng(1).choice(tia.size, N_LOOP, replace=False)
    columns = images.reshape(TIMES_S.size, -1)[:, sampled].astype(float)
    started = time.perf_counter()
    reference = np.array([scipy_tia(columns[:, i], constant) for i in range(N_LOOP)])
    loop = (time.perf_counter() - started) / N_LOOP * tia.size
    agreement = np.mean(np.abs(tia[sampled] / reference - 1.0) < 1e-3)
    print(f"{n_cpu_workers()} threads; 128^3 x 4 with uncertainty map: {ours:.2f} s, median of {N_RUNS}")
    print(f"peak memory of the process {peak_mb:.0f} MB, images included")
    print(f"curve_fit loop, extrapolated from {N_LOOP} voxels: {loop:.0f} s; ratio {loop / ours:.0f}")
    print(f"within 1e-3 of curve_fit: {100.0 * agreement:.2f} % of {N_LOOP}")
    del images, columns
    large, _ = median_seconds(noisy_images(256), constant, 3)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"256^3 x 4: {large:.2f} s, {large / ours / 8.0:.2f} of eight times 128^3; peak {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
