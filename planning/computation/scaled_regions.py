"""Regions whose voxels follow the region's own curve instead of a curve of their own, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.kinetics.stored_curve import curve_from_dict
from dosimetry.registration.quality import RESIDUAL_GUIDE_MM
from dosimetry.volume import Grid
from planning.computation.grids import grid_from_dict, label_masks
from planning.models import Registration, TimePoint
from planning.selectors.current import current_contours
from planning.selectors.kinetics import chosen_fit

HOUR_S = 3600.0
REGION_SCALED = "region_scaled"
VOXEL_METHODS = ("voxelwise", REGION_SCALED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledRegion:
    """A region, the scan that gives the pattern of its voxels, and TIA over activity of its curve at that scan, s."""

    name: str
    time_point_id: str
    tia_per_activity_s: float
    activity_bq: float
    mask: np.ndarray
    mask_grid: Grid
    code: str
    reason: str


def scaled_regions(
    *, curves, reference: TimePoint, registrations: Sequence[Registration], parameters: Mapping[str, Any]
) -> list[ScaledRegion]:
    """Return the regions of the reference's contours whose voxels follow the region's curve.

    Four reasons: a half-life was declared; the curve rests on a prior; the person chose it for all regions; a scan fits
    the region so badly that its voxels would mix with their neighbours.
    """
    contours = current_contours(reference)
    if contours is None:
        return []
    masks, grid = label_masks(contours), grid_from_dict(contours.image.label_grid)
    limit_mm = float(parameters.get("registration_limit_mm", RESIDUAL_GUIDE_MM))
    found = []
    for curve in curves.curves.select_related("region"):
        fit = chosen_fit(curve)
        used = [point for point in curve.points if not point["is_excluded"]]
        if fit is None or not used or curve.region_id not in masks:
            continue
        reason = _reason(curve.region.name, fit, registrations, parameters, limit_mm=limit_mm)
        if reason is None:
            continue
        code, text, rests_on_last = reason
        point = used[-1] if rests_on_last else _of_reference(used, reference)
        activity = float(curve_from_dict(fit).activity_bq(np.array([point["time_s"]]))[0])
        found.append(
            ScaledRegion(
                name=curve.region.name,
                time_point_id=point["time_point"],
                tia_per_activity_s=fit["time_integrated_activity_bq_s"] / activity,
                activity_bq=activity,
                mask=masks[curve.region_id],
                mask_grid=grid,
                code=code,
                reason=f"{curve.region.name}: {text}",
            )
        )
    return found


def _reason(
    name: str,
    fit: Mapping[str, Any],
    registrations: Sequence[Registration],
    parameters: Mapping[str, Any],
    *,
    limit_mm: float,
) -> tuple[str, str, bool] | None:
    """Return code, words, and whether the last used scan gives the pattern (else the reference)."""
    if fit["model"] == "single_time_point":
        hours = fit["effective_half_life_s"] / HOUR_S
        text = f"its voxels decay with the declared {hours:.1f} h after the last scan, as in its curve."
        return "declared_half_life_mapped", text, True
    if fit["model"] == "posterior":
        return "prior_mapped", "its voxels follow its curve, whose shape rests on a prior.", True
    if parameters.get("voxel_method") == REGION_SCALED:
        return REGION_SCALED, "its voxels follow its curve, as chosen for this calculation.", False
    shifts = {
        registration.time_point.number: registration.quality.get("residual_mm", {}).get(name, 0.0)
        for registration in registrations
    }
    worst = max(shifts, key=lambda number: shifts[number], default=None)
    if worst is not None and shifts[worst] > limit_mm:
        text = (
            f"time point {worst} is still {shifts[worst]:.1f} mm off there (limit {limit_mm:g} mm), so its voxels "
            "follow its curve on the reference scan."
        )
        return "registration_poor", text, False
    return None


def _of_reference(used: Sequence[dict[str, Any]], reference: TimePoint) -> dict[str, Any]:
    """Return the region's point on the reference scan; the last one where that was left out."""
    return next((point for point in used if point["time_point"] == str(reference.pk)), used[-1])
