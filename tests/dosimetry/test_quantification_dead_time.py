"""Dead time: worked numbers, both models undone, limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.dead_time import true_rate_non_paralysable, true_rate_paralysable

MODELS = [true_rate_non_paralysable, true_rate_paralysable]


def test_the_worked_paralysable_rate():
    # verification.md section 8: true 2e5 cps at 1 us are seen as 163746.15 cps, a number with 8 digits.
    assert true_rate_paralysable(observed_cps=163746.15, dead_time_s=1e-6) == pytest.approx(2e5, rel=1e-7)


@given(true_cps=st.floats(1.0, 1e6), load=st.floats(1e-6, 0.95))
def test_what_a_paralysable_camera_loses_comes_back(true_cps, load):
    dead_time_s = load / true_cps
    observed = true_cps * np.exp(-load)
    # Near its turning point (load 1) the inverse loses digits: relative error grows as 1 / (1 - load).
    assert true_rate_paralysable(observed_cps=observed, dead_time_s=dead_time_s) == pytest.approx(true_cps, rel=1e-10)


@given(true_cps=st.floats(1.0, 1e6), load=st.floats(1e-6, 100.0))
def test_what_a_non_paralysable_camera_loses_comes_back(true_cps, load):
    dead_time_s = load / true_cps
    observed = true_cps / (1.0 + load)
    assert true_rate_non_paralysable(observed_cps=observed, dead_time_s=dead_time_s) == pytest.approx(
        true_cps, rel=1e-10
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("observed_cps", "dead_time_s"), [(5000.0, 0.0), (0.0, 1e-6)])
def test_without_dead_time_or_counts_nothing_is_corrected(model, observed_cps, dead_time_s):
    assert model(observed_cps=observed_cps, dead_time_s=dead_time_s) == observed_cps


@pytest.mark.parametrize(("model", "limit_cps"), [(MODELS[0], 1e6), (MODELS[1], np.exp(-1.0) * 1e6)])
def test_rates_beyond_the_model_are_refused(model, limit_cps):
    assert np.isfinite(model(observed_cps=0.999 * limit_cps, dead_time_s=1e-6))
    for observed_cps in (limit_cps * (1.0 + 1e-12), 2.0 * limit_cps):
        with pytest.raises(InvalidInputError, match="exceeds what this dead time admits") as caught:
            model(observed_cps=observed_cps, dead_time_s=1e-6)
        assert caught.value.code == "rate_too_high"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("observed_cps", "dead_time_s"), [(-1.0, 1e-6), (10.0, -1e-6), (np.nan, 1e-6), (10.0, np.nan), (np.inf, 0.0)]
)
def test_numbers_that_are_no_rates_are_refused(model, observed_cps, dead_time_s):
    with pytest.raises(InvalidInputError, match="zero or more") as caught:
        model(observed_cps=observed_cps, dead_time_s=dead_time_s)
    assert caught.value.code == "bad_rate"
