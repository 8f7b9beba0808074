"""Energies per decay of spectra and chains, ICRP Publication 107 (verification numbers, section 1)."""

import numpy as np
import pytest

from dosimetry.nuclides.decay import get_nuclide
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY

# beta, conversion + Auger, photons; keV per decay
SINGLE = {
    "Lu-177": (133.27, 13.52 + 1.13, 31.56 + 3.54),
    "Y-90": (932.90, 0.20, 0.0),
    "I-131": (181.87, 9.57 + 0.41, 381.24 + 1.52),
    "Tb-161": (154.26, 39.29 + 8.94, 23.97 + 12.55),
    "Sm-153": (223.57, 40.29 + 6.02, 36.93 + 27.33),
    "Ho-166": (664.99, 28.40 + 2.95, 24.19 + 5.89),
    "Re-188": (762.62, 15.73 + 1.00, 57.73 + 3.52),
    "Sr-89": (584.54, 0.0, 0.09),
    "Cu-67": (135.89, 13.74 + 0.75, 114.80 + 0.56),
    "Cu-64": (74.27 + 48.43, 2.05, 6.37 + 177.91 + 1.20),
    "Ga-68": (737.38, 0.01 + 0.55, 39.61 + 908.67 + 0.41),
    "Zr-89": (89.94, 7.63 + 4.37, 918.27 + 232.41 + 7.40),
    "Tc-99m": (0.0, 15.24 + 0.94, 125.16 + 1.43),
    "In-111": (0.0, 27.94 + 6.88, 386.12 + 20.00),
}
# alpha, recoil, electrons, photons; keV per decay of the parent, all progeny in place
CHAINS = {
    "Ac-225": (27481, 513, 690, 219),
    "Ra-223": (26377, 497, 1043, 314),
    "Pb-212": (7802, 150, 901, 1457),
    "Bi-213": (8324, 159, 656, 173),
    "At-211": (6784, 131, 6, 41),
}


@pytest.mark.reference
@pytest.mark.parametrize("name", SINGLE)
def test_energies_per_decay(name):
    beta, lines, photons = SINGLE[name]
    emissions = get_emissions(name)
    # Rounded to 0.01 keV, up to three rounded columns are added; 1e-4 is asked for equal data.
    assert emissions.beta_energy_kev == pytest.approx(beta, rel=1e-4, abs=0.015)
    assert emissions.electron_line_energy_kev == pytest.approx(lines, rel=1e-4, abs=0.015)
    assert emissions.photon_energy_kev == pytest.approx(photons, rel=1e-4, abs=0.02)


@pytest.mark.reference
@pytest.mark.parametrize("name", CHAINS)
def test_chain_in_place(name):
    alpha, recoil, electrons, photons = CHAINS[name]
    emissions = get_emissions(name, progeny="in_place")
    found = (
        emissions.alpha_energy_kev,
        emissions.recoil_energy_kev,
        emissions.electron_energy_kev,
        emissions.photon_energy_kev,
    )
    # The table is rounded to 1 keV.
    assert found == pytest.approx((alpha, recoil, electrons, photons), abs=0.6)


@pytest.mark.reference
def test_decays_of_the_ac225_chain():
    decays = dict(get_emissions("Ac-225", progeny="in_place").progeny)
    assert decays["Bi-213"] == pytest.approx(0.99988, abs=5e-6)
    assert decays["Po-213"] == pytest.approx(0.97898, abs=5e-6)
    assert decays["Tl-209"] == pytest.approx(0.02090, abs=5e-6)


@pytest.mark.reference
def test_at211_alone_misses_po211():
    assert get_emissions("At-211").alpha_energy_kev == pytest.approx(2452, abs=0.6)


@pytest.mark.reference
def test_mean_energy_per_decay_in_dose_units():
    per_mbq_h = KEV_PER_G_GY * 1e6 * 3600.0
    for name, expected in {"Lu-177": 0.0853196, "Y-90": 0.538200, "I-131": 0.110655, "Tb-161": 0.116792}.items():
        assert get_emissions(name).electron_energy_kev * per_mbq_h == pytest.approx(expected, rel=1e-5)
    alpha = get_emissions("Ac-225", progeny="in_place").alpha_energy_kev
    assert alpha * per_mbq_h == pytest.approx(15.851, rel=1e-4)
    y90 = get_nuclide("Y-90")
    # Gy kg per GBq: E / lambda.
    assert get_emissions("Y-90").electron_energy_kev * KEV_PER_G_GY * 1e6 / y90.decay_constant_per_s == pytest.approx(
        49.771, rel=1e-4
    )


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "energy_kev", "expected"),
    [("Lu-177", 208.366, 0.1100), ("Lu-177", 112.95, 0.0640), ("I-131", 364.489, 0.817)],
)
def test_lines_that_cameras_see(name, energy_kev, expected):
    emissions = get_emissions(name)
    is_line = np.isclose(emissions.photon_energies_kev, energy_kev, rtol=0.0, atol=1e-3)
    # I-131 is rounded to three digits in the verification table.
    assert emissions.photon_yields[is_line].sum() == pytest.approx(expected, rel=1e-3)
