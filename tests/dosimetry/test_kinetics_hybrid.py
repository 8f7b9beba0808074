"""Trapezoid with head and tail: by hand, its uncertainty, its limits, what it flags and refuses."""

import numpy as np
import pytest

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.hybrid import Head, Tail, integrate_hybrid
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([4.0, 24.0, 72.0, 168.0]) * HOUR_S
ACTIVITIES = np.array([1.6e8, 1.2e8, 7.0e7, 2.0e7])


def integrate(activities=ACTIVITIES, *, times_s=TIMES_S, cv=0.05, head=Head.RISE_FROM_ZERO, **other):
    activities = np.asarray(activities, dtype=float)
    return integrate_hybrid(
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=cv * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        head=head,
        **other,
    )


def test_parts_by_hand():
    found = integrate()
    assert found.head_bq_s == pytest.approx(0.5 * 1.6e8 * 4.0 * HOUR_S)
    by_hand = (20.0 * 2.8e8 + 48.0 * 1.9e8 + 96.0 * 9.0e7) / 2.0 * HOUR_S
    assert found.measured_bq_s == pytest.approx(by_hand)
    decay = np.log(3.5) / (96.0 * HOUR_S)
    assert found.tail_decay_constant_per_s == pytest.approx(decay)
    assert found.tail_bq_s == pytest.approx(2.0e7 / decay)
    total = found.head_bq_s + found.measured_bq_s + found.tail_bq_s
    assert found.time_integrated_activity_bq_s == pytest.approx(total)
    assert found.extrapolated_fraction == pytest.approx(found.tail_bq_s / total)


def test_heads_by_hand():
    assert integrate(head=Head.CONSTANT).head_bq_s == pytest.approx(1.6e8 * 4.0 * HOUR_S)
    decay = np.log(1.6 / 1.2) / (20.0 * HOUR_S)
    at_zero = 1.6e8 * np.exp(decay * 4.0 * HOUR_S)
    assert integrate(head=Head.EXPONENTIAL).head_bq_s == pytest.approx((at_zero - 1.6e8) / decay)


def test_a_head_must_be_declared():
    with pytest.raises(TypeError, match="head"):
        integrate_hybrid(
            times_s=TIMES_S,
            activities_bq=ACTIVITIES,
            standard_uncertainties_bq=0.05 * ACTIVITIES,
            nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        )


def test_names_serve_as_well():
    assert integrate(head="exponential", tail="physical") == integrate(head=Head.EXPONENTIAL, tail=Tail.PHYSICAL)


def test_physical_tail_is_an_upper_limit():
    physical, falling = integrate(tail=Tail.PHYSICAL), integrate()
    assert physical.tail_bq_s == pytest.approx(2.0e7 * LU177.half_life_s / LN2)
    assert physical.tail_bq_s > falling.tail_bq_s
    assert physical.tail_decay_constant_standard_uncertainty_per_s == 0.0


def test_dense_scans_of_an_exponential_give_its_integral():
    times_s = np.linspace(0.5, 300.0, 600) * HOUR_S
    activities = 1e8 * 2.0 ** (-times_s / (50.0 * HOUR_S))
    found = integrate(activities, times_s=times_s, head=Head.EXPONENTIAL, n_tail_points=20)
    # The trapezoid errs by (l step)^2 / 12 = 4e-6.
    assert found.time_integrated_activity_bq_s == pytest.approx(1e8 * 50.0 * HOUR_S / LN2, rel=1e-5)


@pytest.mark.parametrize(("half_lives", "excess"), [(1.0, 1.03972), (2.0, 1.15525)])
def test_trapezoid_lies_above_an_exponential(half_lives, excess):
    """(1 + 2^-x) x ln 2 / (2 (1 - 2^-x)) between scans x half-lives apart: the 4 % and 16 % of the docstring."""
    times_s = 50.0 * HOUR_S * np.array([half_lives, 2.0 * half_lives])
    activities = 1e8 * 2.0 ** (-times_s / (50.0 * HOUR_S))
    exact = (activities[0] - activities[1]) * 50.0 * HOUR_S / LN2
    assert integrate(activities, times_s=times_s).measured_bq_s / exact == pytest.approx(excess, rel=1e-5)


