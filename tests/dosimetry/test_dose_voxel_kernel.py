"""Voxel kernels against analytic means over two voxels, energy closure, cache, refusals."""

import numpy as np
import pytest
from scipy.special import erf
from scipy.stats import maxwell

from dosimetry.dose.nuclide_kernel import RadialEnergy, nuclide_kernel, photon_lines_with_bremsstrahlung
from dosimetry.dose.voxel_kernel import _CACHE, VoxelKernel, mirrored, octant_sum, voxel_kernel
from dosimetry.dose.voxel_sums import SOWN_VOXELS, quadrature_beyond, sown_octant
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from tests.phantoms.point_kernels import BREMSSTRAHLUNG_AT_1_MEV, electron_table, photon_table

SPACING_ZYX = np.array([3.0, 2.0, 2.5])


def stand_in_kernel(name="I-131", **options):
    tables = {"electron_kernel_table": electron_table(), "photon_kernel_table": photon_table()}
    return nuclide_kernel(get_emissions(name), **tables, **options)


def gaussian_share(n, spacing_mm, sigma_mm):
    """Mean of a normal density over a uniform source and a uniform target interval at offset n, times the interval."""

    def integral_of_cdf(x):
        normal = sigma_mm / np.sqrt(2.0 * np.pi) * np.exp(-0.5 * (x / sigma_mm) ** 2)
        return 0.5 * x * (1.0 + erf(x / sigma_mm / np.sqrt(2.0))) + normal

    d = n * spacing_mm
    return (integral_of_cdf(d + spacing_mm) - 2.0 * integral_of_cdf(d) + integral_of_cdf(d - spacing_mm)) / spacing_mm


def gaussian_octant(sigma_mm, shape):
    axes = [gaussian_share(np.arange(n), mm, sigma_mm) for n, mm in zip(shape, SPACING_ZYX, strict=True)]
    return axes[0][:, None, None] * axes[1][:, None] * axes[2]


@pytest.mark.parametrize("sigma_mm", [0.3, 1.0, 3.0])
def test_sown_voxels_of_a_gaussian(sigma_mm):
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 8.0 * sigma_mm, 800)])
    energy = np.diff(maxwell.cdf(edges, scale=sigma_mm))
    found = sown_octant(edges, energy, spacing_zyx_mm=SPACING_ZYX, n_offsets=(1, 1, 1))
    exact = gaussian_octant(sigma_mm, found.shape)
    # 64 x 64 directions on each of 800 shells.
    is_seen = exact > 1e-4 * exact.max()
    assert found[is_seen] == pytest.approx(exact[is_seen], rel=2e-3)


def test_quadrature_of_a_gaussian():
    sigma_mm, step_mm = 3.0, 0.05
    radii = np.arange(600) * step_mm
    table = np.exp(-0.5 * (radii / sigma_mm) ** 2) / (2.0 * np.pi * sigma_mm**2) ** 1.5
    octant = np.zeros((7, 9, 8))
    quadrature_beyond(octant, table, step_mm=step_mm, spacing_zyx_mm=SPACING_ZYX)
    exact = gaussian_octant(sigma_mm, octant.shape)
    beyond = np.max(np.indices(octant.shape), axis=0) > SOWN_VOXELS
    assert np.all(octant[~beyond] == 0.0)
    is_seen = beyond & (exact > 1e-4 * exact.max())
    # Three nodes on each axis carry moments up to the fourth: the sixth is left.
    assert octant[is_seen] == pytest.approx(exact[is_seen], rel=6e-3)


@pytest.mark.parametrize("name", ["Lu-177", "Y-90", "I-131", "Ga-68", "Ac-225", "At-211"])
@pytest.mark.parametrize(
    "spacing", [(4.8, 4.8, 4.8), (2.0, 2.0, 8.0), (1.0, 1.0, 1.0), (9.28, 9.28, 9.28), (1.0, 1.0, 20.0)], ids=str
)
def test_energy_closes(name, spacing):
    point = stand_in_kernel(name)
    kernel = voxel_kernel(get_emissions(name), spacing_xyz_mm=spacing, density_g_per_ml=1.04, kernel=point)
    energies = kernel.energies_kev
    charged = point.emitted_electron_kev - point.radiated_kev + point.local_energy_kev
    # The bar is 0.5 %; the quadrature reaches 0.2 % (large voxels) and 0.1 % below 6 mm.
    assert energies["deposited_electrons"] == pytest.approx(charged, rel=1e-3)
    photon = point.emitted_photon_kev + point.radiated_kev
    assert energies["deposited_photons"] + energies["escaped_photons"] == pytest.approx(photon, rel=2e-3, abs=1e-6)
    assert energies["escaped_photons"] >= -1e-9 * photon


