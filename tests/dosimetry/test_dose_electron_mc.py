"""Electron Monte Carlo in voxels: energy, equilibrium, scaling, statistics, and the full engine in uniform water."""

import numpy as np
import pytest

from dosimetry.compute import run_in_order
from dosimetry.dose.batches import MIN_BATCHES, VoxelTally
from dosimetry.dose.electron_mc import ElectronSettings, transport_electrons
from dosimetry.dose.full_mc import electron_lines, run_full_mc
from dosimetry.dose.kernel_engine import run_kernel, run_kernel_unscaled
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.physics.electrons import restricted_stopping_power
from dosimetry.physics.materials import MATERIAL_NAMES, material_number
from dosimetry.volume import Grid, Volume

SPACING = (2.0, 2.5, 3.0)


def transport(source, density, *, energy=300.0, spacing=SPACING, material=None, n=4000, **settings):
    return transport_electrons(
        source=source,
        electron_energies_kev=np.array([energy]),
        electron_yields=np.array([1.0]),
        density_g_per_ml=density,
        spacing_xyz_mm=spacing,
        material=material,
        settings=ElectronSettings(max_histories=n, **settings),
    )


def all_tissues(shape, seed=1):
    return np.random.default_rng(seed).choice([0.0012, 0.3, 0.95, 1.04, 1.2, 1.9], size=shape)


