"""Curves of regions and voxels of a read case."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.case.pipeline import Scan
from dosimetry.case.schema import Case
from dosimetry.errors import DosimetryError, InsufficientDataError
from dosimetry.kinetics.declared import integrate_declared, replace_in_region
from dosimetry.kinetics.fitting import CurveFit
from dosimetry.kinetics.selection import CurveSelection, fit_admissible
from dosimetry.kinetics.single_time_point import fit_single_time_point
from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.nuclides.decay import Nuclide
from dosimetry.segmentation.regions import RegionMeasurement
from dosimetry.units import HOUR_S
from dosimetry.volume import Grid, Volume, resample


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


def tia_map(
    case: Case,
    scans: list[Scan],
    reference: Scan,
    nuclide: Nuclide,
    *,
    fits: Mapping[str, CurveFit],
    warnings: list[str],
) -> Volume:
    """Integrate every voxel; regions with a declared half-life rest on it in the map too.

    Parameters
    ----------
    case : Case
        Holds the declared half-life.
    scans : list of Scan
        Registered time points.
    reference : Scan
        Gives the grid and the contours.
    nuclide : Nuclide
        Decay data.
    fits : mapping
        Curve of each region.
    warnings : list of str
        What the user should know is added.

    Returns
    -------
    Volume
        Time-integrated activity, Bq s.

    Raises
    ------
    InsufficientDataError
        One scan without a declared half-life.
    """
    grid = reference.image.volume.grid
    images = [
        scan.image.volume.values
        if scan.registration is None
        else resample(scan.image.volume, onto=grid, transform=scan.registration.transform).values
        for scan in scans
    ]
    if len(scans) == 1:
        if case.single_time_point is None:
            raise InsufficientDataError(
                "One scan: add $.single_time_point to the case file.", code="half_life_required"
            )
        return Volume(values=_declared(images[0], scans[0], case, grid), grid=grid, unit="Bq s")
    fit = fit_voxels(
        images_bq_per_ml=np.stack(images),
        times_s=np.array([scan.image.time_s for scan in scans]),
        voxel_volume_ml=grid.voxel_volume_ml,
        decay_constant_per_s=nuclide.decay_constant_per_s,
    )
    values = fit.time_integrated_activity_bq_s
    for name, region_fit in fits.items():
        if region_fit.model == "single_time_point" and name in reference.masks:
            last = max(i for i, scan in enumerate(scans) if name in scan.masks)
            declared = _declared(images[last], scans[last], case, grid)
            values = replace_in_region(values, declared, fraction=reference.masks[name])
            warnings.append(
                f"{name}: its voxels decay with the declared half-life after the last scan, as in its curve."
            )
    return Volume(values=values, grid=grid, unit="Bq s")


def _declared(image: NDArray[Any], scan: Scan, case: Case, grid: Grid) -> NDArray[np.float32]:
    declared = case.single_time_point or {}
    return integrate_declared(
        image,
        time_s=scan.image.time_s,
        effective_half_life_s=declared["effective_half_life_h"] * HOUR_S,
        voxel_volume_ml=grid.voxel_volume_ml,
    )
