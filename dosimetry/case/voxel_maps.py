"""The map of time-integrated activity of a read case, with its uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.case.pipeline import Scan
from dosimetry.case.schema import Case
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.declared import declared_relative_uncertainty, integrate_declared
from dosimetry.kinetics.region_curves import Curve
from dosimetry.kinetics.voxel_maps import VoxelOptions, VoxelRegion, map_voxels
from dosimetry.nuclides.decay import Nuclide
from dosimetry.registration.quality import region_residual_mm
from dosimetry.units import HOUR_S
from dosimetry.volume import Grid, Volume, resample


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiaMaps:
    """Time-integrated activity of each voxel and its standard uncertainty, Bq s; nan where noise is not known."""

    tia: Volume
    standard_uncertainty: Volume


def tia_maps(
    case: Case,
    scans: list[Scan],
    reference: Scan,
    nuclide: Nuclide,
    *,
    fits: Mapping[str, Curve],
    warnings: list[str],
) -> TiaMaps:
    """Integrate every voxel by the method that the case names and its region admits.

    Parameters
    ----------
    case : Case
        Holds the method and the declared half-life.
    scans : list of Scan
        Registered time points, in order of time.
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
    TiaMaps
        Maps on the grid of the reference.

    Raises
    ------
    InsufficientDataError
        One scan without a declared half-life.
    InvalidInputError
        An image holds a value that is not finite, or the named scan is none of the case.
    """
    grid = reference.image.volume.grid
    if len(scans) == 1:
        return _declared(case, scans[0], grid, warnings)
    aligned = [_aligned(scan, grid) for scan in scans]
    maps = map_voxels(
        images_bq_per_ml=np.stack(aligned),
        times_s=np.array([scan.image.time_s for scan in scans]),
        voxel_volume_ml=grid.voxel_volume_ml,
        decay_constant_per_s=nuclide.decay_constant_per_s,
        regions=[_region(name, fits[name], scans, aligned, reference) for name in reference.masks if name in fits],
        options=_options(case, scans, reference),
    )
    warnings += [finding.message for finding in maps.findings]
    return TiaMaps(
        tia=Volume(values=maps.time_integrated_activity_bq_s, grid=grid, unit="Bq s"),
        standard_uncertainty=Volume(values=maps.standard_uncertainty_bq_s, grid=grid, unit="Bq s"),
    )


def _aligned(scan: Scan, grid: Grid) -> NDArray[np.float32]:
    """Return a scan on the reference grid, nan where it does not reach."""
    volume = scan.image.volume
    if not np.isfinite(volume.values).all():
        raise InvalidInputError(
            f"{scan.label}: the image holds a value that is not a finite number.", code="bad_series"
        )
    if scan.registration is None:
        return np.asarray(volume.values, dtype=np.float32)
    moved = resample(volume, onto=grid, transform=scan.registration.transform, fill_value=np.nan)
    return np.asarray(moved.values, dtype=np.float32)


def _region(
    name: str,
    fit: Curve,
    scans: list[Scan],
    aligned: list[NDArray[np.float32]],
    reference: Scan,
) -> VoxelRegion:
    grid, mask = reference.image.volume.grid, reference.masks[name]
    residuals = [
        region_residual_mm(
            fixed=reference.image.volume, aligned=Volume(values=values, grid=grid, unit="Bq/mL"), mask=mask
        )
        for scan, values in zip(scans, aligned, strict=True)
        if scan is not reference
    ]
    amplitudes, decays = fit.exponential_terms()
    is_assumed = fit.model in {"single_time_point", "posterior"}
    return VoxelRegion(
        name=name,
        fraction=mask,
        model=fit.model,
        amplitudes_bq=tuple(amplitudes),
        decays_per_s=tuple(decays),
        relative_standard_uncertainty=(
            fit.time_integrated_activity_standard_uncertainty_bq_s / fit.time_integrated_activity_bq_s
        ),
        residual_mm=max((value for value in residuals if value is not None), default=None),
        scan=max(i for i, scan in enumerate(scans) if name in scan.masks) if is_assumed else None,
    )


def _options(case: Case, scans: list[Scan], reference: Scan) -> VoxelOptions:
    chosen: dict[str, Any] = dict(case.voxel)
    label = chosen.pop("scan", reference.label)
    labels = [scan.label for scan in scans]
    if label not in labels:
        raise InvalidInputError(f"$.voxel.scan: no time point is labelled {label!r}.", code="case_value")
    return VoxelOptions(scan=labels.index(label), **chosen)


def _declared(case: Case, scan: Scan, grid: Grid, warnings: list[str]) -> TiaMaps:
    declared = case.single_time_point
    if declared is None:
        raise InsufficientDataError("One scan: add $.single_time_point to the case file.", code="half_life_required")
    half_life_s = declared["effective_half_life_h"] * HOUR_S
    values = integrate_declared(
        scan.image.volume.values,
        time_s=scan.image.time_s,
        effective_half_life_s=half_life_s,
        voxel_volume_ml=grid.voxel_volume_ml,
    )
    relative = declared_relative_uncertainty(
        time_s=scan.image.time_s,
        effective_half_life_s=half_life_s,
        effective_half_life_standard_uncertainty_s=declared["standard_uncertainty_h"] * HOUR_S,
    )
    noise = case.voxel.get("noise")
    if noise is None:
        warnings.append("One scan says nothing about noise: the map of uncertainty holds that of the half-life alone.")
    u = values * np.float32(np.hypot(relative, noise or 0.0))
    return TiaMaps(
        tia=Volume(values=values, grid=grid, unit="Bq s"),
        standard_uncertainty=Volume(values=u, grid=grid, unit="Bq s"),
    )
