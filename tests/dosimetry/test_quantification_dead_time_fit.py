"""Dead time from a decaying source, and the factor that it puts on an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.dead_time import dead_time_factor
from dosimetry.quantification.dead_time_fit import fit_dead_time, observed_rate
from dosimetry.units import DAY_S

MODELS = ["paralysable", "non_paralysable"]
CONSTANT_PER_S = get_nuclide("Lu-177").decay_constant_per_s
TIMES_S = np.arange(0.0, 40.0, 2.0) * DAY_S
COUNT_S = 300.0


def decaying(model, *, start_cps=2e5, dead_time_s=1e-6, background_cps=0.0):
    true_cps = start_cps * np.exp(-CONSTANT_PER_S * TIMES_S) + background_cps
    return observed_rate(true_cps, dead_time_s=dead_time_s, model=model)


def fit(rates, model, **changes):
    arguments = {
        "standard_uncertainties_cps": np.sqrt(rates / COUNT_S),
        "times_s": TIMES_S,
        "decay_constant_per_s": CONSTANT_PER_S,
    }
    return fit_dead_time(rates, model=model, **(arguments | changes))


def test_the_worked_rate_is_what_the_model_sees():
    # verification.md section 8: 2e5 cps at 1 us are seen as 163746.15, eight digits.
    seen = observed_rate(np.array([2e5]), dead_time_s=1e-6, model="paralysable")
    assert seen == pytest.approx([163746.15], rel=1e-7)


@pytest.mark.parametrize("model", MODELS)
@given(dead_time_us=st.floats(0.2, 4.0), start_cps=st.floats(3e4, 2e5), background_cps=st.floats(0.0, 50.0))
@settings(max_examples=15)
def test_exact_rates_give_the_dead_time_back(model, dead_time_us, start_cps, background_cps):
    true = {"dead_time_s": 1e-6 * dead_time_us, "start_cps": start_cps, "background_cps": background_cps}
    result = fit(decaying(model, **true), model, background_cps=background_cps)
    # The minimum is found to about the root of machine precision in units of the load.
    assert result.dead_time_s == pytest.approx(true["dead_time_s"], rel=1e-5)
    assert result.scale == pytest.approx(start_cps, rel=1e-6)
    assert result.chi_square == pytest.approx(0.0, abs=1e-6)
    assert result.is_significant
    seen = decaying(model, **true)[0]
    assert result.largest_loss == pytest.approx(1.0 - seen / (start_cps + background_cps), rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_the_uncertainty_is_what_repeated_series_give(model):
    rng = np.random.default_rng(8)
    mean = decaying(model, start_cps=1e5)
    fits = [fit(rng.poisson(mean * COUNT_S) / COUNT_S, model) for _ in range(400)]
    stated = fit(mean, model)
    # 400 series know a standard deviation to 3.5 %; four of these. The mean: four of u / 20.
    assert np.std([f.dead_time_s for f in fits]) == pytest.approx(stated.standard_uncertainty_s, rel=0.15)
    assert np.mean([f.dead_time_s for f in fits]) == pytest.approx(1e-6, abs=0.2 * stated.standard_uncertainty_s)
    assert np.std([f.scale for f in fits]) == pytest.approx(stated.scale_standard_uncertainty, rel=0.15)
    # 18 degrees of freedom: the mean chi-square is known to sqrt(36 / 400) = 0.3.
    assert np.mean([f.chi_square for f in fits]) == pytest.approx(18.0, abs=1.2)


@pytest.mark.parametrize("model", MODELS)
def test_the_interval_is_that_of_the_dead_time(model):
    stated = fit(decaying(model), model)
    true = np.array([1e4, 1e5])
    low, high = stated.interval_95(true)
    ends = [
        observed_rate(true, dead_time_s=stated.dead_time_s + sign * 1.96 * stated.standard_uncertainty_s, model=model)
        for sign in (1.0, -1.0)
    ]
    # The dead time is known to about 1 %: what first order leaves out is its square.
    middle = observed_rate(true, dead_time_s=stated.dead_time_s, model=model)
    assert low - middle == pytest.approx(ends[0] - middle, rel=0.01)
    assert high - middle == pytest.approx(ends[1] - middle, rel=0.01)
    assert stated.reduced_chi_square == stated.chi_square / stated.n_degrees_of_freedom


def test_the_wrong_model_shows_in_the_p_value():
    rates = decaying("paralysable", start_cps=4e5)
    assert fit(rates, "paralysable").p_value > 0.99
    assert fit(rates, "non_paralysable").p_value < 1e-6


def test_times_may_start_anywhere():
    rates = decaying("paralysable")
    once, later = fit(rates, "paralysable"), fit(rates, "paralysable", times_s=TIMES_S + 3.0 * DAY_S)
    assert later.dead_time_s == pytest.approx(once.dead_time_s, rel=1e-6)
    assert later.scale == pytest.approx(once.scale * np.exp(CONSTANT_PER_S * 3.0 * DAY_S), rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_known_rates_give_dead_time_and_if_wanted_the_sensitivity(model):
    expected = np.array([1e3, 1e4, 5e4, 1e5, 2e5])
    rates = observed_rate(expected, dead_time_s=1e-6, model=model)
    deviations = np.sqrt(rates / COUNT_S)
    held = fit_dead_time(rates, standard_uncertainties_cps=deviations, model=model, expected_cps=expected)
    assert held.dead_time_s == pytest.approx(1e-6, rel=1e-6)
    assert (held.scale, held.scale_standard_uncertainty) == (1.0, 0.0)
    assert held.covariance.shape == (1, 1)
    # Activities in MBq instead of rates: the sensitivity comes out along.
    free = fit_dead_time(
        rates, standard_uncertainties_cps=deviations, model=model, expected_cps=expected / 9.0, is_scale_fitted=True
    )
    assert free.dead_time_s == pytest.approx(1e-6, rel=1e-5)
    assert free.scale == pytest.approx(9.0, rel=1e-6)
    assert free.standard_uncertainty_s > held.standard_uncertainty_s


def test_without_losses_no_dead_time_is_found():
    rng = np.random.default_rng(9)
    found = [
        fit(rng.poisson(decaying("paralysable", dead_time_s=0.0, start_cps=2e3) * COUNT_S) / COUNT_S, "paralysable")
        for _ in range(50)
    ]
    # One-sided two standard uncertainties: 2.3 % expected; 5 of 50 come by chance once in 500 cases.
    assert np.mean([result.is_significant for result in found]) <= 0.1


@pytest.mark.parametrize("model", MODELS)
def test_the_factor_of_an_image_undoes_the_losses(model):
    true_cps = np.array([5e4, 1e5, 1.5e5])
    observed = observed_rate(true_cps, dead_time_s=2e-6, model=model)
    single = dead_time_factor(float(observed[1]), dead_time_s=2e-6, model=model)
    assert single.factor == pytest.approx(1e5 / observed[1], rel=1e-12)
    views = dead_time_factor(observed, dead_time_s=2e-6, model=model, standard_uncertainty_s=1e-7)
    assert views.factor == pytest.approx(true_cps.sum() / observed.sum(), rel=1e-12)
    assert views.true_cps == pytest.approx(1e5, rel=1e-12)
    assert views.lost_share == pytest.approx(1.0 - observed.sum() / true_cps.sum(), rel=1e-12)
    above, below = (dead_time_factor(observed, dead_time_s=2e-6 + s, model=model).factor for s in (1e-11, -1e-11))
    # Central difference over 1e-5 of tau, times the uncertainty.
    assert views.standard_uncertainty == pytest.approx((above - below) / 2e-11 * 1e-7, rel=1e-5)


def test_no_dead_time_is_a_factor_of_one():
    result = dead_time_factor([1e4, 0.0], dead_time_s=0.0, model="paralysable", standard_uncertainty_s=0.0)
    assert (result.factor, result.standard_uncertainty, result.lost_share) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("rates", "changes", "code"),
    [
        ([], {}, "bad_rate"),
        ([0.0, 0.0], {}, "bad_rate"),
        ([1e4], {"standard_uncertainty_s": -1.0}, "bad_rate"),
        ([1e4, -1.0], {}, "bad_rate"),
        ([1e4, 4e5], {}, "rate_too_high"),
    ],
)
def test_rates_without_a_factor_are_refused(rates, changes, code):
    with pytest.raises(InvalidInputError) as caught:
        dead_time_factor(rates, **({"dead_time_s": 1e-6, "model": "paralysable"} | changes))
    assert caught.value.code == code


RATES = decaying("paralysable")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"times_s": None}, "bad_rates"),
        ({"expected_cps": RATES}, "bad_rates"),
        ({"decay_constant_per_s": None}, "bad_decay"),
        ({"decay_constant_per_s": 0.0}, "bad_decay"),
        ({"times_s": TIMES_S[1:]}, "bad_rates"),
        ({"times_s": np.nan * TIMES_S}, "bad_rates"),
        ({"standard_uncertainties_cps": 0.0 * RATES}, "bad_rates"),
        ({"background_cps": -1.0}, "bad_rates"),
    ],
)
def test_series_that_cannot_be_fitted_are_refused(changes, code):
    with pytest.raises(InvalidInputError) as caught:
        fit(RATES, "paralysable", **changes)
    assert caught.value.code == code


def test_too_few_or_equal_rates_are_refused():
    with pytest.raises(InsufficientDataError, match="at least 3 rates"):
        fit(RATES[:2], "paralysable", times_s=TIMES_S[:2])
    equal = np.full(4, 1e4)
    with pytest.raises(FitError, match="do not determine"):
        fit_dead_time(
            equal,
            standard_uncertainties_cps=0.01 * equal,
            model="paralysable",
            expected_cps=equal,
            is_scale_fitted=True,
        )


def test_a_third_model_is_refused():
    with pytest.raises(InvalidInputError, match="not 'hybrid'") as caught:
        fit(RATES, "hybrid")
    assert caught.value.code == "dead_time_model"
    with pytest.raises(InvalidInputError, match="not 'hybrid'"):
        dead_time_factor(1e4, dead_time_s=1e-6, model="hybrid")


def test_a_low_rate_near_background_starts_no_false_search():
    rates = decaying("paralysable", start_cps=2e5, background_cps=3e4)
    result = fit(rates, "paralysable", background_cps=3e4)
    assert result.dead_time_s == pytest.approx(1e-6, rel=1e-5)