@pytest.mark.parametrize("energy", [60.0, 900.0, 2280.0])
def test_energy_is_conserved_in_all_tissues(energy):
    density = all_tissues((7, 8, 9))
    result = transport(np.ones(density.shape), density, energy=energy)
    parts = result.deposited_kev_per_decay + result.radiated_kev_per_decay + result.escaped_kev_per_decay
    assert result.emitted_kev_per_decay == pytest.approx(energy, rel=1e-12)
    assert parts == pytest.approx(energy, rel=1e-6)
    # What the voxels hold is what was counted.
    assert result.energy_kev_per_decay.sum() == pytest.approx(result.deposited_kev_per_decay, rel=1e-9)
    carried = (result.photon_energies_kev @ result.photon_shares) * result.photons_per_decay.sum()
    assert carried == pytest.approx(result.radiated_kev_per_decay, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("energy", [300.0, pytest.param(1000.0, marks=pytest.mark.slow)])
def test_fano(energy):
    """A source per mass in one composition gives one dose everywhere, whatever the density does from voxel to voxel."""
    n, edge = 15, 4
    density = np.where(np.random.default_rng(3).random((n, n, n)) < 0.5, 0.26, 1.04)
    material = np.full(density.shape, material_number("soft_tissue"), dtype=np.uint8)
    result = transport(density, density, energy=energy, material=material, n=400_000, seed=4)
    even = (energy - result.radiated_kev_per_decay) * density / density.sum()
    inner = (slice(edge, -edge),) * 3
    ratio, is_thin = (result.energy_kev_per_decay / even)[inner], density[inner] < 0.5
    # Standard errors of the means over some 170 voxels with 8 % each: below 1 %. A step that ignored density or range
    # rejection that ignored the face gave 0.95 in the thin voxels.
    assert ratio[is_thin].mean() == pytest.approx(1.0, abs=0.025)
    assert ratio[~is_thin].mean() == pytest.approx(1.0, abs=0.015)


def test_only_mass_thickness_counts_in_one_composition():
    """Half the density in twice the voxel: the same tracks, number by number."""
    material = np.full((9, 9, 9), material_number("water"), dtype=np.uint8)
    source = np.zeros(material.shape)
    source[4, 4, 4] = 1.0
    dense = transport(source, np.ones(material.shape), spacing=(1.0, 1.0, 1.0), material=material)
    thin = transport(source, np.full(material.shape, 0.5), spacing=(2.0, 2.0, 2.0), material=material)
    assert thin.energy_kev_per_decay == pytest.approx(dense.energy_kev_per_decay, rel=1e-6, abs=1e-9)


def test_lung_gets_the_dose_that_its_mass_asks_for():
    """Energy goes through lung farther: the same source gives less energy to its voxel and a wider spread."""
    source = np.zeros((13, 13, 13))
    source[6, 6, 6] = 1.0
    tissue, lung = (transport(source, np.full(source.shape, rho), energy=900.0, n=20_000) for rho in (1.04, 0.26))
    assert lung.energy_kev_per_decay[6, 6, 6] < 0.5 * tissue.energy_kev_per_decay[6, 6, 6]
    assert tissue.escaped_kev_per_decay < 1.0
    # The range of 900 keV is 14 mm in lung; the grid ends at 13 mm along x.
    assert lung.escaped_kev_per_decay > 1.0


def test_composition_changes_stopping_at_equal_density():
    """In a voxel that is thin against the range the energy left behind is in proportion to the stopping power."""
    source = np.zeros((3, 3, 3))
    source[1, 1, 1] = 1.0
    kept = {}
    for name in ("adipose", "cortical_bone"):
        material = np.full(source.shape, material_number(name), dtype=np.uint8)
        result = transport(
            source, np.ones(source.shape), energy=600.0, n=60_000, material=material, spacing=(0.2, 0.2, 0.2)
        )
        kept[name] = result.energy_kev_per_decay[1, 1, 1]
    expected = restricted_stopping_power("cortical_bone", 600.0, cut_kev=50.0) / restricted_stopping_power(
        "adipose", 600.0, cut_kev=50.0
    )
    # 0.5 % of noise; delta rays leave and electrons turn back, in both alike to 2 %.
    assert kept["cortical_bone"] / kept["adipose"] == pytest.approx(expected, rel=0.03)


def test_result_does_not_depend_on_threads_but_on_the_seed():
    density = all_tissues((5, 5, 5))
    one = transport(np.ones(density.shape), density, n_threads=1)
    two = transport(np.ones(density.shape), density, n_threads=2)
    other = transport(np.ones(density.shape), density, seed=2)
    assert np.array_equal(one.energy_kev_per_decay, two.energy_kev_per_decay)
    assert not np.array_equal(one.energy_kev_per_decay, other.energy_kev_per_decay)
    assert one.n_batches == MIN_BATCHES


def test_standard_error_tells_the_spread_of_runs():
    density = np.full((5, 5, 5), 1.04)
    source = np.zeros(density.shape)
    source[2, 2, 2] = 1.0
    runs = [transport(source, density, energy=800.0, n=2000, seed=seed) for seed in range(30)]
    voxels = np.array([run.energy_kev_per_decay[2, 2, 1] for run in runs])
    stated = np.mean([run.relative_standard_uncertainty[2, 2, 1] for run in runs])
    # 30 runs know a spread to 13 %; allow three times that.
    assert voxels.std(ddof=1) / voxels.mean() == pytest.approx(stated, rel=0.4)


def test_run_stops_at_the_wanted_uncertainty():
    density = np.full((5, 5, 5), 1.04)
    loose = transport(
        np.ones(density.shape), density, n=200_000, target_relative_uncertainty=0.05, histories_per_batch=500
    )
    assert loose.has_reached_target
    assert loose.n_histories < 200_000
    tight = transport(np.ones(density.shape), density, n=4000, target_relative_uncertainty=1e-4)
    assert not tight.has_reached_target


def test_soft_electrons_stay_without_noise():
    density = np.full((3, 3, 3), 1.0)
    source = np.zeros(density.shape)
    source[1, 1, 1] = 5.0
    result = transport(source, density, energy=8.0)
    assert result.n_histories == 0
    assert result.energy_kev_per_decay[1, 1, 1] == pytest.approx(8.0)
    assert result.energy_kev_per_decay.sum() == pytest.approx(8.0)
    assert not result.relative_standard_uncertainty.any()


def test_progress_and_cancel():
    seen = []
    arguments = {
        "source": np.ones((3, 3, 3)),
        "electron_energies_kev": np.array([100.0]),
        "electron_yields": np.array([1.0]),
        "density_g_per_ml": np.ones((3, 3, 3)),
        "spacing_xyz_mm": SPACING,
        "settings": ElectronSettings(max_histories=400),
    }
    transport_electrons(**arguments, progress=lambda share, _text: seen.append(share))
    assert seen == pytest.approx(np.arange(1, MIN_BATCHES + 1) / MIN_BATCHES)
    with pytest.raises(CalculationCancelledError):
        transport_electrons(**arguments, is_cancelled=lambda: True)


@pytest.mark.parametrize("change", [
    {"source": np.ones((2, 3, 3))},
    {"source": -np.ones((3, 3, 3))},
    {"density_g_per_ml": np.zeros((3, 3, 3))},
    {"density_g_per_ml": np.full((3, 3, 3), np.nan)},
    {"spacing_xyz_mm": (1.0, 0.0, 1.0)},
    {"electron_energies_kev": np.array([3500.0])},
    {"electron_yields": np.array([1.0, 1.0])},
    {"electron_yields": np.array([-1.0])},
    {"material": np.full((3, 3, 3), len(MATERIAL_NAMES), dtype=np.uint8)},
    {"settings": ElectronSettings(max_histories=5)},
    {"settings": ElectronSettings(seed=-1)},
    {"settings": ElectronSettings(target_relative_uncertainty=0.0)},
])  # fmt: skip
def test_bad_input_is_refused(change):
    good = {
        "source": np.ones((3, 3, 3)),
        "electron_energies_kev": np.array([100.0]),
        "electron_yields": np.array([1.0]),
        "density_g_per_ml": np.ones((3, 3, 3)),
        "spacing_xyz_mm": SPACING,
    }
    with pytest.raises(InvalidInputError):
        transport_electrons(**(good | change))


def test_tally_of_batches():
    tally = VoxelTally(total=np.zeros(1), total_of_squares=np.zeros(1))
    draws = np.array([1.0, 2.0, 4.0, 5.0])
    for draw in draws:
        tally.add(np.array([draw]))
    assert tally.relative_standard_error()[0] == pytest.approx(draws.std(ddof=1) / np.sqrt(4) / draws.mean())
    assert not tally.has_reached(10.0)
    assert list(run_in_order(lambda number: number * number, 9, n_threads=3)) == [n * n for n in range(9)]


@pytest.mark.parametrize("name", ["Y-90", "Lu-177", "Ga-68", "At-211"])
def test_lines_hold_all_electrons(name):
    emissions = get_emissions(name)
    energies, yields = electron_lines(emissions)
    # Group means of a piecewise linear spectrum are exact.
    assert energies @ yields == pytest.approx(emissions.electron_energy_kev, rel=1e-6)


def volume(values, unit, spacing=(4.0, 4.0, 4.0)):
    grid = Grid(shape_zyx=values.shape, spacing_xyz_mm=spacing, origin_lps_mm=(0.0, 0.0, 0.0))
    return Volume(values=values.astype(np.float32), grid=grid, unit=unit)


def ball(n, radius, spacing):
    z = np.arange(n) - (n - 1) / 2
    r2 = z[:, None, None] ** 2 + z[None, :, None] ** 2 + z[None, None, :] ** 2
    return np.sqrt(r2) * spacing < radius


def test_full_engine_agrees_with_the_kernel_in_uniform_tissue():
    is_source = ball(17, 16.0, 4.0)
    tia = volume(is_source * 1e9, "Bq s")
    arguments = {"tia_bq_s": tia, "density_g_per_ml": 1.04, "nuclide": get_nuclide("Y-90")}
    options = {"max_histories": 150_000, "seed": 3}
    full, kernel = run_full_mc(**arguments, options=options), run_kernel(**arguments)
    is_far = ball(17, 26.0, 4.0) & ~ball(17, 21.0, 4.0)
    # The kernel is that of water scaled by density: soft tissue stops 0.9 % less. Standard error 0.3 %.
    assert full.dose.values[is_source].mean() == pytest.approx(kernel.dose.values[is_source].mean(), rel=0.015)
    assert full.dose.values[is_far].mean() == pytest.approx(kernel.dose.values[is_far].mean(), rel=0.06)
    assert full.photon_dose is not None
    # Bremsstrahlung beyond the betas: a few thousand photons.
    is_photon = ball(17, 33.0, 4.0) & ~ball(17, 30.0, 4.0)
    assert full.dose.values[is_photon].mean() == pytest.approx(kernel.dose.values[is_photon].mean(), rel=0.25)
    balance = full.energy_balance
    assert balance["deposited_j"] + balance["masked_j"] + balance["escaped_j"] == pytest.approx(balance["emitted_j"])
    assert full.provenance["engine"] == "full_mc"
    assert full.relative_standard_uncertainty is not None
    assert 0.0 < full.relative_standard_uncertainty.values[is_source].mean() < 0.05


def test_unscaled_kernel_in_lung_gives_a_quarter():
    """Verification, section 11, row 9: in lung with activity everywhere only 1/density is right (0.28 without it)."""
    tia, lung = volume(np.full((27, 27, 27), 1e6), "Bq s"), np.full((27, 27, 27), 0.26)
    arguments = {"tia_bq_s": tia, "density_g_per_ml": volume(lung, "g/mL"), "nuclide": get_nuclide("Y-90")}
    options = {"max_histories": 200_000}
    middle = (slice(10, 17),) * 3
    full, scaled, unscaled = (
        run(**arguments, options=options).dose.values[middle].mean()
        for run in (run_full_mc, run_kernel, run_kernel_unscaled)
    )
    # The middle is 40 mm inside: the longest range of Y-90 in lung. Standard error of the mean 0.5 %.
    assert scaled / full == pytest.approx(1.0, abs=0.03)
    assert unscaled / full == pytest.approx(0.26, abs=0.03)


def test_full_engine_masks_air_and_keeps_alpha_energy_in_place():
    density = np.full((5, 5, 5), 1.04)
    density[0] = 0.0012
    tia = volume(np.ones(density.shape) * 1e6, "Bq s")
    result = run_full_mc(
        tia_bq_s=tia,
        density_g_per_ml=volume(density, "g/mL"),
        nuclide=get_nuclide("At-211"),
        options={"max_histories": 400},
    )
    assert not result.dose.values[0].any()
    assert any("air" in warning for warning in result.warnings)
    emissions = get_emissions("At-211")
    alpha_gy = 1e6 * (emissions.alpha_energy_kev + emissions.recoil_energy_kev) * 1.602176634e-13 / (1.04 * 0.064)
    assert result.dose.values[2, 2, 2] == pytest.approx(alpha_gy, rel=0.01)
    assert result.energy_balance["masked_j"] > 0.0


def test_full_engine_can_be_cancelled_and_says_how_far_it_is():
    tia = volume(np.ones((3, 3, 3)) * 1e6, "Bq s")
    seen = []
    arguments = {"tia_bq_s": tia, "density_g_per_ml": 1.0, "nuclide": get_nuclide("Ga-68")}
    result = run_full_mc(**arguments, options={"max_histories": 200}, progress=lambda share, _text: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    assert any("Positrons" in warning for warning in result.warnings)
    with pytest.raises(CalculationCancelledError):
        run_full_mc(**arguments, is_cancelled=lambda: True)
