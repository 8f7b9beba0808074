"""Voxel-wise fit of 128 x 128 x 128 x 4 points against a scipy loop. Run: python benchmarks/voxelwise_fit.py"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.nuclides.decay import get_nuclide

N, N_LOOP, N_RUNS = 128, 400, 3
TIMES_S = np.array([4.0, 24.0, 96.0, 168.0]) * 3600.0


def main() -> None:
    random = np.random.default_rng(0)
    half_life_s = random.uniform(20.0, 120.0, (N, N, N)) * 3600.0
    images = np.stack([1e4 * np.exp(-np.log(2.0) * t / half_life_s) for t in TIMES_S]).astype(np.float32)
    constant = get_nuclide("Lu-177").decay_constant_per_s
    seconds = []
    for _ in range(N_RUNS + 1):
        started = time.perf_counter()
        fit_voxels(images_bq_per_ml=images, times_s=TIMES_S, voxel_volume_ml=0.1, decay_constant_per_s=constant)
        seconds.append(time.perf_counter() - started)
    ours = statistics.median(seconds[1:])
    columns = images.reshape(4, -1)[:, :N_LOOP].astype(float)
    started = time.perf_counter()
    for i in range(N_LOOP):
        curve_fit(lambda t, a, k: a * np.exp(-k * t), TIMES_S, columns[:, i], p0=(columns[0, i], 3e-6))
    loop = (time.perf_counter() - started) / N_LOOP * N**3
    print(f"voxel-wise fit {N}^3 x 4: {ours:.2f} s (median of {N_RUNS}); scipy loop extrapolated {loop:.0f} s")
    print(f"ratio {loop / ours:.0f}")


if __name__ == "__main__":
    main()
