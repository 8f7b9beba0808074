"""The map of time-integrated activity: every voxel by the method that its region admits, with its uncertainty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.selection import CurveFinding
from dosimetry.kinetics.voxel_findings import (
    declared_mapped,
    follows_region,
    general_findings,
    outside_scan,
    prior_mapped,
    scaled_by_choice,
    scaled_for_registration,
)
from dosimetry.kinetics.voxel_kernels import SMALLEST_WEIGHT_SHARE
from dosimetry.kinetics.voxel_noise import VoxelNoise
from dosimetry.kinetics.voxel_region_fit import fit_region_voxels
from dosimetry.kinetics.voxel_shapes import voxel_shape
from dosimetry.kinetics.voxelwise import fit_voxels, validated_series

METHODS = ("voxelwise", "region_scaled")
RESIDUAL_LIMIT_MM = 5.0
"""Shift beyond which a region takes its scaled curve: the registration page warns there too (to be confirmed).

At an edge blurred to 15 mm a voxel then changes by 5 / (6.4 sqrt(2 pi)) = 31 %, as much as scaling errs in a region of
two half-lives (-36 %)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelRegion:
    """A region of the map and its accepted curve.

    Parameters
    ----------
    name : str
        For findings.
    fraction : (z, y, x) array
        Share of each voxel inside the region.
    model : str
        Name of the accepted curve.
    amplitudes_bq, decays_per_s : tuple of float
        Its exponential terms.
    relative_standard_uncertainty : float
        Of the region's time-integrated activity.
    residual_mm : float or None
        Largest shift of a scan that would still improve the match of the region; None when it cannot be measured.
    scan : int or None
        Index of the one scan that a declared half-life or a prior rests on; None for a curve through all scans.
    """

    name: str
    fraction: NDArray[Any]
    model: str
    amplitudes_bq: tuple[float, ...]
    decays_per_s: tuple[float, ...]
    relative_standard_uncertainty: float
    residual_mm: float | None = None
    scan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelOptions:
    """What the user chooses.

    Parameters
    ----------
    method : {"voxelwise", "region_scaled"}
        Fit of each voxel, or the region's curve times one scan.
    scan : int
        Index of the scan that region-scaled voxels take.
    noise : float or None
        Relative standard uncertainty of a voxel at its largest scan; None: estimated.
    residual_limit_mm : float
        Shift beyond which a region takes its scaled curve, mm.
    """

    method: str = "voxelwise"
    scan: int = 0
    noise: float | None = None
    residual_limit_mm: float = RESIDUAL_LIMIT_MM


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelMaps:
    """Maps and what they rest on.

    Parameters
    ----------
    time_integrated_activity_bq_s, standard_uncertainty_bq_s : (z, y, x) float32 arrays
        Bq s; the uncertainty is nan where noise is not known.
    noise : VoxelNoise or None
        Noise of the voxels outside regions.
    findings : tuple of CurveFinding
        What the user should know.
    """

    time_integrated_activity_bq_s: NDArray[np.float32]
    standard_uncertainty_bq_s: NDArray[np.float32]
    noise: VoxelNoise | None
    findings: tuple[CurveFinding, ...]


