"""One scan and a declared half-life: the formula, its uncertainty, what is refused and what is asked."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.fitting import CurveFit
from dosimetry.kinetics.single_time_point import fit_single_time_point, haenscheid_tia_bq_s
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
LU177 = get_nuclide("Lu-177")
SCAN = {
    "time_s": 96.0 * HOUR_S,
    "activity_bq": 4e7,
    "activity_standard_uncertainty_bq": 2e6,
    "effective_half_life_s": 50.0 * HOUR_S,
    "effective_half_life_standard_uncertainty_s": 5.0 * HOUR_S,
    "nuclide_decay_constant_per_s": LU177.decay_constant_per_s,
    "source": "cycle 1 of this patient",
}


def select(**change):
    return fit_single_time_point(**{**SCAN, **change})


def test_integral_tail_and_curve_pass_through_the_scan():
    selection = select()
    (fit,) = selection.fits
    decay = LN2 / (50.0 * HOUR_S)
    assert fit.time_integrated_activity_bq_s == pytest.approx(4e7 * 2.0 ** (96.0 / 50.0) / decay, rel=1e-12)
    assert fit.extrapolated_fraction == pytest.approx(2.0 ** (-96.0 / 50.0), rel=1e-12)
    times_s = np.array([0.0, 96.0, 146.0]) * HOUR_S
    assert fit.activity_bq(times_s) == pytest.approx([4e7 * 2.0 ** (96.0 / 50.0), 4e7, 2e7], rel=1e-12)
    assert selection.recommended_model == fit.model == "single_time_point"
    assert selection.refused == ()
    assert (fit.aicc, fit.weight, fit.r_squared) == (None, None, None)
    assert fit.is_interpolation


def test_uncertainty_agrees_with_noisy_draws():
    """500 draws of activity and half-life against the stated uncertainty."""
    generator = np.random.default_rng(7)
    activities = 4e7 * (1.0 + 0.05 * generator.standard_normal(500))
    decays = LN2 / (50.0 * HOUR_S * (1.0 + 0.1 * generator.standard_normal(500)))
    drawn = activities * np.exp(decays * SCAN["time_s"]) / decays
    (fit,) = select().fits
    # 500 draws know an SD to 3.2 %: three of these; the second order in the half-life adds about 2 %.
    assert fit.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(drawn.std(ddof=1), rel=0.12)


@pytest.mark.parametrize("hours", [24.0, 60.0, 96.0, 168.0])
def test_sensitivity_to_the_half_life(hours):
    """u(TIA)/TIA = |1 - l t| u(T)/T where the activity is known well."""
    (fit,) = select(time_s=hours * HOUR_S, activity_standard_uncertainty_bq=1e-6).fits
    low, high = (
        select(time_s=hours * HOUR_S, effective_half_life_s=50.0 * HOUR_S * factor)
        .fits[0]
        .time_integrated_activity_bq_s
        for factor in (1.0 - 1e-4, 1.0 + 1e-4)
    )
    slope = abs(np.log(high / low)) / 2e-4
    # The central difference is good to 1e-8, the scan's own uncertainty is 1e-13.
    assert fit.time_integrated_activity_standard_uncertainty_bq_s / fit.time_integrated_activity_bq_s == pytest.approx(
        0.1 * slope, rel=1e-5
    )


def test_half_life_does_not_matter_at_its_mean_life():
    (fit,) = select(time_s=50.0 * HOUR_S / LN2).fits
    # Only the 5 % of the scan are left.
    assert fit.time_integrated_activity_standard_uncertainty_bq_s / fit.time_integrated_activity_bq_s == pytest.approx(
        0.05, rel=1e-9
    )


def test_band_is_the_scans_uncertainty_at_the_scan_and_wider_elsewhere():
    (fit,) = select().fits
    before, at, after = fit.band_bq(np.array([10.0, 96.0, 200.0]) * HOUR_S) / fit.activity_bq(
        np.array([10.0, 96.0, 200.0]) * HOUR_S
    )
    assert at == pytest.approx(0.05, rel=1e-6)
    assert min(before, after) > 0.1


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-6, 1e6), st.floats(1.0, 400.0), st.floats(1.0, 159.0))
def test_linear_in_activity_and_free_of_the_time_unit(scale, hours, half_life_h):
    change = {"time_s": hours * HOUR_S, "effective_half_life_s": half_life_h * HOUR_S}
    (one,) = select(**change).fits
    (many,) = select(
        **change, activity_bq=scale * SCAN["activity_bq"], activity_standard_uncertainty_bq=scale * 2e6
    ).fits
    (in_h,) = select(
        time_s=hours,
        effective_half_life_s=half_life_h,
        effective_half_life_standard_uncertainty_s=5.0,
        nuclide_decay_constant_per_s=LU177.decay_constant_per_s * HOUR_S,
    ).fits
    assert many.time_integrated_activity_bq_s == pytest.approx(scale * one.time_integrated_activity_bq_s, rel=1e-9)
    assert many.time_integrated_activity_standard_uncertainty_bq_s == pytest.approx(
        scale * one.time_integrated_activity_standard_uncertainty_bq_s, rel=1e-9
    )
    assert in_h.time_integrated_activity_bq_s * HOUR_S == pytest.approx(one.time_integrated_activity_bq_s, rel=1e-9)


@pytest.mark.parametrize("name", ["Lu-177", "Y-90", "I-131", "Ga-68", "Sc-44", "K-38"])
def test_the_physical_half_life_itself_may_be_declared(name):
    """For Sc-44 and K-38 ln 2 / (ln 2 / T) is below T by rounding."""
    nuclide = get_nuclide(name)
    (fit,) = select(
        time_s=nuclide.half_life_s,
        effective_half_life_s=nuclide.half_life_s,
        nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
    ).fits
    assert fit.effective_half_life_s == nuclide.half_life_s
    assert fit.extrapolated_fraction == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"effective_half_life_s": 160.0 * HOUR_S}, "half_life_range", r"physical 159\.5 h; got 160\.0 h"),
        ({"effective_half_life_s": 0.0}, "half_life_range", r"got 0\.0 h"),
        ({"effective_half_life_s": -1.0}, "half_life_range", "between 0 and"),
        ({"effective_half_life_s": np.nan}, "half_life_range", "got nan h"),
        ({"effective_half_life_standard_uncertainty_s": 0.0}, "half_life_source", "uncertainty and the source"),
        ({"effective_half_life_standard_uncertainty_s": -1.0}, "half_life_source", "uncertainty and the source"),
        ({"effective_half_life_standard_uncertainty_s": np.nan}, "half_life_source", "uncertainty and the source"),
        ({"effective_half_life_standard_uncertainty_s": np.inf}, "half_life_source", "uncertainty and the source"),
        ({"source": "  "}, "half_life_source", "uncertainty and the source"),
        ({"time_s": 0.0}, "scan_before_start", "before its administration"),
        ({"time_s": -3600.0}, "scan_before_start", "before its administration"),
        ({"time_s": np.nan}, "invalid_input", "finite"),
        ({"activity_bq": 0.0}, "no_activity", "check the contour"),
        ({"activity_bq": -1.0}, "no_activity", "check the contour"),
        ({"activity_standard_uncertainty_bq": 0.0}, "invalid_input", "standard uncertainty above zero"),
        ({"nuclide_decay_constant_per_s": 0.0}, "bad_decay", "decay constant"),
    ],
)
def test_refuses_input_with_its_reason(change, code, text):
    with pytest.raises(InvalidInputError, match=text) as caught:
        select(**change)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("ratio", "codes"),
    [
        (0.5, ["single_time_point", "outside_window"]),
        (0.75, ["single_time_point"]),
        (1.5, ["single_time_point"]),
        (2.5, ["single_time_point"]),
        (2.75, ["single_time_point", "outside_window"]),
    ],
)
def test_findings_say_what_was_assumed_and_whether_the_scan_is_early_or_late(ratio, codes):
    # 40 h times these ratios are exact in binary.
    findings = select(time_s=ratio * 40.0 * HOUR_S, effective_half_life_s=40.0 * HOUR_S).findings
    assert [finding.code for finding in findings] == codes
    assert {finding.level for finding in findings} == {"ask"}
    assert "40.0 h (cycle 1 of this patient)" in findings[0].message
    assert "uptake is ignored" in findings[0].message
    if len(findings) > 1:
        assert f"{ratio:.2f} half-lives" in findings[1].message


def test_a_stored_fit_comes_back_unchanged():
    (fit,) = select().fits
    assert CurveFit.from_dict(json.loads(json.dumps(asdict(fit)))) == fit


@settings(deadline=None, max_examples=100)
@given(st.floats(0.75, 2.5))
def test_haenscheid_errs_as_published_inside_the_window(ratio):
    half_life_s = 50.0 * HOUR_S
    truth = 1e8 * half_life_s / LN2
    estimate = haenscheid_tia_bq_s(activity_bq=1e8 * 2.0**-ratio, time_s=ratio * half_life_s)
    # -11.6 to +6.2 %, each rounded to 0.1 %.
    assert -0.1165 < estimate / truth - 1.0 < 0.0625


@pytest.mark.parametrize(
    ("activity_bq", "time_s", "code"),
    [(0.0, 1.0, "no_activity"), (1.0, 0.0, "scan_before_start"), (1.0, -1.0, "scan_before_start")],
)
def test_haenscheid_needs_activity_after_administration(activity_bq, time_s, code):
    with pytest.raises(InvalidInputError) as caught:
        haenscheid_tia_bq_s(activity_bq=activity_bq, time_s=time_s)
    assert caught.value.code == code
