"""Radiations of a decay: traps of the data file, exact integrals, chains."""

import dataclasses
import json
from importlib import resources

import numpy as np
import pytest
import radioactivedecay as rd
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.beta_spectra import BetaSpectrum, split_spectrum
from dosimetry.nuclides.chains import BRANCHES, chain_activities, progeny_in_place
from dosimetry.nuclides.decay import get_nuclide, read_decay_data
from dosimetry.nuclides.emissions import get_emissions

BETA_NUCLIDES = ["Lu-177", "Y-90", "I-131", "Tb-161", "Sm-153", "Ho-166", "Re-188", "Sr-89", "Cu-67", "Cu-64", "Ga-68"]


def test_data_file_is_json_inside_json():
    text = (resources.files("icrp107_database") / "icrp107" / "Lu-177.json").read_text()
    assert isinstance(json.loads(text), str)
    assert read_decay_data("Lu-177")["name"] == "Lu-177"


@pytest.mark.parametrize("name", BETA_NUCLIDES)
def test_spectrum_has_the_yield_and_mean_of_the_branches(name):
    emissions = get_emissions(name)
    data = read_decay_data(name)["emissions"]
    for kind, density in (
        ("beta-", emissions.beta_minus_density_per_kev),
        ("beta+", emissions.beta_plus_density_per_kev),
    ):
        spectrum = BetaSpectrum(energies_kev=emissions.beta_energies_kev, density_per_kev=density)
        # Straight lines are integrated exactly; only rounding remains.
        assert spectrum.yield_per_decay == pytest.approx(sum(y for _, y in data[kind]), rel=1e-9, abs=1e-12)
        assert spectrum.energy_kev == pytest.approx(1e3 * sum(e * y for e, y in data[kind]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", BETA_NUCLIDES)
def test_tabulated_spectrum_agrees_with_the_branches(name):
    data = read_decay_data(name)["emissions"]
    table = np.array(data["b-spectra"])
    raw = BetaSpectrum(energies_kev=table[:, 0] * 1e3, density_per_kev=table[:, 1] / 1e3)
    branches = data["beta-"] + data["beta+"]
    # Two independent columns of ICRP 107: yields to 0.2 %, means to 0.4 % (Ho-166 0.41 %), verification section 1.
    assert raw.yield_per_decay == pytest.approx(sum(y for _, y in branches), rel=2.5e-3)
    mean_kev = 1e3 * sum(e * y for e, y in branches) / sum(y for _, y in branches)
    assert raw.energy_kev / raw.yield_per_decay == pytest.approx(mean_kev, rel=4.2e-3)


@pytest.mark.parametrize("name", ["Lu-177", "Y-90", "I-131", "Re-188", "Ga-68"])
def test_spectrum_bends_like_a_parabola_at_its_end(name):
    """Straight lines between the nodes of the table would hold up to a third too many electrons there."""
    emissions = get_emissions(name)
    energies, density = emissions.beta_energies_kev, emissions.beta_density_per_kev
    end_kev = energies[-1]
    slow = density / np.maximum(end_kev - energies, 1e-9) ** 2
    is_last = (energies > 0.9 * end_kev) & (energies < 0.98 * end_kev)
    assert np.count_nonzero(is_last) > 3
    # f / (E0 - E)^2 changes slowly; a straight line to the end point would let it grow without bound.
    assert slow[is_last].max() / slow[is_last].min() < 1.5


def test_cu64_electrons_and_positrons_are_taken_apart():
    minus, plus = split_spectrum(read_decay_data("Cu-64")["emissions"])
    assert minus.yield_per_decay == pytest.approx(0.390, rel=1e-9)
    assert plus.yield_per_decay == pytest.approx(0.174083, rel=1e-9)
    # Coulomb force: electrons crowd at zero energy, positrons stay away from it.
    assert plus.density_per_kev[0] < 0.01 * plus.density_per_kev.max()
    assert minus.density_per_kev[0] > 0.3 * minus.density_per_kev.max()
    # End points 579 and 653 keV between nodes every 50 keV.
    assert 540.0 < minus.energies_kev[minus.density_per_kev > 0.0].max() < 605.0
    assert plus.energies_kev[plus.density_per_kev > 0.0].max() > 605.0
    # Each shape alone is close to its branch: the axis was stretched by less than 1 %.
    assert plus.energies_kev.max() == pytest.approx(653.1, rel=0.01)
    assert minus.energies_kev.max() == pytest.approx(653.1, rel=0.01)


def test_beta_rows_are_means_not_end_points():
    # Taking 149.1 keV (one branch of Lu-177, a mean) for an end point would give about 50 keV.
    assert get_emissions("Lu-177").beta_energy_kev == pytest.approx(133.27, abs=0.01)


@given(inner=st.lists(st.floats(1.0, 490.0), min_size=1, max_size=12, unique=True))
@settings(max_examples=30, deadline=None)
def test_groups_add_up_whatever_their_edges(inner):
    emissions = get_emissions("Lu-177")
    edges = np.array([0.0, *sorted(inner), 600.0])
    yields, means = emissions.beta_group_yields(edges)
    # The branches of the data add up to 1 but for rounding.
    assert yields.sum() == pytest.approx(1.0, rel=1e-6)
    assert yields @ means == pytest.approx(emissions.beta_energy_kev, rel=1e-9)
    assert np.all((means >= edges[:-1]) & (means <= edges[1:]))


def test_photons_hold_annihilation_quanta_at_511_kev():
    emissions = get_emissions("Ga-68")
    at_511 = np.isclose(emissions.photon_energies_kev, 511.0)
    assert emissions.photon_yields[at_511].sum() == pytest.approx(2 * 0.8891, rel=1e-4)
    assert np.all(np.diff(emissions.photon_energies_kev) >= 0.0)


@pytest.mark.parametrize("name", ["Lu-177", "Cu-64", "Tc-99m", "In-111", "Ac-225"])
def test_energies_are_those_of_the_nuclide(name):
    emissions, nuclide = get_emissions(name), get_nuclide(name)
    assert emissions.electron_energy_kev == pytest.approx(nuclide.electron_energy_kev, rel=1e-9)
    assert emissions.photon_energy_kev == pytest.approx(nuclide.photon_energy_kev, rel=1e-9)
    assert emissions.local_energy_kev == pytest.approx(nuclide.local_energy_kev, rel=1e-9)
    assert emissions.progeny == ()


def test_emissions_cannot_be_changed():
    emissions = get_emissions("Lu-177")
    with pytest.raises(ValueError, match="read-only"):
        emissions.photon_yields[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        emissions.name = "Y-90"


def test_digest_tells_nuclides_and_progeny_apart():
    digests = {get_emissions("Bi-213").digest, get_emissions("Bi-213", progeny="in_place").digest}
    assert len(digests | {get_emissions("Lu-177").digest}) == 3


def test_unknown_rule_is_refused():
    with pytest.raises(InvalidInputError, match="in_place"):
        get_emissions("Ac-225", progeny="all")


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_are_those_of_radioactivedecay(name):
    nuclide = rd.Nuclide(name)
    expected = {
        daughter: fraction
        for daughter, fraction in zip(nuclide.progeny(), nuclide.branching_fractions(), strict=True)
        if rd.Nuclide(daughter).half_life("s") < 1e20 and daughter not in {"Bi-209", "Pr-141"}
    }
    assert dict(BRANCHES[name]) == expected


def test_progeny_that_outlive_the_parent_are_left_out_and_named():
    at211 = progeny_in_place("At-211")
    assert dict(at211.decays_per_parent_decay) == {"Po-211": 0.582}
    assert at211.left_out == ("Bi-207",)
    assert "Pb-209" in progeny_in_place("Bi-213").decays_per_parent_decay
    assert progeny_in_place("Lu-177").decays_per_parent_decay == {}


def test_lu177m_is_a_contaminant_not_progeny():
    assert "Lu-177m" not in progeny_in_place("Lu-177").decays_per_parent_decay


@pytest.mark.parametrize("name", ["Ac-225", "Ra-223", "Pb-212", "Mo-99", "Tb-149"])
def test_chain_activities_agree_with_radioactivedecay(name):
    half_life_s = get_nuclide(name).half_life_s
    times = half_life_s * np.array([0.01, 0.3, 1.0, 4.0])
    chain = chain_activities(name, initial_activity_bq=1e6, times_s=times)
    for row, time_s in zip(chain.activities_bq, times, strict=True):
        expected = rd.Inventory({name: 1e6}, "Bq").decay(float(time_s), "s").activities("Bq")
        # Same data; double precision relative to the parent.
        found = [expected.get(member, 0.0) for member in chain.members]
        assert np.allclose(row, found, rtol=1e-6, atol=1e-5)


def test_bi213_equilibrium_with_ac225():
    chain = chain_activities("Ac-225", initial_activity_bq=1.0, times_s=np.array([5 * 86400.0]))
    bi213 = chain.activities_bq[0, chain.members.index("Bi-213")]
    # Verification numbers, section 1, for branch 1; the branch At-217 -> Bi-213 is 0.99988.
    assert bi213 / chain.activities_bq[0, 0] / 0.99988 == pytest.approx(1.003176 * 1.00034, rel=2e-4)


def test_long_after_the_start_decays_are_the_products_of_branches():
    chain = chain_activities("Ac-225", initial_activity_bq=1.0, times_s=np.array([400 * 86400.0]))
    per_parent = dict(zip(chain.members, chain.decays[0] / chain.decays[0, 0], strict=True))
    for member, expected in progeny_in_place("Ac-225").decays_per_parent_decay.items():
        assert per_parent[member] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("activity", "time_s"), [(-1.0, 1.0), (1.0, -1.0), (np.nan, 1.0), (1.0, np.inf)])
def test_chain_refuses_negative_or_infinite_input(activity, time_s):
    with pytest.raises(InvalidInputError):
        chain_activities("Ac-225", initial_activity_bq=activity, times_s=np.array([time_s]))
