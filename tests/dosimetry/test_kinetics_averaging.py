"""Model average: the worked example, its limits, what is left out, what is flagged."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.averaging import average_models
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.selection import fit_admissible
from dosimetry.kinetics.terms import evaluate
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([1.0, 4.0, 24.0, 72.0, 120.0, 168.0, 240.0]) * HOUR_S


def select(activities, *, times_s=TIMES_S, cv=0.05, models=None):
    return fit_admissible(
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=cv * np.asarray(activities),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        models=models,
    )


def mono(times_s=TIMES_S, half_life_h=40.0):
    return 1e8 * 2.0 ** (-times_s / (half_life_h * HOUR_S))


def stated(model, *, k, chi2, tia, u, n):
    """Return a fit with the numbers of the worked example."""
    fit = fit_curve(
        model=model,
        times_s=TIMES_S,
        activities_bq=mono(),
        standard_uncertainties_bq=0.05 * mono(),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    aicc = chi2 + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else None
    return replace(
        fit,
        n_parameters=k,
        chi2=chi2,
        aicc=aicc,
        time_integrated_activity_bq_s=tia,
        time_integrated_activity_standard_uncertainty_bq_s=u,
    )


def example(n=4):
    return (
        stated("physical_decay", k=1, chi2=9.0, tia=1100.0, u=40.0, n=n),
        stated("mono_exponential", k=2, chi2=3.0, tia=1000.0, u=80.0, n=n),
    )


def test_worked_example():
    """Verification numbers, section 6: n = 4, AICc 13 and 19."""
    first, second = example()
    assert (first.aicc, second.aicc) == (13.0, 19.0)
    average = average_models((second, first))
    assert [fit.model for fit in average.fits] == ["physical_decay", "mono_exponential"]
    # The text has six digits of the weights and seven of the average.
    assert [fit.weight for fit in average.fits] == pytest.approx([0.952574, 0.047426], abs=5e-7)
    assert average.time_integrated_activity_bq_s == pytest.approx(1095.257, abs=5e-4)
    assert average.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(44.269, abs=5e-4)


def test_three_scans_cannot_rank_two_parameters():
    average = average_models(example(n=3))
    assert [fit.model for fit in average.fits] == ["physical_decay"]
    assert [model for model, _ in average.left_out] == ["mono_exponential"]
    assert average.time_integrated_activity_bq_s == 1100.0
    assert average.time_integrated_activity_standard_uncertainty_bq_s == 40.0


def test_nothing_to_rank_is_refused_with_a_way_out():
    with pytest.raises(InsufficientDataError, match="choose one model by protocol") as caught:
        average_models(select(mono(TIMES_S[:3]), times_s=TIMES_S[:3]).fits)
    assert caught.value.code == "nothing_to_rank"


def test_one_model_twice_is_refused():
    first, _ = example()
    with pytest.raises(InvalidInputError) as caught:
        average_models((first, first))
    assert caught.value.code == "duplicate_model"


@pytest.mark.parametrize("change", [{"physical_decay_constant_per_s": 1e-6}, {"aicc": 12.0}, {"aicc": 10.0}])
def test_fits_of_other_points_are_refused(change):
    """AICc 12 with chi2 9 and K 1 belongs to five points, AICc 10 to no number of points."""
    first, second = example()
    with pytest.raises(InvalidInputError) as caught:
        average_models((replace(first, **change), second))
    assert caught.value.code == "different_points"


def noisy_bi(seed=4):
    shape = np.array([*np.log(LN2 / (np.array([90.0, 6.0]) * HOUR_S)), 1.0])
    terms = get_model("bi_exponential").terms(shape, LU177.decay_constant_per_s)
    truth = evaluate(terms=terms, tia_bq_s=2e13, times_s=TIMES_S)
    return truth * (1.0 + 0.05 * np.random.default_rng(seed).standard_normal(TIMES_S.size))


def test_average_lies_between_its_models_and_is_less_certain_than_their_mean():
    average = average_models(select(noisy_bi()).fits)
    tia = [fit.time_integrated_activity_bq_s for fit in average.fits]
    weights = np.array([fit.weight for fit in average.fits])
    u = np.array([fit.time_integrated_activity_standard_uncertainty_bq_s for fit in average.fits])
    assert len(tia) > 1
    assert min(tia) <= average.time_integrated_activity_bq_s <= max(tia)
    assert average.time_integrated_activity_standard_uncertainty_bq_s >= weights @ u
    assert weights.sum() == pytest.approx(1.0, rel=1e-12)


def test_averaged_curve_has_the_averaged_integral():
    average = average_models(select(noisy_bi()).fits)
    amplitudes, decays = average.exponential_terms()
    assert np.sum(np.divide(amplitudes, decays)) == pytest.approx(average.time_integrated_activity_bq_s, rel=1e-9)
    by_terms = np.exp(-np.outer(TIMES_S, decays)) @ amplitudes
    assert average.activity_bq(TIMES_S) == pytest.approx(by_terms, rel=1e-9)
    tail, _ = quad(lambda h: average.activity_bq(np.array([h * HOUR_S]))[0] * HOUR_S, 240.0, 5000.0, limit=200)
    # Quadrature's own 1.5e-8.
    assert average.extrapolated_fraction == pytest.approx(tail / average.time_integrated_activity_bq_s, rel=1e-6)


def test_band_of_one_model_is_its_own_and_grows_with_others():
    selection = select(noisy_bi())
    one = average_models(selection.fits[:1])
    assert one.band_bq(TIMES_S) == pytest.approx(selection.fits[0].band_bq(TIMES_S), rel=1e-12)
    every = average_models(selection.fits)
    weighted = sum(fit.weight * fit.band_bq(TIMES_S) for fit in every.fits)
    assert np.all(every.band_bq(TIMES_S) >= weighted * (1.0 - 1e-12))


def test_unconditional_uncertainty_covers_where_the_curve_is_not_known():
    """Curves with a weak fast phase: the average covers the truth at least as often as the model chosen by AICc."""
    shape = np.array([*np.log(LN2 / (np.array([80.0, 10.0]) * HOUR_S)), 2.2])
    terms = get_model("bi_exponential").terms(shape, LU177.decay_constant_per_s)
    truth = evaluate(terms=terms, tia_bq_s=2e13, times_s=TIMES_S)
    generator = np.random.default_rng(11)
    is_covered = {"average": [], "chosen": []}
    for _ in range(60):
        activities = truth * (1.0 + 0.05 * generator.standard_normal(truth.size))
        average = average_models(select(activities).fits)
        for name, result in (("average", average), ("chosen", average.fits[0])):
            error = abs(result.time_integrated_activity_bq_s - 2e13)
            is_covered[name].append(error < 1.96 * result.time_integrated_activity_standard_uncertainty_bq_s)
    # 60 draws: the share is known to 3 % (one standard error at 95 %); three of them.
    assert np.mean(is_covered["average"]) > 0.95 - 0.09
    assert np.mean(is_covered["average"]) >= np.mean(is_covered["chosen"])


def test_doubts_of_models_with_weight_name_the_model():
    average = average_models(select(mono(half_life_h=120.0)).fits)
    tail = next(finding for finding in average.findings if finding.code == "tail_large")
    assert tail.level == "ask"
    assert "mono_exponential" in tail.message
    # The bi-exponential has no weight here: its open phase is not a doubt about the average.
    assert "undetermined" not in {finding.code for finding in average.findings}


def test_models_that_disagree_are_a_finding():
    first, second = example()
    apart = replace(second, chi2=first.aicc - 16.0, aicc=first.aicc, time_integrated_activity_bq_s=2000.0)
    average = average_models((first, apart))
    assert "models_disagree" in {finding.code for finding in average.findings}
    assert average.between_models_bq_s == pytest.approx(450.0)
    assert "models_disagree" not in {finding.code for finding in average_models(example()).findings}
