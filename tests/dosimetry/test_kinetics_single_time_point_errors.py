"""One-scan methods of a population and the error curve shown beside them."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.single_time_point import haenscheid_tia_bq_s
from dosimetry.kinetics.single_time_point_errors import (
    RatioTable,
    error_curves,
    jackson_tia_bq_s,
    madsen_tia_bq_s,
    make_ratio_table,
)
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177_PER_S = get_nuclide("Lu-177").decay_constant_per_s
HALF_LIVES_H = np.array([35.0, 50.0, 70.0])
TIMES_H = np.arange(24.0, 121.0, 24.0)


def table(half_lives_h=HALF_LIVES_H, **change):
    shapes = np.log(LN2 / (half_lives_h * HOUR_S) - LU177_PER_S)[:, None]
    given = {
        "model": "mono_exponential",
        "shapes": shapes,
        "physical_per_s": LU177_PER_S,
        "times_s": TIMES_H * HOUR_S,
        "source": "simulated",
    }
    return make_ratio_table(**{**given, **change})


def test_table_is_the_mean_ratio_of_the_patients():
    ratios_s = HALF_LIVES_H * HOUR_S / LN2 * 2.0 ** (72.0 / HALF_LIVES_H)
    mean, deviation = table().at(72.0 * HOUR_S)
    assert mean == pytest.approx(ratios_s.mean(), rel=1e-9)
    assert deviation == pytest.approx(ratios_s.std(ddof=1), rel=1e-9)


def test_between_entries_a_single_exponential_is_exact():
    same = table(np.array([50.0, 50.0]))
    mean, deviation = same.at(60.0 * HOUR_S)
    # The logarithm of the ratio of one exponential is straight in time.
    assert mean == pytest.approx(50.0 * HOUR_S / LN2 * 2.0 ** (60.0 / 50.0), rel=1e-9)
    assert deviation == pytest.approx(0.0, abs=1e-6)


def test_jackson_adds_the_scan_and_the_spread_of_patients():
    tia, u = jackson_tia_bq_s(
        activity_bq=1e8, activity_standard_uncertainty_bq=5e6, time_s=72.0 * HOUR_S, table=table()
    )
    mean, deviation = table().at(72.0 * HOUR_S)
    assert tia == pytest.approx(1e8 * mean)
    assert u / tia == pytest.approx(np.sqrt(0.05**2 + (deviation / mean) ** 2 * 4.0 / 3.0))


def test_scan_outside_the_table_is_refused():
    for time_h in (20.0, 121.0):
        with pytest.raises(InvalidInputError) as caught:
            table().at(time_h * HOUR_S)
        assert caught.value.code == "outside_table"


@pytest.mark.parametrize(
    "change",
    [
        {"shapes": np.zeros((1, 1))},
        {"times_s": [HOUR_S]},
        {"times_s": [0.0, HOUR_S]},
        {"source": " "},
    ],
)
def test_a_table_needs_patients_times_and_a_source(change):
    with pytest.raises(InvalidInputError) as caught:
        table(**change)
    assert caught.value.code == "bad_table"


# Madsen 2018, worked cases of verification.md 6: population and true half-life, scan (h), estimate over truth.
@pytest.mark.parametrize(
    ("population_h", "half_life_h", "time_h", "ratio"),
    [(50, 40, 72, 0.9740), (50, 60, 72, 0.9842), (50, 35, 96, 0.8076), (50, 70, 96, 1.0447)],
)
def test_madsen_and_its_error_curve_give_the_worked_cases(population_h, half_life_h, time_h, ratio):
    truth = half_life_h * HOUR_S / LN2
    estimate = madsen_tia_bq_s(
        activity_bq=2.0 ** (-time_h / half_life_h),
        time_s=time_h * HOUR_S,
        population_half_life_s=population_h * HOUR_S,
    )
    # The published values have four decimals.
    assert estimate / truth == pytest.approx(ratio, abs=6e-5)
    errors = error_curves(
        time_s=time_h * HOUR_S,
        half_lives_s=[half_life_h * HOUR_S],
        population_half_life_s=population_h * HOUR_S,
    )
    assert errors["madsen"] == pytest.approx([ratio - 1.0], abs=6e-5)


def test_error_curve_of_haenscheid_is_two_x_two_to_minus_x():
    ratios = np.array([0.5, 0.75, 1.0, 1.442695, 2.0, 3.0])
    errors = error_curves(time_s=96.0 * HOUR_S, half_lives_s=96.0 * HOUR_S / ratios)
    # Table of verification.md 6, four decimals.
    assert errors["haenscheid"] + 1.0 == pytest.approx([0.7071, 0.8919, 1.0, 1.0615, 1.0, 0.75], abs=6e-5)
    assert set(errors) == {"haenscheid"}
    activity = 2.0 ** (-96.0 / 64.0)
    estimate = haenscheid_tia_bq_s(activity_bq=activity, time_s=96.0 * HOUR_S)
    truth = 64.0 * HOUR_S / LN2
    assert estimate / truth - 1.0 == pytest.approx(
        error_curves(time_s=96.0 * HOUR_S, half_lives_s=[64.0 * HOUR_S])["haenscheid"][0]
    )


def test_error_curve_of_jackson_averages_to_nothing_over_its_own_patients_in_ratio():
    errors = error_curves(time_s=72.0 * HOUR_S, half_lives_s=HALF_LIVES_H * HOUR_S, table=table())
    # mean(R) / R_i - 1 vanishes in the mean of R_i weights.
    ratios = 1.0 / (errors["jackson"] + 1.0)
    assert ratios.mean() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("change", [{"time_s": 0.0}, {"half_lives_s": []}, {"half_lives_s": [0.0]}])
def test_error_curves_need_a_time_and_half_lives(change):
    given = {"time_s": 96.0 * HOUR_S, "half_lives_s": [50.0 * HOUR_S], **change}
    with pytest.raises(InvalidInputError):
        error_curves(**given)


def test_madsen_needs_a_half_life():
    with pytest.raises(InvalidInputError) as caught:
        madsen_tia_bq_s(activity_bq=1e8, time_s=HOUR_S, population_half_life_s=0.0)
    assert caught.value.code == "half_life_range"


def test_table_is_stored_as_plain_numbers():
    assert isinstance(table(), RatioTable)
    assert table().times_s == tuple(TIMES_H * HOUR_S)
    assert table().n_patients == 3
