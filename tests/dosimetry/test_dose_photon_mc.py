"""Photon Monte Carlo in voxels: conservation, symmetry, statistics, independence of threads, refusals."""

import numpy as np
import pytest

from dosimetry.dose.photon_mc import PhotonSettings, transport_photons
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.materials import material_number
from dosimetry.physics.photon_medium import line_table

N = 21
CENTRE = (N // 2,) * 3
QUICK = PhotonSettings(seed=7, max_histories=40_000, histories_per_batch=2_000)
WATER = material_number("water")


def point_source(shape=(N, N, N), place=CENTRE):
    source = np.zeros(shape)
    source[place] = 1.0
    return source


def run(*, energies=(208.366,), yields=(1.0,), source=None, density=None, spacing=(8.0, 8.0, 8.0), **more):
    source = point_source() if source is None else source
    density = np.ones(source.shape) if density is None else density
    more.setdefault("settings", QUICK)
    return transport_photons(
        source=source,
        photon_energies_kev=np.array(energies),
        photon_yields=np.array(yields),
        density_g_per_ml=density,
        spacing_xyz_mm=spacing,
        **more,
    )


@pytest.mark.parametrize("energy_kev", [30.0, 208.366, 2614.5])
def test_energy_is_conserved(energy_kev):
    result = run(energies=(energy_kev,))
    emitted = result.emitted_kev_per_decay
    assert emitted == pytest.approx(energy_kev, rel=1e-9)
    # Bookkeeping of every interaction; only rounding.
    assert result.absorbed_kev_per_decay + result.escaped_kev_per_decay == pytest.approx(emitted, rel=1e-9)


@pytest.mark.parametrize("energy_kev", [30.0, 208.366, 662.0, 2614.5])
def test_estimator_agrees_with_single_interactions(energy_kev):
    everything = {"all": np.ones((N, N, N))}
    settings = PhotonSettings(seed=11, max_histories=200_000, histories_per_batch=10_000)
    result = run(energies=(energy_kev,), target_regions=everything, settings=settings)
    estimated = result.regions["all"]
    # The same histories score both, so that the difference is smaller than either error; 4 standard errors.
    bound = 4.0 * estimated.standard_uncertainty_kev_per_decay
    assert estimated.energy_kev_per_decay == pytest.approx(result.absorbed_kev_per_decay, abs=bound)
    assert estimated.energy_kev_per_decay == pytest.approx(result.absorbed_kev_per_decay, rel=5e-3)
    assert result.energy_kev_per_decay.sum() == pytest.approx(estimated.energy_kev_per_decay, rel=1e-9)


def test_result_does_not_depend_on_threads():
    def energies(n_threads):
        settings = PhotonSettings(seed=3, max_histories=20_000, histories_per_batch=1_000, n_threads=n_threads)
        return run(settings=settings).energy_kev_per_decay

    one = energies(1)
    assert np.array_equal(one, energies(2))
    assert np.array_equal(one, energies(5))


def test_seeds_differ():
    other = PhotonSettings(seed=8, max_histories=40_000, histories_per_batch=2_000)
    assert not np.array_equal(run().energy_kev_per_decay, run(settings=other).energy_kev_per_decay)


def test_only_density_times_length_matters():
    plain = run()
    dense = run(density=np.full((N, N, N), 2.0), spacing=(4.0, 4.0, 4.0), material=np.full((N, N, N), 3, np.uint8))
    reference = run(material=np.full((N, N, N), 3, np.uint8))
    # The same random numbers fly the same paths in units of the mean free path.
    assert dense.energy_kev_per_decay == pytest.approx(reference.energy_kev_per_decay, rel=1e-6, abs=1e-9)
    assert plain.n_histories == dense.n_histories


def test_scales_with_yield_and_not_with_source():
    single = run()
    double = run(yields=(2.0,), source=5.0 * point_source())
    assert double.energy_kev_per_decay == pytest.approx(2.0 * single.energy_kev_per_decay, rel=1e-12)


def test_axes_are_not_mixed_up():
    """A source near one face of a long box: energy falls along that axis only, and spacing goes with its axis."""
    shape = (6, 9, 13)
    source = point_source(shape, (1, 4, 6))
    settings = PhotonSettings(seed=7, max_histories=400_000, histories_per_batch=20_000)
    result = run(source=source, spacing=(3.0, 5.0, 7.0), settings=settings)
    energy = result.energy_kev_per_decay
    assert np.unravel_index(np.argmax(energy), shape) == (1, 4, 6)
    turned = run(source=source.transpose(2, 0, 1), spacing=(5.0, 7.0, 3.0), settings=settings)
    turned = turned.energy_kev_per_decay.transpose(1, 2, 0)
    # The same box, turned; a plane far from the source is known to 3 %.
    for axes in ((0, 1), (0, 2), (1, 2)):
        assert turned.sum(axis=axes) == pytest.approx(energy.sum(axis=axes), rel=0.12)


def test_opposite_faces_receive_the_same():
    regions = {}
    for axis in range(3):
        for side, part in (("low", slice(0, 8)), ("high", slice(13, 21))):
            mask = np.zeros((N, N, N))
            mask[tuple(part if i == axis else slice(None) for i in range(3))] = 1.0
            regions[f"{axis} {side}"] = mask
    settings = PhotonSettings(seed=5, max_histories=100_000, histories_per_batch=5_000)
    found = run(target_regions=regions, settings=settings).regions
    mean = np.mean([one.energy_kev_per_decay for one in found.values()])
    for one in found.values():
        assert one.energy_kev_per_decay == pytest.approx(mean, abs=4.5 * one.standard_uncertainty_kev_per_decay)


def test_absorption_lies_between_first_collisions_and_all():
    size = 41
    source = point_source((size, size, size), (20, 20, 20))
    settings = PhotonSettings(seed=2, max_histories=100_000, histories_per_batch=5_000)
    result = run(
        energies=(15.0,), source=source, spacing=(2.0, 2.0, 2.0), settings=settings,
        material=np.full(source.shape, WATER, np.uint8),
    )  # fmt: skip
    mu = 0.1 * float(photon_table("water").at(15.0))
    radius = 2.0 * np.linalg.norm(np.indices(source.shape) - 20.0, axis=0)
    inside = result.energy_kev_per_decay[radius <= 20.0].sum() / 15.0
    absorbed = float(photon_table("water").at(15.0, "mu_en") / photon_table("water").at(15.0))
    # First collisions alone give the lower, total absorption of everything the upper bound.
    assert absorbed * (1.0 - np.exp(-mu * 18.0)) < inside < 1.0 - np.exp(-mu * 24.0)


def test_photons_below_the_cut_stay_in_their_voxel():
    result = run(energies=(3.0, 208.366), yields=(2.0, 1.0))
    alone = run()
    added = result.energy_kev_per_decay - alone.energy_kev_per_decay
    assert result.local_kev_per_decay == pytest.approx(6.0)
    assert added[CENTRE] == pytest.approx(6.0, rel=1e-9)
    assert added.sum() == pytest.approx(6.0, rel=1e-9)
    assert result.relative_standard_uncertainty[CENTRE] < alone.relative_standard_uncertainty[CENTRE]


def test_only_soft_photons_need_no_transport():
    result = run(energies=(4.0,), yields=(3.0,))
    assert result.n_histories == 0
    assert result.has_reached_target
    assert result.energy_kev_per_decay.sum() == pytest.approx(12.0)
    assert not result.relative_standard_uncertainty.any()


def test_without_activity_there_is_no_energy():
    result = run(source=np.zeros((5, 5, 5)))
    assert not result.energy_kev_per_decay.any()
    assert result.n_histories == 0


def test_bone_takes_up_more_of_soft_photons():
    bone = np.full((N, N, N), WATER, dtype=np.uint8)
    bone[..., 14:] = material_number("cortical_bone")
    mask = np.zeros((N, N, N))
    mask[..., 14] = 1.0
    settings = PhotonSettings(seed=4, max_histories=100_000, histories_per_batch=5_000)
    with_bone = run(energies=(40.0,), material=bone, target_regions={"layer": mask}, settings=settings)
    without = run(
        energies=(40.0,), material=np.full_like(bone, WATER), target_regions={"layer": mask}, settings=settings
    )
    ratio = with_bone.regions["layer"].energy_kev_per_decay / without.regions["layer"].energy_kev_per_decay
    expected = float(photon_table("cortical_bone").at(40.0, "mu_en") / photon_table("water").at(40.0, "mu_en"))
    # The first bone voxels shade themselves (8 mm at 0.67 cm2/g), so less than the ratio of coefficients.
    assert 0.5 * expected < ratio < expected


def test_a_dense_voxel_far_away_changes_nothing():
    """A majorant raised by one dense voxel far away changes the random numbers, not the dose."""
    density = np.ones((N, N, N))
    density[0, 0, 0] = 2.5
    mask = {"core": np.ones((N, N, N))}
    settings = PhotonSettings(seed=9, max_histories=200_000, histories_per_batch=10_000)
    material = np.full((N, N, N), WATER, np.uint8)
    plain = run(target_regions=mask, settings=settings, material=material).regions["core"]
    raised = run(target_regions=mask, settings=settings, density=density, material=material).regions["core"]
    error = np.hypot(plain.standard_uncertainty_kev_per_decay, raised.standard_uncertainty_kev_per_decay)
    assert raised.energy_kev_per_decay == pytest.approx(plain.energy_kev_per_decay, abs=4.0 * error)


def test_standard_error_is_honest():
    mask = {"ball": np.ones((9, 9, 9))}
    found = [
        run(
            source=point_source((9, 9, 9), (4, 4, 4)),
            target_regions=mask,
            settings=PhotonSettings(seed=seed, max_histories=8_000, histories_per_batch=400),
        ).regions["ball"]
        for seed in range(100, 140)
    ]
    spread = np.std([one.energy_kev_per_decay for one in found], ddof=1)
    stated = np.mean([one.standard_uncertainty_kev_per_decay for one in found])
    # 40 runs know their spread to 11 %, the stated mean to 3 %.
    assert stated / spread == pytest.approx(1.0, abs=0.4)


def test_fractions_and_overlaps_of_regions_count():
    half = np.full((N, N, N), 0.5)
    result = run(target_regions={"all": np.ones((N, N, N)), "half": half})
    whole, part = result.regions["all"], result.regions["half"]
    assert part.energy_kev_per_decay == pytest.approx(0.5 * whole.energy_kev_per_decay, rel=1e-12)
    assert part.standard_uncertainty_kev_per_decay == pytest.approx(0.5 * whole.standard_uncertainty_kev_per_decay)


def test_stops_when_the_wanted_uncertainty_is_reached():
    settings = PhotonSettings(
        seed=1, max_histories=2_000_000, histories_per_batch=1_000, target_relative_uncertainty=0.02
    )
    result = run(settings=settings, target_regions={"all": np.ones((N, N, N))})
    assert result.has_reached_target
    assert 20_000 <= result.n_histories < 2_000_000
    whole = result.regions["all"]
    assert whole.standard_uncertainty_kev_per_decay / whole.energy_kev_per_decay <= 0.02


def test_says_when_the_wanted_uncertainty_is_not_reached():
    settings = PhotonSettings(seed=1, max_histories=4_000, target_relative_uncertainty=1e-5)
    result = run(settings=settings)
    assert not result.has_reached_target
    assert result.n_histories == 4_000


def test_known_energy_of_other_particles_makes_it_stop_earlier():
    settings = PhotonSettings(
        seed=1, max_histories=100_000, histories_per_batch=1_000, target_relative_uncertainty=0.004
    )
    alone = run(settings=settings)
    beside = run(settings=settings, other_energy_kev_per_decay=20.0 * point_source() + 1.0)
    assert beside.n_histories < alone.n_histories


def test_progress_and_cancellation():
    seen = []
    run(progress=lambda share, _: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 20
    with pytest.raises(CalculationCancelledError):
        run(is_cancelled=lambda: True)


def test_line_table_keeps_the_yields():
    yields = np.array([0.11, 0.064, 0.03, 1e-6, 0.002])
    table = line_table(np.arange(5.0), yields)
    drawn = table[:, 1].copy()
    for threshold, alias in table[:, 1:]:
        drawn[int(alias)] += 1.0 - threshold
    assert drawn / 5.0 == pytest.approx(yields / yields.sum(), rel=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": -point_source()},
        {"source": np.full((N, N, N), np.nan)},
        {"source": np.ones((N, N))},
        {"density": np.zeros((N, N, N))},
        {"density": np.ones((N, N, N + 1))},
        {"spacing": (8.0, 0.0, 8.0)},
        {"energies": (3500.0,)},
        {"energies": (0.0,)},
        {"yields": (-1.0,)},
        {"yields": (1.0, 1.0)},
        {"material": np.full((N, N, N), 99, np.uint8)},
        {"material": np.zeros((2, 2, 2), np.uint8)},
        {"target_regions": {"x": np.ones((2, 2, 2))}},
        {"other_energy_kev_per_decay": np.ones((2, 2, 2))},
        {"settings": PhotonSettings(max_histories=5)},
        {"settings": PhotonSettings(seed=-1)},
        {"settings": PhotonSettings(target_relative_uncertainty=0.0)},
    ],
)
def test_refuses_what_it_cannot_use(wrong):
    with pytest.raises(InvalidInputError):
        run(**wrong)
