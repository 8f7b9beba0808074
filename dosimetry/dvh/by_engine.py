"""Mean dose of one region by several engines: its own curve for charged particles, the map for photons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.comparison import RegionParts
from dosimetry.dose.engines import EngineResult
from dosimetry.dvh.histogram import dose_volume_histogram
from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid

LOCAL = "local"
LEAST_ON_MAP = 0.1
"""A map with less than this share of the curve's dose does not show the region, nor what leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEngineDose:
    """Hold what one engine says of one region.

    Parameters
    ----------
    parts : RegionParts
        Mean dose on the voxel map, Gy, with the part of photons.
    local_gy : float
        Mean dose on the map by local deposition, Gy.
    statistical_gy : float
        Standard error of the mean, Gy; 0 for an engine without statistics. Errors of voxels are taken as independent.
    """

    parts: RegionParts
    local_gy: float
    statistical_gy: float

    def of_curve(self, local_gy: float) -> RegionParts:
        """Return the dose of the region's own curve by this engine.

        Charged particles of its own stay in the region but for what leaves over the edge, which follows the curve. What
        enters comes from neighbours, and photons from everywhere: both are as on the map.

        Parameters
        ----------
        local_gy : float
            Mean dose of the curve by local deposition, Gy.
        """
        photons_gy = self.parts.photons_gy
        charged_gy = max(self.parts.electrons_gy, 0.0)
        is_shown = self.local_gy > LEAST_ON_MAP * local_gy
        kept = min(charged_gy / self.local_gy, 1.0) if is_shown else 1.0
        total_gy = local_gy * kept + max(charged_gy - self.local_gy, 0.0) + photons_gy
        return RegionParts(engine=self.parts.engine, total_gy=total_gy, photons_gy=photons_gy)


def region_engine_doses(
    results: Mapping[str, EngineResult], *, mask: NDArray[Any], mask_grid: Grid
) -> dict[str, RegionEngineDose]:
    """Return each engine's mean dose in one region beside local deposition on the same map.

    A region's own curve and the voxel-wise map differ for reasons of their own (motion, noise, what blur spills in from
    neighbours). ``of_curve`` takes from the map only what the
    engine does to charged particles over the edge, and photons.

    Parameters
    ----------
    results : mapping of engine to EngineResult
        On one grid; ``local`` is among them.
    mask : (z, y, x) bool array
        The region on ``mask_grid``, which may be finer than the dose grid.
    mask_grid : Grid
        Place of the mask, in the frame of the dose.

    Returns
    -------
    dict of engine to RegionEngineDose
        In the order of ``results``.

    Raises
    ------
    InvalidInputError
        Local deposition is missing, or as ``dose_volume_histogram``.
    """
    if LOCAL not in results:
        raise InvalidInputError("Engines are compared through local deposition; run it too.")
    means = {
        name: dose_volume_histogram(result.dose, mask=mask, mask_grid=mask_grid).mean_gy
        for name, result in results.items()
    }
    fraction = coverage_fraction(mask, mask_grid, results[LOCAL].dose.grid)
    return {
        name: RegionEngineDose(
            parts=RegionParts(engine=name, total_gy=means[name], photons_gy=_photons_gy(result, mask, mask_grid)),
            local_gy=means[LOCAL],
            statistical_gy=means[name] * _statistical_cv(result, fraction),
        )
        for name, result in results.items()
    }


def _photons_gy(result: EngineResult, mask: NDArray[Any], mask_grid: Grid) -> float:
    if result.photon_dose is None:
        return 0.0
    return dose_volume_histogram(result.photon_dose, mask=mask, mask_grid=mask_grid).mean_gy


def _statistical_cv(result: EngineResult, fraction: NDArray[np.float32]) -> float:
    if result.relative_standard_uncertainty is None:
        return 0.0
    weighted = fraction * result.dose.values
    total = float(weighted.sum(dtype=np.float64))
    if total <= 0.0:
        return 0.0
    error = weighted * result.relative_standard_uncertainty.values
    return float(np.sqrt(np.sum(error**2, dtype=np.float64))) / total
