"""Compton scattering: Klein-Nishina with the incoherent scattering function, and pair production by Bethe-Heitler."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ELECTRON_MASS_KEV = 510.99895
"""Electron rest energy, keV (CODATA 2018)."""
CLASSICAL_RADIUS_SQUARED_BARN = 0.0794078
"""Square of the classical electron radius, barn (CODATA 2018)."""
FINE_STRUCTURE = 7.2973525693e-3
HC_KEV_ANGSTROM = 12.39841984
"""h c, keV angstrom."""
N_COSINES = 64
"""Gauss nodes over the cosine; the integrand is smooth below 3 MeV."""
AVOGADRO_PER_BARN_CM2 = 0.602214076
"""Avogadro's number times one barn, cm2/mol."""


def momentum_transfer_per_angstrom(energy_kev: FloatArray | float, cosine: FloatArray) -> FloatArray:
    """Return x = sin(theta/2)/lambda, 1/angstrom, the argument of form factors and incoherent functions."""
    return np.asarray(energy_kev * np.sqrt(0.5 * np.maximum(1.0 - cosine, 0.0)) / HC_KEV_ANGSTROM)


def scattered_fraction(energy_kev: FloatArray | float, cosine: FloatArray) -> FloatArray:
    """Return E'/E of a photon scattered by a free electron at rest."""
    return np.asarray(1.0 / (1.0 + energy_kev / ELECTRON_MASS_KEV * (1.0 - cosine)))


def klein_nishina_barn_per_cosine(energy_kev: FloatArray | float, cosine: FloatArray) -> FloatArray:
    """Return the Klein-Nishina cross-section per electron and unit of cos theta, barn."""
    p = scattered_fraction(energy_kev, cosine)
    return np.asarray(np.pi * CLASSICAL_RADIUS_SQUARED_BARN * p * p * (p + 1.0 / p - 1.0 + cosine * cosine))


def klein_nishina_barn(energy_kev: FloatArray) -> FloatArray:
    """Return the Klein-Nishina cross-section per electron, barn; closed form, used above 30 keV."""
    a = np.asarray(energy_kev, dtype=np.float64) / ELECTRON_MASS_KEV
    b = 1.0 + 2.0 * a
    log_b = np.log(b)
    first = (1.0 + a) / a**2 * (2.0 * (1.0 + a) / b - log_b / a)
    second = log_b / (2.0 * a) - (1.0 + 3.0 * a) / b**2
    return np.asarray(2.0 * np.pi * CLASSICAL_RADIUS_SQUARED_BARN * (first + second))


def mean_cosine_of_scattered_energy(energy_kev: FloatArray) -> FloatArray:
    """Return the mean cosine of Klein-Nishina scattering, weighted with the energy of the scattered photon.

    Parameters
    ----------
    energy_kev : (n,) array
        Photon energy, keV, above zero.

    Returns
    -------
    (n,) array
        0 for very soft photons (Thomson), towards 1 for very hard ones.
    """
    nodes, weights = np.polynomial.legendre.leggauss(N_COSINES)
    energies = np.asarray(energy_kev, dtype=np.float64)[:, None]
    energy = weights * klein_nishina_barn_per_cosine(energies, nodes) * scattered_fraction(energies, nodes)
    return np.asarray((energy @ nodes) / energy.sum(axis=1))


def pair_barn_per_z2(energy_kev: FloatArray) -> FloatArray:
    """Return the cross-section of pair production in the field of a nucleus divided by Z^2, barn.

    Bethe-Heitler without screening (negligible below 3 MeV) and without Coulomb correction (1 % for oxygen), as the
    series of Maximon about threshold (k <= 4) and in 1/k above; k photon energy in electron masses.

    Parameters
    ----------
    energy_kev : array
        Photon energy, keV.

    Returns
    -------
    array
        sigma/Z^2, barn; zero below 1022 keV.

    References
    ----------
    .. [1] Maximon, J. Res. Natl. Bur. Stand. 72B (1968) 79-88; also in Hubbell, Gimm & Overbo, J. Phys. Chem. Ref.
       Data 9 (1980) 1023.
    """
    k = np.asarray(energy_kev, dtype=np.float64) / ELECTRON_MASS_KEV
    low = np.clip(k, 2.0, 4.0)
    eta = (2.0 * low - 4.0) / (low + 2.0 + 2.0 * np.sqrt(2.0 * low))
    series = 1.0 + eta / 2.0 + 23.0 * eta**2 / 40.0 + 11.0 * eta**3 / 60.0 + 29.0 * eta**4 / 960.0
    near = 2.0 * np.pi / 3.0 * ((low - 2.0) / low) ** 3 * series
    high = np.maximum(k, 4.0)
    log_2k = np.log(2.0 * high)
    zeta3 = 1.2020569031595942
    second = 6.0 * log_2k - 3.5 + 2.0 / 3.0 * log_2k**3 - log_2k**2 - np.pi**2 / 3.0 * log_2k
    second += 2.0 * zeta3 + np.pi**2 / 6.0
    inverse = 2.0 / high
    far = 28.0 / 9.0 * log_2k - 218.0 / 27.0 + inverse**2 * second
    far -= inverse**4 * (3.0 / 16.0 * log_2k + 0.125)
    far -= inverse**6 * (29.0 / 2304.0 * log_2k - 77.0 / 13824.0)
    return np.asarray(FINE_STRUCTURE * CLASSICAL_RADIUS_SQUARED_BARN * np.where(k <= 4.0, near, far))
