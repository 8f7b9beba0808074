"""One weighted fit: exact curves, invariants, uncertainty against noisy draws, refusals."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.fitting import CurveFit, fit_curve, numeric_jacobian
from dosimetry.kinetics.models import evaluate, get_model
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([4.0, 24.0, 72.0, 96.0, 168.0]) * HOUR_S


def fit(activities, *, times_s=TIMES_S, model="mono_exponential", cv=0.05, decay_per_s=LU177.decay_constant_per_s):
    activities = np.asarray(activities, dtype=float)
    return fit_curve(
        model=model,
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=cv * np.abs(activities),
        nuclide_decay_constant_per_s=decay_per_s,
    )


def mono(half_life_h, *, times_s=TIMES_S, initial_bq=2e8):
    return initial_bq * 2.0 ** (-times_s / (half_life_h * HOUR_S))


def check_levels(found):
    return {check["code"]: check["level"] for check in found.checks}


@pytest.mark.parametrize("half_life_h", [3.0, 20.0, 52.0, 90.0, 150.0])
def test_recovers_a_mono_exponential(half_life_h):
    found = fit(mono(half_life_h))
    # Only rounding and the tolerance of the minimiser (1e-14 in cost, 1e-7 in a parameter) separate fit and truth.
    assert found.effective_half_life_s == pytest.approx(half_life_h * HOUR_S, rel=1e-6)
    assert found.time_integrated_activity_bq_s == pytest.approx(2e8 * half_life_h * HOUR_S / LN2, rel=1e-6)
    assert found.extrapolated_fraction == pytest.approx(2.0 ** (-168.0 / half_life_h), rel=1e-5, abs=1e-12)
    assert found.activity_bq(TIMES_S) == pytest.approx(mono(half_life_h), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ("uptake_clearance", np.log([LN2 / (80.0 * HOUR_S), LN2 / (4.0 * HOUR_S)])),
        ("bi_exponential", np.array([np.log(LN2 / (90.0 * HOUR_S)), np.log(LN2 / (5.0 * HOUR_S)), 0.8])),
    ],
)
def test_recovers_curves_of_two_terms(model, shape):
    times_s = np.array([1.0, 4.0, 12.0, 24.0, 72.0, 120.0, 168.0]) * HOUR_S
    terms = get_model(model).terms(shape, LU177.decay_constant_per_s)
    found = fit(evaluate(terms=terms, tia_bq_s=4e13, times_s=times_s), times_s=times_s, model=model)
    # Correlated parameters cost some digits of the exact minimum.
    assert found.time_integrated_activity_bq_s == pytest.approx(4e13, rel=1e-5)
    assert found.effective_half_life_s == pytest.approx(LN2 / terms[1].min(), rel=1e-5)
    amplitudes_bq, decays_per_s = found.exponential_terms()
    assert decays_per_s == pytest.approx(terms[1], rel=1e-4)
    assert amplitudes_bq == pytest.approx(4e13 * terms[0], rel=1e-4)


def test_a_share_is_reported_as_a_share_with_its_uncertainty():
    times_s = np.array([1.0, 4.0, 12.0, 24.0, 72.0, 120.0, 168.0]) * HOUR_S
    shape = np.array([np.log(LN2 / (90.0 * HOUR_S)), np.log(LN2 / (5.0 * HOUR_S)), np.log(3.0)])
    terms = get_model("bi_exponential").terms(shape, LU177.decay_constant_per_s)
    found = fit(evaluate(terms=terms, tia_bq_s=4e13, times_s=times_s), times_s=times_s, model="bi_exponential")
    assert found.parameters["slow_share"] == pytest.approx(0.75, rel=1e-4)
    # d share / d logit = share (1 - share).
    assert found.standard_uncertainties["slow_share"] == pytest.approx(
        0.75 * 0.25 * np.sqrt(found.covariance[3][3]), rel=1e-4
    )


NOISY = np.array([1.9e8, 1.4e8, 9.0e7, 4.4e7, 2.2e7])


@settings(deadline=None, max_examples=15)
@given(st.floats(1e-6, 1e6))
def test_integral_is_linear_in_activity(scale):
    one, many = fit(NOISY), fit(scale * NOISY)
    # Convergence of the minimiser from a scaled start.
    assert many.time_integrated_activity_bq_s == pytest.approx(scale * one.time_integrated_activity_bq_s, rel=1e-6)
    assert many.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(
        scale * one.time_integrated_activity_standard_uncertainty_bq_s, rel=1e-4
    )
    assert many.effective_half_life_s == pytest.approx(one.effective_half_life_s, rel=1e-6)
    assert many.chi2 == pytest.approx(one.chi2, rel=1e-6)


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(TIMES_S.size)))
def test_order_of_scans_does_not_matter(order):
    sorted_fit, other = fit(NOISY), fit(NOISY[order], times_s=TIMES_S[order])
    assert other == sorted_fit


def test_uncertainty_scales_with_the_uncertainty_of_the_points():
    narrow, wide = fit(NOISY, cv=0.02), fit(NOISY, cv=0.06)
    assert wide.time_integrated_activity_bq_s == pytest.approx(narrow.time_integrated_activity_bq_s, rel=1e-6)
    assert wide.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(
        3.0 * narrow.time_integrated_activity_standard_uncertainty_bq_s, rel=1e-4
    )
    assert narrow.chi2 == pytest.approx(9.0 * wide.chi2, rel=1e-6)


def test_time_unit_cancels():
    in_s = fit(NOISY)
    in_h = fit(NOISY, times_s=TIMES_S / HOUR_S, decay_per_s=LU177.decay_constant_per_s * HOUR_S)
    # The starts lie elsewhere in these units; the minimum is the same.
    assert in_h.time_integrated_activity_bq_s * HOUR_S == pytest.approx(in_s.time_integrated_activity_bq_s, rel=1e-6)
    assert in_h.effective_half_life_s * HOUR_S == pytest.approx(in_s.effective_half_life_s, rel=1e-6)


ACTIVITIES = st.lists(st.floats(1e3, 1e9), min_size=5, max_size=5)


@settings(deadline=None, max_examples=25)
@given(ACTIVITIES, st.sampled_from(["mono_exponential", "uptake_clearance"]), st.sampled_from(["Lu-177", "Y-90"]))
def test_no_curve_decays_slower_than_physics(activities, model, nuclide):
    decay_per_s = get_nuclide(nuclide).decay_constant_per_s
    found = fit(activities, model=model, decay_per_s=decay_per_s)
    assert min(found.exponential_terms()[1]) >= decay_per_s
    assert found.effective_half_life_s <= LN2 / decay_per_s * (1.0 + 1e-12)
    assert 0.0 < found.time_integrated_activity_bq_s < np.inf
    # A rising curve holds up to all of its integral after the last scan; rounding may exceed one.
    assert -1e-12 <= found.extrapolated_fraction <= 1.0 + 1e-9
    assert np.isfinite(found.time_integrated_activity_standard_uncertainty_bq_s)


def test_a_rising_curve_is_held_at_the_physical_half_life_and_says_so():
    found = fit([1e8, 1.1e8, 1.2e8, 1.3e8, 1.4e8])
    assert found.effective_half_life_s == pytest.approx(LU177.half_life_s, rel=1e-3)
    levels = check_levels(found)
    assert levels["at_bound"] == "ask"
    assert levels["last_points_rise"] == "ask"
    assert levels["tail_large"] == "ask"


def test_a_good_curve_passes_every_check():
    found = fit(mono(40.0))
    levels = check_levels(found)
    assert levels.pop("correlation_high") in {"ok", "note"}
    assert set(levels.values()) == {"ok"}
    assert set(levels) == {"cv_high", "tail_large", "r_squared_low", "last_points_rise", "at_bound"}
    assert found.r_squared == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("activities", "cv", "code"),
    [
        (mono(90.0), 0.05, "tail_large"),  # 2^(-168/90) = 27 % after the last scan
        (mono(40.0), 1.5, "cv_high"),
        ([2e8, 4e7, 1.8e8, 2e7, 1.5e8], 0.05, "r_squared_low"),
        ([2e8, 1.4e8, 9e7, 4e7, 4e7], 0.05, "last_points_rise"),
        (mono(159.528), 0.05, "at_bound"),
    ],
)
def test_each_doubt_has_its_check(activities, cv, code):
    assert check_levels(fit(activities, cv=cv))[code] == "ask"


def test_interpolation_has_no_goodness_of_fit():
    found = fit(mono(52.0)[:2], times_s=TIMES_S[:2])
    assert found.is_interpolation
    assert found.r_squared is None
    assert found.aicc is None
    assert check_levels(found)["interpolation"] == "note"


@pytest.mark.parametrize(("n", "aicc_minus_chi2"), [(3, None), (4, 4.0 + 12.0), (5, 4.0 + 6.0)])
def test_aicc_exists_only_with_points_to_spare(n, aicc_minus_chi2):
    found = fit(NOISY[:n], times_s=TIMES_S[:n])
    if aicc_minus_chi2 is None:
        assert found.aicc is None
    else:
        # 2K + 2K(K+1)/(n-K-1) with K = 2.
        assert found.aicc == pytest.approx(found.chi2 + aicc_minus_chi2)


def test_correlated_parameters_are_noted():
    # Early scans only: a steeper curve from a higher start fits as well.
    times_s = np.array([100.0, 110.0, 120.0]) * HOUR_S
    found = fit(mono(52.0, times_s=times_s), times_s=times_s)
    assert found.maximum_correlation > 0.8
    assert check_levels(found)["correlation_high"] == "note"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"times_s": [0.0, 24.0, 96.0]}, "scan_before_start", "before its administration"),
        ({"times_s": [-1.0, 24.0, 96.0]}, "scan_before_start", "before its administration"),
        ({"times_s": [24.0, 24.0, 96.0]}, "same_time", "same time"),
        ({"times_s": [4.0, np.nan, 96.0]}, "invalid_input", "finite"),
        ({"times_s": [4.0, np.inf, 96.0]}, "invalid_input", "finite"),
        ({"times_s": [4.0, 24.0]}, "invalid_input", "same number"),
        ({"times_s": [[4.0, 24.0, 96.0]]}, "invalid_input", "same number"),
        ({"times_s": [], "activities_bq": [], "standard_uncertainties_bq": []}, "invalid_input", "same number"),
        ({"activities_bq": [1e8, 0.0, 1e7]}, "no_activity", "check the contour"),
        ({"activities_bq": [1e8, -5.0, 1e7]}, "no_activity", "check the contour"),
        ({"activities_bq": [1e8, np.nan, 1e7]}, "invalid_input", "finite"),
        ({"standard_uncertainties_bq": [1e6, 0.0, 1e6]}, "invalid_input", "standard uncertainty above zero"),
        ({"standard_uncertainties_bq": [1e6, -1.0, 1e6]}, "invalid_input", "standard uncertainty above zero"),
        ({"standard_uncertainties_bq": [1e6, np.nan, 1e6]}, "invalid_input", "finite"),
        ({"nuclide_decay_constant_per_s": 0.0}, "bad_decay", "decay constant must be above zero"),
        ({"nuclide_decay_constant_per_s": -1e-6}, "bad_decay", "decay constant must be above zero"),
        ({"nuclide_decay_constant_per_s": np.nan}, "bad_decay", "decay constant must be above zero"),
        ({"nuclide_decay_constant_per_s": np.inf}, "bad_decay", "decay constant must be above zero"),
        ({"model": "spline"}, "invalid_input", "Unknown curve model"),
    ],
)
def test_refuses_input_with_its_reason(change, code, text):
    arguments = {
        "model": "mono_exponential",
        "times_s": [4.0, 24.0, 96.0],
        "activities_bq": [1e8, 8e7, 3e7],
        "standard_uncertainties_bq": [1e6, 1e6, 1e6],
        "nuclide_decay_constant_per_s": 0.004,
    }
    with pytest.raises(InvalidInputError, match=text) as caught:
        fit_curve(**{**arguments, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("model", "n", "needed"),
    [("mono_exponential", 1, 2), ("uptake_clearance", 2, 3), ("bi_exponential", 3, 4)],
)
def test_too_few_scans_say_how_many(model, n, needed):
    with pytest.raises(InsufficientDataError, match=rf"Needs {needed} scans; {n} used") as caught:
        fit(NOISY[:n], times_s=TIMES_S[:n], model=model)
    assert caught.value.code == "too_few_points"


def test_scans_after_everything_has_decayed_do_not_converge():
    """Ga-68 after 700 h: no start leaves an activity that a computer can hold."""
    with pytest.raises(FitError, match="fewer parameters") as caught:
        fit(
            [1e6, 1e5],
            times_s=np.array([700.0, 800.0]) * HOUR_S,
            decay_per_s=get_nuclide("Ga-68").decay_constant_per_s,
        )
    assert caught.value.code == "fit_failed"


def test_a_stored_fit_comes_back_unchanged():
    found = fit(NOISY)
    stored = {**json.loads(json.dumps(asdict(found))), "unknown": 1}
    back = CurveFit.from_dict(stored)
    assert back == found
    assert back.activity_bq(TIMES_S) == pytest.approx(found.activity_bq(TIMES_S), rel=1e-15)
    assert back.band_bq(TIMES_S) == pytest.approx(found.band_bq(TIMES_S), rel=1e-15)


def test_terms_sum_to_the_curve():
    found = fit(NOISY)
    amplitudes_bq, decays_per_s = found.exponential_terms()
    by_hand = np.exp(-np.outer(TIMES_S, decays_per_s)) @ amplitudes_bq
    assert found.activity_bq(TIMES_S) == pytest.approx(by_hand, rel=1e-12)
    assert np.sum(np.divide(amplitudes_bq, decays_per_s)) == pytest.approx(found.time_integrated_activity_bq_s)


def test_jacobian_of_a_known_function():
    jacobian = numeric_jacobian(lambda x: np.array([x[0] ** 2 * x[1], np.sin(x[1])]), np.array([3.0, 2.0]))
    # Central differences are second order: 1e-10, and rounding 1e-16 / 1e-5.
    assert jacobian == pytest.approx(np.array([[12.0, 9.0], [0.0, np.cos(2.0)]]), abs=1e-8)
