"""Curve models: the integral is one parameter, the physical decay is built in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.models import MODELS, evaluate, get_model, tail_fraction
from dosimetry.units import HOUR_S

LU177_PER_S = np.log(2.0) / (159.528 * HOUR_S)
LOG_PER_S = st.floats(np.log(np.log(2.0) / (2000.0 * HOUR_S)), np.log(np.log(2.0) / (0.1 * HOUR_S)))
"""Logarithms of constants between half-lives of 0.1 h and 2000 h."""


@st.composite
def shapes(draw, name):
    if name == "bi_exponential":
        return np.array([draw(LOG_PER_S), draw(LOG_PER_S), draw(st.floats(-5.0, 5.0))])
    return np.array([draw(LOG_PER_S) for _ in MODELS[name].parameter_names])


def any_model():
    return st.sampled_from(sorted(MODELS)).flatmap(lambda name: st.tuples(st.just(name), shapes(name)))


@settings(deadline=None, max_examples=100)
@given(any_model())
def test_terms_integrate_to_one_and_never_decay_slower_than_physics(model_and_shape):
    name, shape = model_and_shape
    amplitudes, decays = get_model(name).terms(shape, LU177_PER_S)
    # The closest pair of constants differs by 1e-4 of their size, which costs four of sixteen digits.
    assert np.sum(amplitudes / decays) == pytest.approx(1.0, rel=1e-10)
    assert np.all(decays >= LU177_PER_S)


@settings(deadline=None, max_examples=50)
@given(any_model(), st.floats(1.0, 1e15), st.floats(1.0, 1e6))
def test_activity_is_linear_in_its_integral_and_never_negative(model_and_shape, tia_bq_s, time_s):
    name, shape = model_and_shape
    terms = get_model(name).terms(shape, LU177_PER_S)
    times = np.array([0.0, time_s])
    one = evaluate(terms=terms, tia_bq_s=1.0, times_s=times)
    many = evaluate(terms=terms, tia_bq_s=tia_bq_s, times_s=times)
    # Rounding of the difference of two equal terms, for the curve that starts from zero.
    rounding = 1e-14 * np.abs(terms[0]).max()
    assert many == pytest.approx(tia_bq_s * one, rel=1e-12, abs=tia_bq_s * rounding)
    assert np.all(one >= -rounding)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_numerical_integral_is_the_parameter(name):
    shape = np.log(np.log(2.0) / (np.array([60.0, 3.0, 5.0]) * HOUR_S))[: len(MODELS[name].parameter_names)]
    if name == "bi_exponential":
        shape[2] = 0.7
    terms = get_model(name).terms(shape, LU177_PER_S)

    def per_hour(hours):
        return evaluate(terms=terms, tia_bq_s=5e12, times_s=np.array([hours * HOUR_S]))[0] * HOUR_S

    below, _ = quad(per_hour, 0.0, 30.0, epsrel=1e-12, limit=200)
    above, _ = quad(per_hour, 30.0, 4000.0, epsrel=1e-12, limit=200)
    # Quadrature is asked for 1e-12; e^-60 of the curve is left after 4000 h.
    assert below + above == pytest.approx(5e12, rel=1e-9)
    assert tail_fraction(terms=terms, after_s=30.0 * HOUR_S) == pytest.approx(above / 5e12, rel=1e-9)


def test_uptake_starts_at_zero_peaks_and_falls():
    shape = np.log(np.log(2.0) / (np.array([60.0, 3.0]) * HOUR_S))
    slow_per_s, fast_per_s = get_model("uptake_clearance").terms(shape, LU177_PER_S)[1]
    peak_s = np.log(fast_per_s / slow_per_s) / (fast_per_s - slow_per_s)
    terms = get_model("uptake_clearance").terms(shape, LU177_PER_S)
    start, before, peak, after = evaluate(
        terms=terms, tia_bq_s=1e12, times_s=np.array([0.0, 0.9 * peak_s, peak_s, 1.1 * peak_s])
    )
    assert start == pytest.approx(0.0, abs=1e-12 * peak)
    assert peak > max(before, after)


def test_bi_exponential_share_is_the_share_of_the_integral():
    shape = np.array([np.log(1e-6), np.log(5e-5), np.log(3.0)])
    amplitudes, decays = get_model("bi_exponential").terms(shape, LU177_PER_S)
    # The odds of three say that three quarters of the integral are slow.
    assert amplitudes / decays == pytest.approx([0.75, 0.25], rel=1e-12)
    assert decays == pytest.approx([LU177_PER_S + 1e-6, LU177_PER_S + 1e-6 + 5e-5], rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(any_model())
def test_tail_falls_from_one_to_nothing(model_and_shape):
    name, shape = model_and_shape
    terms = get_model(name).terms(shape, LU177_PER_S)
    shares = [tail_fraction(terms=terms, after_s=hours * HOUR_S) for hours in (0.0, 1.0, 10.0, 100.0, 1e4)]
    assert shares[0] == pytest.approx(1.0, rel=1e-10)
    # Equal neighbours are allowed up to rounding, when a rising curve holds little before them.
    assert all(later <= earlier + 1e-10 for earlier, later in pairwise(shares))
    # At least physical decay: e^(-10000 h / 230 h).
    assert shares[-1] < 1e-15


def test_time_unit_cancels():
    shape_s = np.log(np.log(2.0) / (np.array([60.0, 3.0]) * HOUR_S))
    in_s = get_model("uptake_clearance").terms(shape_s, LU177_PER_S)
    in_h = get_model("uptake_clearance").terms(shape_s + np.log(HOUR_S), LU177_PER_S * HOUR_S)
    hours = np.array([1.0, 24.0, 96.0])
    from_s = evaluate(terms=in_s, tia_bq_s=3.6e12, times_s=hours * HOUR_S)
    from_h = evaluate(terms=in_h, tia_bq_s=1e9, times_s=hours)
    assert from_s == pytest.approx(from_h, rel=1e-12)


def test_models_are_in_order_and_count_the_integral_as_a_parameter():
    counts = [model.n_parameters for model in MODELS.values()]
    assert counts == sorted(counts)
    for name, model in MODELS.items():
        assert model.name == name
        assert model.n_parameters == len(model.parameter_names) + 1
        assert {len(start) for start in model.starts} == {len(model.parameter_names)}


def test_unknown_model_names_the_choices():
    with pytest.raises(InvalidInputError, match=r"'f4d'.*mono_exponential, uptake_clearance, bi_exponential") as caught:
        get_model("f4d")
    assert caught.value.code == "invalid_input"


def test_uptake_as_fast_as_clearance_stays_finite():
    """A search may try constants that are equal in floating point."""
    amplitudes, decays = get_model("uptake_clearance").terms(np.array([39.65, -12.45]), LU177_PER_S)
    assert np.isfinite(amplitudes).all()
    assert evaluate(terms=(amplitudes, decays), tia_bq_s=1e12, times_s=np.array([3600.0])).tolist() == [0.0]
