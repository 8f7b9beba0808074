"""The family of curves of Kletting et al., Med. Phys. 40, 102501 (2013), and f4d of Hardiansyah et al. (2023).

E(l) = exp(-(l + lp) t), I(l) = 1 / (l + lp): the table of docs/physics.md, section 8, written out here by hand.
"""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from dosimetry.kinetics.models import FURTHER_MODELS, MODELS, get_model
from dosimetry.kinetics.terms import BLOOD_MIXING_PER_S, evaluate
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

pytestmark = pytest.mark.reference
LN2 = np.log(2.0)
LP = get_nuclide("Lu-177").decay_constant_per_s
L1, L2, L3 = (LN2 / (hours * HOUR_S) for hours in (60.0, 9.0, 1.5))
A = 0.35
TIMES_S = np.array([0.0, 0.5, 4.0, 24.0, 96.0, 240.0]) * HOUR_S


def e(constant, times_s):
    return np.exp(-(constant + LP) * times_s)


def i(constant):
    return 1.0 / (constant + LP)


def logit(share):
    return np.log(share / (1.0 - share))


F3A_SHARE = A * i(0.0) / ((1.0 - A) * i(L1) + A * i(0.0))
F4A_SHARE = (1.0 - A) * i(L1) / ((1.0 - A) * i(L1) + A * i(L2))
FAMILY = {
    "f1": ([], lambda x: x(0.0)),
    "f2": ([np.log(L1)], lambda x: x(L1)),
    "f3": ([np.log(L1), np.log(L2 - L1)], lambda x: x(L1) - x(L2)),
    "f3a": ([np.log(L1), logit(F3A_SHARE)], lambda x: (1.0 - A) * x(L1) + A * x(0.0)),
    "f4a": ([np.log(L1), np.log(L2 - L1), logit(F4A_SHARE)], lambda x: (1.0 - A) * x(L1) + A * x(L2)),
    "f4d": (
        [np.log(L1), np.log(L2 - L1), logit(A / (1.0 - A))],
        lambda x: (1.0 - A) * x(L1) - A * x(L2) - (1.0 - 2.0 * A) * x(BLOOD_MIXING_PER_S),
    ),
    "f5": (
        [np.log(L1), np.log(L2 - L1), np.log(L3 - L2), logit(A)],
        lambda x: (1.0 - A) * x(L1) + A * x(L2) - x(L3),
    ),
}
"""Shape parameters of our fit for given constants, and the published form of curve and integral."""
N_PARAMETERS = {"f1": 1, "f2": 2, "f3": 3, "f3a": 3, "f4a": 4, "f4d": 4, "f5": 5}


def by_published_name(name):
    return next(model for model in {**MODELS, **FURTHER_MODELS}.values() if model.published_name == name)


def test_the_whole_family_is_there_once():
    published = [model.published_name for model in {**MODELS, **FURTHER_MODELS}.values() if model.published_name]
    assert sorted(published) == sorted(FAMILY)


@pytest.mark.parametrize("name", FAMILY)
def test_curve_is_the_published_form_over_its_integral(name):
    shape, form = FAMILY[name]
    model = by_published_name(name)
    assert model.n_parameters == N_PARAMETERS[name]
    found = evaluate(terms=model.terms(np.array(shape), LP), tia_bq_s=7e12, times_s=TIMES_S)
    expected = 7e12 * form(lambda constant: e(constant, TIMES_S)) / form(i)
    # Rounding, also of the difference that starts at zero.
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILY)
def test_numerical_integral_is_the_parameter(name):
    shape, _ = FAMILY[name]
    terms = by_published_name(name).terms(np.array(shape), LP)

    def per_hour(hours):
        return evaluate(terms=terms, tia_bq_s=1000.0, times_s=np.array([hours * HOUR_S]))[0] * HOUR_S

    edges = [0.0, 0.1, 2.0, 30.0, 6000.0]  # the mixing with blood takes minutes
    total = sum(quad(per_hour, low, high, epsrel=1e-12, limit=200)[0] for low, high in pairwise(edges))
    # Quadrature is asked for 1e-12; 2^(-6000/160) is left.
    assert total == pytest.approx(1000.0, rel=1e-9)


@pytest.mark.parametrize("name", ["f3", "f4d", "f5"])
def test_curves_with_uptake_start_at_zero(name):
    shape, _ = FAMILY[name]
    model = by_published_name(name)
    assert model.starts_at_zero
    start, later = evaluate(terms=model.terms(np.array(shape), LP), tia_bq_s=1.0, times_s=np.array([0.0, 4.0 * HOUR_S]))
    assert start == pytest.approx(0.0, abs=1e-12 * later)


def test_worked_example_of_f4d():
    """Verification numbers, section 6: 60 h, 3 h, one minute, a = 0.35, TIA 1000 (per hour there)."""
    slow, fast = LN2 / (60.0 * HOUR_S), LN2 / (3.0 * HOUR_S)
    shape = np.array([np.log(slow), np.log(fast - slow), logit(0.35 / 0.65)])
    terms = get_model("blood_mixing_uptake").terms(shape, LP)
    at = evaluate(terms=terms, tia_bq_s=1000.0 * HOUR_S, times_s=np.array([0.0, 24.0, 96.0]) * HOUR_S)
    assert at[0] == pytest.approx(0.0, abs=1e-11)
    # The text has eight digits.
    assert at[1:] == pytest.approx([11.235364, 3.586690], abs=6e-7)
