"""Uncertainty of a region's absorbed dose, first order, with the volume entering everywhere at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertaintyBudget:
    """Name the relative standard uncertainties of one dose and their combination."""

    components: Mapping[str, float]
    combined_relative_standard_uncertainty: float


def relative_dose_uncertainty(
    *,
    volume_cv: float,
    calibration_cv: float,
    counts_cv: float,
    recovery_fit_cv: float,
    recovery_slope: float,
    counts_slope: float,
    mass_exponent: float = 1.0,
) -> UncertaintyBudget:
    """Combine the components with the volume's common effect on counts, recovery and mass.

    u^2(ln D) = (p - b - c)^2 u^2(ln v) + u^2(ln Q) + u^2(ln C) + u^2(RC fit), with p = d ln C / d ln v,
    b = d ln RC / d ln v and S = k v^-c.

    Parameters
    ----------
    volume_cv, calibration_cv, counts_cv, recovery_fit_cv : float
        Relative standard uncertainties, 0 or above.
    recovery_slope, counts_slope, mass_exponent : float
        b, p and c of the formula.

    Returns
    -------
    UncertaintyBudget
        Components as they enter (the volume already multiplied by its sensitivity).

    Raises
    ------
    InvalidInputError
        An uncertainty that is negative or not a number, or a slope that is not a number.

    References
    ----------
    .. [1] Gear et al., EANM practical guidance on uncertainty analysis, EJNMMI 45 (2018) 2456-2474.
    """
    _refuse_negative(volume_cv, calibration_cv, counts_cv, recovery_fit_cv)
    if not np.all(np.isfinite((recovery_slope, counts_slope, mass_exponent))):
        raise InvalidInputError("The slopes of recovery, counts and mass must be finite numbers.")
    components = {
        "Recovery and volume": abs(counts_slope - recovery_slope - mass_exponent) * volume_cv,
        "Recovery curve": recovery_fit_cv,
        "Calibration factor": calibration_cv,
        "Counts": counts_cv,
    }
    return _combined(components)


def combine_region_uncertainty(
    *,
    time_integrated_activity_cv: float,
    volume_ml: float,
    voxel_spacing_xyz_mm: tuple[float, float, float],
    calibration_cv: float = 0.0,
    dose_model_cv: float = 0.0,
) -> UncertaintyBudget:
    """Combine curve, contour edge, calibration and dose model for one region.

    The contour edge is taken as one third of a voxel all round a sphere of the region's volume (a rectangular
    distribution of one voxel, half-width over sqrt 3). Activity inside a contour on a hot region moves little with
    its edge, so that volume enters through mass alone.

    Parameters
    ----------
    time_integrated_activity_cv : float
        Relative standard uncertainty of the curve's integral.
    volume_ml : float
        Volume of the region, mL, above zero.
    voxel_spacing_xyz_mm : (x, y, z) float
        Voxels of the grid on which the contour was drawn, mm.
    calibration_cv, dose_model_cv : float
        Relative standard uncertainties shared by all scans, and of the engine.

    Returns
    -------
    UncertaintyBudget
        Components and combination.

    Raises
    ------
    InvalidInputError
        Volume or voxel spacing not above zero, or an uncertainty that is negative or not a number.

    References
    ----------
    .. [1] Gear et al., EJNMMI 45 (2018) 2456-2474, section on volume.
    """
    _refuse_negative(time_integrated_activity_cv, calibration_cv, dose_model_cv)
    components = {
        "Curve and tail": time_integrated_activity_cv,
        "Contour edge": contour_edge_cv(volume_ml=volume_ml, voxel_spacing_xyz_mm=voxel_spacing_xyz_mm),
        "Calibration factor": calibration_cv,
        "Dose model": dose_model_cv,
    }
    return _combined(components)


def contour_edge_cv(*, volume_ml: float, voxel_spacing_xyz_mm: tuple[float, float, float]) -> float:
    """Return the relative standard uncertainty of a volume whose edge is known to one voxel, rectangular.

    Half a voxel over sqrt 3 all round a sphere of the same volume.

    Parameters
    ----------
    volume_ml : float
        mL, above zero.
    voxel_spacing_xyz_mm : (x, y, z) float
        Voxels on which the contour was drawn, mm.

    Raises
    ------
    InvalidInputError
        Volume or spacing not above zero.

    References
    ----------
    .. [1] Gear et al., EJNMMI 45 (2018) 2456-2474, section on volume.
    """
    if not 0.0 < volume_ml < np.inf:
        raise InvalidInputError("The region has no volume.", code="empty_region")
    if not all(0.0 < spacing < np.inf for spacing in voxel_spacing_xyz_mm):
        raise InvalidInputError("Voxel spacing must be above zero.", code="bad_spacing")
    radius_mm = (3.0 * volume_ml * 1e3 / (4.0 * np.pi)) ** (1.0 / 3.0)
    edge_mm = float(np.mean(voxel_spacing_xyz_mm)) / (2.0 * np.sqrt(3.0))
    return float(3.0 * edge_mm / radius_mm)


def _refuse_negative(*relative: float) -> None:
    if not all(0.0 <= value < np.inf for value in relative):
        raise InvalidInputError("Relative uncertainties cannot be negative and must be finite numbers.")


def _combined(components: dict[str, float]) -> UncertaintyBudget:
    combined = float(np.sqrt(sum(value**2 for value in components.values())))
    return UncertaintyBudget(components=components, combined_relative_standard_uncertainty=combined)
