"""Stopping power, range and radiation yield of electrons, 1 keV to 3 MeV, in the materials of the body."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from dosimetry.errors import InvalidInputError
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.materials import ATOMIC_WEIGHT_G_PER_MOL, MATERIALS, Material, material_number

FloatArray = NDArray[np.float64]
COLLISION_CONSTANT_KEV_CM2_PER_MOL = 153.5375
"""2 pi r_e^2 m c^2 N_A, keV cm2/mol."""
ENERGY_LIMITS_KEV = (1.0, 3000.0)
EV_KEV = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityEffect:
    """Mean excitation energy and Sternheimer's density-effect parameters of one material.

    Parameters
    ----------
    mean_excitation_energy_ev : float
        I, eV.
    c, x0, x1, a, k : float
        delta = 0 below x0; 2 ln(10) x - c above x1; a (x1 - x)^k is added between; x = log10(p / m c).
    """

    mean_excitation_energy_ev: float
    c: float
    x0: float
    x1: float
    a: float
    k: float


_PARAMETERS: Mapping[str, tuple[float, float, float, float, float, float]] = {
    "air": (85.7, 10.5961, 1.7418, 4.2759, 0.10914, 3.3994),
    "lung": (75.3, 3.4708, 0.2261, 2.8001, 0.08588, 3.5353),
    "adipose": (63.2, 3.2367, 0.1827, 2.6530, 0.10278, 3.4817),
    "soft_tissue": (74.7, 3.4636, 0.2249, 2.8000, 0.08507, 3.5383),
    "spongiosa": (78.4, 3.4510, 0.2000, 2.0000, 0.43380, 3.0000),
    "cortical_bone": (106.4, 3.6488, 0.1161, 3.0919, 0.06198, 3.5919),
    "water": (75.0, 3.5017, 0.2400, 2.8004, 0.09116, 3.4773),
}
DENSITY_EFFECT: Mapping[str, DensityEffect] = MappingProxyType(
    {
        name: DensityEffect(mean_excitation_energy_ev=i_ev, c=c, x0=x0, x1=x1, a=a, k=k)
        for name, (i_ev, c, x0, x1, a, k) in _PARAMETERS.items()
    }
)
"""Sternheimer, Berger & Seltzer (1984): air, lung, adipose, striated muscle for soft tissue, cortical bone, water.

