"""Correction of one time point with a confirmed recovery curve: factors of regions, and the voxels inside them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np

from dosimetry.dose.uncertainty import contour_edge_cv
from dosimetry.quantification.recovery import RecoveryCurve as FittedCurve
from dosimetry.quantification.recovery import recovery_function
from dosimetry.quantification.recovery_correction import (
    RecoveryCorrection,
    counts_slope_at_edge,
    recovery_correction,
)
from dosimetry.segmentation.overlap import coverage_fraction
from planning import storage
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.partial_volume_settings import PartialVolume, RegionFactor
from planning.models import ContourRevision, RecoveryCurve


def fitted_curve(curve: RecoveryCurve) -> FittedCurve:
    """Return a stored curve with its covariance."""
    result: dict[str, Any] = curve.measurement.result
    low, high = result["volume_range_ml"]
    return FittedCurve(
        b1_ml=result["b1_ml"],
        b2=result["b2"],
        covariance=np.array(result["covariance"]),
        chi_square=result["chi_square"],
        n_degrees_of_freedom=result["n_degrees_of_freedom"],
        residuals=(),
        volume_range_ml=(low, high),
        reconstruction_id=curve.reconstruction,
    )


def recovery_factors(revision: ContourRevision, choice: PartialVolume) -> dict[UUID, RegionFactor]:
    """Return what the curve makes of each accepted region; one that is smaller than every sphere is missing."""
    row = RecoveryCurve.objects.select_related("measurement").get(pk=choice.recovery_curve)
    curve = fitted_curve(row)
    found = {}
    for contour in revision.contours.filter(state="accepted"):
        if contour.volume_ml < curve.volume_range_ml[0]:
            continue
        made = recovery_correction(curve, volume_ml=contour.volume_ml, counts_slope=_counts_slope(revision, contour))
        found[contour.region_id] = RegionFactor(factor=made.factor, cv=made.fit_cv, recovery=_stored(curve, made))
    return found


def recovery_values(revision: ContourRevision, choice: PartialVolume) -> np.ndarray:
    """Return the (z, y, x) image in Bq/mL with each region multiplied by its factor; what lies outside stays.

    The shape inside a region is as measured, so that its histogram is as blurred as the image.
    """
    grid, label_grid = grid_from_dict(revision.image.emission_grid), grid_from_dict(revision.image.label_grid)
    values = storage.load_array(revision.image.emission_sha256).astype(np.float32)
    masks, scale = label_masks(revision), np.ones(grid.shape_zyx, dtype=np.float32)
    for region_id, made in recovery_factors(revision, choice).items():
        if region_id in masks:
            share = np.minimum(coverage_fraction(masks[region_id], label_grid, grid), 1.0)
            scale += np.float32(made.factor - 1.0) * share.astype(np.float32)
    return values * scale


def factor_at(made: Mapping[str, Any], *, volume_ml: float) -> float:
    """Return the factor of a stored correction at another volume: by its curve, else as it was; 1 for none."""
    recovery = made.get("recovery")
    if recovery is None or volume_ml <= 0.0:
        return float(made.get("factor", 1.0))
    return 1.0 / float(recovery_function(volume_ml, b1_ml=recovery["b1_ml"], b2=recovery["b2"]))


def _counts_slope(revision: ContourRevision, contour) -> float:
    """Return d ln C/d ln v from what half a voxel at the edge does to the counts; 0 where nobody stated that."""
    if not contour.activity_standard_uncertainty_bq or not contour.activity_bq > 0.0:
        return 0.0
    edge_cv = contour_edge_cv(
        volume_ml=contour.volume_ml,
        voxel_spacing_xyz_mm=grid_from_dict(revision.image.emission_grid).spacing_xyz_mm,
    )
    return counts_slope_at_edge(
        activity_cv_from_edge=contour.activity_standard_uncertainty_bq / contour.activity_bq,
        volume_cv_from_edge=edge_cv,
    )


def _stored(curve: FittedCurve, made: RecoveryCorrection) -> dict[str, Any]:
    """Return what the uncertainty of the dose needs of the correction, and what is said about it."""
    return {
        "b1_ml": curve.b1_ml,
        "b2": curve.b2,
        "recovery_coefficient": made.recovery_coefficient,
        "counts_slope": made.counts_slope,
        "is_extrapolated": made.is_extrapolated,
    }
