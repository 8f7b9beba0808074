"""Models that are asked for by name: exact curves, agreement with scipy, choice, refusals."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import FURTHER_MODELS, MODELS, get_model
from dosimetry.kinetics.selection import fit_admissible
from dosimetry.kinetics.terms import BLOOD_MIXING_PER_S, evaluate
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([0.25, 1.0, 3.0, 8.0, 24.0, 48.0, 96.0, 168.0, 300.0, 450.0]) * HOUR_S


def log_per_s(*hours):
    return [np.log(LN2 / (value * HOUR_S)) for value in hours]


SHAPES = {
    "physical_decay": [],
    "mono_exponential": log_per_s(70.0),
    "uptake_clearance": log_per_s(70.0, 4.0),
    "clearance_retention": [*log_per_s(10.0), -0.5],
    "bi_exponential": [*log_per_s(90.0, 5.0), 1.0],
    "blood_mixing_uptake": [*log_per_s(70.0, 4.0), 0.3],
    "uptake_bi_exponential": [*log_per_s(150.0, 15.0, 1.0), 0.4],
    "two_step_uptake": log_per_s(70.0, 4.0),
    "two_step_uptake_bi_exponential": [*log_per_s(150.0, 15.0, 1.0), 0.4],
    "tri_exponential": [*log_per_s(250.0, 20.0, 1.0), 0.5, 0.2],
}


def points(model, times_s=TIMES_S):
    terms = get_model(model).terms(np.array(SHAPES[model]), LU177.decay_constant_per_s)
    return evaluate(terms=terms, tia_bq_s=2e13, times_s=times_s)


def arguments(activities, times_s=TIMES_S, cv=0.05):
    return {
        "times_s": times_s,
        "activities_bq": activities,
        "standard_uncertainties_bq": cv * np.asarray(activities),
        "nuclide_decay_constant_per_s": LU177.decay_constant_per_s,
    }


@pytest.mark.parametrize("model", SHAPES)
def test_recovers_its_own_curve(model):
    found = fit_curve(model=model, **arguments(points(model)))
    # Without noise only the convergence of the minimiser is left; six parameters cost digits.
    assert found.time_integrated_activity_bq_s == pytest.approx(2e13, rel=1e-6)
    assert found.activity_bq(TIMES_S) == pytest.approx(points(model), rel=1e-6)
    assert found.theta[1:] == pytest.approx(SHAPES[model], rel=1e-3, abs=1e-3)


def free_form(model, times_s, *p):
    """Return each curve as a plain sum of exponentials with amplitudes in 1e8 Bq and constants per hour."""
    t, lp = times_s / HOUR_S, LU177.decay_constant_per_s * HOUR_S
    if model == "mono_exponential":
        return p[0] * np.exp(-(p[1] + lp) * t)
    if model == "uptake_clearance":
        return p[0] * (np.exp(-(p[1] + lp) * t) - np.exp(-(p[2] + lp) * t))
    if model == "clearance_retention":
        return p[0] * np.exp(-(p[1] + lp) * t) + p[2] * np.exp(-lp * t)
    if model == "bi_exponential":
        return p[0] * np.exp(-(p[1] + lp) * t) + p[2] * np.exp(-(p[3] + lp) * t)
    if model == "two_step_uptake":
        return p[0] * np.exp(-(p[1] + lp) * t) * (1.0 - np.exp(-p[2] * t)) ** 2
    mixing = np.exp(-(BLOOD_MIXING_PER_S * HOUR_S + lp) * t)
    slow, fast = np.exp(-(p[1] + lp) * t), np.exp(-(p[2] + lp) * t)
    return p[0] * (slow - p[3] * fast - (1.0 - p[3]) * mixing)


@pytest.mark.parametrize(
    ("model", "start"),
    [
        ("mono_exponential", [1.0, 0.02]),
        ("uptake_clearance", [1.0, 0.02, 0.3]),
        ("two_step_uptake", [1.0, 0.02, 0.3]),
        ("clearance_retention", [1.0, 0.1, 1.0]),
        ("bi_exponential", [1.0, 0.01, 1.0, 0.2]),
        ("blood_mixing_uptake", [1.0, 0.02, 0.3, 0.5]),
    ],
)
def test_agrees_with_scipy_curve_fit_on_regions_without_noise(model, start):
    activities = points(model)
    found = fit_curve(model=model, **arguments(activities))
    values, _ = curve_fit(
        lambda t, *p: free_form(model, t, *p),
        TIMES_S,
        activities / 1e8,
        p0=start,
        sigma=0.05 * activities / 1e8,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        maxfev=20_000,
    )
    grid_s = np.concatenate([[0.0], np.geomspace(1.0, 5000.0 * HOUR_S, 200_001)])
    curve = free_form(model, grid_s, *values) * 1e8
    # The same curve from two minimisers.
    assert found.activity_bq(TIMES_S) == pytest.approx(free_form(model, TIMES_S, *values) * 1e8, rel=1e-6)
    # The trapezoid on 200,000 steps of 0.008 % is good to 1e-8.
    assert found.time_integrated_activity_bq_s == pytest.approx(np.trapezoid(curve, grid_s), rel=1e-6)


def test_agrees_with_scipy_on_noisy_points_in_value_and_uncertainty():
    generator = np.random.default_rng(7)
    truth = points("mono_exponential")
    activities = truth * (1.0 + 0.05 * generator.standard_normal(truth.size))
    found = fit_curve(model="mono_exponential", **arguments(activities))

    def by_integral(t, tia, biological_per_h):
        decay = biological_per_h / HOUR_S + LU177.decay_constant_per_s
        return tia * 1e13 * decay * np.exp(-decay * t) / 1e8

    values, covariance = curve_fit(
        by_integral, TIMES_S, activities / 1e8, p0=[1.0, 0.02], sigma=0.05 * activities / 1e8, absolute_sigma=True
    )
    assert found.time_integrated_activity_bq_s == pytest.approx(values[0] * 1e13, rel=1e-6)
    # scipy differentiates numerically, step 1e-8.
    assert found.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(
        np.sqrt(covariance[0, 0]) * 1e13, rel=1e-4
    )


def test_one_scan_of_a_device_that_stays_needs_no_half_life():
    selection = fit_admissible(
        models=("physical_decay",), **arguments(points("physical_decay", TIMES_S[3:4]), TIMES_S[3:4])
    )
    fit = selection.fits[0]
    assert fit.time_integrated_activity_bq_s == pytest.approx(2e13, rel=1e-9)
    assert fit.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(0.05 * 2e13, rel=1e-9)
    assert fit.effective_half_life_s == pytest.approx(LU177.half_life_s, rel=1e-9)
    assert "retention_assumed" in {finding.code for finding in selection.findings}
    assert "at_bound" not in {finding.code for finding in selection.findings}


def test_without_names_nothing_else_is_tried():
    selection = fit_admissible(**arguments(points("blood_mixing_uptake")))
    tried = {fit.model for fit in selection.fits} | {name for name, _ in selection.refused}
    assert tried == set(MODELS)


def test_models_are_tried_in_the_order_asked_for_and_ranked():
    names = ("uptake_clearance", "blood_mixing_uptake", "uptake_bi_exponential")
    selection = fit_admissible(models=names, **arguments(points("blood_mixing_uptake"), cv=0.01))
    assert tuple(fit.model for fit in selection.fits) == names
    assert selection.recommended_model == "blood_mixing_uptake"
    assert sum(fit.weight for fit in selection.fits) == pytest.approx(1.0)


def test_a_named_model_may_pass_through_every_point_and_says_so():
    times_s = TIMES_S[[3, 4, 6]]
    selection = fit_admissible(models=("uptake_clearance",), **arguments(points("uptake_clearance", times_s), times_s))
    assert selection.fits[0].is_interpolation
    assert selection.fits[0].weight is None
    assert "interpolation" in {finding.code for finding in selection.findings}


def test_named_models_with_too_few_scans_are_refused_with_the_number_needed():
    times_s = TIMES_S[[3, 4, 6]]
    activities = points("mono_exponential", times_s)
    selection = fit_admissible(models=("tri_exponential", "mono_exponential"), **arguments(activities, times_s))
    assert selection.refused == (("tri_exponential", "Needs 6 scans to fit; 3 used"),)
    with pytest.raises(InsufficientDataError, match="tri_exponential: Needs 6 scans") as caught:
        fit_admissible(models=("tri_exponential",), **arguments(activities, times_s))
    assert caught.value.code == "too_few_points"


@pytest.mark.parametrize(
    ("names", "code"),
    [((), "no_model"), (("mono_exponential",) * 2, "duplicate_model"), (("f4", "spline"), "invalid_input")],
)
def test_bad_names_are_refused(names, code):
    with pytest.raises(InvalidInputError) as caught:
        fit_admissible(models=names, **arguments(points("mono_exponential")))
    assert caught.value.code == code


@pytest.mark.parametrize("names", [None, ("mono_exponential", "uptake_clearance")])
def test_a_rise_is_refused_whatever_is_asked_for(names):
    times_s = TIMES_S[[3, 4]]
    with pytest.raises(FitError, match="declare an effective half-life") as caught:
        fit_admissible(models=names, **arguments([1e8, 2e8], times_s))
    assert caught.value.code == "rising_curve"


def test_two_steps_are_the_chain_with_the_constants_d_and_2d():
    rise_per_s, fall_per_s = LN2 / (4.0 * HOUR_S), 1.0 / (60.0 * HOUR_S)
    shape = np.log([fall_per_s, rise_per_s])
    curve = evaluate(
        terms=get_model("two_step_uptake").terms(shape, LU177.decay_constant_per_s), tia_bq_s=1.0, times_s=TIMES_S
    )
    # Bateman: the share that has passed both steps of a chain with the constants d and 2d.
    one, two = rise_per_s, 2.0 * rise_per_s
    passed = 1.0 - (two * np.exp(-one * TIMES_S) - one * np.exp(-two * TIMES_S)) / (two - one)
    expected = passed * np.exp(-(fall_per_s + LU177.decay_constant_per_s) * TIMES_S)
    # Both up to the height; the second difference at the first scan costs three digits.
    assert curve / curve[-1] == pytest.approx(expected / expected[-1], rel=1e-10)


def test_every_model_has_a_shape_here():
    assert set(SHAPES) == {*MODELS, *FURTHER_MODELS}
