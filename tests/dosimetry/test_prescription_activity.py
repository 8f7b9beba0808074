"""Predictions and the chance constraint: closed forms, random draws, invariants, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.prescription.activity import N_SAMPLES, activity_bound, largest_activity, predict_cumulative
from dosimetry.prescription.limits import Limit, LimitQuantity, RegionForecast
from dosimetry.radiobiology.bed import bed_gy, eqd2_gy

FORECAST = RegionForecast(
    region="Kidney left",
    dose_per_activity_gy_per_bq=0.5e-9,
    dose_per_activity_cv=0.25,
    given_dose_gy=6.0,
    given_dose_standard_uncertainty_gy=0.8,
    given_bed_gy=7.0,
    g=0.05,
    alpha_beta_gy=2.6,
)
EXACT = replace(FORECAST, dose_per_activity_cv=0.0, given_dose_standard_uncertainty_gy=0.0)
QUANTITIES = [LimitQuantity.ABSORBED_DOSE, LimitQuantity.BED, LimitQuantity.EQD2]
SIGMA = np.sqrt(np.log1p(0.25**2))


def limit_of(quantity=LimitQuantity.ABSORBED_DOSE, limit_gy=23.0, region="Kidney left"):
    return Limit(region=region, quantity=quantity, limit_gy=limit_gy, source="test protocol")


def predict(forecast=FORECAST, *, limit=None, activity_bq=7.4e9, n_cycles=2):
    return predict_cumulative(
        forecast=forecast, limit=limit or limit_of(), activity_per_cycle_bq=activity_bq, n_cycles=n_cycles
    )


def bound_bq(forecast=FORECAST, *, limit=None, n_cycles=2, probability=0.95):
    return activity_bound(
        forecast=forecast, limit=limit or limit_of(), n_cycles=n_cycles, probability=probability
    ).activity_bq


def test_prediction_without_uncertainty_is_arithmetic():
    # 6 Gy given, two cycles of 7.4 GBq at 0.5 Gy/GBq: 3.7 Gy each.
    per_cycle = bed_gy(absorbed_dose_gy=3.7, g=0.05, alpha_beta_gy=2.6)
    expected = {
        LimitQuantity.ABSORBED_DOSE: (6.0, 6.0 + 7.4),
        LimitQuantity.BED: (7.0, 7.0 + 2.0 * per_cycle),
        LimitQuantity.EQD2: tuple(eqd2_gy(bed_gy=bed, alpha_beta_gy=2.6) for bed in (7.0, 7.0 + 2.0 * per_cycle)),
    }
    for quantity, (given_gy, total_gy) in expected.items():
        found = predict(EXACT, limit=limit_of(quantity))
        assert found.given_gy == pytest.approx(given_gy, rel=1e-12)
        assert found.predicted_gy == pytest.approx(total_gy, rel=1e-12)
        # 4001 equal samples have an SD of rounding only.
        assert found.standard_uncertainty_gy == pytest.approx(0.0, abs=1e-12)
        assert found.probability_below_limit == 1.0


@pytest.mark.parametrize(("limit_gy", "probability"), [(13.4 + 1e-9, 1.0), (13.4 - 1e-9, 0.0)])
def test_a_certain_dose_is_below_its_limit_or_not(limit_gy, probability):
    assert predict(EXACT, limit=limit_of(limit_gy=limit_gy)).probability_below_limit == probability


def test_probability_of_a_lognormal_dose():
    forecast = replace(FORECAST, given_dose_standard_uncertainty_gy=0.0)
    for limit_gy in (11.0, 13.4, 16.0):
        expected = norm.cdf(np.log((limit_gy - 6.0) / 7.4) / SIGMA)
        # Steps of one in 4001 quantiles.
        found = predict(forecast, limit=limit_of(limit_gy=limit_gy)).probability_below_limit
        assert found == pytest.approx(expected, abs=1.0 / N_SAMPLES)


def test_probability_of_a_normal_given_dose():
    forecast = replace(FORECAST, dose_per_activity_cv=0.0)
    found = predict(forecast, limit=limit_of(limit_gy=14.0))
    assert found.probability_below_limit == pytest.approx(norm.cdf((14.0 - 13.4) / 0.8), rel=1e-9)
    assert found.standard_uncertainty_gy == pytest.approx(0.8, rel=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_spread_and_probability_agree_with_random_draws(quantity):
    """Four past cycles of 1.5 Gy with a common error, two to come."""
    alpha_beta, g, n = 2.6, 0.05, 400_000
    past = 4.0 * bed_gy(absorbed_dose_gy=1.5, g=g, alpha_beta_gy=alpha_beta)
    forecast = replace(FORECAST, given_bed_gy=past)
    generator = np.random.default_rng(17)
    doses = 3.7 * np.exp(SIGMA * generator.standard_normal(n))
    given_doses = 1.5 * (1.0 + 0.8 / 6.0 * generator.standard_normal(n))
    if quantity == LimitQuantity.ABSORBED_DOSE:
        drawn = 4.0 * given_doses + 2.0 * doses
    else:
        drawn = 4.0 * given_doses * (1.0 + g * given_doses / alpha_beta) + 2.0 * doses * (1.0 + g * doses / alpha_beta)
        if quantity == LimitQuantity.EQD2:
            drawn /= 1.0 + 2.0 / alpha_beta
    limit_gy = float(np.quantile(drawn, 0.9))
    found = predict(forecast, limit=limit_of(quantity, limit_gy))
    # 0.2 % from the draws; quantiles in place of the lognormal's tail lose up to 0.5 % of its SD.
    assert found.standard_uncertainty_gy == pytest.approx(drawn.std(), rel=0.01)
    # 0.05 % from the draws, the rest from the normal in place of a slightly skewed given BED.
    assert found.probability_below_limit == pytest.approx(0.9, abs=0.003)
    assert found.predicted_gy == pytest.approx(np.median(drawn), rel=0.005)


def test_spread_of_the_given_bed_counts_its_quadratic_part():
    """d BED / d ln D = 2 BED - D, here 2 x 30 - 20 Gy with 10 %; 30 Gy x 10 % would be too little."""
    forecast = replace(
        EXACT, given_dose_gy=20.0, given_dose_standard_uncertainty_gy=2.0, given_bed_gy=30.0, alpha_beta_gy=2.0
    )
    bed = predict(forecast, limit=limit_of(LimitQuantity.BED), activity_bq=0.0)
    eqd2 = predict(forecast, limit=limit_of(LimitQuantity.EQD2), activity_bq=0.0)
    assert bed.standard_uncertainty_gy == pytest.approx(4.0, rel=1e-9)
    # EQD2 = BED / 2 at an alpha/beta of 2 Gy.
    assert eqd2.standard_uncertainty_gy == pytest.approx(2.0, rel=1e-9)


def test_a_given_bed_entered_below_its_dose_keeps_a_proportional_spread():
    forecast = replace(EXACT, given_dose_gy=20.0, given_dose_standard_uncertainty_gy=2.0, given_bed_gy=10.0)
    found = predict(forecast, limit=limit_of(LimitQuantity.BED), activity_bq=0.0)
    assert found.standard_uncertainty_gy == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_no_activity_adds_nothing(quantity):
    found = predict(EXACT, limit=limit_of(quantity), activity_bq=0.0, n_cycles=1)
    assert found.predicted_gy == found.given_gy


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("given_u_gy", [0.0, 0.8])
@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95, 0.99])
def test_the_bound_keeps_its_limit_with_its_probability(quantity, given_u_gy, probability):
    forecast = replace(FORECAST, given_dose_standard_uncertainty_gy=given_u_gy)
    limit = limit_of(quantity)
    activity_bq = bound_bq(forecast, limit=limit, probability=probability)
    found = predict(forecast, limit=limit, activity_bq=activity_bq)
    # Quantiles step by one in 4001.
    assert found.probability_below_limit == pytest.approx(probability, abs=1.0 / N_SAMPLES)
    more = predict(forecast, limit=limit, activity_bq=1.01 * activity_bq)
    assert more.probability_below_limit < probability


def test_closed_form_and_search_meet():
    """A given uncertainty of next to nothing takes the search instead of the closed form."""
    exact = replace(FORECAST, given_dose_standard_uncertainty_gy=0.0)
    nearly = replace(FORECAST, given_dose_standard_uncertainty_gy=1e-3)
    for quantity in QUANTITIES:
        # Neighbouring quantiles at 95 % lie 0.06 % apart.
        assert bound_bq(nearly, limit=limit_of(quantity)) == pytest.approx(
            bound_bq(exact, limit=limit_of(quantity)), rel=1e-3
        )


def test_median_bound_spends_the_room():
    forecast = replace(FORECAST, given_dose_standard_uncertainty_gy=0.0)
    # (23 - 6) Gy over two cycles at 0.5 Gy/GBq.
    assert bound_bq(forecast, probability=0.5) == pytest.approx(17.0e9, rel=1e-9)


def test_bed_bound_inverts_the_quadratic():
    activity_bq = bound_bq(EXACT, limit=limit_of(LimitQuantity.BED, 40.0), n_cycles=3)
    total = 7.0 + 3.0 * bed_gy(absorbed_dose_gy=0.5e-9 * activity_bq, g=0.05, alpha_beta_gy=2.6)
    assert total == pytest.approx(40.0, rel=1e-9)
    # EQD2 of the same limit in its own unit is the same bound.
    as_eqd2 = limit_of(LimitQuantity.EQD2, eqd2_gy(bed_gy=40.0, alpha_beta_gy=2.6))
    assert bound_bq(EXACT, limit=as_eqd2, n_cycles=3) == pytest.approx(activity_bq, rel=1e-9)


def test_without_protraction_bed_is_dose():
    forecast = replace(EXACT, g=0.0, given_bed_gy=6.0)
    assert bound_bq(forecast, limit=limit_of(LimitQuantity.BED)) == pytest.approx(bound_bq(forecast), rel=1e-12)


@pytest.mark.parametrize("given_u_gy", [0.0, 0.8])
@pytest.mark.parametrize(("given_gy", "quantity"), [(23.0, "absorbed_dose"), (30.0, "absorbed_dose"), (30.0, "bed")])
def test_nothing_is_left(given_u_gy, given_gy, quantity):
    forecast = replace(
        FORECAST, given_dose_gy=given_gy, given_bed_gy=1.3 * given_gy, given_dose_standard_uncertainty_gy=given_u_gy
    )
    assert bound_bq(forecast, limit=limit_of(LimitQuantity(quantity))) == 0.0


GIVEN_U = st.just(0.0) | st.floats(0.01, 2.0)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.0, 1.0), GIVEN_U, st.sampled_from(QUANTITIES), st.floats(0.02, 0.9))
def test_more_certainty_more_cycles_or_more_given_dose_leave_less(cv, given_u_gy, quantity, probability):
    forecast = replace(FORECAST, dose_per_activity_cv=cv, given_dose_standard_uncertainty_gy=given_u_gy)
    limit = limit_of(quantity)
    base = bound_bq(forecast, limit=limit, probability=probability)
    # 60 halvings of the search leave nothing; quantile steps leave a relative 1e-3 in the thin tail.
    assert bound_bq(forecast, limit=limit, probability=probability + 0.09) <= base * (1.0 + 1e-9)
    assert bound_bq(forecast, limit=limit, probability=probability, n_cycles=3) < base
    more = replace(forecast, given_dose_gy=7.0, given_bed_gy=8.2)
    assert bound_bq(more, limit=limit, probability=probability) < base


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 10.0), st.sampled_from(QUANTITIES), GIVEN_U)
def test_bound_is_inverse_in_dose_per_activity(scale, quantity, given_u_gy):
    forecast = replace(FORECAST, given_dose_standard_uncertainty_gy=given_u_gy)
    scaled = replace(forecast, dose_per_activity_gy_per_bq=scale * 0.5e-9)
    limit = limit_of(quantity)
    # The search ends after 60 halvings of its interval.
    assert bound_bq(scaled, limit=limit) == pytest.approx(bound_bq(forecast, limit=limit) / scale, rel=1e-6)


def test_the_tightest_limit_binds_whatever_the_order():
    other = replace(FORECAST, region="Kidney right", dose_per_activity_gy_per_bq=0.8e-9)
    forecasts = [FORECAST, other]
    limits = [limit_of(), limit_of(LimitQuantity.BED, 24.0), limit_of(region="Kidney right")]
    single = [
        activity_bound(forecast=forecast, limit=limit, n_cycles=2, probability=0.95)
        for limit in limits
        for forecast in forecasts
        if forecast.region == limit.region
    ]
    found = largest_activity(forecasts=forecasts, limits=limits, n_cycles=2, probability=0.95)
    turned = largest_activity(forecasts=forecasts[::-1], limits=limits[::-1], n_cycles=2, probability=0.95)
    assert found == turned == min(single, key=lambda bound: bound.activity_bq)
    assert found.limit.region == "Kidney right"


def test_a_limit_of_another_region_bounds_nothing():
    assert (
        largest_activity(forecasts=[FORECAST], limits=[limit_of(region="Liver")], n_cycles=1, probability=0.95) is None
    )
    assert largest_activity(forecasts=[FORECAST], limits=[], n_cycles=1, probability=0.95) is None
    assert largest_activity(forecasts=[], limits=[limit_of()], n_cycles=1, probability=0.95) is None


@pytest.mark.parametrize(("activity_bq", "n_cycles"), [(-1.0, 1), (np.nan, 1), (np.inf, 1), (1e9, 0), (1e9, -2)])
def test_refuses_a_plan_without_meaning(activity_bq, n_cycles):
    with pytest.raises(InvalidInputError, match="one cycle or more") as caught:
        predict(activity_bq=activity_bq, n_cycles=n_cycles)
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize(("probability", "n_cycles"), [(0.0, 1), (1.0, 1), (-0.1, 1), (np.nan, 1), (0.95, 0)])
def test_refuses_a_probability_without_meaning(probability, n_cycles):
    with pytest.raises(InvalidInputError, match="between 0 and 1 and one cycle") as caught:
        bound_bq(probability=probability, n_cycles=n_cycles)
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("quantity", [LimitQuantity.BED, LimitQuantity.EQD2])
@pytest.mark.parametrize("name", ["g", "alpha_beta_gy", "given_bed_gy"])
@pytest.mark.parametrize("given_u_gy", [0.0, 0.8])
def test_bed_needs_all_its_parameters(quantity, name, given_u_gy):
    forecast = replace(FORECAST, given_dose_standard_uncertainty_gy=given_u_gy, **{name: None})
    for function in (predict, bound_bq):
        with pytest.raises(InsufficientDataError, match=r"Kidney left: (BED needs|the BED of)") as caught:
            function(forecast, limit=limit_of(quantity))
        assert caught.value.code == "no_bed"


def test_dose_limits_need_none_of_them():
    forecast = replace(FORECAST, g=None, alpha_beta_gy=None, given_bed_gy=None)
    assert predict(forecast) == predict(FORECAST)
    assert bound_bq(forecast) == bound_bq(FORECAST)
