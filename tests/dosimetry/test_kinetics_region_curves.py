"""All curves of one region: what the scans admit, averages, priors, advice, and curves as stored JSON."""

import json

import numpy as np
import pytest

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.averaging import AVERAGE
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.next_scan import advise_from_fit
from dosimetry.kinetics.population import prior_from_earlier_cycle, prior_from_half_life
from dosimetry.kinetics.region_curves import DeclaredHalfLife, FitOptions, fit_region_curves
from dosimetry.kinetics.stored_curve import curve_from_dict, curve_to_dict
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LU177 = get_nuclide("Lu-177")
TIMES_H = np.array([4.0, 24.0, 72.0, 120.0, 168.0])
DECLARED = DeclaredHalfLife(effective_half_life_s=52 * HOUR_S, standard_uncertainty_s=8 * HOUR_S, source="protocol")


def activities(half_life_h=52.0, fast_h=8.0, share=0.3):
    slow, fast = 2.0 ** (-TIMES_H / half_life_h), 2.0 ** (-TIMES_H / fast_h)
    return 1.5e8 * ((1.0 - share) * slow + share * fast)


def curves(times_h=TIMES_H, values=None, cv=0.05, **options):
    values = activities() if values is None else np.asarray(values, dtype=float)
    return fit_region_curves(
        times_s=np.asarray(times_h) * HOUR_S,
        activities_bq=values,
        standard_uncertainties_bq=cv * values,
        nuclide=LU177,
        options=FitOptions(**options),
    )


def population(status="fitted", **changes):
    return prior_from_half_life(
        agent="DOTATATE",
        organ="kidney",
        nuclide="Lu-177",
        median_s=52 * HOUR_S,
        log_standard_deviation=0.2,
        n_patients=40,
        source="own patients",
        status=status,
        **changes,
    )


def test_the_average_stands_beside_the_fits_and_is_not_recommended():
    found = curves()
    assert AVERAGE in found.curves
    assert found.recommended_model in {"mono_exponential", "uptake_clearance", "bi_exponential"}
    members = [curve for name, curve in found.curves.items() if name != AVERAGE and curve.weight is not None]
    expected = sum(curve.weight * curve.time_integrated_activity_bq_s for curve in members)
    assert found.curves[AVERAGE].time_integrated_activity_bq_s == pytest.approx(expected, rel=1e-12)


def test_one_ranked_model_has_no_average_of_its_own():
    found = curves(TIMES_H[1:4], activities()[1:4])
    assert AVERAGE not in found.curves


def test_without_options_the_recommendation_is_that_of_the_scans():
    assert list(curves().curves)[-1] == AVERAGE
    assert curves(models=("clearance_retention",)).recommended_model == "clearance_retention"


def test_an_influential_scan_is_named():
    values = activities(share=0.0)
    values[2] *= 1.5
    found = curves(values=values, models=("mono_exponential",))
    assert found.leave_one_out is not None
    assert {"point_outlying"} <= {finding.code for finding in found.findings}


def test_two_scans_cannot_leave_one_out():
    assert curves(TIMES_H[[1, 4]], activities()[[1, 4]]).leave_one_out is None


@pytest.mark.parametrize("status", ["fitted", "confirmed", "to confirm"])
def test_a_prior_adds_a_curve_and_never_replaces_the_scans(status):
    alone, helped = curves(), curves(prior=population(status))
    assert helped.recommended_model == alone.recommended_model
    posterior = helped.curves["posterior"]
    low, high = posterior.interval_95_bq_s
    assert low < posterior.time_integrated_activity_bq_s < high
    assert posterior.source == "own patients"


@pytest.mark.parametrize(("status", "recommended"), [("fitted", "posterior"), ("to confirm", "")])
def test_one_scan_rests_on_a_prior_only_if_it_is_not_to_be_confirmed(status, recommended):
    found = curves([72.0], [6e7], prior=population(status))
    assert found.recommended_model == recommended
    assert "prior_decides" in {finding.code for finding in found.findings}
    tia = found.curves["posterior"].time_integrated_activity_bq_s
    decay = np.log(2.0) / 52.0
    # The population's median half-life, within the shift by its spread.
    assert tia / (3600.0 * 6e7 * np.exp(decay * 72.0) / decay) == pytest.approx(1.0, abs=0.05)


def test_the_posterior_behaves_as_a_curve():
    curve = curves([24.0, 96.0], [9e7, 3.5e7], prior=population()).curves["posterior"]
    times = np.linspace(0.0, 2000.0, 400_001) * HOUR_S
    assert np.trapezoid(curve.activity_bq(times), times) == pytest.approx(curve.time_integrated_activity_bq_s, rel=1e-4)
    amplitudes, decays = curve.exponential_terms()
    assert sum(amplitude / decay for amplitude, decay in zip(amplitudes, decays, strict=True)) == pytest.approx(
        curve.time_integrated_activity_bq_s
    )
    assert np.all(curve.band_bq(times[:1000]) > 0.0)


