"""Photon coefficients of water and tissues against NIST tables (verification numbers, section 2)."""

import numpy as np
import pytest

from dosimetry.physics.compton import (
    ELECTRON_MASS_KEV,
    klein_nishina_barn_per_cosine,
    pair_barn_per_z2,
    scattered_fraction,
)
from dosimetry.physics.cross_sections import photon_table

# keV: mu/rho, mu_en/rho of water, cm2/g
WATER = {
    20: (0.8096, 0.5503), 30: (0.3756, 0.1557), 50: (0.2269, 0.04223), 60: (0.2059, 0.03190), 100: (0.1707, 0.02546),
    150: (0.1505, 0.02764), 200: (0.1370, 0.02967), 300: (0.1186, 0.03192), 400: (0.1061, 0.03279),
    500: (0.09687, 0.03299), 800: (0.07865, 0.03206),
}  # fmt: skip
# keV: mu, 1/cm, of water
WATER_LINES = {112.95: 0.1644, 140.5: 0.1537, 208.37: 0.1351, 364.5: 0.1101, 511.0: 0.0960}


@pytest.mark.reference
@pytest.mark.parametrize("energy_kev", WATER)
def test_water(energy_kev):
    attenuation, absorption = WATER[energy_kev]
    table = photon_table("water")
    assert float(table.at(energy_kev)) == pytest.approx(attenuation, rel=1e-3)
    # mu_en of NIST lacks the energy that electrons radiate; ours is the energy transferred.
    assert float(table.at(energy_kev, "mu_en")) == pytest.approx(absorption, rel=3e-3)


@pytest.mark.reference
@pytest.mark.parametrize("energy_kev", WATER_LINES)
def test_attenuation_at_gamma_lines(energy_kev):
    # Four digits are tabulated, made with another library (xraydb); 0.1 % asked.
    assert float(photon_table("water").at(energy_kev)) == pytest.approx(WATER_LINES[energy_kev], rel=1e-3)


@pytest.mark.reference
def test_scatter_with_free_electrons_is_too_low_for_mu_en():
    """Plain Klein-Nishina transfers 1.0 to 1.25 % less at 50 to 100 keV than with incoherent functions."""
    table = photon_table("water")
    cosine = np.linspace(-1.0, 1.0, 4001)
    for energy_kev in (50.0, 100.0):
        weight = klein_nishina_barn_per_cosine(energy_kev, cosine)
        free = np.trapezoid(weight * (1.0 - scattered_fraction(energy_kev, cosine)), cosine)
        free /= np.trapezoid(weight, cosine)
        bound = np.interp(energy_kev, table.energies_kev, table.compton_transfer_fraction)
        assert 0.005 < bound / free - 1.0 < 0.04


@pytest.mark.reference
def test_pair_production_is_that_of_bethe_and_heitler():
    """Urban's fit of tabulated data (oxygen, from 1.5 MeV on), quoted to about 5 %."""
    a = (8.7842e2, -1.9625e3, 1.2949e3, -2.0028e2, 1.2575e1, -2.8333e-1)
    b = (-1.0342e1, 1.7692e1, -8.2381, 1.3063, -9.0815e-2, 2.3586e-3)
    c = (-4.5263e2, 1.1161e3, -8.6749e2, 2.1773e2, -2.0467e1, 6.5372e-1)
    for energy_kev in (1500.0, 2000.0, 2614.0, 3000.0):
        x = np.log(energy_kev / ELECTRON_MASS_KEV) ** np.arange(6)
        z = 8.0
        urban_barn = (z + 1.0) * (z * (a @ x) + z * z * (b @ x) + (c @ x)) * 1e-6
        assert float(pair_barn_per_z2(np.array(energy_kev))) * z * z == pytest.approx(urban_barn, rel=0.06)


@pytest.mark.reference
def test_pair_production_is_continuous_where_the_series_change():
    below, above = pair_barn_per_z2(4.0 * ELECTRON_MASS_KEV * np.array([1.0 - 1e-9, 1.0 + 1e-9]))
    # Both are series that Maximon cut off at 0.02 %.
    assert below == pytest.approx(above, rel=3e-4)
    assert pair_barn_per_z2(np.array(1021.0)) == 0.0