def map_voxels(
    *,
    images_bq_per_ml: NDArray[np.float32],
    times_s: NDArray[Any],
    voxel_volume_ml: float,
    decay_constant_per_s: float,
    regions: Sequence[VoxelRegion],
    options: VoxelOptions,
    progress: Callable[[float, str], None] | None = None,
) -> VoxelMaps:
    """Integrate every voxel: one phase outside regions, inside them the shape of the region's accepted curve.

    A mono-exponential region keeps the fit of each voxel. Any other curve gives its voxels the freedom of
    ``voxel_shape``. A region whose scans are off by more than the limit, a voxel outside a scan, a declared half-life,
    and everything with the method ``region_scaled`` take ``TIA = A(t) TIA_R / f_R(t)``, f_R the region's curve. At an
    edge each region counts by its share of the voxel.

    Parameters
    ----------
    images_bq_per_ml : (n_t, z, y, x) float32 array
        Registered activity concentrations, Bq/mL; nan where a scan does not reach.
    times_s : (n_t,) array
        Times after administration, s, above zero, rising; two at least.
    voxel_volume_ml, decay_constant_per_s : float
        mL; 1/s.
    regions : sequence of VoxelRegion
        Regions with an accepted curve, without overlap.
    options : VoxelOptions
        Choices of the user.
    progress : callable (fraction, message) or None
        Called after each chunk.

    Returns
    -------
    VoxelMaps
        Maps and findings. The uncertainty holds independent noise, and for scaled voxels that of the region's curve;
        not registration, nor the error of scaling itself.

    Raises
    ------
    InvalidInputError, InsufficientDataError
        As ``fit_voxels``; an unknown method; a region or a scan that is not of this series.
    """
    times = validated_series(images_bq_per_ml, times_s)
    _validate(images_bq_per_ml, regions, options)
    base = fit_voxels(
        images_bq_per_ml=images_bq_per_ml,
        times_s=times,
        voxel_volume_ml=voxel_volume_ml,
        decay_constant_per_s=decay_constant_per_s,
        relative_standard_uncertainty=options.noise,
        may_be_unmeasured=True,
        progress=progress,
    )
    tia = base.time_integrated_activity_bq_s.copy()
    u = base.relative_standard_uncertainty * base.time_integrated_activity_bq_s
    findings = general_findings(
        clamped_fraction=base.clamped_fraction, noise=base.noise, is_scaled=options.method == "region_scaled"
    )
    base_tia, base_u = base.time_integrated_activity_bq_s, u.copy()
    for region in regions:
        inside = region.fraction > 0.0
        columns = images_bq_per_ml[:, inside]
        found = _Columns(columns, times, base_tia[inside], base_u[inside], voxel_volume_ml, decay_constant_per_s)
        values, deviations, said = _region(found, region, options, base.noise)
        share = np.clip(region.fraction[inside], 0.0, 1.0).astype(np.float32)
        tia[inside] += share * (values - base_tia[inside])
        u[inside] += share * (deviations - base_u[inside])
        findings += said
    findings += _scaled_findings(regions, options)
    return VoxelMaps(
        time_integrated_activity_bq_s=tia,
        standard_uncertainty_bq_s=np.asarray(u, dtype=np.float32),
        noise=base.noise,
        findings=tuple(findings),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The voxels that a region touches, and their one-phase integrals (Bq s)."""

    values: NDArray[np.float32]
    times_s: NDArray[np.float64]
    tia: NDArray[np.float32]
    u: NDArray[np.float32]
    voxel_volume_ml: float
    decay_constant_per_s: float


def _region(
    columns: _Columns, region: VoxelRegion, options: VoxelOptions, noise: VoxelNoise | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[CurveFinding]]:
    """Return integral and uncertainty of a region's voxels, Bq s, and what to say."""
    if region.scan is not None:
        half_life_s = float(np.log(2.0)) / max(region.decays_per_s)
        is_declared = region.model == "single_time_point"
        rests = declared_mapped(region.name, half_life_s=half_life_s) if is_declared else prior_mapped(region.name)
        return *_scaled(columns, region, region.scan, noise), [rests]
    if options.method == "region_scaled" or _is_off(region, options):
        return *_scaled(columns, region, options.scan, noise), []
    said: list[CurveFinding] = []
    if region.model == "mono_exponential":
        values, u = columns.tia, columns.u
    else:
        values, u, said = _shaped(columns, region, options, noise)
    is_outside = np.isnan(columns.values).any(axis=0)
    if not is_outside.any():
        return values, u, said
    scaled, scaled_u = _scaled(columns, region, options.scan, noise)
    share = float((region.fraction[region.fraction > 0.0] * is_outside).sum() / region.fraction.sum())
    said = [*said, outside_scan(region.name, share=share)]
    return np.where(is_outside, scaled, values), np.where(is_outside, scaled_u, u), said


def _is_off(region: VoxelRegion, options: VoxelOptions) -> bool:
    return region.residual_mm is not None and region.residual_mm > options.residual_limit_mm


def _scaled_findings(regions: Sequence[VoxelRegion], options: VoxelOptions) -> list[CurveFinding]:
    fitted = [region for region in regions if region.scan is None]
    if options.method == "region_scaled":
        return scaled_by_choice([region.name for region in fitted])
    off = {region.name: region.residual_mm for region in fitted if region.residual_mm and _is_off(region, options)}
    return scaled_for_registration(off, limit_mm=options.residual_limit_mm)


def _shaped(
    columns: _Columns, region: VoxelRegion, options: VoxelOptions, noise: VoxelNoise | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[CurveFinding]]:
    """Fit the voxels with the shape of the region's curve."""
    shape = voxel_shape(
        model=region.model,
        amplitudes_bq=region.amplitudes_bq,
        decays_per_s=region.decays_per_s,
        times_s=columns.times_s,
        decay_constant_per_s=columns.decay_constant_per_s,
    )
    fit = fit_region_voxels(columns.values, times_s=columns.times_s, shape=shape)
    own = noise if options.noise is not None or fit.noise is None else fit.noise
    level = np.nan if own is None else own.relative_standard_uncertainty
    volume = np.float32(columns.voxel_volume_ml)
    u = fit.unit_standard_uncertainty * np.float32(level) * volume
    said = [follows_region(region.name, model=region.model, freedom=shape.freedom)]
    return fit.time_integrated_activity_bq_s_per_ml * volume, u, said


def _scaled(
    columns: _Columns, region: VoxelRegion, scan: int, noise: VoxelNoise | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale the region's curve by one scan; a voxel outside that scan keeps its one-phase fit."""
    amplitudes, decays = np.array(region.amplitudes_bq), np.array(region.decays_per_s)
    at_scan = float(np.exp(-decays * columns.times_s[scan]) @ amplitudes)
    if not at_scan > 0.0:
        raise InvalidInputError(
            f"{region.name}: its curve is zero at the chosen scan; choose another scan.", code="curve_zero_at_scan"
        )
    factor = float(np.sum(amplitudes / decays)) / at_scan * columns.voxel_volume_ml
    is_measured = ~np.isnan(columns.values[scan])
    activities = np.nan_to_num(columns.values.astype(np.float64), nan=0.0)
    value, top = np.maximum(activities[scan], 0.0), np.maximum(activities.max(axis=0), 0.0)
    level = np.nan if noise is None else noise.relative_standard_uncertainty
    deviation = level * np.sqrt(np.maximum(value, SMALLEST_WEIGHT_SHARE * top) * top)
    u = factor * np.hypot(deviation, region.relative_standard_uncertainty * value)
    scaled, scaled_u = (factor * value).astype(np.float32), u.astype(np.float32)
    return np.where(is_measured, scaled, columns.tia), np.where(is_measured, scaled_u, columns.u)


def _validate(images: NDArray[Any], regions: Sequence[VoxelRegion], options: VoxelOptions) -> None:
    if options.method not in METHODS:
        raise InvalidInputError(f"Unknown method {options.method!r}; choose one of {', '.join(METHODS)}.")
    if not 0.0 < options.residual_limit_mm < np.inf:
        raise InvalidInputError("The limit of the remaining shift must be above zero.", code="residual_limit")
    scans = [options.scan, *(region.scan for region in regions if region.scan is not None)]
    if not all(0 <= scan < images.shape[0] for scan in scans):
        raise InsufficientDataError("The chosen scan is not among those of the map.", code="scan_not_mapped")
    if any(region.fraction.shape != images.shape[1:] for region in regions):
        raise InvalidInputError("The maps of a region and of the image have different shapes.", code="bad_series")
