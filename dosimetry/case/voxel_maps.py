"""Voxel-wise time-integrated activity of a read case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.case.pipeline import Scan
from dosimetry.case.schema import Case
from dosimetry.errors import InsufficientDataError
from dosimetry.kinetics.region_curves import Curve
from dosimetry.kinetics.region_scaled import integrate_declared, integrate_scaled, replace_in_region
from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.nuclides.decay import Nuclide
from dosimetry.units import HOUR_S
from dosimetry.volume import Grid, Volume, resample


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelMaps:
    """Time-integrated activity of each voxel, Bq s, and its relative standard uncertainty where residuals tell it."""

    tia: Volume
    relative_standard_uncertainty: Volume | None


def voxel_maps(
    case: Case,
    scans: list[Scan],
    reference: Scan,
    nuclide: Nuclide,
    *,
    curves: Mapping[str, Curve],
    warnings: list[str],
) -> VoxelMaps:
    """Integrate every voxel; regions whose curve is assumed, or all regions where the case says so, follow their curve.

    Parameters
    ----------
    case : Case
        Holds the declared half-life and the voxel method.
    scans : list of Scan
        Registered time points.
    reference : Scan
        Gives the grid and the contours.
    nuclide : Nuclide
        Decay data.
    curves : mapping
        Curve of each region.
    warnings : list of str
        What the user should know is added.

    Returns
    -------
    VoxelMaps
        On the grid of the reference.

    Raises
    ------
    InsufficientDataError
        One scan, and neither a declared half-life nor a curve of a region.
    """
    grid = reference.image.volume.grid
    images = [
        scan.image.volume.values
        if scan.registration is None
        else resample(scan.image.volume, onto=grid, transform=scan.registration.transform).values
        for scan in scans
    ]
    uncertainty = None
    if len(scans) == 1:
        values = _from_one_scan(images[0], scans[0], grid, case=case, curves=curves)
    else:
        fit = fit_voxels(
            images_bq_per_ml=np.stack(images),
            times_s=np.array([scan.image.time_s for scan in scans]),
            voxel_volume_ml=grid.voxel_volume_ml,
            decay_constant_per_s=nuclide.decay_constant_per_s,
        )
        values = fit.time_integrated_activity_bq_s
        if fit.relative_standard_uncertainty is not None:
            uncertainty = Volume(values=fit.relative_standard_uncertainty, grid=grid, unit="1")
    for name, curve in curves.items():
        if name not in reference.masks or not _follows_its_curve(case, curve):
            continue
        i = max(j for j, scan in enumerate(scans) if name in scan.masks)
        scaled = integrate_scaled(
            images[i],
            tia_per_activity_s=_ratio_s(curve, scans[i].image.time_s),
            voxel_volume_ml=grid.voxel_volume_ml,
        )
        values = replace_in_region(values, scaled, fraction=reference.masks[name])
        warnings.append(f"{name}: its voxels follow its curve ({curve.model}) from the scan {scans[i].label}.")
    return VoxelMaps(tia=Volume(values=values, grid=grid, unit="Bq s"), relative_standard_uncertainty=uncertainty)


def _follows_its_curve(case: Case, curve: Curve) -> bool:
    return case.voxel_method == "region_scaled" or curve.model in {"single_time_point", "posterior"}


def _ratio_s(curve: Curve, time_s: float) -> float:
    return curve.time_integrated_activity_bq_s / float(curve.activity_bq(np.array([time_s]))[0])


def _from_one_scan(
    image: NDArray[Any], scan: Scan, grid: Grid, *, case: Case, curves: Mapping[str, Curve]
) -> NDArray[np.float32]:
    """Let every voxel decay with the declared half-life; with none, as the regions do together."""
    if case.single_time_point is not None:
        return integrate_declared(
            image,
            time_s=scan.image.time_s,
            effective_half_life_s=case.single_time_point["effective_half_life_h"] * HOUR_S,
            voxel_volume_ml=grid.voxel_volume_ml,
        )
    if not curves:
        raise InsufficientDataError("One scan: add $.single_time_point to the case file.", code="half_life_required")
    total = sum(curve.time_integrated_activity_bq_s for curve in curves.values())
    activity = sum(float(curve.activity_bq(np.array([scan.image.time_s]))[0]) for curve in curves.values())
    return integrate_scaled(image, tia_per_activity_s=total / activity, voxel_volume_ml=grid.voxel_volume_ml)
