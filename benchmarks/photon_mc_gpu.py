"""Photon histories per second, compiled code against tensors. Run: python benchmarks/photon_mc_gpu.py

Tia of a cube in lung, soft tissue and bone, Lu-177 photons, 4 mm voxels. Without a card torch runs on the CPU, briefly.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.compute import choose_device, n_cpu_workers, tensor_backend
from dosimetry.dose.photon_mc import PhotonSettings, PhotonTransportResult, transport_photons

N, SPACING_MM = 96, 4.0
LINES_KEV, YIELDS = np.array([54.6, 55.8, 112.95, 208.366]), np.array([0.016, 0.028, 0.062, 0.104])
N_RUNS, N_BATCHES = 3, 20
COMPILED_HISTORIES, CARD_HISTORIES, TORCH_CPU_HISTORIES = 1_000_000, 20 * 2**20, 100_000


def phantom() -> tuple[np.ndarray, np.ndarray]:
    density = np.ones((N, N, N), dtype=np.float32)
    density[..., : N // 3], density[..., 2 * N // 3 :] = 0.26, 1.6
    source = np.zeros((N, N, N))
    middle = slice(N // 2 - 12, N // 2 + 12)
    source[middle, middle, middle] = 1.0
    return source, density


def run(device: str, n_histories: int) -> tuple[float, PhotonTransportResult]:
    source, density = phantom()
    started = time.perf_counter()
    result = transport_photons(
        source=source,
        photon_energies_kev=LINES_KEV,
        photon_yields=YIELDS,
        density_g_per_ml=density,
        spacing_xyz_mm=(SPACING_MM,) * 3,
        target_regions={"source": source},
        settings=PhotonSettings(
            max_histories=n_histories,
            histories_per_batch=n_histories // N_BATCHES,
            n_threads=min(n_cpu_workers(), 4),
            device=device,
        ),
    )
    return time.perf_counter() - started, result


def report(label: str, device: str, n_histories: int) -> tuple[float, PhotonTransportResult]:
    run(device, n_histories // 10)  # compiles, starts the card
    timed = [run(device, n_histories) for _ in range(N_RUNS)]
    rate = n_histories / statistics.median(seconds for seconds, _ in timed)
    print(f"{label}: {rate / 1e6:.2f} million histories/s (median of {N_RUNS} runs of {n_histories})")
    return rate, timed[0][1]


def main() -> None:
    has_card = choose_device() == "cuda"
    device = "cuda" if has_card else "torch_cpu"
    backend = tensor_backend(device)
    print(f"card: {backend.card_name}" if has_card else "card: no GPU; torch runs on the CPU")
    print(f"torch {backend.torch.__version__}, {n_cpu_workers()} processors, grid {N}^3 of {SPACING_MM} mm")
    compiled, theirs = report("numba", "cpu", COMPILED_HISTORIES)
    histories = CARD_HISTORIES if has_card else TORCH_CPU_HISTORIES
    tensors, ours = report(f"torch on {backend.card_name or 'the CPU'}", device, histories)
    print(f"ratio torch / numba: {tensors / compiled:.2f}")
    one, two = ours.regions["source"], theirs.regions["source"]
    combined = np.hypot(one.standard_uncertainty_kev_per_decay, two.standard_uncertainty_kev_per_decay)
    difference = one.energy_kev_per_decay - two.energy_kev_per_decay
    print(f"energy in the source: difference {difference / combined:+.1f} combined standard errors")


if __name__ == "__main__":
    main()
