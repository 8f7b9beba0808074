"""From registered images to the time-integrated activity of every voxel, with its uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.declared import declared_relative_uncertainty, integrate_declared
from dosimetry.kinetics.stored_curve import curve_from_dict
from dosimetry.kinetics.voxel_maps import RESIDUAL_LIMIT_MM, VoxelOptions, VoxelRegion, map_voxels
from dosimetry.registration.quality import region_residual_mm
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid, RigidTransform, Volume, resample
from planning import storage
from planning.computation.curve_shapes import dose_rate_terms
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.partial_volume import corrected_values
from planning.computation.partial_volume_settings import PartialVolume
from planning.models import Cycle, TimePoint
from planning.selectors.current import current_contours, current_image, current_registration
from planning.selectors.kinetics import chosen_fit

HOUR_S = 3600.0
ASSUMED = {"single_time_point", "posterior"}
"""Curves whose shape rests on a half-life or a prior: their voxels follow them from the last scan used."""


def aligned_series(
    cycle: Cycle, reference: TimePoint, grid: Grid, choice: PartialVolume | None, progress
) -> tuple[list, list, list]:
    """Return (time point, image, values on the reference grid) in order of time, and what registered them.

    Values are nan where a scan does not reach. With a choice, partial volume is corrected in every voxel first, as in
    the curves.
    """
    series, registrations, findings = [], [], []
    time_points = list(cycle.time_points.order_by("number"))
    for i, time_point in enumerate(time_points):
        image = current_image(time_point)
        if image is None:
            raise InsufficientDataError(
                f"Time point {time_point.number} has no quantified image; prepare the images.", code="no_image"
            )
        values = _scan_values(time_point, image, choice, findings)
        if not np.isfinite(values).all():
            raise InvalidInputError(
                f"Time point {time_point.number}: the image holds a value that is not a finite number.",
                code="bad_series",
            )
        if time_point.pk != reference.pk:
            registration = current_registration(time_point)
            if registration is None or registration.decision != "accepted":
                text = f"Time point {time_point.number} has no accepted registration and is left out of the dose map."
                findings.append({"code": "not_registered", "level": "ask", "message": text})
                continue
            registrations.append(registration)
            moving = Volume(values=values, grid=grid_from_dict(image.emission_grid), unit="Bq/mL")
            transform = RigidTransform(matrix=tuple(registration.matrix))
            values = resample(moving, onto=grid, transform=transform, fill_value=np.nan).values
        series.append((time_point, image, np.asarray(values, dtype=np.float32)))
        progress(0.02 + 0.2 * (i + 1) / len(time_points), f"Time point {time_point.number} read")
    return sorted(series, key=lambda row: row[1].time_s), registrations, findings


def _scan_values(time_point: TimePoint, image, choice: PartialVolume | None, findings) -> np.ndarray:
    contours = current_contours(time_point)
    if choice is None:
        return storage.load_array(image.emission_sha256)
    if contours is None or contours.image != image or not contours.contours.filter(state="accepted").exists():
        text = f"Time point {time_point.number} has no accepted contours: the map lacks its partial-volume correction."
        findings.append({"code": "partial_volume_missing", "level": "ask", "message": text})
        return storage.load_array(image.emission_sha256)
    return corrected_values(contours, choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class TiaMaps:
    """Time-integrated activity of each voxel and its standard uncertainty, Bq s; nan where noise is not known."""

    tia: Volume
    standard_uncertainty: Volume


def voxel_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return method and limits as calculated with: what was not chosen is stated too, for it is an assumption."""
    return {
        "voxel_method": parameters.get("voxel_method", "voxelwise"),
        "voxel_residual_limit_mm": parameters.get("voxel_residual_limit_mm", RESIDUAL_LIMIT_MM),
        **{name: parameters[name] for name in ("voxel_scan", "voxel_noise_percent") if name in parameters},
    }


def voxel_regions(curves, reference: TimePoint, series, findings) -> list[VoxelRegion]:
    """Return the regions of the reference's contours that have a curve, as shares of the voxels of its image."""
    contours = current_contours(reference)
    if contours is None or len(series) < 2:
        return []
    masks, mask_grid = label_masks(contours), grid_from_dict(contours.image.label_grid)
    fixed = next(values for time_point, _, values in series if time_point.pk == reference.pk)
    grid = grid_from_dict(current_image(reference).emission_grid)
    others = [values for time_point, _, values in series if time_point.pk != reference.pk]
    scans = [str(time_point.pk) for time_point, _, _ in series]
    regions = []
    for curve in curves.curves.select_related("region"):
        fit = chosen_fit(curve)
        if fit is None or curve.region_id not in masks:
            continue
        scan = _last_scan(curve) if fit["model"] in ASSUMED else None
        if scan is not None and scan not in scans:
            text = f"{curve.region.name}: its scan is not registered, so the map does not rest on its assumed curve."
            findings.append({"code": "declared_not_mapped", "level": "ask", "message": text})
            continue
        fraction = coverage_fraction(masks[curve.region_id], mask_grid, grid)
        residual_mm = _residual_mm(fixed, others, fraction, grid)
        index = None if scan is None else scans.index(scan)
        regions.append(_voxel_region(curve.region.name, fit, fraction, residual_mm=residual_mm, scan=index))
    return regions


def _last_scan(curve) -> str:
    return [point for point in curve.points if not point["is_excluded"]][-1]["time_point"]


