"""Worked numbers of docs/verification.md, sections 6 to 9: exact, so only rounding of the text is allowed."""

import numpy as np
import pytest

from dosimetry.dose.uncertainty import relative_dose_uncertainty
from dosimetry.dvh.histogram import dose_volume_histogram
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import evaluate, get_model
from dosimetry.kinetics.selection import akaike_weighted, fit_admissible
from dosimetry.kinetics.single_time_point import fit_single_time_point, haenscheid_tia_bq_s
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.prescription.activity import activity_bound
from dosimetry.prescription.limits import Limit, LimitQuantity, RegionForecast
from dosimetry.quantification.dead_time import true_rate_paralysable
from dosimetry.quantification.decay import decay_factor, frame_start_factor
from dosimetry.radiobiology.bed import (
    bed_gy,
    dose_for_bed_gy,
    eqd2_gy,
    lea_catcheside_factor,
    lea_catcheside_factor_sampled,
)
from dosimetry.units import HOUR_S, KEV_PER_G_GY, MBQ_BQ, MBQ_H_BQ_S
from dosimetry.volume import Grid, Volume

pytestmark = pytest.mark.reference
LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")


def kidney_points():
    times_s = np.array([24.0, 96.0, 168.0]) * HOUR_S
    return times_s, 150.0 * MBQ_BQ * 2.0 ** (-times_s / (52.0 * HOUR_S))


def test_kidney_curve_integral_and_local_dose():
    times_s, activities_bq = kidney_points()
    fit = fit_curve(
        model="mono_exponential",
        times_s=times_s,
        activities_bq=activities_bq,
        standard_uncertainties_bq=0.05 * activities_bq,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    tia = fit.time_integrated_activity_bq_s
    assert tia / MBQ_H_BQ_S == pytest.approx(11253.0213, rel=1e-7)
    # 280 g; local deposition of the ICRP-107 electrons.
    assert tia * LU177.electron_energy_kev * KEV_PER_G_GY / 280.0 == pytest.approx(3.42894, rel=1e-5)
    # Share after 168 h at a half-life of 52 h.
    assert fit.extrapolated_fraction == pytest.approx(0.10652, abs=1e-5)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.5, 0.7071), (0.75, 0.8919), (1.0, 1.0), (1.442695, 1.0615), (2.0, 1.0), (2.5, 0.8839), (3.0, 0.7500)],
)
def test_haenscheid_2018_estimate_over_truth(ratio, expected):
    half_life_s = 50.0 * HOUR_S
    time_s = ratio * half_life_s
    activity = 1e8 * 2.0**-ratio
    truth = 1e8 * half_life_s / LN2
    # The table has four digits.
    assert haenscheid_tia_bq_s(activity_bq=activity, time_s=time_s) / truth == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("population_h", "true_h", "time_h", "expected"),
    [(50, 40, 72, 0.9740), (50, 60, 72, 0.9842), (50, 35, 96, 0.8076), (50, 70, 96, 1.0447)],
)
def test_madsen_2018_estimate_over_truth(population_h, true_h, time_h, expected):
    activity = 1e8 * 2.0 ** (-time_h / true_h)
    selection = fit_single_time_point(
        time_s=time_h * HOUR_S,
        activity_bq=activity,
        activity_standard_uncertainty_bq=0.05 * activity,
        effective_half_life_s=population_h * HOUR_S,
        effective_half_life_standard_uncertainty_s=5.0 * HOUR_S,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
        source="population",
    )
    truth = 1e8 * true_h * HOUR_S / LN2
    assert selection.fits[0].time_integrated_activity_bq_s / truth == pytest.approx(expected, abs=6e-5)


