"""Voxel S-values of Lanconelli et al., Phys. Med. Biol. 57 (2012) 517 (verification numbers, section 3)."""

import zipfile

import numpy as np
import pytest

from dosimetry.dose.kernel_engine import convolve
from dosimetry.dose.voxel_kernel import octant_sum, voxel_kernel
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY

pytestmark = pytest.mark.reference

SOFT_TISSUE_G_PER_ML = 1.04
FILES = {"Y-90": "90Y", "I-131": "131I", "Lu-177": "177Lu", "Sr-89": "89Sr", "Re-188": "188Re", "Sm-153": "153Sm"}
MGY_PER_MBQ_S = 1e-9
N = 11
"""The table holds offsets 0 to 5."""


def voxel_ratios(shared_data, nuclide, size_mm):
    """Return offsets, table values over that of the source voxel, and ours over the table."""
    kernel = voxel_kernel(get_emissions(nuclide), spacing_xyz_mm=(size_mm,) * 3, density_g_per_ml=SOFT_TISSUE_G_PER_ML)
    impulse = np.zeros((N, N, N))
    impulse[N // 2, N // 2, N // 2] = 1.0
    dose = convolve(impulse, kernel, device="cpu")
    ours = (dose.electrons_gy + dose.photons_gy)[N // 2 :, N // 2 :, N // 2 :] / MGY_PER_MBQ_S
    with zipfile.ZipFile(shared_data / "voxel_s_values" / "lanconelli.zip") as archive:
        text = archive.read(f"{FILES[nuclide]}{size_mm:g}mmsoft.txt").decode("latin-1")
    rows = np.array([line.split()[:4] for line in text.splitlines() if line[:1].isdigit() and "\t" in line[:3]])
    offsets, table = rows[:, :3].astype(int), rows[:, 3].astype(float)
    return offsets, table / table.max(), ours[tuple(offsets.T)] / table


@pytest.mark.parametrize("size_mm", [2.21, 2.33, 2.4, 3.0, 3.59, 3.9, 4.0, 4.42, 4.8, 5.0, 6.0, 6.8, 9.28])
@pytest.mark.parametrize("nuclide", ["Y-90", "I-131"])
def test_voxels_above_a_thousandth_of_the_source_voxel(shared_data, nuclide, size_mm):
    offsets, relative, ratio = voxel_ratios(shared_data, nuclide, size_mm)
    assert len(offsets) > 50
    # Section 3: 3 % (rounding of the table 0.5 %, transport models).
    assert ratio[relative > 1e-3] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("size_mm", [2.21, 4.8])
def test_lu177_as_far_as_the_table_holds_its_energy(shared_data, size_mm):
    """The table closes on 140 keV, ICRP 107 on 147.9: most conversion and Auger electrons are missing in it."""
    _, relative, ratio = voxel_ratios(shared_data, "Lu-177", size_mm)
    assert ratio[0] == pytest.approx(1.08, abs=0.01)
    # Section 3 expects 0.99 to 1.04; entries at the end of the beta range depend on the spectrum: 3 % below it.
    others = ratio[1:][relative[1:] > 1e-4]
    assert others.min() > 0.96
    assert others.max() < 1.04


@pytest.mark.parametrize(("nuclide", "expected"), [("Re-188", 1.065), ("Sm-153", 1.25)])
def test_source_voxels_where_the_table_lacks_conversion_electrons(shared_data, nuclide, expected):
    # Section 3 expects 1.05 and 1.23 from the missing energy alone; Re-188 leaves part of it to the next voxels.
    assert voxel_ratios(shared_data, nuclide, 2.21)[2][0] == pytest.approx(expected, abs=0.02)


def test_sr89_source_and_neighbours(shared_data):
    _, relative, ratio = voxel_ratios(shared_data, "Sr-89", 4.8)
    # A pure beta emitter whose table closes (582.2 of 584.5 keV); tails above 1e-2 only, see docs/physics/engines.md.
    assert ratio[relative > 1e-2] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("size_mm", [3.9, 4.8, 6.0])
@pytest.mark.parametrize(("nuclide", "range_mm"), [("Y-90", 13.0), ("Sr-89", 9.0)])
def test_bremsstrahlung_beyond_the_range_of_betas(shared_data, nuclide, range_mm, size_mm):
    offsets, _, ratio = voxel_ratios(shared_data, nuclide, size_mm)
    # The nearest corner of the voxel lies beyond the range from the nearest corner of the source.
    is_far = np.linalg.norm(np.maximum(offsets - 1, 0), axis=1) * size_mm > range_mm
    assert np.count_nonzero(is_far) > 20
    # Physics section 3: a few per cent. Y-90 lies within 5 %, Sr-89 is even 4 to 6.5 % high, as its tails are.
    assert ratio[is_far] == pytest.approx(1.0, abs=0.07)


def test_no_lu177_voxel_holds_more_than_full_absorption():
    kernel = voxel_kernel(get_emissions("Lu-177"), spacing_xyz_mm=(4.8,) * 3, density_g_per_ml=SOFT_TISSUE_G_PER_ML)
    # Section 3: 0.2061 mGy/(MBq s) for electrons that all stay.
    assert kernel.electrons[0, 0, 0] / MGY_PER_MBQ_S < 0.2061
    assert kernel.electrons[0, 0, 0] / MGY_PER_MBQ_S > 0.18


@pytest.mark.parametrize("nuclide", ["Y-90", "I-131", "Lu-177", "Tb-161", "Ga-68", "Ac-225"])
@pytest.mark.parametrize("spacing", [(2.21, 2.21, 2.21), (4.8, 4.8, 4.8), (1.95, 1.95, 5.0)], ids=str)
def test_energy_closes(nuclide, spacing):
    kernel = voxel_kernel(get_emissions(nuclide), spacing_xyz_mm=spacing, density_g_per_ml=SOFT_TISSUE_G_PER_ML)
    electron_kev = octant_sum(kernel.electrons) * kernel.voxel_mass_g / KEV_PER_G_GY
    photon_kev = octant_sum(kernel.near_photons) * kernel.voxel_mass_g / KEV_PER_G_GY
    photon_kev += octant_sum(kernel.far_photons) * kernel.voxel_mass_g * np.prod(kernel.coarsening_zyx) / KEV_PER_G_GY
    energies = kernel.energies_kev
    radiated = energies["radiated"]
    # The permanent bar is 0.5 %; quadrature is better than 0.1 %.
    assert electron_kev == pytest.approx(energies["emitted_electrons"] + energies["local"] - radiated, rel=1e-3)
    emitted = energies["emitted_photons"] + radiated
    assert photon_kev < emitted
    assert photon_kev + energies["escaped_photons"] == pytest.approx(emitted, rel=5e-3)