def test_density_shortens_lengths_and_raises_mass():
    point = stand_in_kernel()
    thin, dense = (
        voxel_kernel(get_emissions("I-131"), spacing_xyz_mm=(mm,) * 3, density_g_per_ml=rho, kernel=point)
        for rho, mm in ((0.5, 4.0), (1.0, 2.0))
    )
    # Half the density and twice the voxel: the same geometry in g/cm2, so the same shares of energy.
    shares = [k.electrons * k.voxel_mass_g for k in (thin, dense)]
    assert shares[0] == pytest.approx(shares[1], rel=1e-4, abs=1e-6 * float(shares[1].max()))


def test_axes_keep_their_place():
    point = stand_in_kernel("Y-90")
    kernel = voxel_kernel(get_emissions("Y-90"), spacing_xyz_mm=(2.0, 3.0, 6.0), density_g_per_ml=1.0, kernel=point)
    # Arrays are (z, y, x): the neighbour along x is nearest and gets most for its volume.
    assert kernel.electrons[0, 0, 1] > kernel.electrons[0, 1, 0] > kernel.electrons[1, 0, 0]
    turned = voxel_kernel(get_emissions("Y-90"), spacing_xyz_mm=(6.0, 3.0, 2.0), density_g_per_ml=1.0, kernel=point)
    largest = float(kernel.electrons.max())
    assert turned.electrons.transpose(2, 1, 0) == pytest.approx(kernel.electrons, abs=1e-3 * largest, rel=2e-3)


def test_alpha_energy_stays_in_the_source_voxel():
    kernel = voxel_kernel(
        get_emissions("At-211"), spacing_xyz_mm=(3.0,) * 3, density_g_per_ml=1.0, kernel=stand_in_kernel("At-211")
    )
    local = get_emissions("At-211")
    expected = (local.alpha_energy_kev + local.recoil_energy_kev) * 1.602176634e-13 / kernel.voxel_mass_g
    assert kernel.electron_local_gy_per_bq_s == pytest.approx(expected, rel=1e-12)
    assert kernel.electrons[0, 0, 0] >= 0.99 * expected


