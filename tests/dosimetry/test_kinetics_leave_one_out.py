"""Leaving one scan out: exact curves, an outlier, a scan that carries the curve, too few scans."""

import numpy as np
import pytest

from dosimetry.errors import InsufficientDataError
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.leave_one_out import leave_one_out
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([4.0, 24.0, 72.0, 120.0, 168.0]) * HOUR_S
TRUTH = 1e8 * 2.0 ** (-TIMES_S / (45.0 * HOUR_S))


def predict(activities, *, times_s=TIMES_S, model="mono_exponential", cv=0.05):
    return leave_one_out(
        model=model,
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=cv * np.asarray(activities),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


def test_an_exact_curve_predicts_itself():
    found = predict(TRUTH)
    # Convergence of the minimiser.
    assert found.predicted_bq == pytest.approx(TRUTH, rel=1e-6)
    assert found.maximum_integral_change < 1e-6
    assert found.findings == ()


def test_predictions_are_those_of_the_fit_without_the_scan():
    activities = TRUTH * np.array([1.05, 0.96, 1.02, 0.97, 1.03])
    found = predict(activities)
    kept = np.arange(5) != 2
    fit = fit_curve(
        model="mono_exponential",
        times_s=TIMES_S[kept],
        activities_bq=activities[kept],
        standard_uncertainties_bq=0.05 * activities[kept],
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    expected, band = fit.activity_bq(TIMES_S[2:3])[0], fit.band_bq(TIMES_S[2:3])[0]
    assert found.predicted_bq[2] == pytest.approx(expected, rel=1e-9)
    residual = (activities[2] - expected) / np.hypot(0.05 * activities[2], band)
    assert found.standardised_residuals[2] == pytest.approx(residual, rel=1e-9)
    assert found.time_integrated_activities_bq_s[2] == pytest.approx(fit.time_integrated_activity_bq_s, rel=1e-9)


def test_an_outlying_scan_is_named_by_its_time():
    activities = TRUTH.copy()
    activities[2] *= 1.6
    found = predict(activities)
    outlying = next(finding for finding in found.findings if finding.code == "point_outlying")
    assert "72.0 h" in outlying.message
    assert found.mean_squared_residual > 1.0


def test_a_scan_that_carries_the_integral_is_named():
    # Without the scan at 168 h the three early ones, which hardly fall, decide the half-life.
    times_s = np.array([4.0, 8.0, 12.0, 168.0]) * HOUR_S
    activities = 1e8 * np.array([1.0, 0.97, 0.95, 0.2])
    found = predict(activities, times_s=times_s)
    influential = next(finding for finding in found.findings if finding.code == "point_influential")
    assert "168.0 h" in influential.message
    assert found.maximum_integral_change > 0.2


def test_mean_square_of_true_predictions_is_one():
    generator = np.random.default_rng(9)
    found = [predict(TRUTH * (1.0 + 0.05 * generator.standard_normal(5)), cv=0.05) for _ in range(60)]
    mean = np.mean([one.mean_squared_residual for one in found])
    # 60 x 5 residuals, correlated within a set (3 degrees of freedom): SD of the mean sqrt(2/(60 x 3)) = 0.11; three.
    assert mean == pytest.approx(1.0, abs=0.33)


@pytest.mark.parametrize(("model", "needed"), [("mono_exponential", 3), ("bi_exponential", 5)])
def test_too_few_scans_say_how_many(model, needed):
    n = needed - 1
    with pytest.raises(InsufficientDataError, match=rf"needs {needed} scans.*; {n} used") as caught:
        predict(TRUTH[:n], times_s=TIMES_S[:n], model=model)
    assert caught.value.code == "too_few_points"
