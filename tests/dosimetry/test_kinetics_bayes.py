"""One patient's time-integrated activity from few scans and a population: against quadrature, limits, refusals."""

import numpy as np
import pytest

from dosimetry.errors import FitError, InvalidInputError
from dosimetry.kinetics.bayes import estimate_tia, weighted_quantiles
from dosimetry.kinetics.curve_samples import log_unit_activity
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.population import PopulationPrior, prior_from_earlier_cycle, published_priors
from dosimetry.kinetics.posterior_density import PatientDensity, find_mode
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177_PER_S = get_nuclide("Lu-177").decay_constant_per_s
SHAPE = (np.log(LN2 / (70.0 * HOUR_S)), 0.3)
"""Mean and standard deviation of ln(biological constant)."""


def prior(**change):
    values = {
        "agent": "DOTATATE",
        "organ": "kidney",
        "nuclide": "Lu-177",
        "source": "simulated",
        "model": "mono_exponential",
        "mean": (SHAPE[0],),
        "covariance": ((SHAPE[1] ** 2,),),
        "has_amplitude": False,
        "residual_cv": 0.0,
        "n_patients": None,
        "status": "fitted",
    }
    return PopulationPrior(**{**values, **change})


def estimate(times_h, activities_bq, *, u=0.05, **change):
    activities = np.asarray(activities_bq, dtype=float)
    given = {"prior": prior(), **change}
    return estimate_tia(
        times_s=np.asarray(times_h) * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=u * activities,
        **given,
    )


def quadrature(times_h, activities_bq, *, u=0.05):
    """Posterior quantiles of TIA on a fine grid of the constant; ln TIA given the constant is normal, exactly."""
    theta = SHAPE[0] + SHAPE[1] * np.linspace(-7.0, 7.0, 4001)
    times_s, y = np.asarray(times_h) * HOUR_S, np.log(activities_bq)
    unit = log_unit_activity(
        model="mono_exponential", shapes=theta[:, None], physical_per_s=LU177_PER_S, times_s=times_s
    )
    variance = np.log1p(u**2)
    mean = (y - unit).mean(axis=1)
    misfit = np.sum((y - unit - mean[:, None]) ** 2, axis=1) / variance
    weights = np.exp(-0.5 * misfit - 0.5 * ((theta - SHAPE[0]) / SHAPE[1]) ** 2)
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(60)
    logs = mean[:, None] + nodes * np.sqrt(variance / y.size)
    flat = weights[:, None] * node_weights
    return weighted_quantiles(np.exp(logs.ravel()), (flat / flat.sum()).ravel(), (0.025, 0.5, 0.975))


@pytest.mark.parametrize(
    ("times_h", "activities_bq"),
    [((24.0,), (1e8,)), ((96.0,), (4e7,)), ((24.0, 96.0), (1e8, 3.5e7)), ((24.0, 48.0, 72.0), (1e8, 8e7, 5e7))],
)
def test_sampled_posterior_is_that_of_quadrature(times_h, activities_bq):
    low, median, high = quadrature(times_h, activities_bq)
    found = estimate(times_h, activities_bq, n_samples=20000)
    # 20 000 samples leave the median to 0.01 and the limits to 0.03 of a standard deviation, here 15 % at most.
    assert found.time_integrated_activity_bq_s == pytest.approx(median, rel=0.005)
    assert found.interval_95_bq_s == pytest.approx((low, high), rel=0.015)
    assert found.effective_sample_size > 5000
    again = estimate(times_h, activities_bq, n_samples=20000)
    assert again.interval_95_bq_s == found.interval_95_bq_s


def test_three_good_scans_outweigh_the_population_and_agree_with_least_squares():
    times_h = np.array([24.0, 72.0, 168.0])
    activities = 1e8 * 2.0 ** (-times_h / 70.0)
    found = estimate(times_h, activities, u=0.02)
    fit = fit_curve(
        model="mono_exponential",
        times_s=times_h * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=0.02 * activities,
        nuclide_decay_constant_per_s=LU177_PER_S,
    )
    # The prior of 0.3 in a constant that the scans give to 0.05 pulls by a part in forty of its distance.
    assert found.map_bq_s == pytest.approx(fit.time_integrated_activity_bq_s, rel=0.01)
    assert found.laplace_standard_uncertainty_bq_s == pytest.approx(
        fit.time_integrated_activity_standard_uncertainty_bq_s, rel=0.1
    )
    assert found.cv == pytest.approx(found.laplace_standard_uncertainty_bq_s / found.map_bq_s, rel=0.1)
    assert found.effective_half_life_s == pytest.approx(70.0 * HOUR_S, rel=0.03)
    assert "laplace_differs" not in {finding.code for finding in found.findings}


def test_one_scan_takes_its_half_life_from_the_population_and_says_so():
    found = estimate([24.0], [1e8])
    half_life_s = LN2 / (LU177_PER_S + np.exp(SHAPE[0]))
    assert found.effective_half_life_s == pytest.approx(half_life_s, rel=0.01)
    assert "shape_from_population" in {finding.code for finding in found.findings}
    two = estimate([24.0, 168.0], [1e8, 2e7])
    assert "shape_from_population" not in {finding.code for finding in two.findings}
    assert two.cv < 0.5 * found.cv


def test_scan_at_1_44_half_lives_hardly_depends_on_the_half_life():
    half_life_h = LN2 / (LU177_PER_S + np.exp(SHAPE[0])) / HOUR_S
    best, early = estimate([1.443 * half_life_h], [5e7]), estimate([0.3 * half_life_h], [1e8])
    # What remains is the 5 % of the scan and the second order of the half-life.
    assert best.cv < 0.065
    assert early.cv > 0.12


