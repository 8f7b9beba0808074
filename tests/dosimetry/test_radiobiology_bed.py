"""Protraction factor, BED and EQD2: limits, invariants, inverse, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad

from dosimetry.errors import InvalidInputError
from dosimetry.radiobiology.bed import (
    bed_gy,
    dose_for_bed_gy,
    eqd2_gy,
    lea_catcheside_factor,
    lea_catcheside_factor_sampled,
)
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
HALF_LIFE_H = st.floats(0.1, 500.0)
ALPHA_BETA = st.floats(0.5, 20.0)


def factor(amplitudes, half_lives_h, repair_h):
    return lea_catcheside_factor(
        amplitudes=amplitudes,
        decay_constants_per_s=(LN2 / (np.asarray(half_lives_h) * HOUR_S)).tolist(),
        repair_half_time_s=repair_h * HOUR_S,
    )


@settings(deadline=None, max_examples=100)
@given(HALF_LIFE_H, HALF_LIFE_H)
def test_one_exponential(effective_h, repair_h):
    assert factor([3.0], [effective_h], repair_h) == pytest.approx(repair_h / (repair_h + effective_h), rel=1e-12)


TERMS = st.lists(st.tuples(st.floats(1e-3, 1e3), HALF_LIFE_H), min_size=1, max_size=4)


@settings(deadline=None, max_examples=100)
@given(TERMS, HALF_LIFE_H, st.floats(1e-9, 1e9))
def test_factor_is_a_share_free_of_units_and_of_order(terms, repair_h, scale):
    rates, half_lives_h = (list(column) for column in zip(*terms, strict=True))
    found = factor(rates, half_lives_h, repair_h)
    assert 0.0 < found < 1.0
    assert factor(rates[::-1], half_lives_h[::-1], repair_h) == pytest.approx(found, rel=1e-9)
    assert factor([scale * rate for rate in rates], half_lives_h, repair_h) == pytest.approx(found, rel=1e-9)
    in_hours = lea_catcheside_factor(
        amplitudes=rates, decay_constants_per_s=[LN2 / h for h in half_lives_h], repair_half_time_s=repair_h
    )
    assert in_hours == pytest.approx(found, rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(TERMS, HALF_LIFE_H)
def test_slower_repair_spares_less(terms, repair_h):
    rates, half_lives_h = (list(column) for column in zip(*terms, strict=True))
    assert factor(rates, half_lives_h, 1.5 * repair_h) > factor(rates, half_lives_h, repair_h)


def test_limits_of_repair():
    # No repair: one acute dose. Repair at once: BED is the dose.
    assert factor([1.0, 2.0], [50.0, 5.0], 1e9) == pytest.approx(1.0, abs=1e-6)
    assert factor([1.0, 2.0], [50.0, 5.0], 1e-9) == pytest.approx(0.0, abs=1e-8)


def test_a_split_term_changes_nothing():
    assert factor([0.3, 0.7], [40.0, 40.0], 2.8) == pytest.approx(factor([1.0], [40.0], 2.8), rel=1e-12)


def test_the_double_integral_of_an_uptake_curve():
    """G from its definition, 2/D^2 of R(t) R(s) exp(-mu (t-s)) over s < t, by quadrature."""
    mu = LN2 / 2.0
    decays = LN2 / np.array([10.0, 1.0])

    def rate(hours):
        return np.exp(-decays[0] * hours) - np.exp(-decays[1] * hours)

    dose = 1.0 / decays[0] - 1.0 / decays[1]
    integral, _ = dblquad(lambda s, t: rate(t) * rate(s) * np.exp(-mu * (t - s)), 0.0, 200.0, 0.0, lambda t: t)
    # Quadrature of 1.5e-8; e^-14 of the dose is left after 200 h.
    assert factor([1.0, -1.0], [10.0, 1.0], 2.0) == pytest.approx(2.0 * integral / dose**2, rel=1e-5)


@pytest.mark.parametrize("repair_h", [0.5, 2.8, 10.0])
def test_sampled_factor_of_one_exponential(repair_h):
    times_h = np.linspace(0.0, 1200.0, 24_001)
    found = lea_catcheside_factor_sampled(
        times_s=times_h * HOUR_S, dose_rates=2.0 ** (-times_h / 52.0), repair_half_time_s=repair_h * HOUR_S
    )
    # Trapezoid: (mu h)^2 / 12 = 4e-4 at 0.05 h and 0.5 h; e^-16 is left at the end.
    assert found == pytest.approx(repair_h / (repair_h + 52.0), rel=1e-3)


def test_sampled_factor_of_a_constant_rate():
    """2 (x - 1 + e^-x) / x^2 with x = mu T."""
    times_s = np.linspace(0.0, 1e4, 4001)
    found = lea_catcheside_factor_sampled(times_s=times_s, dose_rates=np.full(4001, 0.7), repair_half_time_s=4e3)
    x = LN2 / 4e3 * 1e4
    assert found == pytest.approx(2.0 * (x - 1.0 + np.exp(-x)) / x**2, rel=1e-6)


def test_sampled_factor_takes_uneven_steps():
    times_h = np.concatenate([[0.0], np.geomspace(0.01, 1200.0, 6000)])
    found = lea_catcheside_factor_sampled(
        times_s=times_h * HOUR_S, dose_rates=2.0 ** (-times_h / 52.0), repair_half_time_s=2.8 * HOUR_S
    )
    # Steps are 0.2 % of the time, 0.2 h at two half-lives: (mu h)^2 / 12 = 2e-4.
    assert found == pytest.approx(2.8 / 54.8, rel=1e-3)


@settings(deadline=None, max_examples=100)
@given(st.floats(0.0, 500.0), st.floats(0.0, 1.0), ALPHA_BETA)
def test_bed_inverts_and_never_lies_below_dose(dose, g, alpha_beta):
    bed = bed_gy(absorbed_dose_gy=dose, g=g, alpha_beta_gy=alpha_beta)
    assert bed >= dose
    back = dose_for_bed_gy(bed_gy=bed, g=g, alpha_beta_gy=alpha_beta)
    assert back == pytest.approx(dose, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 200.0), ALPHA_BETA, st.integers(2, 8))
def test_cycles_spare(dose, alpha_beta, n):
    """n cycles of D/n have less BED than one of D, never less than the dose."""
    one = bed_gy(absorbed_dose_gy=dose, g=0.05, alpha_beta_gy=alpha_beta)
    many = n * bed_gy(absorbed_dose_gy=dose / n, g=0.05, alpha_beta_gy=alpha_beta)
    assert dose < many < one
    # The quadratic part is divided by n.
    assert many - dose == pytest.approx((one - dose) / n, rel=1e-6)


@pytest.mark.parametrize(("n", "expected"), [(4, 21.965188), (1, 27.860752)])
def test_twenty_gray_in_cycles_and_at_once(n, expected):
    found = n * bed_gy(absorbed_dose_gy=20.0 / n, g=0.05109489, alpha_beta_gy=2.6)
    assert found == pytest.approx(expected, rel=1e-6)


def test_eqd2_of_fractions_of_two_gray_is_their_dose():
    # 20 acute fractions of 2 Gy, G = 1.
    bed = 20 * bed_gy(absorbed_dose_gy=2.0, g=1.0, alpha_beta_gy=3.0)
    assert eqd2_gy(bed_gy=bed, alpha_beta_gy=3.0) == pytest.approx(40.0, rel=1e-12)


def test_nothing_gives_nothing():
    assert bed_gy(absorbed_dose_gy=0.0, g=0.5, alpha_beta_gy=3.0) == 0.0
    assert eqd2_gy(bed_gy=0.0, alpha_beta_gy=3.0) == 0.0
    assert dose_for_bed_gy(bed_gy=0.0, g=0.5, alpha_beta_gy=3.0) == 0.0
    assert dose_for_bed_gy(bed_gy=7.0, g=0.0, alpha_beta_gy=3.0) == 7.0


@pytest.mark.parametrize("g", [1e-300, 1e-18, 1e-15, 1e-12, 1e-9])
def test_a_vanishing_factor_leaves_the_dose(g):
    assert dose_for_bed_gy(bed_gy=30.0, g=g, alpha_beta_gy=3.0) == pytest.approx(30.0, rel=1e-7)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"decay_constants_per_s": [1e-5]}, "invalid_input"),
        ({"amplitudes": [], "decay_constants_per_s": []}, "invalid_input"),
        ({"decay_constants_per_s": [1e-5, 0.0]}, "invalid_input"),
        ({"decay_constants_per_s": [1e-5, -1e-6]}, "invalid_input"),
        ({"decay_constants_per_s": [1e-5, np.nan]}, "invalid_input"),
        ({"repair_half_time_s": 0.0}, "invalid_input"),
        ({"repair_half_time_s": -1.0}, "invalid_input"),
        ({"repair_half_time_s": np.nan}, "invalid_input"),
        ({"amplitudes": [0.0, 0.0]}, "no_dose"),
        ({"amplitudes": [1.0, -5.0]}, "no_dose"),
        ({"amplitudes": [1.0, np.nan]}, "no_dose"),
    ],
)
def test_refuses_a_rate_without_meaning(change, code):
    arguments = {"amplitudes": [1.0, 2.0], "decay_constants_per_s": [1e-5, 1e-5], "repair_half_time_s": 1e4}
    with pytest.raises(InvalidInputError) as caught:
        lea_catcheside_factor(**{**arguments, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"times_s": [0.0, 1.0]}, "invalid_input", "rising times"),
        ({"times_s": [0.0], "dose_rates": [1.0]}, "invalid_input", "rising times"),
        ({"times_s": [0.0, 1.0, 1.0]}, "invalid_input", "rising times"),
        ({"times_s": [0.0, 2.0, 1.0]}, "invalid_input", "rising times"),
        ({"times_s": [0.0, np.nan, 2.0]}, "invalid_input", "rising times"),
        ({"repair_half_time_s": 0.0}, "invalid_input", "repair half-time"),
        ({"repair_half_time_s": -5.0}, "invalid_input", "repair half-time"),
        ({"repair_half_time_s": np.nan}, "invalid_input", "repair half-time"),
        ({"dose_rates": [0.0, 0.0, 0.0]}, "no_dose", "no dose"),
        ({"dose_rates": [1.0, np.nan, 0.0]}, "no_dose", "no dose"),
    ],
)
def test_refuses_samples_without_meaning(change, code, text):
    arguments = {"times_s": [0.0, 1.0, 2.0], "dose_rates": [1.0, 0.5, 0.2], "repair_half_time_s": 1.0}
    with pytest.raises(InvalidInputError, match=text) as caught:
        lea_catcheside_factor_sampled(**{**arguments, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (bed_gy, {"absorbed_dose_gy": -1.0, "g": 0.1, "alpha_beta_gy": 3.0}),
        (bed_gy, {"absorbed_dose_gy": np.nan, "g": 0.1, "alpha_beta_gy": 3.0}),
        (bed_gy, {"absorbed_dose_gy": 1.0, "g": -0.1, "alpha_beta_gy": 3.0}),
        (bed_gy, {"absorbed_dose_gy": 1.0, "g": np.nan, "alpha_beta_gy": 3.0}),
        (bed_gy, {"absorbed_dose_gy": 1.0, "g": 0.1, "alpha_beta_gy": 0.0}),
        (bed_gy, {"absorbed_dose_gy": 1.0, "g": 0.1, "alpha_beta_gy": np.nan}),
        (eqd2_gy, {"bed_gy": 1.0, "alpha_beta_gy": 0.0}),
        (eqd2_gy, {"bed_gy": 1.0, "alpha_beta_gy": -3.0}),
        (eqd2_gy, {"bed_gy": np.nan, "alpha_beta_gy": 3.0}),
        (eqd2_gy, {"bed_gy": -1.0, "alpha_beta_gy": 3.0}),
        (dose_for_bed_gy, {"bed_gy": -1.0, "g": 0.1, "alpha_beta_gy": 3.0}),
        (dose_for_bed_gy, {"bed_gy": np.nan, "g": 0.1, "alpha_beta_gy": 3.0}),
        (dose_for_bed_gy, {"bed_gy": 1.0, "g": -0.1, "alpha_beta_gy": 3.0}),
        (dose_for_bed_gy, {"bed_gy": 1.0, "g": 0.1, "alpha_beta_gy": 0.0}),
    ],
)
def test_refuses_values_without_meaning(function, arguments):
    with pytest.raises(InvalidInputError, match="alpha/beta must be above zero") as caught:
        function(**arguments)
    assert caught.value.code == "invalid_input"


def test_a_decay_faster_than_anything_is_one_flash():
    found = lea_catcheside_factor(
        amplitudes=[2.6e223], decay_constants_per_s=[2.6e223], repair_half_time_s=2.5 * 3600.0
    )
    assert found == pytest.approx(1.0)
