"""Doubts about a curve: each is seen, none is raised without cause."""

import numpy as np
import pytest

from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.selection import findings_of
from dosimetry.kinetics.terms import evaluate
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")


def fit(activities, times_h, *, model="mono_exponential", cv=0.05):
    activities = np.asarray(activities, dtype=float)
    return fit_curve(
        model=model,
        times_s=np.asarray(times_h) * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=cv * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


def mono(half_life_h, times_h):
    return 2e8 * 2.0 ** (-np.asarray(times_h) / half_life_h)


def uptake(times_h, *, clearance_h=70.0, uptake_h=6.0):
    shape = np.log(LN2 / (np.array([clearance_h, uptake_h]) * HOUR_S))
    terms = get_model("uptake_clearance").terms(shape, LU177.decay_constant_per_s)
    return evaluate(terms=terms, tia_bq_s=2e13, times_s=np.asarray(times_h) * HOUR_S)


def codes(found):
    return {finding.code: finding.level for finding in findings_of(found)}


def test_correlated_parameters_are_a_finding():
    times_h = [100.0, 110.0, 120.0]
    found = fit(mono(40.0, times_h), times_h)
    assert found.maximum_correlation > 0.8
    assert codes(found)["correlation_high"] == "note"
    message = next(finding.message for finding in findings_of(found) if finding.code == "correlation_high")
    assert f"{found.maximum_correlation:.2f}" in message


def test_a_late_first_scan_says_what_lies_before_it():
    times_h = [24.0, 48.0, 96.0, 168.0]
    # 1 - 2^(-24/30) = 43 % before the first scan.
    found = fit(mono(30.0, times_h), times_h)
    assert found.fraction_before(24.0 * HOUR_S) == pytest.approx(1.0 - 2.0 ** (-24.0 / 30.0), rel=1e-6)
    assert codes(found)["uptake_unseen"] == "note"
    assert "uptake_unseen" not in codes(fit(mono(30.0, [4.0, *times_h]), [4.0, *times_h]))


def test_an_uptake_that_no_scan_saw_is_asked_about():
    seen_h, unseen_h = [2.0, 8.0, 24.0, 72.0, 168.0], [48.0, 72.0, 96.0, 168.0, 240.0]
    seen = fit(uptake(seen_h), seen_h, model="uptake_clearance")
    unseen = fit(uptake(unseen_h), unseen_h, model="uptake_clearance")
    assert "uptake_unseen" not in codes(seen)
    assert codes(unseen)["uptake_unseen"] == "ask"


def noisy(activities, seed=3):
    return activities * (1.0 + 0.05 * np.random.default_rng(seed).standard_normal(activities.size))


def test_a_rise_over_before_the_first_scan_leaves_its_constant_open():
    times_h = np.array([24.0, 72.0, 96.0, 120.0, 168.0, 240.0])
    found = fit(noisy(mono(50.0, times_h)), times_h, model="uptake_clearance")
    assert codes(found)["undetermined"] == "ask"
    # The open constant must not carry the integral with it: the mono-exponential knows it as well.
    other = fit(noisy(mono(50.0, times_h)), times_h)
    assert found.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(
        other.time_integrated_activity_standard_uncertainty_bq_s, rel=0.05
    )


def test_a_phase_over_before_the_first_scan_leaves_the_integral_open():
    """A bi-exponential may hide any activity before the first scan: its uncertainty has to say so."""
    times_h = np.array([2.0, 24.0, 72.0, 120.0, 168.0, 240.0])
    activities = noisy(mono(75.0, times_h))
    activities[0] *= 1.3
    found = fit(activities, times_h, model="bi_exponential")
    fast_s = LN2 / max(found.exponential_terms()[1])
    assert fast_s < 1.0 * HOUR_S
    assert codes(found)["undetermined"] == "ask"
    hidden = found.fraction_before(2.0 * HOUR_S) * found.time_integrated_activity_bq_s
    visible_u = fit(activities[1:], times_h[1:]).time_integrated_activity_standard_uncertainty_bq_s
    assert found.time_integrated_activity_standard_uncertainty_bq_s > max(0.5 * hidden, 2.0 * visible_u)


def test_a_wide_constant_beside_a_known_integral_is_noted():
    times_h = [4.0, 24.0, 72.0, 168.0, 300.0]
    # A biological half-life of 20 times the physical one; the effective one is known to a few per cent.
    found = fit(mono(1.0 / (1.0 / 159.528 + 1.0 / 3000.0), times_h), times_h)
    assert codes(found)["shape_cv_high"] == "note"
    assert "cv_high" not in codes(found)


def test_at_the_bound_the_biological_constant_is_named_once():
    times_h = [4.0, 24.0, 72.0, 168.0]
    found = fit([1.0e8, 1.1e8, 9.5e7, 7.0e7], times_h)
    assert found.effective_half_life_s == pytest.approx(LU177.half_life_s, rel=1e-3)
    assert codes(found)["at_bound"] == "ask"
    assert not {"undetermined", "shape_cv_high"} & set(codes(found))


def test_every_failed_check_has_a_finding():
    times_h = [24.0, 30.0]
    found = fit([1e8, 1.05e8], times_h, cv=0.5)
    failed = {check["code"] for check in found.checks if check["level"] != "ok"}
    assert {"tail_large", "interpolation", "last_points_rise", "at_bound"} <= failed
    assert set(codes(found)) == failed


def test_correlation_matrix_belongs_to_the_covariance():
    times_h = [4.0, 24.0, 72.0, 168.0]
    found = fit(mono(50.0, times_h), times_h)
    correlation = found.correlation()
    assert np.diag(correlation) == pytest.approx([1.0, 1.0])
    assert abs(correlation[0, 1]) == pytest.approx(found.maximum_correlation)
