"""Photon histories per second in water, 208 keV, 4 mm voxels. Run: python benchmarks/photon_mc.py"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.dose.photon_mc import PhotonSettings, transport_photons

N, SPACING_MM, ENERGY_KEV = 64, 4.0, 208.366
N_HISTORIES, N_RUNS = 2_000_000, 5


def main() -> None:
    source = np.zeros((N, N, N))
    source[24:40, 24:40, 24:40] = 1.0
    density = np.ones((N, N, N), dtype=np.float32)

    def seconds(n_threads: int, n_histories: int) -> float:
        started = time.perf_counter()
        transport_photons(
            source=source,
            photon_energies_kev=np.array([ENERGY_KEV]),
            photon_yields=np.ones(1),
            density_g_per_ml=density,
            spacing_xyz_mm=(SPACING_MM,) * 3,
            settings=PhotonSettings(max_histories=n_histories, histories_per_batch=100_000, n_threads=n_threads),
        )
        return time.perf_counter() - started

    seconds(1, 2_000)  # compiles
    for n_threads in (1, 2):
        rate = N_HISTORIES / statistics.median(seconds(n_threads, N_HISTORIES) for _ in range(N_RUNS))
        print(f"{n_threads} thread(s): {rate / 1e6:.2f} million histories/s (median of {N_RUNS})")


if __name__ == "__main__":
    main()
