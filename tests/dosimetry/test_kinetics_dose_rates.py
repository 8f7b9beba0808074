"""Curves of dose rate: the dose is R(0) T / ln 2, in Gy, whatever the scale."""

import numpy as np
import pytest

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.dose_rates import fit_dose_rates
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
TIMES_S = np.array([4.0, 24.0, 72.0, 168.0]) * HOUR_S


def fit(rates, *, times_s=TIMES_S, model="mono_exponential"):
    return fit_dose_rates(
        model=model,
        times_s=times_s,
        dose_rates_gy_per_s=rates,
        standard_uncertainties_gy_per_s=0.05 * np.asarray(rates),
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )


@pytest.mark.parametrize("initial_gy_per_s", [2e-5, 1e-18])
def test_dose_of_one_phase_has_its_ln2(initial_gy_per_s):
    """0.072 Gy/h at a half-life of 52 h is 5.4 Gy; without 1/ln 2 it would be 3.7 Gy (ratio 0.6931)."""
    found = fit(initial_gy_per_s * 2.0 ** (-TIMES_S / (52.0 * HOUR_S)))
    # Convergence of the minimiser.
    assert found.absorbed_dose_gy == pytest.approx(initial_gy_per_s * 52.0 * HOUR_S / LN2, rel=1e-6)
    assert found.curve.effective_half_life_s == pytest.approx(52.0 * HOUR_S, rel=1e-6)


def test_dose_is_the_numerical_integral_of_the_rate():
    rates = np.array([2e-5, 1.7e-5, 8e-6, 2.5e-6])
    found = fit(rates, model="uptake_clearance")
    grid_s = np.linspace(0.0, 3000.0 * HOUR_S, 400_001)
    # Trapezoid at 27 s steps; e^-36 is left after 3000 h.
    numeric = np.trapezoid(found.dose_rate_gy_per_s(grid_s), grid_s)
    assert found.absorbed_dose_gy == pytest.approx(numeric, rel=1e-5)


def test_dose_rate_and_activity_share_half_life_and_relative_uncertainty():
    s_gy_per_bq_s = 3.2e-13
    activities = np.array([1.9e8, 1.5e8, 8.1e7, 2.2e7])
    by_rate = fit(s_gy_per_bq_s * activities)
    by_activity = fit_curve(
        model="mono_exponential",
        times_s=TIMES_S,
        activities_bq=activities,
        standard_uncertainties_bq=0.05 * activities,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s,
    )
    dose = s_gy_per_bq_s * by_activity.time_integrated_activity_bq_s
    dose_u = s_gy_per_bq_s * by_activity.time_integrated_activity_standard_uncertainty_bq_s
    assert by_rate.absorbed_dose_gy == pytest.approx(dose, rel=1e-6)
    assert by_rate.absorbed_dose_standard_uncertainty_gy == pytest.approx(dose_u, rel=1e-5)
    expected_band = s_gy_per_bq_s * by_activity.band_bq(TIMES_S)
    assert by_rate.band_gy_per_s(TIMES_S) == pytest.approx(expected_band, rel=1e-5)


@pytest.mark.parametrize(
    ("rates", "code", "text"),
    [
        ([1e-5, 0.0, 1e-6, 1e-7], "no_activity", "Dose rate is not above zero"),
        ([1e-5, np.nan, 1e-6, 1e-7], "invalid_input", "finite"),
    ],
)
def test_bad_rates_are_refused_by_their_name(rates, code, text):
    with pytest.raises(InvalidInputError, match=text) as caught:
        fit(rates)
    assert caught.value.code == code


def test_one_rate_is_too_few():
    with pytest.raises(InsufficientDataError) as caught:
        fit([1e-5], times_s=TIMES_S[:1])
    assert caught.value.code == "too_few_points"
