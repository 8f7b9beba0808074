"""From registered images to the time-integrated activity of every voxel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.errors import InsufficientDataError
from dosimetry.kinetics.declared import integrate_declared, replace_in_region
from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid, RigidTransform, Volume, resample
from planning import storage
from planning.computation.grids import grid_from_dict, label_masks
from planning.models import Cycle, TimePoint
from planning.selectors.current import current_contours, current_image, current_registration
from planning.selectors.kinetics import chosen_fit

HOUR_S = 3600.0


def aligned_series(cycle: Cycle, reference: TimePoint, grid: Grid, progress) -> tuple[list, list, list]:
    """Return (time point, image, values on the reference grid) in order of time, and what registered them."""
    series, registrations, findings = [], [], []
    time_points = list(cycle.time_points.order_by("number"))
    for i, time_point in enumerate(time_points):
        image = current_image(time_point)
        if image is None:
            raise InsufficientDataError(
                f"Time point {time_point.number} has no quantified image; prepare the images.", code="no_image"
            )
        values = storage.load_array(image.emission_sha256)
        if time_point.pk != reference.pk:
            registration = current_registration(time_point)
            if registration is None or registration.decision != "accepted":
                text = f"Time point {time_point.number} has no accepted registration and is left out of the dose map."
                findings.append({"code": "not_registered", "level": "ask", "message": text})
                continue
            registrations.append(registration)
            moving = Volume(values=values, grid=grid_from_dict(image.emission_grid), unit="Bq/mL")
            transform = RigidTransform(matrix=tuple(registration.matrix))
            values = resample(moving, onto=grid, transform=transform).values
        series.append((time_point, image, np.asarray(values, dtype=np.float32)))
        progress(0.02 + 0.2 * (i + 1) / len(time_points), f"Time point {time_point.number} read")
    return sorted(series, key=lambda row: row[1].time_s), registrations, findings


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRegion:
    """A region whose curve is its last used scan with a declared half-life."""

    name: str
    time_point_id: str
    effective_half_life_s: float
    mask: np.ndarray
    mask_grid: Grid


def declared_regions(curves, reference: TimePoint) -> list[DeclaredRegion]:
    """Return the regions of the reference's contours whose chosen curve is a declared half-life."""
    contours = current_contours(reference)
    if contours is None:
        return []
    chosen = [(curve, fit) for curve in curves.curves.select_related("region") if (fit := chosen_fit(curve))]
    declared = [(curve, fit) for curve, fit in chosen if fit["model"] == "single_time_point"]
    if not declared:
        return []
    masks, grid = label_masks(contours), grid_from_dict(contours.image.label_grid)
    return [
        DeclaredRegion(
            name=curve.region.name,
            time_point_id=[point for point in curve.points if not point["is_excluded"]][-1]["time_point"],
            effective_half_life_s=fit["effective_half_life_s"],
            mask=masks[curve.region_id],
            mask_grid=grid,
        )
        for curve, fit in declared
        if curve.region_id in masks
    ]


def voxel_tia(*, series, grid: Grid, nuclide, curves, parameters, regions, progress, findings) -> Volume:
    """Fit every voxel; regions with a declared half-life take it, so that map and curve rest on the same assumption."""
    times_s = np.array([image.time_s for _, image, _ in series])
    if len(series) == 1:
        half_life_s = _declared_half_life_s(curves, parameters)
        text = f"One scan: voxels decay with the declared effective half-life of {half_life_s / HOUR_S:.1f} h."
        findings.append({"code": "single_time_point", "level": "ask", "message": text})
        values = integrate_declared(
            series[0][2],
            time_s=float(times_s[0]),
            effective_half_life_s=half_life_s,
            voxel_volume_ml=grid.voxel_volume_ml,
        )
        return Volume(values=values, grid=grid, unit="Bq s")
    fit = fit_voxels(
        images_bq_per_ml=np.stack([values for _, _, values in series]),
        times_s=times_s,
        voxel_volume_ml=grid.voxel_volume_ml,
        decay_constant_per_s=nuclide.decay_constant_per_s,
        progress=lambda fraction, text: progress(0.25 + 0.23 * fraction, text),
    )
    if fit.clamped_fraction > 0.2:
        text = f"In {100 * fit.clamped_fraction:.0f} % of voxels with signal the physical half-life limits the fit."
        findings.append({"code": "voxels_clamped", "level": "note", "message": text})
    values = _with_declared(fit.time_integrated_activity_bq_s, series, grid, regions, findings)
    return Volume(values=values, grid=grid, unit="Bq s")


def _with_declared(values: np.ndarray, series, grid: Grid, regions: list[DeclaredRegion], findings) -> np.ndarray:
    scans = {str(time_point.pk): (image.time_s, aligned) for time_point, image, aligned in series}
    for region in regions:
        if region.time_point_id not in scans:
            text = f"{region.name}: its scan is not registered, so the map does not rest on its declared half-life."
            findings.append({"code": "declared_not_mapped", "level": "ask", "message": text})
            continue
        time_s, aligned = scans[region.time_point_id]
        declared = integrate_declared(
            aligned,
            time_s=time_s,
            effective_half_life_s=region.effective_half_life_s,
            voxel_volume_ml=grid.voxel_volume_ml,
        )
        values = replace_in_region(values, declared, fraction=coverage_fraction(region.mask, region.mask_grid, grid))
        hours = region.effective_half_life_s / HOUR_S
        text = f"{region.name}: its voxels decay with the declared {hours:.1f} h after the last scan, as in its curve."
        findings.append({"code": "declared_half_life_mapped", "level": "note", "message": text})
    return values


def _declared_half_life_s(curves, parameters: Mapping[str, Any]) -> float:
    hours = parameters.get("effective_half_life_h", curves.parameters.get("effective_half_life_h"))
    if hours is None:
        raise InsufficientDataError(
            "One scan needs a declared effective half-life; enter it with its source on the Kinetics page.",
            code="half_life_required",
        )
    return float(hours) * HOUR_S