Inflated lung takes the values of the condensed tissue, for the density effect is local. Spongiosa is not tabulated: I
by Bragg additivity (ICRU 37, table 2.11), delta by Sternheimer & Peierls, Phys. Rev. B 3 (1971) 3681.
"""

_ESTAR_KEV = (1e1, 2e1, 3e1, 5e1, 8e1, 1e2, 1.5e2, 2e2, 3e2, 4e2, 5e2, 7e2, 1e3, 1.5e3, 2e3, 3e3)
_ESTAR_RADIATIVE = (
    3.898, 3.963, 3.984, 4.031, 4.138, 4.228, 4.494, 4.801, 5.514, 6.339, 7.257, 9.313, 12.80, 19.42, 26.78, 42.99,
)  # fmt: skip
"""Radiative stopping power of water, keV cm2/g, ESTAR (Berger-Seltzer cross-sections)."""


def collision_stopping_power(material: str, energies_kev: FloatArray | float) -> FloatArray:
    """Return the mass collision stopping power (Bethe with the density effect).

    S/rho = 2 pi r_e^2 m c^2 N_A <Z/A> / beta^2 [ln(T/I)^2 + ln(1 + tau/2) + F(tau) - delta].

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, 1 keV to 3 MeV. Bethe's formula without shell correction is uncertain by a few per cent below
        10 keV.

    Returns
    -------
    array
        Mass collision stopping power, keV cm2/g (1 MeV cm2/g = 1000 keV cm2/g). Water: 0.05 % from ESTAR to 500 keV,
        0.5 % above (fit of the density effect).

    Raises
    ------
    InvalidInputError
        Unknown material, or an energy outside 1 keV to 3 MeV.

    References
    ----------
    .. [1] ICRU Report 37, Stopping powers for electrons and positrons (1984), eq. 2.7 and 2.8.
    .. [2] Sternheimer, Berger & Seltzer, Atomic Data Nucl. Data Tables 30 (1984) 261.
    """
    return restricted_stopping_power(material, energies_kev, cut_kev=np.inf)


def restricted_stopping_power(material: str, energies_kev: FloatArray | float, *, cut_kev: float) -> FloatArray:
    """Return the mass collision stopping power by energy losses below a cut.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, keV.
    cut_kev : float
        Largest energy loss of a single collision that counts, keV; half the energy at most is used, for the electron
        of higher energy after a collision is the primary.

    Returns
    -------
    array
        keV cm2/g.

    Raises
    ------
    InvalidInputError
        Unknown material, an energy outside 1 keV to 3 MeV, or a cut that is not above zero.

    References
    ----------
    .. [1] ICRU Report 37 (1984), eq. 2.13 and 2.14.
    """
    energy = _checked(energies_kev)
    if not cut_kev > 0.0:
        raise InvalidInputError("The cut of a restricted stopping power must be above zero.")
    data = DENSITY_EFFECT[_material(material).name]
    tau = energy / ELECTRON_MASS_KEV
    beta2 = beta_squared(energy)
    share = np.minimum(cut_kev / energy, 0.5)
    g = -1.0 - beta2 + np.log(4.0 * (1.0 - share) * share) + 1.0 / (1.0 - share)
    g += (1.0 - beta2) * (0.5 * tau**2 * share**2 + (2.0 * tau + 1.0) * np.log(1.0 - share))
    i_kev = data.mean_excitation_energy_ev * EV_KEV
    bracket = 2.0 * np.log(energy / i_kev) + np.log(1.0 + 0.5 * tau) + g - density_effect(data, energy)
    return np.asarray(_collision_factor(material) / beta2 * bracket)


def radiative_stopping_power(material: str, energies_kev: FloatArray | float) -> FloatArray:
    """Return the mass radiative stopping power.

    Water is interpolated in ESTAR's table (Berger-Seltzer; spline, 0.1 %). Other materials scale with the sum of
    w Z (Z + 1)/A, which holds the nuclear and the electronic part of light elements; good to about 3 % (0.1 % of the
    total stopping power).

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, 1 keV to 3 MeV; the value of 10 keV holds below.

    Returns
    -------
    array
        keV cm2/g.

    Raises
    ------
    InvalidInputError
        Unknown material, or an energy outside 1 keV to 3 MeV.

    References
    ----------
    .. [1] Seltzer & Berger, Atomic Data Nucl. Data Tables 35 (1986) 345; Berger et al., ESTAR, NIST (2005).
    """
    energy = _checked(energies_kev)
    curve = CubicSpline(np.log(_ESTAR_KEV), np.log(_ESTAR_RADIATIVE))
    water = np.exp(curve(np.log(np.maximum(energy, _ESTAR_KEV[0]))))
    return np.asarray(water * _radiative_factor(_material(material)) / _radiative_factor(_material("water")))


def csda_range(material: str, energies_kev: FloatArray | float) -> FloatArray:
    """Return the range in the continuous slowing-down approximation.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, 1 keV to 3 MeV.

    Returns
    -------
    array
        Range, g/cm2; below 1 keV the energy over the stopping power at 1 keV is added half (5e-6 g/cm2).

    Raises
    ------
    InvalidInputError
        Unknown material, or an energy outside 1 keV to 3 MeV.
    """
    grid, stopping = _total_stopping_power(material)
    return _integral_at(grid, 1.0 / stopping, _checked(energies_kev), start=0.5 * grid[0] / stopping[0])


def radiation_yield(material: str, energies_kev: FloatArray | float) -> FloatArray:
    """Return the share of an electron's energy that goes to bremsstrahlung while it slows down.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, 1 keV to 3 MeV.

    Returns
    -------
    array
        Share of the kinetic energy; water: 1.5 % from ESTAR above 50 keV.

    Raises
    ------
    InvalidInputError
        Unknown material, or an energy outside 1 keV to 3 MeV.
    """
    energy = _checked(energies_kev)
    grid, stopping = _total_stopping_power(material)
    share = radiative_stopping_power(material, grid) / stopping
    return np.asarray(_integral_at(grid, share, energy, start=0.5 * grid[0] * share[0]) / energy)


def beta_squared(energies_kev: FloatArray) -> FloatArray:
    """Return the square of speed over the speed of light."""
    tau = np.asarray(energies_kev) / ELECTRON_MASS_KEV
    return np.asarray(tau * (tau + 2.0) / (tau + 1.0) ** 2)


def density_effect(data: DensityEffect, energies_kev: FloatArray) -> FloatArray:
    """Return Sternheimer's delta."""
    tau = np.asarray(energies_kev) / ELECTRON_MASS_KEV
    x = 0.5 * np.log10(tau * (tau + 2.0))
    delta = 2.0 * np.log(10.0) * x - data.c
    delta = delta + np.where(x < data.x1, data.a * np.maximum(data.x1 - x, 0.0) ** data.k, 0.0)
    return np.asarray(np.where(x < data.x0, 0.0, delta))


