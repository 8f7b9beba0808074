"""Bremsstrahlung that a camera images: energy is kept, and one window's photons count once."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.protocols import get_protocol
from dosimetry.physics.electrons import radiation_yield
from dosimetry.quantification.spect_scatter import find_imaged_line
from dosimetry.reconstruction.bremsstrahlung_photons import bremsstrahlung_photons, effective_energy_kev, has_lines
from dosimetry.reconstruction.scatter_mc import emitted_photons

WINDOW = get_protocol("Y-90")["windows_kev"][0]


def test_only_nuclides_without_lines_are_imaged_by_bremsstrahlung():
    assert [name for name in ("Y-90", "Sr-89", "Lu-177", "I-131", "Tc-99m") if not has_lines(name)] == ["Y-90", "Sr-89"]


def test_the_photons_above_40_kev_carry_most_of_what_the_betas_radiate():
    emissions, photons = get_emissions("Y-90"), bremsstrahlung_photons("Y-90")
    energies, density = emissions.beta_energies_kev, emissions.beta_density_per_kev
    fine = np.linspace(1.0, energies[-1], 4000)
    spectrum = np.interp(fine, energies, density)
    radiated_kev = np.trapezoid(spectrum * fine * radiation_yield("water", fine), fine)
    carried_kev = float(photons.yields @ photons.energies_kev)
    # Half a per cent of 933 keV; of a spectrum that falls with energy a tenth or so lies below 40 keV.
    assert radiated_kev == pytest.approx(4.0, rel=0.15)
    assert 0.8 < carried_kev / radiated_kev < 0.95
    assert np.all(np.diff(photons.yields) < 0.0)


def test_the_window_counts_as_one_line_and_the_rest_beside_it():
    photons = emitted_photons("Y-90", imaged_kev=127.0, photopeak_kev=WINDOW)
    groups = bremsstrahlung_photons("Y-90")
    assert photons.imaged_yield == pytest.approx(groups.yields[groups.within(WINDOW)].sum())
    assert photons.yields.sum() == pytest.approx(groups.yields.sum())
    beside = photons.energies_kev[photons.energies_kev != 127.0]
    assert np.all((beside <= WINDOW[0]) | (beside >= WINDOW[1]))


def test_the_mean_energy_of_the_window_is_that_of_the_protocol_and_of_the_header():
    assert effective_energy_kev("Y-90", WINDOW) == pytest.approx(get_protocol("Y-90")["imaged_kev"], abs=0.5)
    line = find_imaged_line(((20.0, 55.0), WINDOW), nuclide="Y-90")
    assert (line.photopeak, line.lower, line.upper) == (1, None, None)
    assert line.energy_kev == pytest.approx(127.0, abs=0.5)


def test_a_window_above_the_betas_and_a_nuclide_without_betas_are_refused():
    with pytest.raises(InvalidInputError, match="3000 to 4000") as error:
        effective_energy_kev("Y-90", (3000.0, 4000.0))
    assert error.value.code == "no_photons"
    with pytest.raises(InvalidInputError) as error:
        bremsstrahlung_photons("Ga-67")
    assert error.value.code == "no_betas"


def test_the_biology_of_an_agent_stays_with_another_nuclide():
    lutetium, yttrium = AGENTS["DOTATATE"], AGENTS["90Y-DOTATATE"]
    for region, organ in lutetium.organs.items():
        biological = 1.0 / organ.half_life_h - 1.0 / 159.528
        assert 1.0 / yttrium.organs[region].half_life_h == pytest.approx(biological + 1.0 / 64.05, rel=2e-3)
        assert yttrium.organs[region].uptake == organ.uptake
