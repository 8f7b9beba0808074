"""Build the point kernel of electrons in water. Run: python -m dosimetry.dose.electron_kernel [histories per energy]"""

import datetime as dt
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.electron_medium import electron_media
from dosimetry.physics.electron_tracks import MAX_LOSS_SHARE, MAX_STRENGTH, track_uniform
from dosimetry.physics.electrons import csda_range, radiation_yield
from dosimetry.physics.table_files import read_table, write_table

FloatArray = NDArray[np.float64]
TABLE_NAME = "electron_point_kernel"
ENERGIES_KEV = np.geomspace(10.0, 2400.0, 34)
SCALED_EDGES = np.linspace(0.0, 1.3, 131)
DEFAULT_HISTORIES = 200_000
RUN_SEED = 20261125
CUT_SHARE = 0.01
CUT_LIMITS_KEV = (0.1, 10.0)
ABSORB_SHARE = 0.02
ABSORB_LIMITS_KEV = (1.0, 10.0)


def delta_cut_kev(energy_kev: float) -> float:
    """Return the threshold of delta rays for a source of this energy, keV.

    Small against the energy, so that the rare large losses that shape the end of the range are drawn one by one.
    """
    return float(np.clip(CUT_SHARE * energy_kev, *CUT_LIMITS_KEV))


def absorption_kev(energy_kev: float) -> float:
    """Return the energy below which an electron stops where it is, keV; its range is 2 % of the first at most."""
    return float(np.clip(ABSORB_SHARE * energy_kev, *ABSORB_LIMITS_KEV))


def simulate_point_source(
    energy_kev: float, *, n_histories: int, seed: int, stream: int = 0
) -> tuple[FloatArray, float, float]:
    """Follow electrons of one energy from a point in unbounded water.

    Parameters
    ----------
    energy_kev : float
        Kinetic energy, 10 keV to 3 MeV.
    n_histories : int
        Number of electrons.
    seed, stream : int
        Random stream.

    Returns
    -------
    tuple of (n_r,) array, float and float
        Share of the energy deposited in each shell of r/R_CSDA, share that became bremsstrahlung, and R_CSDA (g/cm2).
        The shares sum to one but for rounding.
    """
    cut = delta_cut_kev(energy_kev)
    media = electron_media(("water",), cut)
    range_g_per_cm2 = float(csda_range("water", energy_kev))
    tally = np.zeros(SCALED_EDGES.size)
    tally[-1] = range_g_per_cm2 * (SCALED_EDGES[1] - SCALED_EDGES[0])
    radiated, _ = track_uniform(
        media.coefficients[0], energy_kev, n_histories, seed, stream, cut, absorption_kev(energy_kev), True, tally
    )
    emitted = energy_kev * n_histories
    return tally[:-1] / emitted, radiated / emitted, range_g_per_cm2


def _smoothed(energy_kev: float, result: tuple[FloatArray, float, float]) -> tuple[FloatArray, float, float]:
    """Replace the few bremsstrahlung photons that were drawn by their expectation; shares still sum to one."""
    deposited, radiated, range_g_per_cm2 = result
    expected = float(radiation_yield("water", energy_kev))
    return deposited * ((1.0 - expected) / (1.0 - radiated)), expected, range_g_per_cm2


def build(*, n_histories: int, progress: Callable[[str], None]) -> None:
    """Simulate all energies and write the committed table.

    Parameters
    ----------
    n_histories : int
        Electrons for each energy.
    progress : callable
        Receives one line for each energy.
    """

    def simulate(i: int) -> tuple[FloatArray, float, float]:
        result = simulate_point_source(float(ENERGIES_KEV[i]), n_histories=n_histories, seed=RUN_SEED, stream=i)
        progress(f"{ENERGIES_KEV[i]:8.2f} keV  bremsstrahlung {result[1]:.5f}")
        return _smoothed(float(ENERGIES_KEV[i]), result)

    # High energies take longest: first come, so that both cores end together.
    order = range(ENERGIES_KEV.size - 1, -1, -1)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        results = list(pool.map(simulate, order))[::-1]
    write_table(
        TABLE_NAME,
        arrays={
            "energies_kev": ENERGIES_KEV,
            "csda_range_g_per_cm2": np.array([result[2] for result in results]),
            "scaled_radius": SCALED_EDGES,
            "deposited_fraction": np.array([result[0] for result in results]),
            "bremsstrahlung_fraction": np.array([result[1] for result in results]),
        },
        meta={
            "source": "class-II condensed history, dosimetry.physics.electron_tracks; point source in unbounded water",
            "histories_per_energy": n_histories,
            "seed": RUN_SEED,
            "max_loss_share": MAX_LOSS_SHARE,
            "max_strength": MAX_STRENGTH,
            "delta_cut_share": CUT_SHARE,
            "numba": numba.__version__,
            "elastic_table_sha256": read_table("electron_elastic").sha256,
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        },
    )


if __name__ == "__main__":
    build(n_histories=int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_HISTORIES, progress=print)
