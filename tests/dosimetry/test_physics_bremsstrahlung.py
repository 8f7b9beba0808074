"""Spectrum of bremsstrahlung: limits of the cross-section, thick target."""

import numpy as np
import pytest

from dosimetry.physics.bremsstrahlung import FINE_STRUCTURE, MEAN_Z, radiated_share_below, thin_target_intensity
from dosimetry.physics.compton import ELECTRON_MASS_KEV


def test_slow_electrons_follow_the_non_relativistic_formula():
    """Bethe and Heitler at low energy: k dsigma/dk proportional to ln((p0 + p)/(p0 - p)), times Elwert's factor."""
    shares = np.linspace(0.05, 0.95, 19)
    electron_kev = 2.0
    p0 = np.sqrt(2.0 * electron_kev / ELECTRON_MASS_KEV)
    p = p0 * np.sqrt(1.0 - shares)
    eta = 2.0 * np.pi * MEAN_Z * FINE_STRUCTURE
    elwert = p0 * -np.expm1(-eta / p0) / (p * -np.expm1(-eta / p))
    expected = np.log((p0 + p) / (p0 - p)) * elwert
    found = thin_target_intensity(electron_kev, shares)
    # Corrections are of the order of T / m c2 = 0.4 %.
    assert found / found[0] == pytest.approx(expected / expected[0], rel=0.02)


def test_soft_end_has_the_logarithm_of_the_relativistic_formula():
    """Without screening k dsigma/dk goes as 16/3 ln(2 E0 (E0 - k)/k) at high energy: a decade in k adds 12.3."""
    energy_kev = 1e5
    found = thin_target_intensity(energy_kev, np.array([1e-4, 1e-3]))
    assert found[0] - found[1] == pytest.approx(16.0 / 3.0 * np.log(10.0), rel=0.02)


@pytest.mark.parametrize("electron_kev", [10.0, 100.0, 1000.0, 2800.0])
def test_shares_rise_from_nothing_to_all(electron_kev):
    photon_kev = np.linspace(0.0, electron_kev, 200)
    share = radiated_share_below(electron_kev, photon_kev)
    assert share[0] == 0.0
    assert share[-1] == pytest.approx(1.0, rel=1e-12)
    assert np.all(np.diff(share) >= 0.0)


@pytest.mark.parametrize("electron_kev", [500.0, 1000.0, 2000.0])
def test_softer_than_the_spectrum_of_kramers(electron_kev):
    """Kramers (k dN/dk constant in a thin target) suits heavy elements; in water half the energy lies lower."""
    x = np.linspace(0.05, 0.95, 19)
    kramers = 2.0 * x - x * x
    share = radiated_share_below(electron_kev, x * electron_kev)
    assert np.all(share > kramers)
    assert radiated_share_below(electron_kev, np.array([0.2 * electron_kev]))[0] == pytest.approx(0.63, abs=0.06)