def test_prior_of_the_height_narrows_one_scan_and_needs_the_administered_activity():
    tall = prior(
        mean=(np.log(1.0 * HOUR_S), SHAPE[0]),
        covariance=((0.05**2, 0.0), (0.0, SHAPE[1] ** 2)),
        has_amplitude=True,
    )
    with_height = estimate([24.0], [1e8], prior=tall, administered_activity_bq=7.4e9)
    without = estimate([24.0], [1e8], prior=tall)
    assert with_height.cv < 0.06
    assert without.cv > 0.10
    assert without.time_integrated_activity_bq_s == pytest.approx(
        estimate([24.0], [1e8]).time_integrated_activity_bq_s, rel=0.02
    )
    assert "prior_shape_only" in {finding.code for finding in without.findings}
    with pytest.raises(InvalidInputError) as caught:
        estimate([24.0], [1e8], prior=tall, administered_activity_bq=0.0)
    assert caught.value.code == "bad_administration"


def test_few_patients_behind_the_prior_widen_the_interval():
    exact = estimate([24.0], [1e8])
    few = estimate([24.0], [1e8], prior=prior(n_patients=6))
    width_exact, width_few = (np.log(p.interval_95_bq_s[1] / p.interval_95_bq_s[0]) for p in (exact, few))
    # t with 5 degrees of freedom and scale sqrt(7/5): 2.57 x 1.18 against 1.96.
    assert width_few > 1.3 * width_exact


def test_residual_scatter_counts_like_the_noise_of_a_scan():
    split = estimate([96.0], [5e7], u=0.03, prior=prior(residual_cv=0.04))
    whole = estimate([96.0], [5e7], u=0.05)
    assert split.cv == pytest.approx(whole.cv, rel=0.02)


def test_unconfirmed_prior_and_unlike_patient_are_named():
    published = published_priors()["lu177-dotatate-kidney"]
    found = estimate([24.0], [1e8], prior=published)
    assert "prior_unconfirmed" in {finding.code for finding in found.findings}
    times_h = np.array([24.0, 48.0, 96.0])
    odd = estimate(times_h, 1e8 * 2.0 ** (-times_h / 15.0), u=0.02)
    assert "unlike_population" in {finding.code for finding in odd.findings}
    usual = estimate(times_h, 1e8 * 2.0 ** (-times_h / 48.0), u=0.02)
    assert "unlike_population" not in {finding.code for finding in usual.findings}


def test_band_holds_the_scan_and_opens_away_from_it():
    found = estimate([48.0], [1e8])
    low, median, high = found.activity_quantiles_bq(np.array([4.0, 48.0, 168.0]) * HOUR_S)
    assert median[1] == pytest.approx(1e8, rel=0.01)
    spread = np.log(high / low)
    # At the scan 2 x 1.96 x 5 %.
    assert spread[1] == pytest.approx(0.196, rel=0.05)
    assert spread[0] > spread[1] < spread[2]


def test_own_earlier_cycle_beats_the_population():
    times_h = np.array([24.0, 72.0, 168.0])
    activities = 1e8 * 2.0 ** (-times_h / 35.0)
    earlier = fit_curve(
        model="mono_exponential",
        times_s=times_h * HOUR_S,
        activities_bq=activities,
        standard_uncertainties_bq=0.03 * activities,
        nuclide_decay_constant_per_s=LU177_PER_S,
    )
    own = prior_from_earlier_cycle(
        earlier, cycle_to_cycle_cv=0.05, agent="DOTATATE", organ="kidney", nuclide="Lu-177", source="cycle 1"
    )
    scan_bq, truth = 8e7 * 2.0 ** (-24.0 / 35.0), 8e7 * 35.0 * HOUR_S / LN2
    by_own, by_population = estimate([24.0], [scan_bq], prior=own), estimate([24.0], [scan_bq])
    assert by_own.time_integrated_activity_bq_s == pytest.approx(truth, rel=0.01)
    assert abs(by_population.time_integrated_activity_bq_s / truth - 1.0) > 0.15
    assert by_own.cv < 0.6 * by_population.cv


@pytest.mark.parametrize(
    ("times_h", "activities_bq", "code"),
    [
        ([24.0], [0.0], "no_activity"),
        ([-1.0], [1e8], "scan_before_start"),
        ([24.0, 24.0], [1e8, 1e8], "same_time"),
        ([24.0], [np.nan], "invalid_input"),
        ([], [], "invalid_input"),
    ],
)
def test_scans_that_cannot_be_used_are_refused(times_h, activities_bq, code):
    activities = np.asarray(activities_bq, dtype=float)
    with pytest.raises(InvalidInputError) as caught:
        estimate_tia(
            times_s=np.asarray(times_h, dtype=float) * HOUR_S,
            activities_bq=activities,
            standard_uncertainties_bq=np.full(activities.shape, 1e6),
            prior=prior(),
        )
    assert caught.value.code == code


def test_rising_curve_of_a_falling_population_stays_within_physical_decay_and_is_named():
    found = estimate([24.0, 96.0], [5e7, 9e7])
    assert found.effective_half_life_s <= LN2 / LU177_PER_S
    assert "unlike_population" in {finding.code for finding in found.findings}


def test_a_flat_density_has_no_mode():
    density = PatientDensity(
        model="mono_exponential",
        times_s=np.array([24.0 * HOUR_S]),
        log_activities=np.array([np.log(1e8)]),
        log_variances=np.array([np.inf]),
        physical_per_s=LU177_PER_S,
        mean=np.array([SHAPE[0]]),
        covariance=np.array([[SHAPE[1] ** 2]]),
        degrees_of_freedom=np.inf,
        has_amplitude=False,
    )
    with pytest.raises(FitError), np.errstate(invalid="ignore", divide="ignore"):
        find_mode(density, random=np.random.default_rng(0))
