"""Advice on the next scan: order of the candidates, agreement with what the scan then does, and refusals."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.bayes import estimate_tia
from dosimetry.kinetics.next_scan import advise_first_scan, advise_next_scan
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177_PER_S = get_nuclide("Lu-177").decay_constant_per_s
HALF_LIFE_H = 49.0
CONSTANT = LN2 / (HALF_LIFE_H * HOUR_S) - LU177_PER_S
PRIOR = PopulationPrior(
    agent="DOTATATE",
    organ="kidney",
    nuclide="Lu-177",
    source="simulated",
    model="mono_exponential",
    mean=(float(np.log(CONSTANT)),),
    covariance=((0.09,),),
    has_amplitude=False,
    residual_cv=0.0,
    n_patients=None,
    status="fitted",
)
CANDIDATES_H = np.array([4.0, 24.0, 48.0, 72.0, 96.0, 168.0])
WANTED = {"scan_cv": 0.04, "wanted_cv": 0.06}


def after(times_h, activities_bq, u=0.04):
    activities = np.asarray(activities_bq, dtype=float)
    return estimate_tia(
        times_s=np.asarray(times_h) * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=u * activities,
        prior=PRIOR,
    )


def expected(advice):
    return {round(candidate.time_s / HOUR_S): candidate.expected_cv for candidate in advice.candidates}


def test_first_scan_belongs_near_1_44_half_lives():
    advice = advise_first_scan(PRIOR, candidate_times_s=CANDIDATES_H * HOUR_S, **WANTED)
    # The integral from one scan does not depend on the half-life at 1.443 T = 71 h.
    assert advice.best.time_s == 72.0 * HOUR_S
    assert advice.current_cv is None
    assert not advice.is_enough
    # What remains at the best time is little more than the scan's own 4 %.
    assert 0.04 < advice.best.expected_cv < 0.055
    assert advice.best.is_enough
    assert expected(advice)[4] > 2.5 * advice.best.expected_cv


def test_expected_uncertainty_is_what_the_posterior_of_such_a_scan_has():
    advice = advise_first_scan(PRIOR, candidate_times_s=[24.0 * HOUR_S], **WANTED)
    assert advice.best.expected_cv == pytest.approx(after([24.0], [1e8]).cv, rel=0.05)


def test_after_an_early_scan_a_late_one_helps_most():
    early = after([24.0], [1e8])
    advice = advise_next_scan(early, candidate_times_s=CANDIDATES_H * HOUR_S, **WANTED)
    assert advice.current_cv == early.cv
    assert not advice.is_enough
    assert advice.best.time_s >= 72.0 * HOUR_S
    # A second scan at the same time halves the variance of the noise only, which is the smaller part.
    assert expected(advice)[24] > 0.85 * early.cv
    assert all(candidate.expected_cv < 1.02 * early.cv for candidate in advice.candidates)


def test_expected_uncertainty_agrees_with_the_scan_then_made():
    early = after([24.0], [1e8])
    advice = advise_next_scan(early, candidate_times_s=[96.0 * HOUR_S], **WANTED)
    random = np.random.default_rng(1)
    cvs = []
    for _ in range(60):
        theta = early.samples.theta[random.choice(early.samples.weights.size, p=early.samples.weights)]
        decay = LU177_PER_S + np.exp(theta[1])
        activity = np.exp(theta[0]) * decay * np.exp(-decay * 96.0 * HOUR_S + 0.04 * random.standard_normal())
        cvs.append(after([24.0, 96.0], [1e8, activity]).cv)
    # 60 outcomes and 200 of the advice: each mean within 3 %.
    assert advice.best.expected_cv == pytest.approx(np.sqrt(np.mean(np.square(cvs))), rel=0.08)


def test_scans_that_are_enough_are_said_to_be():
    times_h = np.array([24.0, 72.0, 168.0])
    full = after(times_h, 1e8 * 2.0 ** (-times_h / HALF_LIFE_H))
    advice = advise_next_scan(full, candidate_times_s=[96.0 * HOUR_S], **WANTED)
    assert advice.is_enough
    assert not advise_next_scan(full, candidate_times_s=[96.0 * HOUR_S], scan_cv=0.04, wanted_cv=0.005).is_enough


def test_advice_is_repeatable_and_in_order_of_time():
    early = after([24.0], [1e8])
    first = advise_next_scan(early, candidate_times_s=[96.0 * HOUR_S, 48.0 * HOUR_S], **WANTED)
    assert first == advise_next_scan(early, candidate_times_s=[48.0 * HOUR_S, 96.0 * HOUR_S], **WANTED)
    assert [candidate.time_s for candidate in first.candidates] == [48.0 * HOUR_S, 96.0 * HOUR_S]


@pytest.mark.parametrize(
    "change",
    [
        {"candidate_times_s": []},
        {"candidate_times_s": [0.0]},
        {"candidate_times_s": [np.nan]},
        {"scan_cv": 0.0},
        {"scan_cv": 1.0},
        {"wanted_cv": 0.0},
    ],
)
def test_impossible_questions_are_refused(change):
    given = {"candidate_times_s": [96.0 * HOUR_S], **WANTED, **change}
    with pytest.raises(InvalidInputError):
        advise_next_scan(after([24.0], [1e8]), **given)
    with pytest.raises(InvalidInputError):
        advise_first_scan(PRIOR, **given)