def test_the_own_earlier_cycle_narrows_a_single_scan():
    earlier = fit_curve(
        model="mono_exponential",
        times_s=TIMES_H * HOUR_S,
        activities_bq=activities(half_life_h=44.0, share=0.0),
        standard_uncertainties_bq=0.03 * activities(half_life_h=44.0, share=0.0),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    own = prior_from_earlier_cycle(
        earlier, cycle_to_cycle_cv=0.1, agent="DOTATATE", organ="kidney", nuclide="Lu-177", source="cycle 1"
    )
    found = curves([72.0], [6e7], prior=own).curves["posterior"]
    assert found.effective_half_life_s == pytest.approx(44 * HOUR_S, rel=0.02)
    other = curves([72.0], [6e7], prior=population()).curves["posterior"]
    width = [np.log(item.interval_95_bq_s[1] / item.interval_95_bq_s[0]) for item in (found, other)]
    assert width[0] < width[1]


def test_a_declared_half_life_serves_one_scan_and_its_methods_stand_beside_it():
    found = curves([72.0], [6e7], declared=DECLARED)
    assert found.recommended_model == "single_time_point"
    assert set(found.one_scan.tia_bq_s) == {"haenscheid", "madsen"}
    assert found.one_scan.tia_bq_s["madsen"] == pytest.approx(
        found.curves["single_time_point"].time_integrated_activity_bq_s
    )
    at = np.argmin(np.abs(found.one_scan.half_lives_s - 52 * HOUR_S))
    # At the declared half-life Madsen's method is exact.
    assert abs(found.one_scan.errors["madsen"][at]) < 0.01


def test_a_prior_gives_the_ratio_method_its_table():
    found = curves([72.0], [6e7], prior=population())
    assert set(found.one_scan.tia_bq_s) == {"haenscheid", "jackson"}
    ratio = found.one_scan.tia_bq_s["jackson"] / found.curves["posterior"].time_integrated_activity_bq_s
    # The mean ratio of a population lies a little above its median: half its variance, 2 % here.
    assert 0.99 < ratio < 1.06


def test_without_a_way_the_message_names_it():
    with pytest.raises(InsufficientDataError, match="effective half-life"):
        curves([72.0], [6e7])
    with pytest.raises(FitError, match="declare an effective half-life"):
        curves([4.0, 24.0], [5e7, 9e7])


def test_rising_activity_takes_a_declared_half_life_or_a_prior():
    assert curves([4.0, 24.0], [5e7, 9e7], declared=DECLARED).recommended_model == "single_time_point"
    found = curves([4.0, 24.0], [5e7, 9e7], prior=population())
    assert found.recommended_model == "posterior"
    assert "prior_decides" in {finding.code for finding in found.findings}


@pytest.mark.parametrize("bad", [[0.0, 1.0], [-1.0, 1.0], [float("nan"), 1.0]])
def test_zero_negative_and_missing_activities_are_refused_with_a_prior_too(bad):
    with pytest.raises((InvalidInputError, FitError)):
        curves([24.0, 96.0], bad, prior=population())


def test_advice_asks_for_the_wanted_uncertainty_first():
    assert curves().next_scan is None
    advice = curves(TIMES_H[[1, 2]], activities()[[1, 2]], wanted_cv=0.04).next_scan
    assert not advice.is_enough
    assert advice.best.expected_cv < advice.current_cv
    assert all(candidate.time_s > TIMES_H[2] * HOUR_S for candidate in advice.candidates)


def test_no_advice_from_a_curve_at_the_physical_half_life():
    """The fit then knows nothing of its half-life; a prior does."""
    slow = 1e8 * 2.0 ** (-np.array([6.0, 25.0]) / 400.0)
    assert curves([6.0, 25.0], slow, wanted_cv=0.1).next_scan is None
    assert curves([6.0, 25.0], slow, wanted_cv=0.1, prior=population()).next_scan is not None


def test_advice_from_a_fit_is_what_a_further_scan_gives():
    """The expected covariance of a linear model is that of the fit with the scan added."""
    times, values = TIMES_H[[1, 2]] * HOUR_S, activities(share=0.0)[[1, 2]]

    def fit(extra_h=None):
        at = times if extra_h is None else np.append(times, extra_h * HOUR_S)
        y = values if extra_h is None else np.append(values, 1.5e8 * 2.0 ** (-extra_h / 52.0))
        return fit_curve(
            model="mono_exponential",
            times_s=at,
            activities_bq=y,
            standard_uncertainties_bq=0.02 * y,
            nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        )

    advice = advise_from_fit(fit(), candidate_times_s=[168 * HOUR_S], scan_cv=0.02, wanted_cv=0.05)
    after = fit(168.0)
    cv = after.time_integrated_activity_standard_uncertainty_bq_s / after.time_integrated_activity_bq_s
    # First order against the refit; the uncertainty of the new scan is relative to its own activity in both.
    assert advice.best.expected_cv == pytest.approx(cv, rel=0.01)


@pytest.mark.parametrize("name", ["mono_exponential", "bi_exponential", AVERAGE, "posterior"])
def test_a_stored_curve_is_the_curve(name):
    curve = curves(prior=population()).curves[name]
    stored = json.loads(json.dumps(curve_to_dict(curve), allow_nan=False))
    again = curve_from_dict(stored)
    times = np.linspace(1.0, 300.0, 50) * HOUR_S
    assert again.activity_bq(times) == pytest.approx(curve.activity_bq(times), rel=1e-12)
    assert again.band_bq(times) == pytest.approx(curve.band_bq(times), rel=1e-9)
    assert again.exponential_terms()[1] == pytest.approx(curve.exponential_terms()[1])
    assert stored["time_integrated_activity_bq_s"] == pytest.approx(curve.time_integrated_activity_bq_s)
