"""The uncertainty chain: first order and Monte Carlo agree, the volume enters everywhere at once, BED has its own."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.averaging import average_models
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.selection import fit_admissible
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.radiobiology.uncertainty_chain import Shared, propagate_chain
from dosimetry.units import HOUR_S

DECAY = get_nuclide("Lu-177").decay_constant_per_s
TIMES_S = np.array([24.0, 72.0, 168.0]) * HOUR_S


def curve(cv=0.02, half_life_h=52.0):
    values = 1e8 * 2.0 ** (-TIMES_S / (half_life_h * HOUR_S))
    return fit_curve(
        model="mono_exponential",
        times_s=TIMES_S,
        activities_bq=values,
        standard_uncertainties_bq=cv * values,
        nuclide_decay_constant_per_s=DECAY,
    )


def shared(**changes):
    fields = {
        "calibration_cv": 0.03,
        "recovery_fit_cv": None,
        "dose_model_cv": 0.01,
        "volume_cv": 0.06,
        "volume_ml": 20.0,
    }
    return Shared(**{**fields, **changes})


def chain(dose_gy=5.0, fit=None, stated=None, **changes):
    return propagate_chain(mean_dose_gy=dose_gy, curve=fit or curve(), shared=stated or shared(), **changes)


def gear_recovery(volume_ml):
    return 1.0 - 1.0 / (1.0 + (volume_ml / 6.0) ** 1.2)


def test_the_published_example_by_both_ways():
    """Verification 7: v 20 mL 12 %, Q 3 %, C 1 %, RC fit 4 %: 0.156043 first order, 0.1562 by lognormal draws."""
    certain = curve(cv=1e-7)
    stated = shared(
        volume_cv=0.12, calibration_cv=0.03, dose_model_cv=0.01, recovery_fit_cv=0.04, recovery=gear_recovery
    )
    found = chain(fit=certain, stated=stated, n_samples=100_000)
    assert found.first_order_cv == pytest.approx(0.156043, rel=1e-4)
    # 100 000 draws know half a 68.3 % interval to 0.3 %; it is not exactly the standard deviation.
    assert found.monte_carlo_cv == pytest.approx(0.1562, rel=0.012)


def test_recovery_and_mass_do_not_enter_apart():
    stated = shared(
        volume_cv=0.12, calibration_cv=0.03, dose_model_cv=0.01, recovery_fit_cv=0.04, recovery=gear_recovery
    )
    assert chain(fit=curve(cv=1e-7), stated=stated).components["Contour edge"] == pytest.approx(
        0.12 * 1.228970, rel=1e-4
    )


@pytest.mark.parametrize("cv", [0.02, 0.06])
def test_both_ways_agree_for_a_fitted_curve(cv):
    found = chain(fit=curve(cv=cv), n_samples=20_000)
    # Half the central interval of 20 000 draws: 0.7 %, and 1 % because a long half-life stretches one side.
    assert found.monte_carlo_cv == pytest.approx(found.first_order_cv, rel=0.02)
    assert found.dose.median == pytest.approx(5.0, rel=0.01)
    low, high = found.dose.interval_95
    assert np.log(high / low) == pytest.approx(2 * 1.96 * found.first_order_cv, rel=0.06)


def test_counts_that_follow_the_edge_cancel_mass():
    found = chain(stated=shared(counts_slope=1.0))
    assert found.components["Contour edge"] == 0.0


def test_the_volume_enters_under_the_name_of_its_origin():
    edge, readers = chain(), chain(stated=shared(volume_component="Two readers"))
    assert readers.components["Two readers"] == edge.components["Contour edge"]
    assert "Contour edge" not in readers.components
    assert readers.first_order_cv == edge.first_order_cv


def test_what_nobody_stated_is_named_and_not_zero():
    found = chain(stated=shared(calibration_cv=None))
    assert found.not_stated == ("Calibration factor", "Recovery curve")
    assert "Calibration factor" not in found.components
    assert found.shared == ("Dose model",)


def test_bed_comes_from_the_same_draws():
    """With repair far slower than decay G is near one; with fast repair near zero, and BED near dose."""
    fast = chain(alpha_beta_gy=2.6, repair_half_time_s=0.01 * HOUR_S, n_samples=5000)
    assert fast.bed.median == pytest.approx(fast.dose.median, rel=0.01)
    found = chain(dose_gy=20.0, alpha_beta_gy=2.6, repair_half_time_s=2.8 * HOUR_S, n_samples=20_000)
    g = 0.05109489  # verification 8, T_eff 52 h
    assert found.bed.median == pytest.approx(20.0 * (1.0 + g * 20.0 / 2.6), rel=0.01)
    low, high = found.bed.interval_68
    first_order = 0.5 * (found.dose.interval_68[1] - found.dose.interval_68[0]) * (1.0 + 2.0 * g * 20.0 / 2.6)
    # A longer half-life gives more dose and a smaller G: BED spreads a little less than with G held fixed.
    assert 0.85 < 0.5 * (high - low) / first_order < 1.02


def test_an_average_draws_each_model_by_its_weight():
    times = np.array([4.0, 24.0, 72.0, 120.0, 168.0]) * HOUR_S
    values = 1e8 * (0.7 * 2.0 ** (-times / (50 * HOUR_S)) + 0.3 * 2.0 ** (-times / (9 * HOUR_S)))
    fits = fit_admissible(
        times_s=times,
        activities_bq=values,
        standard_uncertainties_bq=0.05 * values,
        nuclide_decay_constant_per_s=DECAY,
    ).fits
    average = average_models(fits)
    found = chain(fit=average, stated=shared(volume_cv=0.0, calibration_cv=None, dose_model_cv=None), n_samples=20_000)
    assert found.dose.median == pytest.approx(5.0, rel=0.03)
    # Two models that lie apart: the unconditional form is an upper bound of the mixture's spread.
    assert 0.6 < found.monte_carlo_cv / found.first_order_cv < 1.1


def test_same_seed_same_result_and_another_seed_another():
    assert chain(seed=4).dose == chain(seed=4).dose
    assert chain(seed=4).dose != chain(seed=5).dose


@pytest.mark.parametrize(
    "change",
    [
        {"dose_gy": 0.0},
        {"dose_gy": float("nan")},
        {"stated": shared(volume_cv=-0.1)},
        {"stated": shared(calibration_cv=float("nan"))},
        {"n_samples": 10},
    ],
)
def test_input_that_cannot_be_used_is_refused(change):
    with pytest.raises(InvalidInputError):
        chain(**change)
