"""Spectrum of the bremsstrahlung that electrons emit while they come to rest in water."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.electrons import collision_stopping_power, radiative_stopping_power

FloatArray = NDArray[np.float64]
FINE_STRUCTURE = 1.0 / 137.035999
MEAN_Z = 6.6
"""Water: sum n Z^2 / sum n Z = (2 + 64) / (2 + 8)."""
N_ELECTRON_ENERGIES, N_SHARES = 160, 240
LOWEST_KEV, HIGHEST_KEV = 2.0, 3000.0


def thin_target_intensity(electron_kev: float, shares: FloatArray) -> FloatArray:
    """Return k dsigma/dk (any unit) of one electron against k/T.

    Bethe and Heitler's cross-section in Born's approximation without screening (3BN of the review), integrated over
    angles, with Elwert's factor for the Coulomb field near the end point. For water, screening matters below 1 keV.

    Parameters
    ----------
    electron_kev : float
        Kinetic energy T, keV.
    shares : (n,) array
        k/T, above 0 and below 1.

    Returns
    -------
    (n,) array
        Intensity; falls from k = 0 to the end point.

    References
    ----------
    .. [1] Koch & Motz, Bremsstrahlung cross-section formulas, Rev. Mod. Phys. 31 (1959) 920-955, 3BN and III-6.
    """
    k = electron_kev * shares / ELECTRON_MASS_KEV
    before = electron_kev / ELECTRON_MASS_KEV + 1.0
    after = before - k
    p_before, p_after = np.sqrt(before**2 - 1.0), np.sqrt(after**2 - 1.0)
    log_before, log_after = 2.0 * np.log(before + p_before), 2.0 * np.log(after + p_after)
    log_both = 2.0 * np.log((before * after + p_before * p_after - 1.0) / k)
    pp = p_before * p_after
    bracket = 8.0 / 3.0 * before * after / pp + k**2 / pp**3 * (before**2 * after**2 + pp**2)
    bracket += (k / (2.0 * pp)) * (
        (before * after + p_before**2) / p_before**3 * log_before
        - (before * after + p_after**2) / p_after**3 * log_after
        + 2.0 * k * before * after / pp**2
    )
    intensity = 4.0 / 3.0 - 2.0 * before * after * (p_before**2 + p_after**2) / pp**2
    intensity += log_before * after / p_before**3 + log_after * before / p_after**3 - log_before * log_after / pp
    intensity += log_both * bracket
    exponent_before = 2.0 * np.pi * MEAN_Z * FINE_STRUCTURE * before / p_before
    exponent_after = 2.0 * np.pi * MEAN_Z * FINE_STRUCTURE * after / p_after
    # Elwert: beta0 (1 - exp(-2 pi Z a / beta0)) / (beta (1 - exp(-2 pi Z a / beta))).
    elwert = (p_before / before) * np.expm1(-exponent_before) / ((p_after / after) * np.expm1(-exponent_after))
    return np.asarray(np.maximum(intensity, 0.0) * p_after / p_before * elwert)


def radiated_share_below(electron_kev: float, photon_kev: FloatArray) -> FloatArray:
    """Return the share of all radiated energy that photons below an energy carry.

    Thick target: the electron slows down to rest; at each energy it radiates in proportion to its radiative over its
    total stopping power with the spectrum of the thin target.

    Parameters
    ----------
    electron_kev : float
        Initial kinetic energy, keV.
    photon_kev : (n,) array
        Photon energies, keV, 0 or above.

    Returns
    -------
    (n,) array
        From 0 at 0 to 1 at the initial energy; below 2 keV the shape at 2 keV.
    """
    energies, shares, within = _thick_target()
    position = np.interp(np.log(electron_kev), np.log(energies), np.arange(energies.size))
    low = min(int(position), energies.size - 2)
    weight = position - low
    row = (1.0 - weight) * within[low] + weight * within[low + 1]
    return np.asarray(np.interp(photon_kev / electron_kev, shares, row))


@lru_cache(maxsize=1)
def _thick_target() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return initial energies, k/E0 and the share of radiated energy below it."""
    energies = np.geomspace(LOWEST_KEV, HIGHEST_KEV, N_ELECTRON_ENERGIES)
    shares = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, N_SHARES - 1)])
    middle = 0.5 * (shares[1:] + shares[:-1])
    thin = np.array([thin_target_intensity(float(energy), middle) for energy in energies]) * np.diff(shares)
    thin_within = np.concatenate([np.zeros((energies.size, 1)), np.cumsum(thin, axis=1)], axis=1)
    thin_within /= thin_within[:, -1:]
    radiative = radiative_stopping_power("water", energies)
    loss_share = radiative / (radiative + collision_stopping_power("water", energies))
    step = np.gradient(energies)
    within = np.empty_like(thin_within)
    for i, initial in enumerate(energies):
        # All energies that the electron passes, each with its own end point.
        passed = slice(0, i + 1)
        below = np.array(
            [
                np.interp(np.minimum(shares * initial / t, 1.0), shares, row)
                for t, row in zip(energies[passed], thin_within[passed], strict=True)
            ]
        )
        weights = loss_share[passed] * step[passed]
        within[i] = weights @ below / weights.sum()
    return energies, shares, within
