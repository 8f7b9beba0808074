"""A region corrected with a recovery curve: its activity, and the uncertainty that its volume and the fit give it."""

import numpy as np
import pytest
from scipy.special import erf

from dosimetry.dose.uncertainty import contour_edge_cv
from dosimetry.errors import InvalidInputError
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.recovery import RecoveryCurve
from dosimetry.quantification.recovery_correction import counts_slope_at_edge, recovery_correction
from dosimetry.quantification.recovery_spheres import sphere_fraction, sphere_volume_ml
from dosimetry.segmentation.regions import measure_region
from dosimetry.volume import Grid, Volume

CURVE = RecoveryCurve(
    b1_ml=6.0,
    b2=1.2,
    covariance=np.array([[0.25, 0.01], [0.01, 0.0036]]),
    chi_square=5.0,
    n_degrees_of_freedom=4,
    residuals=(),
    volume_range_ml=(1.0, 100.0),
    reconstruction_id="Camera 1, ME, 208 keV, OSEM 6x10, no filter",
)


def test_the_worked_region():
    # verification.md section 7: v = 20 mL, RC = 0.809192, b = 0.228970.
    made = recovery_correction(CURVE, volume_ml=20.0, counts_slope=0.5)
    assert made.factor == pytest.approx(1.0 / 0.809192, rel=1e-6)
    assert (made.fit_cv, made.is_extrapolated) == (CURVE.relative_fit_uncertainty(20.0), False)
    # u^2 = C^2 + (p - b)^2 v^2 + fit^2, written out.
    expected = np.sqrt(0.01**2 + (0.5 - 0.228970) ** 2 * 0.12**2 + made.fit_cv**2)
    assert made.activity_cv(volume_cv=0.12, counts_cv=0.01) == pytest.approx(expected, rel=1e-5)


def test_counts_and_recovery_cancel_in_part():
    """Leaving out that one volume moves both would give a larger or a smaller uncertainty, never this one."""
    joint = recovery_correction(CURVE, volume_ml=4.0, counts_slope=0.6).activity_cv(volume_cv=0.2)
    apart = np.hypot(recovery_correction(CURVE, volume_ml=4.0, counts_slope=0.0).activity_cv(volume_cv=0.2), 0.6 * 0.2)
    assert joint < 0.8 * apart


def test_the_covariance_counts():
    free = np.diag(np.diag(CURVE.covariance))
    apart = RecoveryCurve(**{name: getattr(CURVE, name) for name in CURVE.__dataclass_fields__} | {"covariance": free})
    # Below half recovery ln(v / b1) is negative: a positive covariance of b1 and b2 adds to the variance there.
    assert (
        recovery_correction(CURVE, volume_ml=2.0, counts_slope=0.0).fit_cv
        > recovery_correction(apart, volume_ml=2.0, counts_slope=0.0).fit_cv
    )


def test_above_the_largest_sphere_the_curve_goes_on_and_below_the_smallest_nothing_is_corrected():
    large = recovery_correction(CURVE, volume_ml=1500.0, counts_slope=0.0)
    assert large.is_extrapolated
    assert float(CURVE.coefficient(100.0)) < large.recovery_coefficient < 1.0
    with pytest.raises(InvalidInputError) as caught:
        recovery_correction(CURVE, volume_ml=0.9, counts_slope=0.0)
    assert caught.value.code == "recovery_extrapolated"


@pytest.mark.parametrize("slope", [-0.1, np.inf, np.nan])
def test_a_slope_that_cannot_be_is_refused(slope):
    with pytest.raises(InvalidInputError):
        recovery_correction(CURVE, volume_ml=20.0, counts_slope=slope)


def test_an_uncertainty_that_cannot_be_is_refused():
    made = recovery_correction(CURVE, volume_ml=20.0, counts_slope=0.0)
    with pytest.raises(InvalidInputError):
        made.activity_cv(volume_cv=-0.1)
    with pytest.raises(InvalidInputError):
        counts_slope_at_edge(activity_cv_from_edge=0.1, volume_cv_from_edge=0.0)


@pytest.mark.parametrize("diameter_mm", [24.0, 40.0])
def test_the_slope_of_a_blurred_sphere_is_that_of_gear_2018(diameter_mm):
    """p = phi / (2 RC), from the contour edge that ``measure_region`` finds in the image of a sphere."""
    grid = Grid(shape_zyx=(60, 60, 60), spacing_xyz_mm=(1.5, 1.5, 1.5), origin_lps_mm=(-44.25,) * 3)
    share = sphere_fraction(grid, centre_lps_mm=(0.0, 0.0, 0.0), diameter_mm=diameter_mm)
    fwhm_mm = 10.0
    blurred = PointSpread(spacing_xyz_mm=grid.spacing_xyz_mm, fwhm_mm=fwhm_mm).blur(share)
    found = measure_region(share > 0.5, grid, Volume(values=blurred.astype(np.float32), grid=grid, unit="Bq/mL"))
    volume_ml = sphere_volume_ml(diameter_mm)
    p = counts_slope_at_edge(
        activity_cv_from_edge=found.activity_standard_uncertainty_bq / found.activity_bq,
        volume_cv_from_edge=contour_edge_cv(volume_ml=volume_ml, voxel_spacing_xyz_mm=grid.spacing_xyz_mm),
    )
    radius_mm, sigma_mm = 0.5 * diameter_mm, fwhm_mm / np.sqrt(8.0 * np.log(2.0))
    phi = erf(2.0 * radius_mm / (sigma_mm * np.sqrt(2.0))) - 2.0 * sigma_mm / (radius_mm * np.sqrt(2.0 * np.pi)) * (
        1.0 - np.exp(-2.0 * radius_mm**2 / sigma_mm**2)
    )
    recovery = float((blurred * share).sum() / share.sum())
    # Faces of a sphere of 8 to 13 voxels' radius overstate its area by 3/2 within 5 %.
    assert p == pytest.approx(phi / (2.0 * recovery), rel=0.05)
