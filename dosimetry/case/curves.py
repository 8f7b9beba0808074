"""Curves of the regions of a read case."""

from collections.abc import Mapping

import numpy as np

from dosimetry.case.pipeline import Scan
from dosimetry.case.schema import Case
from dosimetry.errors import DosimetryError
from dosimetry.kinetics.fitting import CurveFit
from dosimetry.kinetics.selection import CurveSelection, fit_admissible
from dosimetry.kinetics.single_time_point import fit_single_time_point
from dosimetry.nuclides.decay import Nuclide
from dosimetry.segmentation.regions import RegionMeasurement
from dosimetry.units import HOUR_S


def region_fits(
    case: Case,
    scans: list[Scan],
    measured: Mapping[str, Mapping[str, RegionMeasurement]],
    nuclide: Nuclide,
    *,
    warnings: list[str],
) -> dict[str, CurveFit]:
    """Fit the recommended curve of every region that has one.

    Parameters
    ----------
    case : Case
        Holds the declared half-life, if any.
    scans : list of Scan
        In order of time.
    measured : mapping
        Region -> label of the scan -> measurement.
    nuclide : Nuclide
        Decay data.
    warnings : list of str
        Findings and refusals are added.

    Returns
    -------
    dict
        Region -> curve; a region without an admissible curve is left out.
    """
    fits = {}
    for name, by_scan in measured.items():
        points = [(scan.image.time_s, by_scan[scan.label]) for scan in scans if scan.label in by_scan]
        try:
            selection = _select(case, points, nuclide)
        except DosimetryError as error:
            warnings.append(f"{name}: {error}")
            continue
        warnings += [f"{name}: {finding.message}" for finding in selection.findings]
        fits[name] = next(item for item in selection.fits if item.model == selection.recommended_model)
    return fits


def _select(case: Case, points: list[tuple[float, RegionMeasurement]], nuclide: Nuclide) -> CurveSelection:
    times = np.array([time_s for time_s, _ in points])
    activities = np.array([found.activity_bq for _, found in points])
    u = np.array([found.activity_standard_uncertainty_bq for _, found in points])
    is_rising = len(points) > 1 and activities[-1] > activities[-2]
    if case.single_time_point is not None and (len(points) == 1 or is_rising):
        return fit_single_time_point(
            time_s=float(times[-1]),
            activity_bq=float(activities[-1]),
            activity_standard_uncertainty_bq=float(u[-1]),
            effective_half_life_s=case.single_time_point["effective_half_life_h"] * HOUR_S,
            effective_half_life_standard_uncertainty_s=case.single_time_point["standard_uncertainty_h"] * HOUR_S,
            nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
            source=case.single_time_point["source"],
        )
    return fit_admissible(
        times_s=times,
        activities_bq=activities,
        standard_uncertainties_bq=u,
        nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
    )
