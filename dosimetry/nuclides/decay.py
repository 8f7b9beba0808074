"""Half-lives and energies per decay from ICRP Publication 107."""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata, resources
from typing import Any

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.units import DAY_S, HOUR_S, MINUTE_S, YEAR_S

MEV_KEV = 1e3
TIME_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "y": YEAR_S}
"""Time units of the data files; ``m`` is the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuclide:
    """Hold the decay data of one nuclide, without its progeny.

    Parameters
    ----------
    name : str
        Symbol and mass number, as ``Lu-177``.
    half_life_s : float
        Physical half-life, s.
    mean_beta_minus_energy_kev, mean_beta_plus_energy_kev : float
        Mean beta energy per decay, summed over branches, keV.
    conversion_electron_energy_kev, auger_electron_energy_kev : float
        Energy per decay of conversion and Auger electrons, keV.
    alpha_energy_kev, alpha_recoil_energy_kev : float
        Energy per decay of alpha particles and recoiling nuclei, keV.
    gamma_energy_kev, x_ray_energy_kev, annihilation_energy_kev : float
        Photon energies per decay, keV.
    data_version : str
        Name and version of the data.
    """

    name: str
    half_life_s: float
    mean_beta_minus_energy_kev: float
    mean_beta_plus_energy_kev: float
    conversion_electron_energy_kev: float
    auger_electron_energy_kev: float
    alpha_energy_kev: float
    alpha_recoil_energy_kev: float
    gamma_energy_kev: float
    x_ray_energy_kev: float
    annihilation_energy_kev: float
    data_version: str

    @property
    def decay_constant_per_s(self) -> float:
        """Return the physical decay constant in 1/s."""
        return float(np.log(2.0) / self.half_life_s)

    @property
    def electron_energy_kev(self) -> float:
        """Return the energy of all electrons and positrons per decay, keV."""
        return (
            self.mean_beta_minus_energy_kev
            + self.mean_beta_plus_energy_kev
            + self.conversion_electron_energy_kev
            + self.auger_electron_energy_kev
        )

    @property
    def photon_energy_kev(self) -> float:
        """Return the energy of all photons per decay, keV."""
        return self.gamma_energy_kev + self.x_ray_energy_kev + self.annihilation_energy_kev

    @property
    def local_energy_kev(self) -> float:
        """Return the energy per decay that is taken as absorbed where the decay happens, keV."""
        return self.electron_energy_kev + self.alpha_energy_kev + self.alpha_recoil_energy_kev


@lru_cache(maxsize=64)
def get_nuclide(name: str) -> Nuclide:
    """Read one nuclide of ICRP Publication 107.

    Parameters
    ----------
    name : str
        Symbol, hyphen, mass number, as ``Lu-177``, ``Y-90`` or ``Tc-99m``.

    Returns
    -------
    Nuclide
        Half-life and energies per decay of the nuclide alone; progeny are not included.

    Raises
    ------
    InvalidInputError
        The name is not in the data.

    References
    ----------
    .. [1] ICRP Publication 107, Nuclear decay data for dosimetric calculations, Ann. ICRP 38 (3), 2008.
    """
    data = read_decay_data(name)
    emissions = data["emissions"]
    return Nuclide(
        name=name,
        half_life_s=float(data["half_life"]) * TIME_UNITS_S[data["time_unit"]],
        mean_beta_minus_energy_kev=_energy_kev(emissions["beta-"]),
        mean_beta_plus_energy_kev=_energy_kev(emissions["beta+"]),
        conversion_electron_energy_kev=_energy_kev(emissions["IE"]),
        auger_electron_energy_kev=_energy_kev(emissions["auger"]),
        alpha_energy_kev=_energy_kev(emissions["alpha"]),
        alpha_recoil_energy_kev=_energy_kev(emissions["alpha recoil"]),
        gamma_energy_kev=_energy_kev(emissions["gamma"]),
        x_ray_energy_kev=_energy_kev(emissions["X"]),
        annihilation_energy_kev=_energy_kev(emissions["annihilation"]),
        data_version=f"ICRP 107, icrp107-database {metadata.version('icrp107-database')}",
    )


def read_decay_data(name: str) -> dict[str, Any]:
    """Return the data file of one nuclide as it is: energies in MeV, emissions by kind.

    Raises
    ------
    InvalidInputError
        The name is not in the data.
    """
    folder = resources.files("icrp107_database") / "icrp107"
    known = "".join(letter for letter in name if letter.isalnum() or letter == "-")
    path = folder / f"{known}.json"
    if known != name or not path.is_file():
        raise InvalidInputError(
            f"No decay data for {name!r}. Write symbol, hyphen and mass number, as Lu-177.", code="unknown_nuclide"
        )
    # The files hold JSON text inside a JSON string.
    data: dict[str, Any] = json.loads(json.loads(path.read_text()))
    return data


def _energy_kev(lines: list[list[float]]) -> float:
    """Return the sum of energy times yield; beta rows hold the mean energy of each branch."""
    return float(sum(energy_mev * fraction for energy_mev, fraction in lines)) * MEV_KEV
