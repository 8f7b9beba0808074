"""Stopping power, scattering and the compiled steps of electron transport against their definitions."""

import numpy as np
import pytest
from scipy.integrate import quad

from dosimetry.dose.electron_kernel import (
    ENERGIES_KEV,
    SCALED_EDGES,
    delta_cut_kev,
    simulate_point_source,
)
from dosimetry.errors import InvalidInputError
from dosimetry.physics import electron_tracks as tracks
from dosimetry.physics.compiled import new_state
from dosimetry.physics.compton import ELECTRON_MASS_KEV, FINE_STRUCTURE
from dosimetry.physics.electron_medium import N_COLUMNS, RADIATION, electron_media
from dosimetry.physics.electron_scattering import (
    HARD_T,
    N_QUANTILES,
    hard_elastic,
    inelastic_coefficients,
    primary_cosine,
    scatter_elastically,
    soft_coefficients,
)
from dosimetry.physics.electrons import (
    COLLISION_CONSTANT_KEV_CM2_PER_MOL,
    beta_squared,
    collision_stopping_power,
    csda_range,
    moller_hard_per_g_cm2,
    moller_mean_square_loss,
    radiation_yield,
    radiative_stopping_power,
    restricted_stopping_power,
)
from dosimetry.physics.materials import MATERIAL_NAMES, MATERIALS
from dosimetry.physics.table_files import read_table

WATER = MATERIALS[MATERIAL_NAMES.index("water")]


def moller_per_kev(transfer, energy):
    """Moller's cross-section per electron over 2 pi r_e^2 m c^2 / beta^2, written out from ICRU 37, eq. 2.9."""
    tau = energy / ELECTRON_MASS_KEV
    share = transfer / energy
    bracket = 1.0 + share**2 / (1.0 - share) ** 2 + (tau / (tau + 1.0)) ** 2 * share**2
    bracket -= (2.0 * tau + 1.0) / (tau + 1.0) ** 2 * share / (1.0 - share)
    return bracket / transfer**2


def collision_factor(energy):
    return COLLISION_CONSTANT_KEV_CM2_PER_MOL * WATER.electrons_per_nucleon / float(beta_squared(energy))


@pytest.mark.parametrize(("energy", "cut"), [(30.0, 1.0), (500.0, 10.0), (2000.0, 100.0)])
def test_restricted_and_hard_collisions_make_up_the_stopping_power(energy, cut):
    hard_loss = collision_factor(energy) * quad(lambda w: w * moller_per_kev(w, energy), cut, energy / 2.0)[0]
    soft_loss = restricted_stopping_power("water", energy, cut_kev=cut)
    # An identity between closed forms and a numerical integral.
    assert soft_loss + hard_loss == pytest.approx(collision_stopping_power("water", energy), rel=1e-7)
    number = collision_factor(energy) * quad(lambda w: moller_per_kev(w, energy), cut, energy / 2.0)[0]
    assert moller_hard_per_g_cm2("water", energy, cut_kev=cut) == pytest.approx(number, rel=1e-7)
    square = collision_factor(energy) * quad(lambda w: w * w * moller_per_kev(w, energy), 1e-9, cut)[0]
    assert moller_mean_square_loss("water", energy, cut_kev=cut) == pytest.approx(square, rel=1e-6)


def test_no_hard_collision_below_twice_the_cut():
    assert moller_hard_per_g_cm2("water", 19.9, cut_kev=10.0) == 0.0
    assert restricted_stopping_power("water", 19.9, cut_kev=10.0) == pytest.approx(
        collision_stopping_power("water", 19.9), rel=1e-12
    )


def test_range_is_the_integral_of_the_inverse_stopping_power():
    low, high = 200.0, 800.0
    part = quad(
        lambda e: 1.0 / float(collision_stopping_power("water", e) + radiative_stopping_power("water", e)), low, high
    )[0]
    # Interpolation in a grid of 1001 energies.
    assert csda_range("water", high) - csda_range("water", low) == pytest.approx(part, rel=1e-4)


