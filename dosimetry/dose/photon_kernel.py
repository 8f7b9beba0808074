"""Point kernel of photons in water, by Monte Carlo. Build: python -m dosimetry.dose.photon_kernel [histories]

The committed table holds the share of a photon's energy given to electrons in spherical shells around the point.
"""

import datetime as dt
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.physics.compiled import compile_inline, compile_kernel, seed_state, uniform
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.materials import material_number
from dosimetry.physics.photon_sampling import (
    COMPTON_SHARE,
    CUT_KEV,
    PHOTO_SHARE,
    RAYLEIGH_SHARE,
    TOTAL,
    TRANSFER,
    SamplingTables,
    compton_energy,
    draw_angle,
    sampling_tables,
    turn,
)
from dosimetry.physics.table_files import TABLE_FOLDER, write_table

FloatArray = NDArray[np.float64]
TABLE_NAME = "photon_point_kernel"
ENERGIES_KEV = np.concatenate([np.geomspace(6.0, 60.0, 20), np.geomspace(60.0, 2800.0, 17)[1:]])
"""36 energies, denser where attenuation changes with the third power of energy."""
FIRST_EDGE_MM = 0.05
RADIUS_EDGES_MM = np.concatenate([[0.0], np.geomspace(FIRST_EDGE_MM, 500.0, 129)])
N_BATCHES = 20
BUILD_HISTORIES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonShells:
    """Energy around a point source of one energy in water of 1 g/mL.

    Parameters
    ----------
    deposited_fraction : (n_r,) array
        Share of the photon's energy in each shell of ``RADIUS_EDGES_MM``.
    escaped_fraction : float
        Share given beyond the last shell; with the shells it sums to 1.
    relative_standard_uncertainty : (n_r,) array
        Standard error of each shell from the spread of batches.
    closure : float
        Sum of all shares before they were scaled to 1; differs from 1 by statistics.
    """

    deposited_fraction: FloatArray
    escaped_fraction: float
    relative_standard_uncertainty: FloatArray
    closure: float


def photon_shells(energy_kev: float, *, n_histories: int, seed: int = 1, n_threads: int = 2) -> PhotonShells:
    """Follow photons from a point in unbounded water and score energy transfer in shells.

    The first flight is exact: its share in a shell is mu_en/mu (exp(-mu r1) - exp(-mu r2)). All later flights are
    scored by the length of their track in each shell times mu_en. Electrons stop where they start.

    Parameters
    ----------
    energy_kev : float
        Photon energy, 5 keV to 3 MeV.
    n_histories : int
        Photons, in 20 batches.
    seed : int
        Run seed.
    n_threads : int
        Threads; the result does not depend on it.

    Returns
    -------
    PhotonShells
        Shares of the energy.

    Raises
    ------
    InvalidInputError
        An energy outside the data or fewer than 20 histories.

    References
    ----------
    .. [1] Berger, Energy deposition in water by photons from point isotropic sources, MIRD Pamphlet No. 2 (1968).
    """
    if not CUT_KEV <= energy_kev <= 3000.0 or n_histories < N_BATCHES:
        raise InvalidInputError("A photon kernel needs 5 keV to 3 MeV and 20 histories at least.")
    tables = sampling_tables()
    water = material_number("water")
    angle_nodes = (tables.log_first_angle_energy, tables.angle_nodes_per_log)
    grids = (tables.log_first_energy, tables.nodes_per_log, *angle_nodes)
    arrays = (
        np.ascontiguousarray(tables.coefficients[:, water]), tables.compton[water], tables.rayleigh[water], grids,
    )  # fmt: skip
    per_batch = n_histories // N_BATCHES

    def batch(number: int) -> FloatArray:
        score = np.zeros(RADIUS_EDGES_MM.size)
        _run_point(seed, number, per_batch, energy_kev, arrays, RADIUS_EDGES_MM, score)
        return score / (per_batch * energy_kev)

    with ThreadPoolExecutor(max_workers=n_threads) as pool:
        scattered = np.array(list(pool.map(batch, range(N_BATCHES))))
    shares = scattered.mean(axis=0) + _first_flight(energy_kev, tables, water)
    error = scattered.std(axis=0, ddof=1) / np.sqrt(N_BATCHES)
    closure = float(shares.sum())
    relative = np.divide(error, shares, out=np.zeros_like(error), where=shares > 0.0)
    return PhotonShells(
        deposited_fraction=shares[:-1] / closure,
        escaped_fraction=float(shares[-1] / closure),
        relative_standard_uncertainty=relative[:-1],
        closure=closure,
    )


def _first_flight(energy_kev: float, tables: SamplingTables, water: int) -> FloatArray:
    node = (np.log(energy_kev) - tables.log_first_energy) * tables.nodes_per_log
    k = min(int(node), tables.coefficients.shape[0] - 2)
    low, high = tables.coefficients[k, water].astype(float), tables.coefficients[k + 1, water].astype(float)
    coefficients = low + (node - k) * (high - low)
    reached = np.exp(-coefficients[TOTAL] * np.append(RADIUS_EDGES_MM, np.inf))
    return np.asarray(coefficients[TRANSFER] / coefficients[TOTAL] * (reached[:-1] - reached[1:]))


@compile_inline
def _add_track(closest2: float, start: float, end: float, value: float, edges: Any, score: Any) -> None:
    """Add ``value`` per mm to the shells on a straight track, ``start`` to ``end`` mm past its closest approach."""
    n = edges.size - 1
    r2 = closest2 + start * start
    shell = 0
    if r2 >= edges[1] * edges[1]:
        ratio = (n - 1) / np.log(edges[n] / edges[1])
        shell = min(int(0.5 * np.log(r2 / (edges[1] * edges[1])) * ratio) + 1, n)
        # Rounding of the logarithm may miss by one.
        while shell < n and r2 >= edges[shell + 1] ** 2:
            shell += 1
        while r2 < edges[shell] ** 2:
            shell -= 1
    at = start
    while shell < n:
        border = np.sqrt(max(edges[shell + 1] ** 2 - closest2, 0.0))
        if border >= end:
            break
        score[shell] += value * (border - at)
        at = max(border, at)
        shell += 1
    score[shell] += value * (end - at)