def test_biological_60_h_with_lu177():
    effective_per_s = LU177.decay_constant_per_s + LN2 / (60.0 * HOUR_S)
    times_s = np.array([24.0, 72.0]) * HOUR_S
    activities = 1e8 * np.exp(-effective_per_s * times_s)
    selection = fit_admissible(
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=0.1 * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    assert selection.fits[0].effective_half_life_s / HOUR_S == pytest.approx(43.6012, abs=1e-3)
    assert selection.fits[0].is_interpolation


def test_burnham_anderson_weights():
    times_s = np.array([4.0, 24.0, 72.0, 120.0, 168.0, 240.0]) * HOUR_S
    terms = get_model("bi_exponential").terms(np.log([LN2 / 1.8e5, LN2 / 1.2e4, 1.0]), LU177.decay_constant_per_s)
    activities = evaluate(terms=terms, tia_bq_s=1e13, times_s=times_s)
    selection = fit_admissible(
        times_s=times_s,
        activities_bq=activities,
        standard_uncertainties_bq=0.03 * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    ranked = [fit for fit in selection.fits if fit.aicc is not None]
    lowest = min(fit.aicc for fit in ranked)
    raw = [np.exp(-0.5 * (fit.aicc - lowest)) for fit in ranked]
    assert [fit.weight for fit in akaike_weighted(selection.fits) if fit.aicc is not None] == pytest.approx(
        [value / sum(raw) for value in raw]
    )
    # chi2 9 with K 1 against chi2 3 with K 2, n 4: AICc 13 and 19.
    assert 9 + 2 + 2 * 1 * 2 / (4 - 1 - 1) == 13
    assert 3 + 4 + 2 * 2 * 3 / (4 - 2 - 1) == 19


def test_three_scans_cannot_rank_two_parameters():
    times_s, activities_bq = kidney_points()
    selection = fit_admissible(
        times_s=times_s,
        activities_bq=activities_bq,
        standard_uncertainties_bq=0.05 * activities_bq,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    assert selection.fits[0].aicc is None
    assert selection.fits[0].weight is None


@pytest.mark.parametrize(
    ("effective_h", "repair_h", "alpha_beta", "dose", "g", "bed", "eqd2"),
    [
        (52.0, 2.8, 2.6, 5.0, 0.05109489, 5.491297, 3.103777),
        (52.0, 2.8, 2.6, 23.0, 0.05109489, 33.395845, 18.875912),
        (80.0, 1.5, 10.0, 30.0, 0.01840491, 31.656442, 26.380368),
    ],
)
def test_bed_and_eqd2_of_one_exponential(effective_h, repair_h, alpha_beta, dose, g, bed, eqd2):
    factor = lea_catcheside_factor(
        amplitudes=[1.0], decay_constants_per_s=[LN2 / (effective_h * HOUR_S)], repair_half_time_s=repair_h * HOUR_S
    )
    found = bed_gy(absorbed_dose_gy=dose, g=factor, alpha_beta_gy=alpha_beta)
    assert factor == pytest.approx(g, rel=1e-6)
    assert found == pytest.approx(bed, rel=1e-6)
    assert eqd2_gy(bed_gy=found, alpha_beta_gy=alpha_beta) == pytest.approx(eqd2, rel=1e-6)
    assert dose_for_bed_gy(bed_gy=found, g=factor, alpha_beta_gy=alpha_beta) == pytest.approx(dose, rel=1e-9)


def test_g_of_two_terms_exact_and_sampled():
    amplitudes = np.array([0.06, -0.03])
    decays = LN2 / np.array([55.0, 3.0])
    exact = lea_catcheside_factor(
        amplitudes=amplitudes, decay_constants_per_s=decays / HOUR_S, repair_half_time_s=2.8 * HOUR_S
    )
    assert exact == pytest.approx(0.04748930, rel=1e-6)
    assert bed_gy(absorbed_dose_gy=4.631051, g=exact, alpha_beta_gy=2.6) == pytest.approx(5.022776, rel=1e-6)
    times_h = np.linspace(0.0, 900.0, 60_001)
    rates = amplitudes @ np.exp(-np.outer(decays, times_h))
    sampled = lea_catcheside_factor_sampled(times_s=times_h * HOUR_S, dose_rates=rates, repair_half_time_s=2.8 * HOUR_S)
    # Trapezoid at 0.015 h steps against a repair half-time of 2.8 h.
    assert sampled == pytest.approx(exact, rel=1e-4)


def test_chance_constraint():
    # d lognormal with median 0.45 Gy/GBq and sigma 0.2; limit 6 Gy; 5 % risk.
    forecast = RegionForecast(
        region="Kidney",
        dose_per_activity_gy_per_bq=0.45e-9,
        dose_per_activity_cv=float(np.sqrt(np.expm1(0.2**2))),
        given_dose_gy=0.0,
        given_dose_standard_uncertainty_gy=0.0,
    )
    limit = Limit(region="Kidney", quantity=LimitQuantity.ABSORBED_DOSE, limit_gy=6.0, source="worked example")
    bound = activity_bound(forecast=forecast, limit=limit, n_cycles=1, probability=0.95)
    assert bound.activity_bq / 1e9 == pytest.approx(9.595521, rel=1e-6)


def test_three_equal_cycles_to_a_bed_limit():
    g = lea_catcheside_factor(
        amplitudes=[1.0], decay_constants_per_s=[LN2 / (52.0 * HOUR_S)], repair_half_time_s=2.8 * HOUR_S
    )
    given_bed = bed_gy(absorbed_dose_gy=3.458778, g=g, alpha_beta_gy=2.6)
    assert given_bed == pytest.approx(3.693876, rel=1e-6)
    forecast = RegionForecast(
        region="Kidney",
        dose_per_activity_gy_per_bq=0.4674024e-9,
        dose_per_activity_cv=0.0,
        given_dose_gy=3.458778,
        given_dose_standard_uncertainty_gy=0.0,
        given_bed_gy=given_bed,
        g=g,
        alpha_beta_gy=2.6,
    )
    limit = Limit(region="Kidney", quantity=LimitQuantity.BED, limit_gy=40.0, source="worked example")
    bound = activity_bound(forecast=forecast, limit=limit, n_cycles=3, probability=0.5)
    assert bound.activity_bq / 1e9 == pytest.approx(21.6047, rel=1e-5)


def test_gear_2018_volume_enters_counts_recovery_and_mass():
    volume, b1, b2 = 20.0, 6.0, 1.2
    recovery = 1.0 - 1.0 / (1.0 + (volume / b1) ** b2)
    slope = b2 * (1.0 - recovery)
    assert (recovery, slope) == pytest.approx((0.809192, 0.228970), rel=1e-5)
    budget = relative_dose_uncertainty(
        volume_cv=0.12,
        calibration_cv=0.03,
        counts_cv=0.01,
        recovery_fit_cv=0.04,
        recovery_slope=slope,
        counts_slope=0.0,
    )
    assert budget.combined_relative_standard_uncertainty == pytest.approx(0.156043, rel=1e-5)


def test_counts_and_decay_factors():
    assert true_rate_paralysable(observed_cps=163746.15, dead_time_s=1e-6) == pytest.approx(2e5, rel=1e-6)
    assert frame_start_factor(decay_constant_per_s=LU177.decay_constant_per_s, duration_s=1800.0) == pytest.approx(
        1.00108664, rel=1e-7
    )
    ga68 = get_nuclide("Ga-68").decay_constant_per_s
    assert frame_start_factor(decay_constant_per_s=ga68, duration_s=600.0) == pytest.approx(1.05205814, rel=1e-5)
    after_day = decay_factor(decay_constant_per_s=LU177.decay_constant_per_s, elapsed_s=24.0 * HOUR_S)
    assert after_day == pytest.approx(0.90097326, rel=1e-6)


@pytest.mark.parametrize(
    ("radius_mm", "expected"),
    [(30.0, {98: 15.0085, 95: 15.6242, 50: 20.0, 5: 24.3758, 2: 24.9915}), (6.0, {98: 19.0017, 50: 20.0, 2: 20.9983})],
)
def test_dvh_of_a_sphere_in_a_linear_dose(radius_mm, expected):
    """D = 20 + 0.2 x Gy, x in mm from the centre, which lies off the voxel grid."""
    centre = np.array([1.3, -0.7, 0.4])
    dose_grid = Grid(shape_zyx=(24, 24, 24), spacing_xyz_mm=(4, 4, 4), origin_lps_mm=(-46.0, -46.0, -46.0))
    x = dose_grid.index_to_lps_mm(np.argwhere(np.ones(dose_grid.shape_zyx))).reshape(*dose_grid.shape_zyx, 3)[..., 0]
    dose = Volume(values=(20.0 + 0.2 * (x - centre[0])).astype(np.float32), grid=dose_grid, unit="Gy")
    n = int(2 * radius_mm / 0.5) + 6
    start = tuple(float(value) - 0.5 * (n - 1) / 2 for value in centre)
    mask_grid = Grid(shape_zyx=(n, n, n), spacing_xyz_mm=(0.5, 0.5, 0.5), origin_lps_mm=start)
    points = mask_grid.index_to_lps_mm(np.argwhere(np.ones(mask_grid.shape_zyx))).reshape(n, n, n, 3)
    mask = np.linalg.norm(points - centre, axis=-1) <= radius_mm
    histogram = dose_volume_histogram(dose, mask=mask, mask_grid=mask_grid)
    for percent, value in expected.items():
        # Half a mask voxel (0.25 mm) times the gradient of 0.2 Gy/mm.
        assert histogram.dose_at_volume_gy(percent) == pytest.approx(value, abs=0.05)
    assert histogram.mean_gy == pytest.approx(20.0, abs=0.01)
    assert histogram.is_shown(98.0) == (radius_mm > 10.0)