def test_dense_bone_stops_less_and_radiates_more_per_gram_than_water():
    assert collision_stopping_power("cortical_bone", 500.0) < 0.92 * collision_stopping_power("water", 500.0)
    assert radiation_yield("cortical_bone", 500.0) > 1.3 * radiation_yield("water", 500.0)


@pytest.mark.parametrize("call", [
    lambda: collision_stopping_power("wood", 100.0),
    lambda: collision_stopping_power("water", 0.5),
    lambda: csda_range("water", 4000.0),
    lambda: radiation_yield("water", np.nan),
    lambda: restricted_stopping_power("water", 100.0, cut_kev=0.0),
])  # fmt: skip
def test_what_the_data_do_not_hold_is_refused(call):
    with pytest.raises(InvalidInputError):
        call()


def test_elastic_scattering_of_a_yukawa_atom():
    """(Z - F) = Z t/(t + 2 eta) is the screened Rutherford law."""
    z, energy, eta = 8, 300.0, 1e-3
    beta = float(np.sqrt(beta_squared(energy)))
    momentum = (1.0 + energy / ELECTRON_MASS_KEV) * beta
    largest_x = momentum * ELECTRON_MASS_KEV / 12.39841984
    x = np.concatenate([[0.0], np.geomspace(1e-5, 1.01 * largest_x, 20000)])
    t = 2.0 * (x / largest_x) ** 2
    atom = scatter_elastically(z, energy, momentum_transfer_per_angstrom=x, form_factor=z - z * t / (t + 2.0 * eta))

    def density(u):
        sine = np.sqrt(u / 2.0)
        spin = 1.0 - beta**2 * sine**2 + np.pi * FINE_STRUCTURE * z * beta * sine * (1.0 - sine)
        return 2.0 * np.pi * (z / (beta * momentum)) ** 2 / (u + 2.0 * eta) ** 2 * spin

    # Trapezoids on 800 points of ln t.
    assert atom.soft_first == pytest.approx(quad(lambda u: u * density(u), 0.0, HARD_T)[0], rel=2e-4)
    second = quad(lambda u: 1.5 * u * (2.0 - u) * density(u), 0.0, HARD_T)[0]
    assert atom.soft_second == pytest.approx(second, rel=2e-4)
    hard = np.trapezoid(atom.hard_density, atom.hard_t)
    assert hard == pytest.approx(quad(density, HARD_T, 2.0)[0], rel=2e-4)


def test_water_scatters_with_z_squared_and_its_electrons():
    """Not with Z(Z + 1): below the cut the electrons add 7 to 15 % of the nuclear term instead of 10/66."""
    energies = np.array([20.0, 100.0, 500.0, 1000.0, 2000.0])
    soft = inelastic_coefficients("water", energies, cut_kev=10.0).first_cm2_per_g
    events = hard_elastic("water", energies)
    t = 1.0 / events.inverse_t
    hard_first = events.events_cm2_per_g * np.trapezoid(t, dx=1.0 / (t.shape[1] - 1), axis=1)
    nuclear = soft_coefficients("water", energies, cut_kev=10.0).first_cm2_per_g - soft + hard_first
    assert np.all((soft / nuclear > 0.07) & (soft / nuclear < 0.15))
    wider = inelastic_coefficients("water", energies, cut_kev=1e6).first_cm2_per_g
    assert np.all(wider >= soft)
    assert wider[-1] > 1.2 * soft[-1]
    # Bethe: 1 - cos = m W / (T (T + 2 m)) for a small transfer.
    slope = ELECTRON_MASS_KEV / (500.0 * (500.0 + 2.0 * ELECTRON_MASS_KEV))
    assert 1.0 - primary_cosine(500.0, np.array([0.1])) == pytest.approx(0.1 * slope, rel=1e-3)


