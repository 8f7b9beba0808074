"""Tables and compiled functions from which photon transport draws its interactions."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compiled import compile_kernel, uniform
from dosimetry.physics.compton import (
    ELECTRON_MASS_KEV,
    klein_nishina_barn_per_cosine,
    momentum_transfer_per_angstrom,
)
from dosimetry.physics.cross_sections import PhotonTable, photon_table
from dosimetry.physics.materials import MATERIAL_NAMES

CUT_KEV = 5.0
"""A photon below this energy is absorbed where it is: its mean free path in water is 0.24 mm."""
TOTAL, TRANSFER, PHOTO_SHARE, COMPTON_SHARE, RAYLEIGH_SHARE = range(5)
"""Columns of ``coefficients``; the shares are cumulative, the rest is pair production."""
N_QUANTILES = 128
N_ANGLE_ENERGIES = 64

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SamplingTables:
    """What the compiled transport reads.

    Parameters
    ----------
    log_first_energy, nodes_per_log : float
        Node i of ``coefficients`` lies at ln E = log_first_energy + i / nodes_per_log.
    coefficients : (n_e, n_materials, 5) float32 array
        Total and energy transfer in 1/mm for 1 g/mL; cumulative shares of photoelectric, Compton and Rayleigh events.
    log_first_angle_energy, angle_nodes_per_log : float
        The same for the next two tables.
    compton, rayleigh : (n_materials, n_a, n_quantiles + 1) float32 arrays
        1 - cos theta at equal steps of sqrt(1 - F), F the cumulative distribution, from F = 0 to F = 1: a tail of few
        photons at large angles (Rayleigh above 100 keV) has as many nodes as the bulk.
    sha256 : str
        Hash of the table of cross-sections.
    """

    log_first_energy: float
    nodes_per_log: float
    coefficients: Float32Array
    log_first_angle_energy: float
    angle_nodes_per_log: float
    compton: Float32Array
    rayleigh: Float32Array
    sha256: str


@lru_cache(maxsize=1)
def sampling_tables() -> SamplingTables:
    """Build the sampling tables of all materials; once per process.

    Returns
    -------
    SamplingTables
        Angles come from inverse cumulative distributions of Klein-Nishina times S(x) and of (1 + cos^2) F(x)^2, which
        take the place of rejection: the same distribution, one random number.
    """
    tables = [photon_table(name) for name in MATERIAL_NAMES]
    energies = tables[0].energies_kev
    first = int(np.searchsorted(energies, CUT_KEV, side="right")) - 1
    coefficients = np.empty((energies.size - first, len(tables), 5), dtype=np.float32)
    for m, table in enumerate(tables):
        total = table.total[first:]
        coefficients[:, m, TOTAL] = 0.1 * total
        coefficients[:, m, TRANSFER] = 0.1 * table.mu_en[first:]
        parts = np.array([table.photo[first:], table.incoherent[first:], table.rayleigh[first:]])
        coefficients[:, m, PHOTO_SHARE:] = (np.cumsum(parts, axis=0) / total).T
    angle_energies = np.geomspace(CUT_KEV, energies[-1], N_ANGLE_ENERGIES)
    log_energies = np.log(energies)
    return SamplingTables(
        log_first_energy=float(log_energies[first]),
        nodes_per_log=float((energies.size - 1) / (log_energies[-1] - log_energies[0])),
        coefficients=coefficients,
        log_first_angle_energy=float(np.log(angle_energies[0])),
        angle_nodes_per_log=float((N_ANGLE_ENERGIES - 1) / np.log(angle_energies[-1] / angle_energies[0])),
        compton=np.array([_angle_quantiles(table, angle_energies, compton_density) for table in tables]),
        rayleigh=np.array([_angle_quantiles(table, angle_energies, rayleigh_density) for table in tables]),
        sha256=tables[0].sha256,
    )


def compton_density(table: PhotonTable, energy_kev: float, cosine: FloatArray) -> FloatArray:
    """Return Klein-Nishina times S(x), the relative density of Compton scattering per unit of cos theta."""
    x = momentum_transfer_per_angstrom(energy_kev, cosine)
    s = np.interp(x, table.momentum_transfer_per_angstrom, table.incoherent_function_per_g)
    return np.asarray(klein_nishina_barn_per_cosine(energy_kev, cosine) * s)


def rayleigh_density(table: PhotonTable, energy_kev: float, cosine: FloatArray) -> FloatArray:
    """Return (1 + cos^2) F(x)^2, the relative density of Rayleigh scattering per unit of cos theta."""
    x = momentum_transfer_per_angstrom(energy_kev, cosine)
    f2 = np.interp(x, table.momentum_transfer_per_angstrom, table.form_factor_squared_per_g)
    return np.asarray((1.0 + cosine**2) * f2)


def _angle_quantiles(table: PhotonTable, energies: FloatArray, density: Any) -> Float32Array:
    # 1 - cos theta = 2 u^3: nodes crowd in the forward direction.
    u = np.linspace(0.0, 1.0, 3001)
    one_minus_cosine = 2.0 * u**3
    wanted = 1.0 - np.linspace(1.0, 0.0, N_QUANTILES + 1) ** 2
    rows = np.empty((energies.size, N_QUANTILES + 1), dtype=np.float32)
    for i, energy in enumerate(energies):
        values = density(table, energy, 1.0 - one_minus_cosine) * u**2
        cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]))])
        rows[i] = np.interp(wanted, cumulative / cumulative[-1], one_minus_cosine)
    return rows


@compile_kernel
def draw_angle(rows: Any, node: float, state: Any) -> float:
    """Draw 1 - cos theta; ``node`` is the fractional place of the energy among the ``rows``.

    One of the two neighbouring energies is chosen with the probability of its nearness.
    """
    i = int(node)
    if node - i > uniform(state) and i < rows.shape[0] - 1:
        i += 1
    place = (1.0 - np.sqrt(uniform(state))) * (rows.shape[1] - 1)
    j = int(place)
    low = float(rows[i, j])
    return float(low + (place - j) * (rows[i, j + 1] - low))


@compile_kernel
def turn(u: float, v: float, w: float, one_minus_cosine: float, state: Any) -> tuple[float, float, float]:
    """Rotate the unit vector (u, v, w) by the polar angle and a random azimuth."""
    cosine = 1.0 - one_minus_cosine
    sine = np.sqrt(max(one_minus_cosine * (2.0 - one_minus_cosine), 0.0))
    a, b, r2 = 1.0, 0.0, 2.0
    while r2 > 1.0 or r2 < 1e-12:
        a = 2.0 * uniform(state) - 1.0
        b = 2.0 * uniform(state) - 1.0
        r2 = a * a + b * b
    scale = sine / np.sqrt(r2)
    across, along = a * scale, b * scale
    t2 = u * u + v * v
    if t2 < 1e-10:
        sign = 1.0 if w > 0.0 else -1.0
        return across, along * sign, cosine * sign
    t = np.sqrt(t2)
    return (
        u * cosine + (u * w * across - v * along) / t,
        v * cosine + (v * w * across + u * along) / t,
        w * cosine - t * across,
    )


@compile_kernel
def compton_energy(energy_kev: float, one_minus_cosine: float) -> float:
    """Return the energy of the photon after scattering by a free electron at rest, keV."""
    return energy_kev / (1.0 + energy_kev * one_minus_cosine * (1.0 / ELECTRON_MASS_KEV))
