"""Electron scattering: elastic from the committed table, inelastic below a cut from S(x, Z).

Both are needed because nuclei scatter with Z^2 while the Z electrons scatter too; the usual Z (Z + 1) counts the hard
collisions with electrons twice, once as deflection and once as delta rays. G1 and G2 are integrals of 1 - P1 and 1 - P2
of the deflection over the cross-section. Elastic deflections above 18 degrees are followed one by one
(t = 1 - cos theta).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.physics.compton import ELECTRON_MASS_KEV, FINE_STRUCTURE, HC_KEV_ANGSTROM
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.electrons import COLLISION_CONSTANT_KEV_CM2_PER_MOL, beta_squared
from dosimetry.physics.materials import MATERIAL_NAMES, material_number
from dosimetry.physics.table_files import read_table

FloatArray = NDArray[np.float64]
TABLE_NAME = "electron_elastic"
HARD_T = 0.05
"""Elastic deflections with t = 1 - cos theta above (18 degrees) are followed one by one."""
N_QUANTILES = 129
"""With 33 the last one, from 70 to 180 degrees, hid the fall of the spin factor: G1 was 0.6 % too high at 1 MeV."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransportCoefficients:
    """First and second transport coefficients.

    Parameters
    ----------
    first_cm2_per_g, second_cm2_per_g : (n,) arrays
        G1 and G2: after a path s (g/cm2) the mean of P_l(cos theta) is exp(-s G_l).
    """

    first_cm2_per_g: FloatArray
    second_cm2_per_g: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HardElastic:
    """Large elastic deflections, followed one by one.

    Parameters
    ----------
    events_cm2_per_g : (n,) array
        Deflections with t above ``HARD_T`` per path.
    inverse_t : (n, 129) array
        1/t at equal steps of the cumulative probability, from ``HARD_T`` to the largest angle.
    """

    events_cm2_per_g: FloatArray
    inverse_t: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtomicElastic:
    """Elastic scattering of one atom at one energy, in units of the classical electron radius squared.

    Parameters
    ----------
    soft_first, soft_second : float
        G1 and G2 of deflections up to ``HARD_T``.
    hard_t, hard_density : (n,) arrays
        t above ``HARD_T`` and the cross-section per unit of t there.
    """

    soft_first: float
    soft_second: float
    hard_t: FloatArray
    hard_density: FloatArray


def soft_coefficients(material: str, energies_kev: FloatArray, *, cut_kev: float) -> TransportCoefficients:
    """Return the coefficients of all deflections that are not followed one by one.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : (n,) array
        Kinetic energies, 1 keV to 3 MeV.
    cut_kev : float
        Collisions with electrons that transfer more are followed by themselves, keV.

    Returns
    -------
    TransportCoefficients
        Elastic scattering by nuclei up to ``HARD_T`` plus inelastic deflection below the cut.

    Raises
    ------
    InvalidInputError
        Unknown material, or a table built for other materials.
    """
    soft = inelastic_coefficients(material, energies_kev, cut_kev=cut_kev)
    return TransportCoefficients(
        first_cm2_per_g=_elastic("soft_first_cm2_per_g", material, energies_kev) + soft.first_cm2_per_g,
        second_cm2_per_g=_elastic("soft_second_cm2_per_g", material, energies_kev) + soft.second_cm2_per_g,
    )


def hard_elastic(material: str, energies_kev: FloatArray) -> HardElastic:
    """Return rate and angles of the elastic deflections above ``HARD_T``.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : (n,) array
        Kinetic energies, 1 keV to 3 MeV.

    Returns
    -------
    HardElastic
        At these energies.
    """
    return HardElastic(
        events_cm2_per_g=_elastic("hard_cm2_per_g", material, energies_kev),
        inverse_t=_elastic("hard_inverse_t", material, energies_kev),
    )


def _elastic(key: str, material: str, energies_kev: FloatArray) -> FloatArray:
    """Interpolate one array of the committed table, straight in log-log."""
    table = read_table(TABLE_NAME)
    if tuple(table.meta["materials"]) != MATERIAL_NAMES:
        raise InvalidInputError("The electron table was built for other materials; build it again.", code="stale_table")
    log_grid = np.log(np.asarray(table.arrays["energies_kev"], dtype=np.float64))
    values = np.log(np.asarray(table.arrays[key][material_number(material)], dtype=np.float64))
    columns = values.reshape(log_grid.size, -1).T
    found = np.exp([np.interp(np.log(energies_kev), log_grid, column) for column in columns])
    return np.asarray(found.T if values.ndim > 1 else found[0])