def test_radiated_photons_carry_the_radiative_stopping_power():
    table = electron_media(("water",), 10.0).coefficients[0]
    energies = np.geomspace(1.0, 3000.0, table.shape[0])
    state, found = new_state(seed=3, stream=0), np.empty(N_COLUMNS)
    energy = float(energies[400])
    tracks.look_up(table, energy, found)
    n = 40_000
    photons = np.empty(n)
    for i in range(n):
        electron = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, energy])
        photons[i] = tracks.emit_photon(electron, state)
        assert electron[6] == pytest.approx(energy - photons[i], rel=1e-12)
    error = photons.std() / np.sqrt(n) * found[RADIATION]
    expected = float(radiative_stopping_power("water", energy))
    assert photons.mean() * found[RADIATION] == pytest.approx(expected, abs=4.0 * error)


@pytest.mark.parametrize(("mean", "variance"), [(10.0, 1.0), (10.0, 20.0), (10.0, 300.0)])
def test_soft_loss_has_its_mean_and_variance(mean, variance):
    state = new_state(seed=5, stream=1)
    losses = np.array([tracks.soft_loss(mean, variance, state) for _ in range(60_000)])
    assert losses.min() >= 0.0
    # Four standard errors of 60 000 draws; the cut normal has its variance to 1e-4.
    assert losses.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(variance / losses.size))
    assert losses.var() == pytest.approx(variance, rel=0.04)


@pytest.mark.parametrize(("first", "second"), [(0.01, 0.029), (0.1, 0.27)])
def test_deflection_has_both_moments_of_multiple_scattering(first, second):
    state = new_state(seed=6, stream=0)
    cosines = np.array([tracks.deflection_cosine(first, second, state) for _ in range(100_000)])
    legendre = 1.5 * cosines**2 - 0.5
    assert cosines.mean() == pytest.approx(np.exp(-first), abs=4.0 * cosines.std() / np.sqrt(cosines.size))
    assert legendre.mean() == pytest.approx(np.exp(-second), abs=4.0 * legendre.std() / np.sqrt(legendre.size))


def test_moller_transfers_follow_the_cross_section():
    energy, cut = 400.0, 10.0
    state = new_state(seed=7, stream=0)
    transfers = np.array([tracks.moller_transfer(energy, cut, state) for _ in range(60_000)])
    assert transfers.min() >= cut
    assert transfers.max() <= energy / 2.0
    total = quad(lambda w: moller_per_kev(w, energy), cut, energy / 2.0)[0]
    for low, high in [(10.0, 12.0), (12.0, 30.0), (30.0, 100.0), (100.0, 200.0)]:
        expected = quad(lambda w: moller_per_kev(w, energy), low, high)[0] / total
        share = np.mean((transfers >= low) & (transfers < high))
        assert share == pytest.approx(expected, abs=4.0 * np.sqrt(expected / transfers.size))


def test_delta_ray_and_primary_share_energy_and_momentum():
    state = new_state(seed=8, stream=0)
    stack = np.zeros((4, 7))
    stack[0] = (1.0, 2.0, 3.0, 0.6, 0.0, 0.8, 700.0)

    def momentum(e):
        return np.sqrt(e[6] * (e[6] + 2.0 * ELECTRON_MASS_KEV)) * e[3:6]

    before = momentum(stack[0])
    assert tracks.emit_delta(stack, 1, 10.0, state) == 2
    assert stack[0, 6] + stack[1, 6] == pytest.approx(700.0, rel=1e-12)
    assert stack[1, :3] == pytest.approx([1.0, 2.0, 3.0])
    # Two free electrons: momentum is conserved as energy is.
    assert momentum(stack[0]) + momentum(stack[1]) == pytest.approx(before, rel=1e-9, abs=1e-9)


def test_large_deflections_are_large_and_follow_their_table():
    table = electron_media(("water",), 10.0).coefficients[0]
    state = new_state(seed=9, stream=0)
    t = np.array([1.0 - tracks.large_cosine(table, 200.0, state) for _ in range(40_000)])
    assert t.min() >= HARD_T * (1.0 - 1e-5)
    quantiles = 1.0 / hard_elastic("water", np.array([200.0])).inverse_t[0]
    numbers = np.arange(1, 8) * (N_QUANTILES - 1) // 8
    shares = np.array([np.mean(t < quantiles[k]) for k in numbers])
    assert shares == pytest.approx(numbers / (N_QUANTILES - 1), abs=0.012)


