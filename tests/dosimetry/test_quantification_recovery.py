"""The recovery curve: the worked example, the fit and its covariance, spheres in an image, and refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.phantoms.scanner import activity_volume, centred_grid
from dosimetry.quantification.recovery import RecoveryCurve, fit_recovery, recovery_function
from dosimetry.quantification.recovery_spheres import (
    fit_recovery_from_spheres,
    measure_sphere_recovery,
    sphere_fraction,
    sphere_volume_ml,
)
from dosimetry.volume import Grid

VOLUMES_ML = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
IDENTITY = "Camera 1, ME, 208 keV, OSEM 6x10, no filter"


def curve(**changes):
    values = {
        "b1_ml": 6.0,
        "b2": 1.2,
        "covariance": np.array([[0.25, 0.01], [0.01, 0.0036]]),
        "chi_square": 5.0,
        "n_degrees_of_freedom": 4,
        "residuals": (),
        "volume_range_ml": (1.0, 100.0),
        "reconstruction_id": IDENTITY,
    }
    return RecoveryCurve(**(values | changes))


def test_the_worked_coefficient_and_its_slope():
    # verification.md section 7: v = 20, b1 = 6, b2 = 1.2; six printed digits.
    assert curve().coefficient(20.0) == pytest.approx(0.809192, abs=5e-7)
    assert curve().log_slope(20.0) == pytest.approx(0.228970, abs=5e-7)


def test_the_worked_uncertainty_of_a_dose_takes_the_slope_from_here():
    # verification.md section 7: u(v) 12 %, Q 3 %, C 1 %, RC fit 4 %, c = 1, p = 0 give 0.156043.
    slope = float(curve().log_slope(20.0))
    assert np.sqrt((0.0 - slope - 1.0) ** 2 * 0.12**2 + 0.03**2 + 0.01**2 + 0.04**2) == pytest.approx(
        0.156043, abs=5e-7
    )


@given(volume=st.floats(1.0, 100.0))
def test_slope_and_uncertainty_are_those_of_finite_differences(volume):
    rc, step = curve().coefficient(volume), 1e-5
    above, below = (curve().coefficient(volume * np.exp(sign * step), is_extrapolated=True) for sign in (1.0, -1.0))
    # Central differences err by the square of the step and lose five digits of sixteen.
    assert curve().log_slope(volume) == pytest.approx((above - below) / (2.0 * step * rc), rel=1e-6, abs=1e-9)
    gradient = [
        (recovery_function(volume, b1_ml=6.0 + 6e-5, b2=1.2) - recovery_function(volume, b1_ml=6.0 - 6e-5, b2=1.2))
        / 1.2e-4,
        (recovery_function(volume, b1_ml=6.0, b2=1.2 + 1e-5) - recovery_function(volume, b1_ml=6.0, b2=1.2 - 1e-5))
        / 2e-5,
    ]
    expected = np.sqrt(np.array(gradient) @ curve().covariance @ np.array(gradient))
    assert curve().standard_uncertainty(volume) == pytest.approx(expected, rel=1e-5)
    assert curve().relative_fit_uncertainty(volume) == pytest.approx(expected / rc, rel=1e-5)


@given(b1=st.floats(0.5, 30.0), b2=st.floats(0.4, 3.0))
@settings(max_examples=40)
def test_exact_points_give_the_curve_back(b1, b2):
    recovery = recovery_function(VOLUMES_ML, b1_ml=b1, b2=b2)
    fit = fit_recovery(VOLUMES_ML, recovery, [0.02] * 8, reconstruction_id=IDENTITY)
    # The minimum is found to the root of the tolerance of the sum of squares.
    assert (fit.b1_ml, fit.b2) == pytest.approx((b1, b2), rel=1e-5)
    assert fit.chi_square == pytest.approx(0.0, abs=1e-8)
    assert fit.n_degrees_of_freedom == 6
    assert fit.volume_range_ml == (0.5, 64.0)
    assert fit.p_value == pytest.approx(1.0)


def test_the_covariance_is_what_repeated_measurements_give():
    rng = np.random.default_rng(6)
    truth, sd = recovery_function(VOLUMES_ML, b1_ml=3.0, b2=1.1), 0.02
    fits = [
        fit_recovery(VOLUMES_ML, truth + sd * rng.standard_normal(8), [sd] * 8, reconstruction_id=IDENTITY)
        for _ in range(600)
    ]
    stated = fit_recovery(VOLUMES_ML, truth, [sd] * 8, reconstruction_id=IDENTITY).covariance
    found = np.cov([[fit.b1_ml for fit in fits], [fit.b2 for fit in fits]])
    # 600 draws know a variance to 5.8 %, three of these, plus the curvature of the form at 7 % of b1.
    assert np.diag(found) == pytest.approx(np.diag(stated), rel=0.2)
    correlation = stated[0, 1] / np.sqrt(stated[0, 0] * stated[1, 1])
    assert np.corrcoef([[fit.b1_ml for fit in fits], [fit.b2 for fit in fits]])[0, 1] == pytest.approx(
        correlation, abs=0.12
    )
    # Mean chi-square: 6 degrees of freedom, known to sqrt(12 / 600) = 0.14; four of these.
    assert np.mean([fit.chi_square for fit in fits]) == pytest.approx(6.0, abs=0.6)
    assert np.mean([fit.p_value < 0.05 for fit in fits]) == pytest.approx(0.05, abs=0.04)


def test_the_interval_covers_the_true_curve_in_95_of_100_measurements():
    volumes, rng = np.geomspace(1.0, 60.0, 6), np.random.default_rng(12)
    true = recovery_function(volumes, b1_ml=4.0, b2=1.1)
    wanted = recovery_function(np.array([2.0, 20.0]), b1_ml=4.0, b2=1.1)
    n_inside, n = np.zeros(2), 1000
    for _ in range(n):
        fitted = fit_recovery(volumes, rng.normal(true, 0.03 * true), 0.03 * true, reconstruction_id=IDENTITY)
        low, high = fitted.interval_95(np.array([2.0, 20.0]))
        n_inside += (low <= wanted) & (wanted <= high)
    # Three binomial standard deviations of 1000 draws.
    assert n_inside / n == pytest.approx(0.95, abs=0.021)


def test_the_interval_stays_between_nothing_and_everything():
    wide = curve(covariance=np.array([[4.0, 0.0], [0.0, 0.25]]))
    low, high = wide.interval_95(np.array([1.0, 100.0]))
    assert np.all((low > 0.0) & (high < 1.0) & (low < high))
    assert curve().reduced_chi_square == pytest.approx(1.25)


def test_volumes_outside_the_phantom_need_a_word():
    for volume in (0.99, 101.0, [5.0, 200.0]):
        with pytest.raises(InvalidInputError, match="measured from 1 to 100 mL") as caught:
            curve().coefficient(volume)
        assert caught.value.code == "recovery_extrapolated"
        for method in (curve().standard_uncertainty, curve().log_slope):
            with pytest.raises(InvalidInputError, match="extrapolation"):
                method(volume)
    assert curve().coefficient(1000.0, is_extrapolated=True) > 0.99
    assert curve().coefficient([1.0, 100.0]).shape == (2,)
    for volume in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInputError, match="above zero"):
            curve().coefficient(volume, is_extrapolated=True)


def test_a_curve_belongs_to_one_reconstruction():
    assert curve().applies_to("camera 1,  ME, 208 keV, OSEM 6x10, no filter")
    assert not curve().applies_to("Camera 1, ME, 208 keV, OSEM 6x10, Gauss 6 mm")


def test_recovery_above_one_by_ringing_is_fitted():
    recovery = recovery_function(VOLUMES_ML, b1_ml=1.0, b2=1.5)
    recovery[-1] = 1.03
    fit = fit_recovery(VOLUMES_ML, recovery, [0.02] * 8, reconstruction_id=IDENTITY)
    assert fit.residuals[-1] > 0.02
    assert fit.coefficient(64.0) < 1.0


@pytest.mark.parametrize(
    ("volumes", "recovery", "deviations", "error", "code"),
    [
        ([1.0, 2.0], [0.5, 0.6], [0.1, 0.1], InsufficientDataError, "few_spheres"),
        ([2.0, 2.0, 2.0], [0.5, 0.6, 0.7], [0.1] * 3, InsufficientDataError, "few_spheres"),
        ([1.0, 2.0, 4.0], [0.5, 0.6], [0.1] * 3, InvalidInputError, "bad_recovery"),
        ([0.0, 2.0, 4.0], [0.5, 0.6, 0.7], [0.1] * 3, InvalidInputError, "bad_recovery"),
        ([1.0, 2.0, 4.0], [-0.5, 0.6, 0.7], [0.1] * 3, InvalidInputError, "bad_recovery"),
        ([1.0, 2.0, 4.0], [0.5, 0.6, 0.7], [0.1, 0.0, 0.1], InvalidInputError, "bad_recovery"),
        ([1.0, 2.0, 4.0], [0.8, 0.6, 0.4], [0.1] * 3, FitError, "recovery_falls"),
    ],
)
def test_spheres_that_make_no_curve_are_refused(volumes, recovery, deviations, error, code):
    with pytest.raises(error) as caught:
        fit_recovery(volumes, recovery, deviations, reconstruction_id=IDENTITY)
    assert caught.value.code == code


def test_a_curve_without_its_reconstruction_is_refused():
    with pytest.raises(InvalidInputError, match="Name the reconstruction") as caught:
        fit_recovery([1.0, 2.0, 4.0], [0.5, 0.6, 0.7], [0.1] * 3, reconstruction_id=" ")
    assert caught.value.code == "no_reconstruction"


GRID = centred_grid(shape_zyx=(40, 56, 56), spacing_xyz_mm=(4.0, 4.0, 4.0))
CENTRES = [(-70.0, 0.5, 0.0), (0.0, -70.0, 1.0), (70.0, 2.0, 0.0), (0.0, 70.0, -1.0)]
DIAMETERS = [22.0, 28.0, 37.0, 60.0]


def phantom(*, background=0.0, fwhm_mm=10.0):
    fractions = {
        str(i): sphere_fraction(GRID, centre_lps_mm=centre, diameter_mm=diameter).astype(np.float32)
        for i, (centre, diameter) in enumerate(zip(CENTRES, DIAMETERS, strict=True))
    }
    fractions["water"] = (1.0 - sum(fractions.values())).astype(np.float32)
    return activity_volume(
        fractions=fractions,
        concentrations_bq_per_ml={**{str(i): 1e5 for i in range(4)}, "water": background},
        grid=GRID,
        resolution_fwhm_mm=fwhm_mm,
    )


def known(**changes):
    values = {
        "centres_lps_mm": CENTRES,
        "diameters_mm": DIAMETERS,
        "true_bq_per_ml": [1e5] * 4,
        "relative_standard_uncertainties": [0.03] * 4,
    }
    return values | changes


def test_the_volume_in_voxels_is_that_of_the_sphere():
    for centre, diameter in zip(CENTRES, DIAMETERS, strict=True):
        fraction = sphere_fraction(GRID, centre_lps_mm=centre, diameter_mm=diameter)
        # Points 0.5 mm apart on a radius of 11 mm or more.
        assert fraction.sum() * GRID.voxel_volume_ml == pytest.approx(sphere_volume_ml(diameter), rel=3e-3)
    assert sphere_volume_ml(20.0) == pytest.approx(4.18879, rel=1e-6)


def test_spheres_in_turned_images_are_found_where_they_are():
    turned = Grid(
        shape_zyx=(40, 56, 56),
        spacing_xyz_mm=(4.0, 4.0, 4.0),
        origin_lps_mm=(110.0, 110.0, -78.0),
        direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    )
    fraction = sphere_fraction(turned, centre_lps_mm=(70.0, 2.0, 0.0), diameter_mm=37.0)
    place = np.average(turned.index_to_lps_mm(np.argwhere(fraction > 0.0)), axis=0, weights=fraction[fraction > 0.0])
    assert place == pytest.approx((70.0, 2.0, 0.0), abs=0.05)


def test_recovery_of_blurred_spheres_rises_and_fits():
    fit, spheres = fit_recovery_from_spheres(phantom(), **known(), reconstruction_id=IDENTITY)
    coefficients = [sphere.recovery_coefficient for sphere in spheres]
    assert np.all(np.diff(coefficients) > 0.0)
    # Two points of a sphere a distance d apart: 1 - 3 d / (4 R) + d^3 / (16 R^3) of it keeps both; d is Maxwellian with
    # the blur's s, to which voxels on both sides add h^2 / 12 each. Corners of voxels are beyond that: 0.2 %.
    share = np.sqrt((10.0 / 2.35482) ** 2 + 4.0**2 / 6.0) / 30.0
    expected = 1.0 - np.sqrt(2.0 / np.pi) * (1.5 * share - 0.5 * share**3)
    assert coefficients[-1] == pytest.approx(expected, rel=2e-3)
    # The form follows a Gaussian blur within 2 % of recovery between 5 and 113 mL.
    assert np.max(np.abs(fit.residuals)) < 0.02
    assert fit.coefficient(spheres[1].volume_ml) == pytest.approx(coefficients[1], abs=0.02)


def test_a_background_is_taken_off_and_no_unit_matters():
    hot = measure_sphere_recovery(phantom(background=2e4), **known(), background_bq_per_ml=2e4)
    cold = measure_sphere_recovery(phantom(), **known())
    # Blur is linear, so background changes nothing but rounding of float32.
    assert [s.recovery_coefficient for s in hot] == pytest.approx([s.recovery_coefficient for s in cold], rel=1e-4)
    image = phantom()
    scaled = measure_sphere_recovery(image.with_values(10.0 * image.values), **known(true_bq_per_ml=[1e6] * 4))
    assert [s.recovery_coefficient for s in scaled] == pytest.approx([s.recovery_coefficient for s in cold], rel=1e-5)
    assert [s.standard_uncertainty for s in cold] == pytest.approx([0.03 * s.recovery_coefficient for s in cold])


def test_without_blur_everything_is_recovered():
    for sphere in measure_sphere_recovery(phantom(fwhm_mm=0.0), **known(diameters_mm=[8.0, 8.0, 8.0, 8.0])):
        # A region well inside its sphere: only float32.
        assert sphere.recovery_coefficient == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"diameters_mm": [22.0, 28.0, 37.0]}, "Each sphere needs"),
        ({"diameters_mm": [0.0, 28.0, 37.0, 60.0]}, "diameter must be above zero"),
        ({"centres_lps_mm": [(110.0, 0.0, 0.0), *CENTRES[1:]]}, "beyond the image"),
        ({"true_bq_per_ml": [0.0, 1e5, 1e5, 1e5]}, "above its background"),
        ({"background_bq_per_ml": -1.0}, "background"),
    ],
)
def test_spheres_that_cannot_be_measured_are_refused(changes, match):
    with pytest.raises(InvalidInputError, match=match) as caught:
        measure_sphere_recovery(phantom(), **known(**changes))
    assert caught.value.code == "bad_sphere"


def test_counts_are_no_concentration():
    image = phantom()
    with pytest.raises(InvalidInputError, match="Bq/mL") as caught:
        measure_sphere_recovery(image.with_values(image.values, unit="counts"), **known())
    assert caught.value.code == "units"
