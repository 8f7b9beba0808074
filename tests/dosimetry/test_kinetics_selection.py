"""Which models are fitted, how they are ranked, what a person is asked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import evaluate, get_model
from dosimetry.kinetics.selection import akaike_weighted, findings_of, fit_admissible
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_H = np.array([2.0, 8.0, 24.0, 72.0, 120.0, 168.0, 240.0])


def select(activities, *, times_h, cv=0.05):
    activities = np.asarray(activities, dtype=float)
    return fit_admissible(
        times_s=np.asarray(times_h) * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=cv * np.abs(activities),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


def curve(model, shape, times_h):
    terms = get_model(model).terms(np.asarray(shape), LU177.decay_constant_per_s)
    return evaluate(terms=terms, tia_bq_s=2e13, times_s=np.asarray(times_h) * HOUR_S)


MONO = ("mono_exponential", np.log([LN2 / (70.0 * HOUR_S)]))
UPTAKE = ("uptake_clearance", np.log([LN2 / (70.0 * HOUR_S), LN2 / (6.0 * HOUR_S)]))
BI = ("bi_exponential", [np.log(LN2 / (90.0 * HOUR_S)), np.log(LN2 / (5.0 * HOUR_S)), 1.5])


@pytest.mark.parametrize(
    ("n", "fitted", "ranked"),
    [
        (2, ["mono_exponential"], []),
        (3, ["mono_exponential"], []),
        (4, ["mono_exponential", "uptake_clearance"], ["mono_exponential"]),
        (
            5,
            ["mono_exponential", "uptake_clearance", "bi_exponential"],
            ["mono_exponential", "uptake_clearance"],
        ),
        (
            6,
            ["mono_exponential", "uptake_clearance", "bi_exponential"],
            ["mono_exponential", "uptake_clearance", "bi_exponential"],
        ),
    ],
)
def test_number_of_scans_decides_what_is_fitted_and_ranked(n, fitted, ranked):
    times_h = TIMES_H[1 : n + 1]
    selection = select(curve(*MONO, times_h), times_h=times_h)
    assert [fit.model for fit in selection.fits] == fitted
    assert [fit.model for fit in selection.fits if fit.aicc is not None] == ranked
    assert [fit.model for fit in selection.fits if fit.weight is not None] == ranked
    assert {name for name, _ in selection.refused} == {MONO[0], UPTAKE[0], BI[0]} - set(fitted)
    assert selection.recommended_model == "mono_exponential"


def test_refusals_say_how_many_scans_are_needed():
    selection = select(curve(*MONO, TIMES_H[2:5]), times_h=TIMES_H[2:5])
    assert dict(selection.refused) == {
        "uptake_clearance": "Needs 5 scans to rank; 3 used",
        "bi_exponential": "Needs 4 scans to fit; 3 used",
    }


@pytest.mark.parametrize("truth", [MONO, UPTAKE, BI], ids=lambda truth: truth[0])
def test_recommends_the_model_that_made_the_points(truth):
    # Without noise chi2 of the right model is zero and 2K decides against the larger ones.
    selection = select(curve(*truth, TIMES_H), times_h=TIMES_H, cv=0.01)
    assert selection.recommended_model == truth[0]
    best = max((fit for fit in selection.fits if fit.weight is not None), key=lambda fit: fit.weight)
    assert best.model == truth[0]
    assert best.time_integrated_activity_bq_s == pytest.approx(2e13, rel=1e-4)


def test_weights_sum_to_one_and_follow_the_criterion():
    generator = np.random.default_rng(5)
    activities = curve(*BI, TIMES_H) * (1.0 + 0.05 * generator.standard_normal(TIMES_H.size))
    selection = select(activities, times_h=TIMES_H)
    ranked = sorted((fit for fit in selection.fits if fit.aicc is not None), key=lambda fit: fit.aicc)
    weights = [fit.weight for fit in ranked]
    assert sum(weights) == pytest.approx(1.0, rel=1e-12)
    assert weights == sorted(weights, reverse=True)
    assert selection.recommended_model == ranked[0].model


def one_fit():
    activities = curve(*MONO, TIMES_H)
    return fit_curve(
        model="mono_exponential",
        times_s=TIMES_H * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=0.05 * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


def test_weights_of_two_known_criteria():
    first, second, unranked = (replace(one_fit(), aicc=aicc, weight=None) for aicc in (13.0, 19.0, None))
    weighted = akaike_weighted((second, unranked, first))
    # exp(-3) against 1; six digits in the text of the verification numbers.
    assert weighted[0].weight == pytest.approx(0.047426, abs=1e-6)
    assert weighted[1].weight is None
    assert weighted[2].weight == pytest.approx(0.952574, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=6), st.floats(-100.0, 100.0))
def test_weights_depend_on_differences_only(scores, shift):
    base = one_fit()
    weights, shifted = (
        [fit.weight for fit in akaike_weighted(tuple(replace(base, aicc=score + by) for score in scores))]
        for by in (0.0, shift)
    )
    assert sum(weights) == pytest.approx(1.0, rel=1e-9)
    # Adding the shift rounds a score of up to 1e6 to 1e-10.
    assert shifted == pytest.approx(weights, rel=1e-8, abs=1e-12)


def test_unranked_fits_get_no_weight():
    fits = (replace(one_fit(), aicc=None, weight=None),)
    assert akaike_weighted(fits) == fits


@pytest.mark.parametrize("order", [[3, 2, 1, 0, 4, 5, 6], [6, 0, 5, 1, 4, 2, 3]])
def test_order_of_scans_does_not_matter(order):
    activities = curve(*UPTAKE, TIMES_H)
    assert select(activities[order], times_h=TIMES_H[order]) == select(activities, times_h=TIMES_H)


def test_one_scan_asks_for_a_half_life():
    with pytest.raises(InsufficientDataError, match="enter the effective half-life") as caught:
        select([1e8], times_h=[24.0])
    assert caught.value.code == "half_life_required"


@pytest.mark.parametrize(("activities", "times_h"), [([1e8, 1.3e8], [4.0, 28.0]), ([1.3e8, 1e8], [28.0, 4.0])])
def test_rising_activity_is_refused_with_three_ways_out(activities, times_h):
    with pytest.raises(FitError, match=r"check times and contours.*later scan.*declare an effective") as caught:
        select(activities, times_h=times_h)
    assert caught.value.code == "rising_curve"


def test_a_rise_within_two_uncertainties_is_fitted_and_asked_about():
    # 1.05 against 1.00 with 5 % each: 0.7 combined standard uncertainties.
    selection = select([1.00e8, 1.05e8], times_h=[4.0, 28.0])
    codes = {finding.code: finding.level for finding in selection.findings}
    assert codes["last_points_rise"] == "ask"
    assert codes["at_bound"] == "ask"  # its integral is the largest possible: a person decides
    assert selection.fits[0].effective_half_life_s <= LU177.half_life_s * (1.0 + 1e-12)


def test_a_peak_between_first_and_last_scan_is_not_a_rise():
    selection = select(curve(*UPTAKE, TIMES_H), times_h=TIMES_H, cv=0.01)
    assert curve(*UPTAKE, TIMES_H)[2] > curve(*UPTAKE, TIMES_H)[0]
    assert selection.recommended_model == "uptake_clearance"


@pytest.mark.parametrize(
    ("activities", "times_h", "code"),
    [
        ([1e8, 0.0], [4.0, 28.0], "no_activity"),
        ([1e8, np.nan], [4.0, 28.0], "invalid_input"),
        ([1e8, 5e7], [28.0, 28.0], "same_time"),
        ([1e8, 5e7], [-4.0, 28.0], "scan_before_start"),
        ([0.0], [4.0], "no_activity"),
    ],
)
def test_bad_points_are_refused_before_any_fit(activities, times_h, code):
    with pytest.raises(InvalidInputError) as caught:
        fit_admissible(
            times_s=np.array(times_h) * HOUR_S,
            activities_bq=activities,
            standard_uncertainties_bq=np.full(len(activities), 1e6),
            nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        )
    assert caught.value.code == code


def test_findings_name_the_tail_in_per_cent():
    times_h = [4.0, 24.0]
    findings = select(1e8 * 2.0 ** (-np.array(times_h) / 80.0), times_h=times_h).findings
    tail = next(finding for finding in findings if finding.code == "tail_large")
    # 2^(-24/80) = 81 %.
    assert tail.message.startswith("81 % of the time-integrated activity")
    assert tail.level == "ask"
    assert next(finding for finding in findings if finding.code == "interpolation").level == "note"


def test_a_good_fit_has_no_finding():
    times_s = np.array([4.0, 24.0, 72.0, 168.0, 240.0]) * HOUR_S
    activities = 1e8 * 2.0 ** (-times_s / (40.0 * HOUR_S))
    found = fit_curve(
        model="mono_exponential",
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=0.03 * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    assert findings_of(found) == ()
