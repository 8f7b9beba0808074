"""Several engines on one map of time-integrated activity, region by region beside each other."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.case.pipeline import Log
from dosimetry.dose.comparison import explain_difference
from dosimetry.dose.engines import EngineResult, run_engine
from dosimetry.dvh.by_engine import LOCAL, region_engine_doses
from dosimetry.nuclides.decay import Nuclide
from dosimetry.units import HOUR_S
from dosimetry.volume import Grid, Volume

DIFFERENCE_TO_WARN_PERCENT = 10.0
"""A difference between two engines above it asks for a decision which of them is right here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEngines:
    """Doses of one region by the chosen engines.

    Parameters
    ----------
    mean_gy : float
        Mean dose of the region's own curve by the first engine, Gy.
    rows : list of dict
        One row for each engine, as in results.json.
    warnings : tuple of str
        Differences above 10 %.
    """

    mean_gy: float
    rows: list[dict[str, Any]]
    warnings: tuple[str, ...]


def run_engines(
    names: Sequence[str],
    *,
    tia: Volume,
    density: Volume | float,
    nuclide: Nuclide,
    options: Mapping[str, Any],
    log: Log,
) -> dict[str, EngineResult]:
    """Run the engines in order and local deposition with them, for the others are read relative to it.

    Parameters
    ----------
    names : sequence of str
        Keys of ``ENGINES``; the first is the one that the others are compared with.
    tia, density, nuclide
        As ``run_engine``.
    options : mapping
        Options of engines.
    log : callable (text)
        One line for each engine.

    Returns
    -------
    dict
        Result by engine.

    Raises
    ------
    DosimetryError
        As the engines.
    """
    results = {}
    for name in dict.fromkeys([*names, LOCAL]):
        started = time.monotonic()
        results[name] = run_engine(name, tia_bq_s=tia, density_g_per_ml=density, nuclide=nuclide, options=options)
        log(f"engine {name} in {time.monotonic() - started:.1f} s")
    return results


def compare_region(
    results: Mapping[str, EngineResult],
    names: Sequence[str],
    *,
    mask: NDArray[np.bool_],
    grid: Grid,
    local_dose_gy: float,
    rates_per_s: Mapping[str, float],
) -> RegionEngines:
    """Return the mean dose of one region by each engine, its difference to the first engine and the reason.

    An engine's dose is the dose of the region's own curve by local deposition, changed by the range of charged
    particles, and the photons of the map (``RegionEngineDose.of_curve``): engines do not differ by what curve and map
    differ.

    Parameters
    ----------
    results : mapping
        Results by engine, local deposition among them.
    names : sequence of str
        The chosen engines, first one first.
    mask : (z, y, x) array of bool
        The region.
    grid : Grid
        Grid of the mask.
    local_dose_gy : float
        Mean dose of the region's curve by local deposition, Gy.
    rates_per_s : mapping
        Time point -> activity over time-integrated activity, 1/s.

    Returns
    -------
    RegionEngines
        Rows in the order of ``names``.
    """
    doses = region_engine_doses(results, mask=mask, mask_grid=grid)
    local_map_gy = doses[LOCAL].parts.total_gy
    if not local_map_gy > 0.0:
        return RegionEngines(
            mean_gy=local_dose_gy, rows=[], warnings=("no activity on the voxel map; engines not compared.",)
        )
    first = doses[names[0]].of_curve(local_dose_gy)
    rows, warnings = [], []
    for name in names:
        item = doses[name]
        parts = item.of_curve(local_dose_gy)
        difference = explain_difference(first=first, other=parts)
        percent = 100.0 * difference.relative
        rows.append(
            {
                "engine": name,
                "mean_gy": parts.total_gy,
                "photons_gy": parts.photons_gy,
                "voxel_mean_gy": item.parts.total_gy,
                "statistical_standard_uncertainty_gy": item.statistical_gy,
                "difference_percent": percent,
                "reason": difference.reason,
                "dose_rate_gy_per_h": {label: parts.total_gy * rate * HOUR_S for label, rate in rates_per_s.items()},
            }
        )
        if abs(percent) > DIFFERENCE_TO_WARN_PERCENT:
            warnings.append(f"{name} gives {percent:+.0f} % against {names[0]}: {difference.reason}.")
    return RegionEngines(mean_gy=first.total_gy, rows=rows, warnings=tuple(warnings))