@pytest.mark.parametrize("head", list(Head))
@pytest.mark.parametrize("tail", list(Tail))
@pytest.mark.parametrize("n_tail_points", [2, 3])
def test_sensitivities_are_the_derivatives(head, tail, n_tail_points):
    u = 0.05 * ACTIVITIES

    def total(activities):
        # With constant relative uncertainties the weights of the tail do not move with the activities.
        return integrate(activities, head=head, tail=tail, n_tail_points=n_tail_points).time_integrated_activity_bq_s

    steps = np.diag(1e-5 * ACTIVITIES)
    numeric = [(total(ACTIVITIES + s) - total(ACTIVITIES - s)) / (2.0 * s.max()) for s in steps]
    found = integrate(head=head, tail=tail, n_tail_points=n_tail_points)
    # Central differences of step 1e-5: truncation 1e-9, rounding 1e-10.
    assert found.sensitivities_s == pytest.approx(numeric, rel=1e-6)
    by_hand = np.sqrt(np.sum((np.array(numeric) * u) ** 2))
    assert found.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(by_hand, rel=1e-6)


def test_standard_uncertainty_agrees_with_noisy_draws():
    generator = np.random.default_rng(21)
    draws = [integrate(ACTIVITIES * (1.0 + 0.03 * generator.standard_normal(4)), cv=0.03) for _ in range(2000)]
    tia = np.array([found.time_integrated_activity_bq_s for found in draws])
    constants = np.array([found.tail_decay_constant_per_s for found in draws])
    found = integrate(cv=0.03)
    # SD of 2000 draws: 1.6 %; three of them.
    assert tia.std(ddof=1) == pytest.approx(found.time_integrated_activity_standard_uncertainty_bq_s, rel=0.05)
    assert constants.std(ddof=1) == pytest.approx(found.tail_decay_constant_standard_uncertainty_per_s, rel=0.05)


def test_order_of_scans_does_not_matter():
    order = [2, 0, 3, 1]
    assert integrate(ACTIVITIES[order], times_s=TIMES_S[order]) == integrate()


def codes(found):
    return {finding.code for finding in found.findings}


def test_a_good_curve_has_no_finding():
    assert codes(integrate()) == set()


def test_rising_last_points_get_the_physical_tail_and_say_so():
    found = integrate([1.6e8, 1.2e8, 7.0e7, 7.5e7])
    assert found.tail_decay_constant_per_s == LU177.decay_constant_per_s
    assert {"last_points_rise", "at_bound", "tail_large"} <= codes(found)


def test_late_first_scan_is_flagged():
    times_s = np.array([48.0, 72.0, 168.0]) * HOUR_S
    assert "uptake_unseen" in codes(integrate(ACTIVITIES[1:], times_s=times_s, head=Head.CONSTANT))


def test_an_uncertain_integral_is_flagged():
    assert "cv_high" in codes(integrate(ACTIVITIES, cv=1.2))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"activities_bq": [1e8, 0.0]}, "no_activity"),
        ({"activities_bq": [1e8, -1.0]}, "no_activity"),
        ({"activities_bq": [1e8, np.nan]}, "invalid_input"),
        ({"times_s": [24.0, 24.0]}, "same_time"),
        ({"times_s": [-1.0, 24.0]}, "scan_before_start"),
        ({"nuclide_decay_constant_per_s": 0.0}, "bad_decay"),
        ({"n_tail_points": 1}, "tail_points"),
        ({"head": "guess"}, "bad_head_or_tail"),
        ({"tail": "none"}, "bad_head_or_tail"),
    ],
)
def test_bad_input_is_refused(change, code):
    good = {
        "times_s": [4.0, 24.0],
        "activities_bq": [1e8, 5e7],
        "standard_uncertainties_bq": [5e6, 5e6],
        "nuclide_decay_constant_per_s": 0.004,
        "head": Head.CONSTANT,
    }
    with pytest.raises(InvalidInputError) as caught:
        integrate_hybrid(**{**good, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(("n", "n_tail_points", "needed"), [(1, 2, 2), (2, 3, 3)])
def test_too_few_scans_say_how_many(n, n_tail_points, needed):
    with pytest.raises(InsufficientDataError, match=rf"needs {needed} scans; {n} used") as caught:
        integrate(ACTIVITIES[:n], times_s=TIMES_S[:n], n_tail_points=n_tail_points)
    assert caught.value.code == "too_few_points"


def test_no_exponential_leads_back_from_a_rise():
    with pytest.raises(FitError, match="rise from zero") as caught:
        integrate([1.0e8, 1.6e8, 7e7, 2e7], head=Head.EXPONENTIAL)
    assert caught.value.code == "rising_head"
