"""Photon cross-sections of the body's materials from the committed table."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.physics.materials import MATERIAL_NAMES, material_number
from dosimetry.physics.table_files import read_table

FloatArray = NDArray[np.float64]
TABLE_NAME = "photon_cross_sections"
_COEFFICIENTS = ("photo", "incoherent", "rayleigh", "pair", "mu_en")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonTable:
    """Mass coefficients of one material on a logarithmic energy grid.

    Parameters
    ----------
    material : str
        Name.
    energies_kev : (n,) array
        1 keV to 3 MeV.
    photo, incoherent, rayleigh, pair, mu_en : (n,) arrays
        Mass coefficients, cm2/g; ``mu_en`` is energy transfer to electrons (radiative loss neglected).
    momentum_transfer_per_angstrom : (m,) array
        Argument x = sin(theta/2)/lambda of the two functions below.
    incoherent_function_per_g, form_factor_squared_per_g : (m,) arrays
        S(x) and F(x)^2 summed over the atoms of a gram, mol/g.
    compton_transfer_fraction : (n,) array
        Mean energy of Compton electrons / photon energy.
    sha256 : str
        SHA-256 of the table file.
    """

    material: str
    energies_kev: FloatArray
    photo: FloatArray
    incoherent: FloatArray
    rayleigh: FloatArray
    pair: FloatArray
    mu_en: FloatArray
    momentum_transfer_per_angstrom: FloatArray
    incoherent_function_per_g: FloatArray
    form_factor_squared_per_g: FloatArray
    compton_transfer_fraction: FloatArray
    sha256: str

    @property
    def total(self) -> FloatArray:
        """Return the total mass attenuation coefficient with Rayleigh scattering, cm2/g."""
        return np.asarray(self.photo + self.incoherent + self.rayleigh + self.pair)

    def at(self, energies_kev: FloatArray | float, coefficient: str = "total") -> FloatArray:
        """Interpolate a coefficient, straight in log-log.

        Parameters
        ----------
        energies_kev : array or float
            Photon energies, 1 keV to 3 MeV.
        coefficient : str
            ``total``, ``photo``, ``incoherent``, ``rayleigh``, ``pair`` or ``mu_en``.

        Returns
        -------
        array
            Mass coefficient, cm2/g.

        Raises
        ------
        InvalidInputError
            An energy outside the table or an unknown coefficient.
        """
        if coefficient != "total" and coefficient not in _COEFFICIENTS:
            raise InvalidInputError(f"No photon coefficient {coefficient!r}; choose total or one of {_COEFFICIENTS}.")
        energy = np.asarray(energies_kev, dtype=np.float64)
        # The ends are stored in single precision.
        is_inside = (energy >= self.energies_kev[0] * (1.0 - 1e-6)) & (energy <= self.energies_kev[-1] * (1.0 + 1e-6))
        if not np.all(is_inside):
            raise InvalidInputError("Photon data reach from 1 keV to 3 MeV.", code="photon_energy_outside_table")
        values = getattr(self, coefficient)
        smallest = 1e-30  # pair production is zero below its threshold
        log_values = np.interp(np.log(energy), np.log(self.energies_kev), np.log(np.maximum(values, smallest)))
        found = np.exp(log_values)
        return np.asarray(np.where(found > 1e3 * smallest, found, 0.0))


@lru_cache(maxsize=16)
def photon_table(material: str) -> PhotonTable:
    """Return the photon data of a material.

    Parameters
    ----------
    material : str
        A name of ``MATERIAL_NAMES``.

    Returns
    -------
    PhotonTable
        Coefficients, 0.1 % (total) and 0.3 % (mu_en) from the NIST tables for water.

    Raises
    ------
    InvalidInputError
        Unknown material, or a table that was built for other materials.

    References
    ----------
    .. [1] Schoonjans et al., The xraylib library, Spectrochim. Acta B 66 (2011) 776-784.
    .. [2] Hubbell & Seltzer, NISTIR 5632 (1995), definition of mu_en.
    """
    table = read_table(TABLE_NAME)
    if tuple(table.meta["materials"]) != MATERIAL_NAMES:
        raise InvalidInputError("The photon table was built for other materials; build it again.", code="stale_table")
    row = material_number(material)
    arrays = {key: np.asarray(value, dtype=np.float64) for key, value in table.arrays.items()}
    return PhotonTable(
        material=material,
        energies_kev=arrays["energies_kev"],
        photo=arrays["photo_cm2_per_g"][row],
        incoherent=arrays["incoherent_cm2_per_g"][row],
        rayleigh=arrays["rayleigh_cm2_per_g"][row],
        pair=arrays["pair_cm2_per_g"][row],
        mu_en=arrays["mu_en_cm2_per_g"][row],
        momentum_transfer_per_angstrom=arrays["momentum_transfer_per_angstrom"],
        incoherent_function_per_g=arrays["incoherent_function_per_g"][row],
        form_factor_squared_per_g=arrays["form_factor_squared_per_g"][row],
        compton_transfer_fraction=arrays["compton_transfer_fraction"][row],
        sha256=table.sha256,
    )