@compile_kernel
def _score_flight(x: float, y: float, z: float, direction: Any, flight: Any, edges: Any, score: Any) -> None:
    """Score one flight of (length mm, keV per mm)."""
    length, value = flight
    along = x * direction[0] + y * direction[1] + z * direction[2]
    closest2 = max(x * x + y * y + z * z - along * along, 0.0)
    end = along + length
    if along >= 0.0:
        _add_track(closest2, along, end, value, edges, score)
    elif end <= 0.0:
        _add_track(closest2, -end, -along, value, edges, score)
    else:
        _add_track(closest2, 0.0, -along, value, edges, score)
        _add_track(closest2, 0.0, end, value, edges, score)


@compile_kernel
def _random_direction(state: Any) -> tuple[float, float, float]:
    w = 2.0 * uniform(state) - 1.0
    azimuth = 2.0 * np.pi * uniform(state)
    s = np.sqrt(max(1.0 - w * w, 0.0))
    return s * np.cos(azimuth), s * np.sin(azimuth), w


@compile_kernel
def _run_point(
    seed: int, batch: int, n_histories: int, first_energy: float, tables: Any, edges: Any, score: Any
) -> None:
    """Follow photons from the centre; add the keV of all but first flights to the shells (the last one is outside)."""
    state = np.zeros(4, dtype=np.uint64)
    seed_state(state, seed, batch)
    coefficients, compton, rayleigh, grids = tables
    for _ in range(n_histories):
        x, y, z, energy = 0.0, 0.0, 0.0, first_energy
        u, v, w = _random_direction(state)
        partner = (x, y, z, u, v, w)
        has_partner, is_first = False, True
        while energy > 0.0:
            node = (np.log(energy) - grids[0]) * grids[1]
            k = min(int(node), coefficients.shape[0] - 2)
            f, low, high = node - k, coefficients[k], coefficients[k + 1]
            length = -np.log(uniform(state)) / (low[TOTAL] + f * (high[TOTAL] - low[TOTAL]))
            if not is_first:
                value = energy * (low[TRANSFER] + f * (high[TRANSFER] - low[TRANSFER]))
                _score_flight(x, y, z, (u, v, w), (length, value), edges, score)
            is_first = False
            x, y, z = x + length * u, y + length * v, z + length * w
            angle_node = (np.log(energy) - grids[2]) * grids[3]
            share = uniform(state)
            if share < low[PHOTO_SHARE] + f * (high[PHOTO_SHARE] - low[PHOTO_SHARE]):
                energy = 0.0
            elif share < low[COMPTON_SHARE] + f * (high[COMPTON_SHARE] - low[COMPTON_SHARE]):
                one_minus_cosine = draw_angle(compton, angle_node, state)
                energy = compton_energy(energy, one_minus_cosine)
                u, v, w = turn(u, v, w, one_minus_cosine, state)
                if energy < CUT_KEV:
                    _score_flight(x, y, z, (u, v, w), (1e-9, energy * 1e9), edges, score)
                    energy = 0.0
            elif energy <= 2.0 * ELECTRON_MASS_KEV or (
                share < low[RAYLEIGH_SHARE] + f * (high[RAYLEIGH_SHARE] - low[RAYLEIGH_SHARE])
            ):
                u, v, w = turn(u, v, w, draw_angle(rayleigh, angle_node, state), state)
            else:
                energy = ELECTRON_MASS_KEV
                u, v, w = _random_direction(state)
                partner = (x, y, z, -u, -v, -w)
                has_partner = True
            if energy == 0.0 and has_partner:
                x, y, z, u, v, w = partner
                energy, has_partner = ELECTRON_MASS_KEV, False


def build(*, n_histories: int = BUILD_HISTORIES, seed: int = 107, folder: Path = TABLE_FOLDER) -> Path:
    """Compute all energies and write the table.

    Parameters
    ----------
    n_histories : int
        Photons for each energy.
    seed : int
        Run seed; energy number i uses seed + i.
    folder : Path
        Where to write.

    Returns
    -------
    Path
        The table file.
    """
    n_threads = os.cpu_count() or 1
    shells = [
        photon_shells(float(energy), n_histories=n_histories, seed=seed + i, n_threads=n_threads)
        for i, energy in enumerate(ENERGIES_KEV)
    ]
    meta = {
        "source": "photon Monte Carlo of this package in water of 1 g/mL: first flight exact, scattered photons by "
        "track length; electrons local",
        "cross_sections_sha256": sampling_tables().sha256,
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "seed": seed,
        "histories_per_energy": n_histories,
        "largest_closure_error": max(abs(one.closure - 1.0) for one in shells),
    }
    arrays = {
        "energies_kev": ENERGIES_KEV,
        "radius_edges_mm": RADIUS_EDGES_MM,
        "deposited_fraction": np.array([one.deposited_fraction for one in shells]),
        "escaped_fraction": np.array([one.escaped_fraction for one in shells]),
        "relative_standard_uncertainty": np.array([one.relative_standard_uncertainty for one in shells]),
    }
    return write_table(TABLE_NAME, arrays=arrays, meta=meta, folder=folder)


if __name__ == "__main__":
    build(n_histories=int(sys.argv[1]) if len(sys.argv) > 1 else BUILD_HISTORIES)
