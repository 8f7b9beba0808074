"""Terms of every model: unit integral, no negative activity, exact derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.kinetics.fitting import numeric_jacobian
from dosimetry.kinetics.models import FURTHER_MODELS, MODELS, get_model
from dosimetry.kinetics.terms import evaluate, evaluate_slopes, single_time_point_terms
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177_PER_S = LN2 / (159.528 * HOUR_S)
NAMES = [*MODELS, *FURTHER_MODELS]
TIMES_S = np.array([0.0, 0.02, 1.0, 5.0, 24.0, 96.0, 200.0]) * HOUR_S


@st.composite
def models_with_shapes(draw):
    model = get_model(draw(st.sampled_from(NAMES)))
    log_per_s = st.floats(np.log(LN2 / (1000.0 * HOUR_S)), np.log(LN2 / (0.3 * HOUR_S)))
    shape = [
        draw(st.floats(-4.0, 4.0)) if name.endswith("_share") else draw(log_per_s) for name in model.parameter_names
    ]
    return model, np.array(shape)


@settings(deadline=None, max_examples=200)
@given(models_with_shapes())
def test_unit_integral_no_negative_activity_and_the_bound(model_and_shape):
    model, shape = model_and_shape
    amplitudes, decays = model.terms(shape, LU177_PER_S)
    # The closest pair of constants differs by 1e-4 of their size, which costs four of sixteen digits, and twice as
    # many in the second difference of an uptake in two steps.
    assert np.sum(amplitudes / decays) == pytest.approx(1.0, rel=1e-6 if model.name.startswith("two_step") else 1e-10)
    assert np.all(decays >= LU177_PER_S)
    activity = evaluate(terms=(amplitudes, decays), tia_bq_s=1.0, times_s=TIMES_S)
    assert np.all(activity >= -1e-13 * np.abs(amplitudes).max())
    if model.starts_at_zero:
        assert activity[0] == pytest.approx(0.0, abs=1e-13 * np.abs(amplitudes).max())


@settings(deadline=None, max_examples=200)
@given(models_with_shapes())
def test_analytic_slopes_are_the_numeric_ones(model_and_shape):
    model, shape = model_and_shape
    theta = np.array([np.log(3e5), *shape])

    def curve(values):
        terms = model.terms(values[1:], LU177_PER_S)
        return evaluate(terms=terms, tia_bq_s=float(np.exp(values[0])), times_s=TIMES_S)

    slopes = model.slopes(shape, LU177_PER_S)
    exact = evaluate_slopes(slopes=slopes, tia_bq_s=3e5, times_s=TIMES_S)
    numeric = numeric_jacobian(curve, theta, step=1e-4)
    # Central differences of step 1e-4: truncation 1e-8 and rounding 1e-12, of the terms that cancel in a rise.
    scale = 3e5 * np.abs(slopes.amplitudes).max()
    assert exact == pytest.approx(numeric, rel=1e-6, abs=1e-7 * scale)


def test_slopes_of_a_declared_half_life():
    theta = np.array([np.log(LN2 / (50.0 * HOUR_S))])
    slopes = single_time_point_terms(theta, LU177_PER_S)
    exact = evaluate_slopes(slopes=slopes, tia_bq_s=1.0, times_s=TIMES_S)
    decay = LN2 / (50.0 * HOUR_S)
    by_hand = decay * (1.0 - decay * TIMES_S) * np.exp(-decay * TIMES_S)
    assert exact[:, 1] == pytest.approx(by_hand, rel=1e-12, abs=1e-20)


def test_further_models_count_the_integral_and_start_within_their_bounds():
    for name, model in FURTHER_MODELS.items():
        assert model.name == name
        assert name not in MODELS
        assert model.n_parameters == len(model.parameter_names) + 1
        lower, upper = (np.array(values[1:]) for values in model.bounds())
        for start in model.starts:
            assert np.all((lower < start) & (start < upper))
