"""Dose-point kernels of monoenergetic electrons and photons in water, as tables and between their energies."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.physics.table_files import read_table

FloatArray = NDArray[np.float64]
HIGHEST_OVERSHOOT = 1.3
"""Rare lines up to 30 % above the table take the shape of the highest energy (electrons with their own range)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElectronPointKernel:
    """Hold the energy that electrons deposit around a point, against r / R_CSDA.

    Parameters
    ----------
    energies_kev : (n_e,) array
        Initial energies, rising.
    csda_range_mm : (n_e,) array
        R_CSDA in water of 1 g/mL.
    scaled_edges : (n_r + 1,) array
        Edges of the shells in r / R_CSDA, from 0.
    deposited_fraction : (n_e, n_r) array
        Share of the initial energy deposited in each shell.
    bremsstrahlung_fraction : (n_e,) array
        Share that leaves as bremsstrahlung.
    sha256 : str
        Hash of the table.
    """

    energies_kev: FloatArray
    csda_range_mm: FloatArray
    scaled_edges: FloatArray
    deposited_fraction: FloatArray
    bremsstrahlung_fraction: FloatArray
    sha256: str

    def cumulative(self, energy_kev: float, radii_mm: FloatArray) -> FloatArray:
        """Return the share of the initial energy deposited within each radius.

        Parameters
        ----------
        energy_kev : float
            Initial energy; below the table the shape of the lowest energy with its range scaled.
        radii_mm : array
            Radii in water of 1 g/mL.

        Returns
        -------
        array
            Rises from 0 to one minus the bremsstrahlung share.
        """
        position, weight = self._place(energy_kev)
        upper = min(position + 1, self.energies_kev.size - 1)
        shells = (1.0 - weight) * self.deposited_fraction[position] + weight * self.deposited_fraction[upper]
        within = np.concatenate([[0.0], np.cumsum(shells)])
        return np.asarray(np.interp(radii_mm / self.range_mm(energy_kev), self.scaled_edges, within))

    def range_mm(self, energy_kev: float) -> float:
        """Return R_CSDA in water of 1 g/mL, mm; outside the table a power law through its last two energies."""
        last = self.energies_kev.size - 1
        if not self.energies_kev[0] <= energy_kev <= self.energies_kev[last]:
            i, j = (0, 1) if energy_kev < self.energies_kev[0] else (last, last - 1)
            power = np.log(self.csda_range_mm[j] / self.csda_range_mm[i])
            power /= np.log(self.energies_kev[j] / self.energies_kev[i])
            return float(self.csda_range_mm[i] * (energy_kev / self.energies_kev[i]) ** power)
        log_range = np.interp(np.log(energy_kev), np.log(self.energies_kev), np.log(self.csda_range_mm))
        return float(np.exp(log_range))

    def bremsstrahlung(self, energy_kev: float) -> float:
        """Return the share of the initial energy that leaves as bremsstrahlung."""
        return float(np.interp(np.log(energy_kev), np.log(self.energies_kev), self.bremsstrahlung_fraction))

    def _place(self, energy_kev: float) -> tuple[int, float]:
        if energy_kev > HIGHEST_OVERSHOOT * self.energies_kev[-1]:
            raise InvalidInputError(
                f"Electrons of {energy_kev:.0f} keV lie above the kernel table ({self.energies_kev[-1]:.0f} keV).",
                code="energy_outside_kernel",
            )
        return _interval(self.energies_kev, energy_kev)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonPointKernel:
    """Hold the energy that photons deposit around a point in water of 1 g/mL.

    Parameters
    ----------
    energies_kev : (n_e,) array
        Initial energies, rising.
    edges_mm : (n_r + 1,) array
        Edges of the shells, from 0 to 500 mm.
    deposited_fraction : (n_e, n_r) array
        Share of the initial energy deposited in each shell.
    escaped_fraction : (n_e,) array
        Share deposited beyond the last shell.
    sha256 : str
        Hash of the table.
    """

    energies_kev: FloatArray
    edges_mm: FloatArray
    deposited_fraction: FloatArray
    escaped_fraction: FloatArray
    sha256: str

    def shells(self, energy_kev: float) -> FloatArray:
        """Return the share of the initial energy deposited in each shell.

        Between energies the logarithm of each shell is a straight line in ln E, for attenuation is exponential; the
        sum is then scaled so that deposited and escaped energy close.

        Parameters
        ----------
        energy_kev : float
            Initial energy, at or above the lowest energy of the table.

        Returns
        -------
        (n_r,) array
            Shares; they sum to one minus the escaped share.

        Raises
        ------
        InvalidInputError
            Above the table.
        """
        if energy_kev > HIGHEST_OVERSHOOT * self.energies_kev[-1]:
            raise InvalidInputError(
                f"Photons of {energy_kev:.0f} keV lie above the kernel table ({self.energies_kev[-1]:.0f} keV).",
                code="energy_outside_kernel",
            )
        position, weight = _interval(self.energies_kev, energy_kev)
        upper = min(position + 1, self.energies_kev.size - 1)
        smallest = 1e-30
        low, high = (np.log(np.maximum(self.deposited_fraction[i], smallest)) for i in (position, upper))
        shares = np.exp((1.0 - weight) * low + weight * high)
        escaped = (1.0 - weight) * self.escaped_fraction[position] + weight * self.escaped_fraction[upper]
        return np.asarray(shares * ((1.0 - escaped) / shares.sum()))


def _interval(energies_kev: FloatArray, energy_kev: float) -> tuple[int, float]:
    """Return the table row below an energy and the weight of the next row, straight in ln E, held at the ends."""
    position = int(np.clip(np.searchsorted(energies_kev, energy_kev) - 1, 0, max(energies_kev.size - 2, 0)))
    if energies_kev.size == 1:
        return 0, 0.0
    low, high = np.log(energies_kev[position]), np.log(energies_kev[position + 1])
    return position, float(np.clip((np.log(energy_kev) - low) / (high - low), 0.0, 1.0))


@lru_cache(maxsize=1)
def electron_point_kernel() -> ElectronPointKernel:
    """Return the committed table of electrons."""
    table = read_table("electron_point_kernel")
    arrays: dict[str, Any] = {key: np.asarray(value, dtype=np.float64) for key, value in table.arrays.items()}
    return ElectronPointKernel(
        energies_kev=arrays["energies_kev"],
        csda_range_mm=10.0 * arrays["csda_range_g_per_cm2"],
        scaled_edges=arrays["scaled_radius"],
        deposited_fraction=arrays["deposited_fraction"],
        bremsstrahlung_fraction=arrays["bremsstrahlung_fraction"],
        sha256=table.sha256,
    )


@lru_cache(maxsize=1)
def photon_point_kernel() -> PhotonPointKernel:
    """Return the committed table of photons."""
    table = read_table("photon_point_kernel")
    arrays: dict[str, Any] = {key: np.asarray(value, dtype=np.float64) for key, value in table.arrays.items()}
    return PhotonPointKernel(
        energies_kev=arrays["energies_kev"],
        edges_mm=arrays["radius_edges_mm"],
        deposited_fraction=arrays["deposited_fraction"],
        escaped_fraction=arrays["escaped_fraction"],
        sha256=table.sha256,
    )
