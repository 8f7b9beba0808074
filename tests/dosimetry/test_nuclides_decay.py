"""Decay data: sums, every file of the library, refusals. Published values stand in tests/reference."""

from importlib import metadata, resources

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import TIME_UNITS_S, get_nuclide
from dosimetry.units import DAY_S, KEV_PER_G_GY, MBQ_H_BQ_S

THERAPY = ["Lu-177", "Y-90", "I-131", "Tb-161", "Ac-225", "Ra-223", "At-211", "Ga-68", "Tc-99m"]


def every_name():
    folder = resources.files("icrp107_database") / "icrp107"
    return sorted(path.name.removesuffix(".json") for path in folder.iterdir() if path.name.endswith(".json"))


def test_every_file_of_the_library_is_read():
    names = every_name()
    # ICRP 107 has 1252 nuclides.
    assert len(names) == 1252
    for name in names:
        nuclide = get_nuclide.__wrapped__(name)
        assert 0.0 < nuclide.half_life_s < np.inf, name
        assert nuclide.decay_constant_per_s * nuclide.half_life_s == pytest.approx(np.log(2.0), rel=1e-12)
        parts = (nuclide.electron_energy_kev, nuclide.photon_energy_kev, nuclide.local_energy_kev)
        assert all(0.0 <= part < np.inf for part in parts), name


@pytest.mark.parametrize("name", THERAPY)
def test_sums_hold_every_part_once(name):
    nuclide = get_nuclide(name)
    electrons = (
        nuclide.mean_beta_minus_energy_kev
        + nuclide.mean_beta_plus_energy_kev
        + nuclide.conversion_electron_energy_kev
        + nuclide.auger_electron_energy_kev
    )
    assert nuclide.electron_energy_kev == pytest.approx(electrons, rel=1e-12)
    assert nuclide.local_energy_kev == pytest.approx(
        electrons + nuclide.alpha_energy_kev + nuclide.alpha_recoil_energy_kev, rel=1e-12
    )
    assert nuclide.photon_energy_kev == pytest.approx(
        nuclide.gamma_energy_kev + nuclide.x_ray_energy_kev + nuclide.annihilation_energy_kev, rel=1e-12
    )


def test_beta_energy_is_the_mean_of_all_branches():
    # One branch of Lu-177 has a mean of 149 keV and its end point is 498 keV; the sum over branches is 133.3 keV.
    assert get_nuclide("Lu-177").mean_beta_minus_energy_kev == pytest.approx(133.27, abs=0.01)


def test_beta_plus_and_beta_minus_stay_apart():
    copper = get_nuclide("Cu-64")
    assert copper.mean_beta_minus_energy_kev == pytest.approx(74.27, abs=0.01)
    assert copper.mean_beta_plus_energy_kev == pytest.approx(48.43, abs=0.01)
    assert copper.annihilation_energy_kev == pytest.approx(177.91, abs=0.01)
    assert get_nuclide("Y-90").mean_beta_plus_energy_kev == pytest.approx(0.0, abs=1e-3)


def test_progeny_are_not_added():
    # The chain of Ac-225 in place gives 27481 keV of alpha, At-211 with Po-211 6784 keV.
    assert get_nuclide("Ac-225").alpha_energy_kev < 6000.0
    assert get_nuclide("At-211").alpha_energy_kev == pytest.approx(2452.0, abs=1.0)


def test_alpha_recoil_follows_from_momentum():
    # 4 / (A - 4) of the alpha energy, A = 225, for one alpha of each decay.
    ac225 = get_nuclide("Ac-225")
    assert ac225.alpha_recoil_energy_kev / ac225.alpha_energy_kev == pytest.approx(4.0026 / 221.014, rel=5e-3)


def test_dose_constant_of_one_kev():
    # verification 1: 5.767836e-4 g Gy/(MBq h).
    gray_grams = KEV_PER_G_GY * MBQ_H_BQ_S
    assert gray_grams == pytest.approx(5.767836e-4, rel=1e-6)


def test_minutes_are_not_months():
    assert TIME_UNITS_S["m"] == 60.0
    assert get_nuclide("Ga-68").half_life_s == pytest.approx(67.71 * 60.0, rel=1e-6)
    assert TIME_UNITS_S["y"] == pytest.approx(365.2422 * DAY_S)


def test_isomers_are_other_nuclides():
    assert get_nuclide("Tc-99m").half_life_s == pytest.approx(6.015 * 3600.0, rel=1e-4)
    assert get_nuclide("Tc-99").half_life_s > 2e5 * TIME_UNITS_S["y"]
    assert get_nuclide("Lu-177m").half_life_s == pytest.approx(160.44 * DAY_S, rel=1e-3)


def test_data_are_named_with_their_version():
    version = metadata.version("icrp107-database")
    assert get_nuclide("Lu-177").data_version == f"ICRP 107, icrp107-database {version}"
    assert get_nuclide("Lu-177").name == "Lu-177"


@pytest.mark.parametrize(
    "name", ["lu-177", "Lu-177 ", "177Lu", "Lu-999", "Lu-177.json", "icrp107/Lu-177", "Lu_177", "-"]
)
def test_unknown_names_are_refused_as_they_were_written(name):
    with pytest.raises(InvalidInputError, match="symbol, hyphen and mass number") as caught:
        get_nuclide(name)
    assert caught.value.code == "unknown_nuclide"
    assert repr(name) in str(caught.value)
