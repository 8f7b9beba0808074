"""What the electron transport looks up: one array of coefficients on a logarithmic energy grid for each material."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.electron_scattering import hard_elastic, soft_coefficients
from dosimetry.physics.electrons import (
    ENERGY_LIMITS_KEV,
    csda_range,
    moller_hard_per_g_cm2,
    moller_mean_square_loss,
    radiative_stopping_power,
    restricted_stopping_power,
)

FloatArray = NDArray[np.float64]
N_ENERGIES = 500
LOWEST_PHOTON_KEV = 1.0
"""Bremsstrahlung photons are emitted one by one above this energy; their spectrum carries all of the radiative loss."""
LOSS, STRAGGLING, FIRST, SECOND, MOLLER, RADIATION, ELASTIC, RANGE = range(8)
N_COLUMNS = 8
"""Columns of ``ElectronMedia.coefficients``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElectronMedia:
    """Coefficients of a set of materials for one threshold of delta rays.

    Parameters
    ----------
    materials : tuple of str
        Names, in the order of the rows.
    cut_kev : float
        Collisions above are followed one by one, keV.
    coefficients : (n_materials, n_energies, 8 + 129) array
        Restricted stopping power (keV cm2/g), its straggling (keV2 cm2/g), G1, G2 of soft deflections (cm2/g), Moller
        collisions above the cut, bremsstrahlung photons and large elastic deflections (per g/cm2), CSDA range (g/cm2),
        then 1/t of the large deflections at equal steps of probability.
    """

    materials: tuple[str, ...]
    cut_kev: float
    coefficients: FloatArray


def energy_grid_kev() -> FloatArray:
    """Return the energies of the columns, keV."""
    return np.geomspace(*ENERGY_LIMITS_KEV, N_ENERGIES)


@lru_cache(maxsize=64)
def electron_media(materials: tuple[str, ...], cut_kev: float) -> ElectronMedia:
    """Tabulate the coefficients that the transport needs.

    Parameters
    ----------
    materials : tuple of str
        Names of ``MATERIAL_NAMES``.
    cut_kev : float
        Threshold of delta rays, keV.

    Returns
    -------
    ElectronMedia
        Radiative losses are emitted as photons with k dN/dk constant (Kramers) from 1 keV to the electron's energy;
        their number gives the radiative stopping power exactly, so none of it is in the restricted stopping power.
    """
    grid = energy_grid_kev()
    # An electron near 1 keV has no room for a photon; the radiative loss there is 1e-4 of the collision loss.
    is_radiating = grid > 2.0 * LOWEST_PHOTON_KEV
    roomy = np.where(is_radiating, grid, 2.0 * LOWEST_PHOTON_KEV)
    mean_photon_kev = (roomy - LOWEST_PHOTON_KEV) / np.log(roomy / LOWEST_PHOTON_KEV)
    rows = []
    for name in materials:
        soft, hard = soft_coefficients(name, grid, cut_kev=cut_kev), hard_elastic(name, grid)
        photons = np.where(is_radiating, radiative_stopping_power(name, grid) / mean_photon_kev, 0.0)
        columns = (
            restricted_stopping_power(name, grid, cut_kev=cut_kev),
            moller_mean_square_loss(name, grid, cut_kev=cut_kev),
            soft.first_cm2_per_g,
            soft.second_cm2_per_g,
            moller_hard_per_g_cm2(name, grid, cut_kev=cut_kev),
            photons,
            hard.events_cm2_per_g,
            csda_range(name, grid),
        )
        rows.append(np.concatenate([np.stack(columns, axis=1), hard.inverse_t], axis=1))
    coefficients = np.array(rows)
    coefficients.setflags(write=False)
    return ElectronMedia(materials=materials, cut_kev=cut_kev, coefficients=coefficients)