def _voxel_region(name: str, fit, fraction: np.ndarray, *, residual_mm: float | None, scan: int | None) -> VoxelRegion:
    amplitudes, decays = dose_rate_terms(fit)
    tia_bq_s = fit["time_integrated_activity_bq_s"]
    return VoxelRegion(
        name=name,
        fraction=fraction,
        model=fit["model"],
        amplitudes_bq=tuple(amplitudes),
        decays_per_s=tuple(decays),
        relative_standard_uncertainty=(fit["time_integrated_activity_standard_uncertainty_bq_s"] or 0.0) / tia_bq_s,
        residual_mm=residual_mm,
        scan=scan,
    )


def _residual_mm(fixed: np.ndarray, others: list[np.ndarray], fraction: np.ndarray, grid: Grid) -> float | None:
    """Return the largest shift that a registered scan is still off, None when none can be measured."""
    measured = [
        region_residual_mm(
            fixed=Volume(values=fixed, grid=grid, unit="Bq/mL"),
            aligned=Volume(values=values, grid=grid, unit="Bq/mL"),
            mask=fraction > 0.5,
        )
        for values in others
    ]
    return max((value for value in measured if value is not None), default=None)


def _regions_ratio_s(curves, image) -> float:
    """Return time-integrated activity over activity at the scan, s, of all regions with a curve together."""
    tia, activity = 0.0, 0.0
    for curve in curves.curves.all():
        fit = chosen_fit(curve)
        if fit is not None:
            tia += fit["time_integrated_activity_bq_s"]
            activity += float(curve_from_dict(fit).activity_bq(np.array([image.time_s]))[0])
    if activity <= 0.0:
        raise InsufficientDataError(
            "One scan needs a declared effective half-life; enter it with its source on the Kinetics page.",
            code="half_life_required",
        )
    return tia / activity


def voxel_tia(*, series, reference: TimePoint, grid: Grid, nuclide, curves, parameters, progress, findings) -> TiaMaps:
    """Integrate every voxel by the chosen method, so that map and curves rest on the same models."""
    if len(series) == 1:
        return _one_scan(series[0], grid, curves, parameters, findings)
    options = voxel_options(parameters)
    scans = [str(time_point.pk) for time_point, _, _ in series]
    wanted = str(options.get("voxel_scan", reference.pk))
    if wanted not in scans:
        raise InsufficientDataError(
            "The scan to scale by is not among the registered ones; choose another.", code="scan_not_mapped"
        )
    noise = options.get("voxel_noise_percent")
    maps = map_voxels(
        images_bq_per_ml=np.stack([values for _, _, values in series]),
        times_s=np.array([image.time_s for _, image, _ in series]),
        voxel_volume_ml=grid.voxel_volume_ml,
        decay_constant_per_s=nuclide.decay_constant_per_s,
        regions=voxel_regions(curves, reference, series, findings),
        options=VoxelOptions(
            method=options["voxel_method"],
            scan=scans.index(wanted),
            noise=None if noise is None else noise / 100.0,
            residual_limit_mm=options["voxel_residual_limit_mm"],
        ),
        progress=lambda fraction, text: progress(0.25 + 0.23 * fraction, text),
    )
    findings += [{"code": item.code, "level": item.level, "message": item.message} for item in maps.findings]
    return TiaMaps(
        tia=Volume(values=maps.time_integrated_activity_bq_s, grid=grid, unit="Bq s"),
        standard_uncertainty=Volume(values=maps.standard_uncertainty_bq_s, grid=grid, unit="Bq s"),
    )


def _one_scan(row, grid: Grid, curves, parameters: Mapping[str, Any], findings) -> TiaMaps:
    """Integrate one scan with the declared half-life; with none, as the regions' curves do together."""
    _, image, concentration = row
    hours = parameters.get("effective_half_life_h", curves.parameters.get("effective_half_life_h"))
    if hours is None:
        return _by_regions(image, concentration, grid, curves, findings)
    half_life_s = float(hours) * HOUR_S
    text = f"One scan: voxels decay with the declared effective half-life of {half_life_s / HOUR_S:.1f} h."
    findings.append({"code": "single_time_point", "level": "ask", "message": text})
    values = integrate_declared(
        concentration,
        time_s=image.time_s,
        effective_half_life_s=half_life_s,
        voxel_volume_ml=grid.voxel_volume_ml,
    )
    relative = declared_relative_uncertainty(
        time_s=image.time_s,
        effective_half_life_s=half_life_s,
        effective_half_life_standard_uncertainty_s=HOUR_S
        * curves.parameters.get("effective_half_life_standard_uncertainty_h", np.nan),
    )
    noise = parameters.get("voxel_noise_percent")
    if noise is None:
        text = "One scan says nothing about noise: the map of uncertainty holds that of the half-life alone."
        findings.append({"code": "voxel_noise_unknown", "level": "note", "message": text})
    u = values * np.float32(np.hypot(relative, (noise or 0.0) / 100.0))
    return TiaMaps(
        tia=Volume(values=values, grid=grid, unit="Bq s"), standard_uncertainty=Volume(values=u, grid=grid, unit="Bq s")
    )


def _by_regions(image, concentration: np.ndarray, grid: Grid, curves, findings) -> TiaMaps:
    ratio_s = _regions_ratio_s(curves, image)
    text = (
        f"One scan: every voxel integrates as the regions' curves do together, {ratio_s / HOUR_S:.0f} h of its "
        "activity at the scan."
    )
    findings.append({"code": "single_time_point", "level": "ask", "message": text})
    values = (np.maximum(concentration, 0.0) * np.float32(ratio_s * grid.voxel_volume_ml)).astype(np.float32)
    unknown = np.full_like(values, np.nan)
    return TiaMaps(
        tia=Volume(values=values, grid=grid, unit="Bq s"),
        standard_uncertainty=Volume(values=unknown, grid=grid, unit="Bq s"),
    )