def moller_mean_square_loss(material: str, energies_kev: FloatArray | float, *, cut_kev: float) -> FloatArray:
    """Return the straggling of the restricted energy loss: integral of W^2 over Moller's cross-section below a cut.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : array or float
        Kinetic energy, keV.
    cut_kev : float
        Largest energy loss, keV; half the energy at most.

    Returns
    -------
    array
        Variance of the loss per path, keV2 cm2/g.
    """
    energy = _checked(energies_kev)
    tau = energy / ELECTRON_MASS_KEV
    w = np.minimum(cut_kev, 0.5 * energy)
    b2 = (tau / (tau + 1.0)) ** 2
    b1 = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    log_left = np.log(1.0 - w / energy)
    square = 3.0 * w + w**2 / (energy - w) + 2.0 * energy * log_left
    square += b2 * w**3 / (3.0 * energy**2) + b1 * (w + energy * log_left)
    return np.asarray(_collision_factor(material) / beta_squared(energy) * square)


def moller_hard_per_g_cm2(material: str, energies_kev: FloatArray | float, *, cut_kev: float) -> FloatArray:
    """Return the number of Moller collisions above a cut per path, cm2/g; zero below twice the cut."""
    energy = _checked(energies_kev)
    tau = energy / ELECTRON_MASS_KEV
    w = np.minimum(cut_kev, 0.5 * energy)
    b2 = (tau / (tau + 1.0)) ** 2
    b1 = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    number = 1.0 / w - 1.0 / (energy - w) + b2 * (0.5 * energy - w) / energy**2
    number -= b1 / energy * np.log((energy - w) / w)
    return np.asarray(np.maximum(_collision_factor(material) / beta_squared(energy) * number, 0.0))


def _material(name: str) -> Material:
    return MATERIALS[material_number(name)]


def _collision_factor(material: str) -> float:
    return COLLISION_CONSTANT_KEV_CM2_PER_MOL * _material(material).electrons_per_nucleon


def _radiative_factor(material: Material) -> float:
    return sum(w * z * (z + 1.0) / ATOMIC_WEIGHT_G_PER_MOL[z] for z, w in material.mass_fractions.items())


def _checked(energies_kev: FloatArray | float) -> FloatArray:
    energy = np.asarray(energies_kev, dtype=np.float64)
    lowest, highest = ENERGY_LIMITS_KEV
    if not np.all((energy >= lowest * (1.0 - 1e-9)) & (energy <= highest * (1.0 + 1e-9))):
        raise InvalidInputError("Electron data reach from 1 keV to 3 MeV.", code="electron_energy_outside_table")
    return energy


def _total_stopping_power(material: str) -> tuple[FloatArray, FloatArray]:
    grid = np.geomspace(*ENERGY_LIMITS_KEV, 1001)
    return grid, collision_stopping_power(material, grid) + radiative_stopping_power(material, grid)


def _integral_at(grid: FloatArray, integrand: FloatArray, energy: FloatArray, *, start: float) -> FloatArray:
    """Integrate from the lowest energy (with ``start`` below it) and interpolate in log-log."""
    per_log = grid * integrand
    parts = 0.5 * (per_log[1:] + per_log[:-1]) * np.diff(np.log(grid))
    cumulative = start + np.concatenate([[0.0], np.cumsum(parts)])
    return np.asarray(np.exp(np.interp(np.log(energy), np.log(grid), np.log(cumulative))))
