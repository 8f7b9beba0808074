"""Uncertainty of one fit: by hand, and against 500 noisy draws of a known curve."""

import numpy as np
import pytest

from dosimetry.kinetics.fitting import fit_curve
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([4.0, 24.0, 72.0, 96.0, 168.0]) * HOUR_S
TRUTH_BQ = 2e8 * 2.0 ** (-TIMES_S / (52.0 * HOUR_S))


def fit(activities):
    return fit_curve(
        model="mono_exponential",
        times_s=TIMES_S,
        activities_bq=activities,
        standard_uncertainties_bq=0.05 * TRUTH_BQ,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


def test_uncertainty_is_the_one_of_linear_least_squares():
    """u(TIA) from A and lambda by hand: J^T W J inverted, then propagated to A / lambda."""
    found = fit(TRUTH_BQ)
    decay = LN2 / (52.0 * HOUR_S)
    relative_jacobian = np.stack([np.ones_like(TIMES_S), -TIMES_S], axis=1) / 0.05
    covariance = np.linalg.inv(relative_jacobian.T @ relative_jacobian)
    gradient = np.array([1.0, -1.0 / decay])
    relative_u = float(np.sqrt(gradient @ covariance @ gradient))
    # Central differences of step 1e-5 have an error near 1e-9.
    assert (
        found.time_integrated_activity_standard_uncertainty_bq_s / found.time_integrated_activity_bq_s
        == pytest.approx(relative_u, rel=1e-6)
    )
    assert found.effective_half_life_standard_uncertainty_s / found.effective_half_life_s == pytest.approx(
        np.sqrt(covariance[1, 1]) / decay, rel=1e-6
    )


@pytest.fixture(scope="module")
def noisy_fits():
    """500 fits of one curve with 5 % noise; the uncertainties are those of the true activities."""
    generator = np.random.default_rng(20261)
    return [fit(TRUTH_BQ * (1.0 + 0.05 * generator.standard_normal(TRUTH_BQ.size))) for _ in range(500)]


def test_standard_uncertainty_agrees_with_noisy_draws(noisy_fits):
    tia = np.array([found.time_integrated_activity_bq_s for found in noisy_fits])
    stated = np.array([found.time_integrated_activity_standard_uncertainty_bq_s for found in noisy_fits])
    half_lives = np.array([found.effective_half_life_s for found in noisy_fits])
    stated_half_life = np.array([found.effective_half_life_standard_uncertainty_s for found in noisy_fits])
    # The SD of 500 draws is known to 1/sqrt(998) = 3.2 %; three of these, and 1 % for the curvature of the model.
    assert tia.std(ddof=1) == pytest.approx(stated.mean(), rel=0.105)
    assert half_lives.std(ddof=1) == pytest.approx(stated_half_life.mean(), rel=0.105)
    # No bias beyond three standard errors of the mean and second order (u^2, below 0.2 %).
    truth = 2e8 * 52.0 * HOUR_S / LN2
    assert tia.mean() == pytest.approx(truth, abs=3.0 * tia.std() / np.sqrt(500.0) + 0.002 * truth)


def test_intervals_cover_the_truth(noisy_fits):
    truth = 2e8 * 52.0 * HOUR_S / LN2
    is_covered = [
        abs(found.time_integrated_activity_bq_s - truth)
        < 1.96 * found.time_integrated_activity_standard_uncertainty_bq_s
        for found in noisy_fits
    ]
    # Binomial: sqrt(0.95 * 0.05 / 500) = 1 %; three of them.
    assert np.mean(is_covered) == pytest.approx(0.95, abs=0.03)


def test_chi2_of_noisy_draws_has_its_degrees_of_freedom(noisy_fits):
    chi2 = np.array([found.chi2 for found in noisy_fits])
    # Mean n - K = 3, SD sqrt(6); three standard errors of the mean.
    assert chi2.mean() == pytest.approx(3.0, abs=3.0 * np.sqrt(6.0 / 500.0))


def test_band_agrees_with_noisy_draws(noisy_fits):
    times_s = np.array([10.0, 60.0, 300.0]) * HOUR_S
    curves = np.array([found.activity_bq(times_s) for found in noisy_fits])
    stated = np.mean([found.band_bq(times_s) for found in noisy_fits], axis=0)
    # As for the integral; the tail at 300 h is skewed and gets 5 % more.
    assert curves.std(axis=0, ddof=1) == pytest.approx(stated, rel=0.15)