def scatter_elastically(
    z: int, energy_kev: float, *, momentum_transfer_per_angstrom: FloatArray, form_factor: FloatArray
) -> AtomicElastic:
    """Integrate the screened Rutherford cross-section of one atom.

    dsigma/dOmega = r_e^2 (Z - F(x))^2 / (beta^4 gamma^2 t^2) R, R the spin factor of Mott's cross-section in McKinley's
    and Feshbach's form. F is the Hartree-Fock form factor (Born approximation). Moliere's wider screening angle,
    1 + 3.34 (alpha Z/beta)^2, is left out: it lowers G1 of water by 5 % at 10 keV, away from the Dirac partial waves,
    because the higher orders that it leaves out raise the cross-section at large angles by as much.

    Parameters
    ----------
    z : int
        Atomic number.
    energy_kev : float
        Kinetic energy, keV.
    momentum_transfer_per_angstrom, form_factor : (m,) arrays
        x = sin(theta/2)/lambda and F(x, Z).

    Returns
    -------
    AtomicElastic
        Soft coefficients and the hard cross-section, r_e^2.

    References
    ----------
    .. [1] McKinley & Feshbach, Phys. Rev. 74 (1948) 1759. [2] Moliere, Z. Naturforsch. 2a (1947) 133.
    .. [3] Salvat, Jablonski & Powell, Comput. Phys. Commun. 165 (2005) 157 (partial waves, ELSEPA).
    """
    beta = float(np.sqrt(beta_squared(np.asarray(energy_kev))))
    gamma = 1.0 + energy_kev / ELECTRON_MASS_KEV

    def density(t: FloatArray) -> FloatArray:
        sine = np.sqrt(0.5 * t)
        x = sine * gamma * beta * ELECTRON_MASS_KEV / HC_KEV_ANGSTROM
        charge = z - np.interp(x, momentum_transfer_per_angstrom, form_factor)
        spin = 1.0 - beta**2 * sine**2 + np.pi * FINE_STRUCTURE * z * beta * sine * (1.0 - sine)
        return np.asarray(2.0 * np.pi * charge**2 / (beta**4 * gamma**2 * t**2) * spin)

    # Equal steps of ln t resolve screening (t about 1e-5) and large angles alike.
    log_t = np.linspace(np.log(1e-10), np.log(HARD_T), 800)
    soft = np.exp(log_t)
    weight = density(soft) * soft
    hard = np.geomspace(HARD_T, 2.0, 400)
    return AtomicElastic(
        soft_first=float(np.trapezoid(weight * soft, log_t)),
        soft_second=float(np.trapezoid(weight * 1.5 * soft * (2.0 - soft), log_t)),
        hard_t=hard,
        hard_density=density(hard),
    )


def inelastic_coefficients(material: str, energies_kev: FloatArray, *, cut_kev: float) -> TransportCoefficients:
    """Return the coefficients of collisions with electrons below a cut.

    Moller's cross-section with its kinematic deflection, times S(x, Z)/Z, the share of electrons that take up the
    momentum (Waller-Hartree incoherent function).

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.
    energies_kev : (n,) array
        Kinetic energies, keV.
    cut_kev : float
        Largest energy transfer, keV; half the energy at most.

    Returns
    -------
    TransportCoefficients
        cm2/g.
    """
    data = photon_table(material)
    first, second = np.empty(energies_kev.size), np.empty(energies_kev.size)
    for i, energy in enumerate(energies_kev):
        tau = energy / ELECTRON_MASS_KEV
        # Energy a free electron takes up; far below the binding energies S(x) removes the collisions.
        log_w = np.linspace(np.log(1e-8), np.log(min(cut_kev, 0.5 * energy)), 400)
        w = np.exp(log_w)
        moller = 1.0 / w**2 + 1.0 / (energy - w) ** 2 + (tau / (tau + 1.0)) ** 2 / energy**2
        moller -= (2.0 * tau + 1.0) / (tau + 1.0) ** 2 / (w * (energy - w))
        x = 0.5 * np.sqrt(w * (w + 2.0 * ELECTRON_MASS_KEV)) / HC_KEV_ANGSTROM
        electrons = np.interp(x, data.momentum_transfer_per_angstrom, data.incoherent_function_per_g)
        weight = COLLISION_CONSTANT_KEV_CM2_PER_MOL * electrons / beta_squared(energy) * moller * w
        t = 1.0 - primary_cosine(energy, w)
        first[i] = np.trapezoid(weight * t, log_w)
        second[i] = np.trapezoid(weight * 1.5 * t * (2.0 - t), log_w)
    return TransportCoefficients(first_cm2_per_g=first, second_cm2_per_g=second)


def primary_cosine(energy_kev: float, transfer_kev: FloatArray) -> FloatArray:
    """Return the cosine of the deflection of an electron that gives ``transfer_kev`` to a free electron at rest."""
    two_m = 2.0 * ELECTRON_MASS_KEV
    square = (energy_kev - transfer_kev) * (energy_kev + two_m) / (energy_kev * (energy_kev - transfer_kev + two_m))
    return np.asarray(np.sqrt(square))
