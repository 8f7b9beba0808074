"""Photon part of the kernel engine against the photon Monte Carlo where both must agree: endless uniform tissue."""

import numpy as np
import pytest

from dosimetry.dose.kernel_engine import convolve
from dosimetry.dose.nuclide_kernel import photon_lines_with_bremsstrahlung
from dosimetry.dose.photon_mc import PhotonSettings, transport_photons
from dosimetry.dose.voxel_kernel import voxel_kernel
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY

pytestmark = pytest.mark.slow

N, SPACING_MM = 135, (6.0, 6.0, 6.0)
SHELLS_MM = ((60.0, 80.0), (100.0, 120.0), (150.0, 170.0), (200.0, 220.0), (280.0, 300.0))


@pytest.mark.parametrize("nuclide", ["Lu-177", "I-131"])
def test_photons_in_uniform_tissue(nuclide):
    middle = N // 2
    emissions = get_emissions(nuclide)
    source = np.zeros((N, N, N), dtype=np.float32)
    source[middle - 4 : middle + 5, middle - 4 : middle + 5, middle - 4 : middle + 5] = 1.0 / 729.0
    place = np.indices(source.shape) - middle
    distance_mm = np.sqrt((place**2).sum(axis=0)) * SPACING_MM[0]
    regions = {"source": (source > 0.0).astype(float)}
    for first, last in SHELLS_MM:
        regions[f"{first:g} mm"] = ((distance_mm >= first) & (distance_mm < last)).astype(float)
    kernel = voxel_kernel(emissions, spacing_xyz_mm=SPACING_MM, density_g_per_ml=1.04)
    by_kernel = convolve(source, kernel, device="cpu").photons_gy * (kernel.voxel_mass_g / KEV_PER_G_GY)
    energies, yields = photon_lines_with_bremsstrahlung(emissions)
    by_mc = transport_photons(
        source=source,
        photon_energies_kev=energies,
        photon_yields=yields,
        density_g_per_ml=np.full(source.shape, 1.04, dtype=np.float32),
        spacing_xyz_mm=SPACING_MM,
        target_regions=regions,
        settings=PhotonSettings(seed=12, max_histories=4_000_000, histories_per_batch=200_000),
    )
    for name, region in regions.items():
        # Statistics 0.1 to 0.2 %; the grid ends 100 mm behind the last shell, the kernel does not.
        expected = by_mc.regions[name].energy_kev_per_decay
        assert float((by_kernel * region).sum(dtype=np.float64)) == pytest.approx(expected, rel=0.01), name
