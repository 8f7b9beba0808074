"""DVH of one region on 256 x 256 x 256. Run: python benchmarks/dvh.py"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.dvh.histogram import dose_volume_histogram
from dosimetry.volume import Grid, Volume

N_RUNS = 9


def main() -> None:
    grid = Grid(shape_zyx=(256, 256, 256), spacing_xyz_mm=(2.0, 2.0, 2.0), origin_lps_mm=(0.0, 0.0, 0.0))
    dose = Volume(values=np.random.default_rng(0).random(grid.shape_zyx).astype(np.float32), grid=grid, unit="Gy")
    mask = np.zeros(grid.shape_zyx, dtype=bool)
    mask[100:140, 100:150, 100:150] = True
    seconds = []
    for _ in range(N_RUNS):
        started = time.perf_counter()
        dose_volume_histogram(dose, mask=mask, mask_grid=grid)
        seconds.append(time.perf_counter() - started)
    print(f"DVH of {int(mask.sum())} voxels on 256^3: {1e3 * statistics.median(seconds):.0f} ms (median of {N_RUNS})")


if __name__ == "__main__":
    main()
