"""Kernel engine at 128 x 128 x 128 against scipy.signal.fftconvolve. Run: python benchmarks/kernel_convolution.py"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dosimetry.compute import fft_backend
from dosimetry.dose import voxel_kernel as kernels
from dosimetry.dose.body_scatter import scatter_correction
from dosimetry.dose.kernel_engine import convolve
from dosimetry.dose.nuclide_kernel import nuclide_kernel
from dosimetry.nuclides.emissions import get_emissions

N, N_RUNS = 128, 5
SPACINGS_MM = ((4.0, 4.0, 4.0), (4.8, 4.8, 4.8))
"""The second is the slowest case: its photons are not thinned out."""
NEW_SPACINGS_MM = ((2.0, 2.0, 3.0), (4.0, 4.0, 4.0), (2.21, 2.21, 2.21))
DENSITY_G_PER_ML = 1.04


def median_seconds(action, n=N_RUNS):
    seconds = []
    for _ in range(n):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def dense_octant(emissions, spacing_mm):
    """The same kernel on the fine grid alone, out to the size of the map: what fftconvolve needs."""
    radial = kernels.radial_in_medium(nuclide_kernel(emissions).all_photons, DENSITY_G_PER_ML, 500.0)
    spacing = np.array(spacing_mm[::-1])
    octant = kernels.fine_octant(radial, spacing, None)[:N, :N, :N]
    return (octant * 1.602176634e-13 / (np.prod(spacing) * 1e-3 * DENSITY_G_PER_ML)).astype(np.float32)


def main() -> None:
    emissions = get_emissions("I-131")
    build = []
    for i, spacing in enumerate(((3.3, 3.3, 3.3), *NEW_SPACINGS_MM)):
        started = time.perf_counter()
        kernels.voxel_kernel(emissions, spacing_xyz_mm=spacing, density_g_per_ml=DENSITY_G_PER_ML)
        seconds = time.perf_counter() - started
        if i == 0:
            print(f"first voxel kernel of a process (tables, compiled code from its cache): {seconds:.2f} s")
        else:
            build.append(seconds)
    print(f"voxel kernel for a new nuclide and voxel size: {statistics.median(build):.2f} s (median of {len(build)})")
    for spacing in SPACINGS_MM:
        compare(emissions, spacing)


def compare(emissions, spacing_mm) -> None:
    kernel = kernels.voxel_kernel(emissions, spacing_xyz_mm=spacing_mm, density_g_per_ml=DENSITY_G_PER_ML)
    tia = np.zeros((N, N, N), dtype=np.float32)
    tia[40:90, 40:90, 40:90] = np.random.default_rng(0).random((50, 50, 50)) * 1e9
    electrons, photons = kernels.mirrored(kernel.electrons), kernels.mirrored(dense_octant(emissions, spacing_mm))

    def scipy_twice():
        return fftconvolve(tia, electrons, mode="same"), fftconvolve(tia, photons, mode="same")

    ours = median_seconds(lambda: convolve(tia, kernel, device="cpu"))
    theirs = median_seconds(scipy_twice, n=3)
    workers = fft_backend("cpu").n_workers
    print(
        f"kernel engine {N}^3 of {spacing_mm[0]} mm, photons to 50 cm: {ours:.2f} s "
        f"(median of {N_RUNS}, {workers} threads)"
    )
    body = np.zeros((N, N, N), dtype=bool)
    body[:, 20:110, 10:120] = True
    arguments = {
        "emissions": emissions,
        "spacing_zyx_mm": spacing_mm,
        "kernel_density_g_per_ml": DENSITY_G_PER_ML,
        "reach_mm": 500.0,
        "backend": fft_backend("cpu"),
    }
    scatter = median_seconds(lambda: scatter_correction(tia, body, **arguments))
    print(f"scatter of the body on top, with a density map: {scatter:.2f} s (median of {N_RUNS})")
    print(f"scipy.signal.fftconvolve with the same kernels: {theirs:.2f} s (median of 3)")
    print(f"ratio {theirs / ours:.1f}; with the body {theirs / (ours + scatter):.1f}")
    exact = fftconvolve(tia, photons, mode="full")
    start = [(n - 1) // 2 for n in photons.shape]
    exact = exact[tuple(slice(s, s + N) for s in start)]
    worst = float(np.abs(convolve(tia, kernel, device="cpu").photons_gy - exact).max() / exact.max())
    print(f"largest difference of photon dose to the dense kernel, over the maximum: {100 * worst:.2f} %")


if __name__ == "__main__":
    main()