def test_mirrored_octant():
    octant = np.arange(24.0).reshape(2, 3, 4)
    whole = mirrored(octant)
    assert whole.shape == (3, 5, 7)
    for offset in np.ndindex(whole.shape):
        place = tuple(abs(i - n // 2) for i, n in zip(offset, whole.shape, strict=True))
        assert whole[offset] == octant[place]
    assert octant_sum(octant) == whole.sum()


def test_kernels_are_kept_by_content(tmp_path):
    point, emissions = stand_in_kernel("Cu-67"), get_emissions("Cu-67")
    first = voxel_kernel(
        emissions, spacing_xyz_mm=(5.0,) * 3, density_g_per_ml=1.01, kernel=point, cache_folder=tmp_path
    )
    assert voxel_kernel(emissions, spacing_xyz_mm=(5.0,) * 3, density_g_per_ml=1.01, kernel=point) is first
    other = voxel_kernel(emissions, spacing_xyz_mm=(5.0,) * 3, density_g_per_ml=1.02, kernel=point)
    assert other.digest != first.digest
    assert [path.name for path in tmp_path.iterdir()] == [f"{first.digest}.npz"]
    _CACHE.pop(first.digest)
    again = voxel_kernel(
        emissions, spacing_xyz_mm=(5.0,) * 3, density_g_per_ml=1.01, kernel=point, cache_folder=tmp_path
    )
    assert isinstance(again, VoxelKernel)
    assert again is not first
    for part in ("electrons", "near_photons", "far_photons"):
        assert np.array_equal(getattr(again, part), getattr(first, part))
    assert again.energies_kev == first.energies_kev
    assert (again.spacing_xyz_mm, again.coarsening_zyx) == (first.spacing_xyz_mm, first.coarsening_zyx)


@pytest.mark.parametrize(
    ("spacing", "density", "code"),
    [
        ((0.4, 2.0, 2.0), 1.0, "voxel_size_out_of_range"),
        ((2.0, 2.0, 25.0), 1.0, "voxel_size_out_of_range"),
        ((2.0, float("nan"), 2.0), 1.0, "voxel_size_out_of_range"),
        ((2.0, 2.0, 2.0), 0.0, "bad_density"),
        ((2.0, 2.0, 2.0), float("nan"), "bad_density"),
        ((2.0, 2.0, 2.0), 9.0, "bad_density"),
    ],
)
def test_refusals(spacing, density, code):
    with pytest.raises(InvalidInputError) as caught:
        voxel_kernel(get_emissions("Lu-177"), spacing_xyz_mm=spacing, density_g_per_ml=density)
    assert caught.value.code == code


def test_refusal_of_a_reach():
    with pytest.raises(InvalidInputError, match="reach of photons"):
        voxel_kernel(get_emissions("Lu-177"), spacing_xyz_mm=(2.0,) * 3, density_g_per_ml=1.0, photon_radius_mm=0.0)


def test_unknown_nuclide_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        get_emissions("Xx-999")
    assert caught.value.code == "unknown_nuclide"


def test_radiation_above_the_tables_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        electron_table().cumulative(4000.0, np.array([1.0]))
    assert caught.value.code == "energy_outside_kernel"
    with pytest.raises(InvalidInputError) as refused:
        photon_table().shells(4000.0)
    assert refused.value.code == "energy_outside_kernel"


def test_point_kernels_between_their_energies():
    electrons, photons = electron_table(), photon_table()
    # The stand-ins have one shape at all energies, so that interpolation is exact.
    radii = np.linspace(0.0, 6.0, 50)
    energy_kev = 777.0
    expected = np.minimum(radii / (0.9 * electrons.range_mm(energy_kev)), 1.0)
    radiated = electrons.bremsstrahlung(energy_kev)
    assert electrons.range_mm(energy_kev) == pytest.approx(4.4 * 0.777**1.4, rel=1e-12)
    assert electrons.range_mm(5.0) == pytest.approx(4.4 * 0.005**1.4, rel=1e-9)
    assert electrons.range_mm(2600.0) == pytest.approx(4.4 * 2.6**1.4, rel=1e-9)
    assert electrons.cumulative(energy_kev, radii) == pytest.approx(expected * (1.0 - radiated), rel=1e-3, abs=1e-12)
    assert radiated == pytest.approx(BREMSSTRAHLUNG_AT_1_MEV * 0.777, rel=0.02)
    shells = photons.shells(364.5)
    escaped = np.interp(np.log(364.5), np.log(photons.energies_kev), photons.escaped_fraction)
    assert shells.sum() + escaped == pytest.approx(1.0, rel=1e-12)


def test_bremsstrahlung_carries_the_radiative_loss():
    emissions = get_emissions("Y-90")
    energies, yields = photon_lines_with_bremsstrahlung(emissions, electron_kernel_table=electron_table())
    point = stand_in_kernel("Y-90")
    lines_kev = float(emissions.photon_energies_kev @ emissions.photon_yields)
    assert float(energies @ yields) - lines_kev == pytest.approx(point.radiated_kev, rel=1e-9)
    assert point.bremsstrahlung.total_kev < point.radiated_kev
    # 0.5 % of the energy at 1 MeV, in proportion to energy: mean of E^2 over E for Y-90 is about 1.2 MeV.
    assert point.radiated_kev == pytest.approx(0.005 * 1.2 * 933.0, rel=0.1)


def test_soft_tissue_stops_electrons_less_than_water():
    water, tissue = (stand_in_kernel("Y-90", medium=medium) for medium in ("water", "soft_tissue"))
    reach_mm = [
        np.interp(0.95 * k.electrons.total_kev, k.electrons.within_kev, k.electrons.edges_mm) for k in (water, tissue)
    ]
    # Stopping powers 0.991 of water.
    assert reach_mm[1] / reach_mm[0] == pytest.approx(1.0 / 0.991, abs=2e-3)
    assert tissue.electrons.total_kev == pytest.approx(water.electrons.total_kev, rel=1e-12)
    assert tissue.digest != water.digest


def test_all_photons_are_lines_and_bremsstrahlung():
    point = stand_in_kernel("I-131")
    assert isinstance(point.all_photons, RadialEnergy)
    assert point.all_photons.total_kev == pytest.approx(point.photons.total_kev + point.bremsstrahlung.total_kev)