@pytest.mark.parametrize("energy", [10.0, 150.0, 2400.0])
def test_every_history_conserves_energy(energy):
    deposited, radiated, _ = simulate_point_source(energy, n_histories=200, seed=11)
    # Rounding of some thousand additions.
    assert deposited.sum() + radiated == pytest.approx(1.0, abs=1e-9)


def test_half_space_conserves_energy():
    table = electron_media(("water",), 10.0).coefficients[0]
    tally = np.zeros(101)
    tally[-1] = 0.005
    radiated, escaped = tracks.track_uniform(table, 1000.0, 500, 12, 0, 10.0, 10.0, False, tally)
    assert escaped > 0.0
    assert tally[:-1].sum() + radiated + escaped == pytest.approx(500 * 1000.0, rel=1e-9)


def test_streams_are_reproducible_and_differ():
    first = simulate_point_source(80.0, n_histories=50, seed=1)[0]
    assert np.array_equal(first, simulate_point_source(80.0, n_histories=50, seed=1)[0])
    assert not np.array_equal(first, simulate_point_source(80.0, n_histories=50, seed=1, stream=1)[0])


def test_steps_add_up_to_the_deflection_of_lewis():
    """After a path s the mean of cos theta is exp(-s G1), in however many steps it is walked."""
    energy, n, n_steps = 300.0, 20_000, 4
    table = electron_media(("water",), 10.0).coefficients[0]
    found, state = np.empty(N_COLUMNS), new_state(seed=13, stream=0)
    length = 0.0075 * energy / float(collision_stopping_power("water", energy))
    first = float(soft_coefficients("water", np.array([energy]), cut_kev=10.0).first_cm2_per_g[0])
    cosines = np.empty(n)
    for i in range(n):
        electron = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, energy])
        for _ in range(n_steps):
            tracks.look_up(table, energy, found)
            _, cosine = tracks.draw_step(table, found, energy, length, state)
            tracks.turn(electron, cosine, 2.0 * np.pi * tracks.uniform(state))
        cosines[i] = electron[5]
    assert electron[3:6] @ electron[3:6] == pytest.approx(1.0, rel=1e-12)
    # 20 000 draws of a skewed law: 1.2 %; the middle of a step has 0.4 % less energy, so 0.7 % more G1.
    assert 1.0 - cosines.mean() == pytest.approx(1.0 - np.exp(-n_steps * length * first), rel=0.05)


def test_committed_kernel_belongs_to_this_physics():
    table = read_table("electron_point_kernel")
    arrays = table.arrays
    assert table.meta["elastic_table_sha256"] == read_table("electron_elastic").sha256
    assert arrays["energies_kev"] == pytest.approx(ENERGIES_KEV, rel=1e-6)
    assert arrays["scaled_radius"] == pytest.approx(SCALED_EDGES, abs=1e-6)
    assert arrays["csda_range_g_per_cm2"] == pytest.approx(csda_range("water", ENERGIES_KEV), rel=1e-6)
    assert arrays["bremsstrahlung_fraction"] == pytest.approx(radiation_yield("water", ENERGIES_KEV), rel=1e-5)
    sums = arrays["deposited_fraction"].astype(np.float64).sum(axis=1) + arrays["bremsstrahlung_fraction"]
    # Single precision of 130 shares.
    assert sums == pytest.approx(np.ones(ENERGIES_KEV.size), abs=1e-6)


@pytest.mark.parametrize("number", [0, 12, 30])
def test_committed_kernel_is_what_the_program_makes(number):
    energy = float(ENERGIES_KEV[number])
    found = np.cumsum(simulate_point_source(energy, n_histories=3000, seed=99)[0])
    table = np.cumsum(read_table("electron_point_kernel").arrays["deposited_fraction"][number].astype(np.float64))
    # 3000 electrons: the share within any radius is known to 0.5 %.
    assert found == pytest.approx(table, abs=0.015)
    assert delta_cut_kev(energy) <= 10.0
