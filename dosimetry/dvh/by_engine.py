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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEngineDose:
    """Hold what one engine says of one region.

    Parameters
    ----------
    parts : RegionParts
        Mean dose on the voxel map, Gy, with the part of photons.
    charged_factor : float
        Mean of charged particles on the map over that of local deposition; 1 where no activity lies in the region.
    statistical_gy : float
        Standard error of the mean, Gy; 0 for an engine without statistics. Errors of voxels are taken as independent.
    """

    parts: RegionParts
    charged_factor: float
    statistical_gy: float

    def of_curve(self, local_gy: float) -> RegionParts:
        """Return the dose of the region's own curve by this engine.

        Charged particles deposit in the region what its own activity emits, but for their range; photons come from
        everywhere, so that theirs is the dose on the map.

        Parameters
        ----------
        local_gy : float
            Mean dose of the curve by local deposition, Gy.
        """
        photons_gy = self.parts.photons_gy
        total_gy = local_gy * self.charged_factor + photons_gy
        return RegionParts(engine=self.parts.engine, total_gy=total_gy, photons_gy=photons_gy)


def region_engine_doses(
    results: Mapping[str, EngineResult], *, mask: NDArray[Any], mask_grid: Grid
) -> dict[str, RegionEngineDose]:
    """Return each engine's mean dose in one region beside local deposition on the same map.

    A region's own curve and the voxel-wise map differ for reasons of their own (motion, noise, what blur spills in from
    neighbours). The factor holds only what the engine does to charged particles: range and density. It multiplies the
    curve's dose by local deposition, to which the photons of the map are added (``of_curve``).

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
        name: _engine_dose(
            RegionParts(engine=name, total_gy=means[name], photons_gy=_photons_gy(result, mask, mask_grid)),
            local_gy=means[LOCAL],
            statistical_cv=_statistical_cv(result, fraction),
        )
        for name, result in results.items()
    }


def _engine_dose(parts: RegionParts, *, local_gy: float, statistical_cv: float) -> RegionEngineDose:
    factor = parts.electrons_gy / local_gy if local_gy > 0.0 else 1.0
    return RegionEngineDose(parts=parts, charged_factor=factor, statistical_gy=statistical_cv * parts.total_gy)


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
