"""Scatter from energy windows: the worked number, what is kept, and every refusal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.quantification.scatter import (
    JASZCZAK_K,
    EnergyWindow,
    WindowSet,
    dew_scatter,
    tew_scatter,
    window_presets,
)

WORKED = WindowSet(
    photopeak=EnergyWindow(low_kev=187.2, high_kev=228.8),
    lower=EnergyWindow(low_kev=166.4, high_kev=187.2),
    upper=EnergyWindow(low_kev=228.8, high_kev=249.6),
)


def images(*values, shape=(4, 5)):
    return [np.full(shape, value, dtype=np.float32) for value in values]


def test_the_worked_primary_counts():
    # verification.md section 8: 1000/200/100 in 41.6/20.8/20.8 keV leave 700, up to rounding of the limits.
    estimate = tew_scatter(*images(1000.0, 200.0, 100.0), windows=WORKED)
    assert estimate.primary == pytest.approx(700.0, rel=1e-12)
    assert estimate.scatter == pytest.approx(300.0, rel=1e-12)
    # Factors are 1 here: variances add as Poisson counts do.
    assert estimate.scatter_variance == pytest.approx(300.0, rel=1e-12)
    assert estimate.primary_variance == pytest.approx(1300.0, rel=1e-12)


@given(a=st.floats(0.0, 50.0), b=st.floats(-0.2, 0.2))
def test_a_straight_spectrum_of_scatter_is_taken_exactly(a, b):
    # Narrow windows centred on the edges of the photopeak sample a straight line at the ends of the trapezium.
    windows = WindowSet(
        photopeak=EnergyWindow(low_kev=187.2, high_kev=228.8),
        lower=EnergyWindow(low_kev=185.7, high_kev=188.7),
        upper=EnergyWindow(low_kev=227.3, high_kev=230.3),
    )

    def counts(window):
        return np.array([window.width_kev * (60.0 + a + b * (window.centre_kev - 208.0))])

    estimate = tew_scatter(counts(windows.photopeak), counts(windows.lower), counts(windows.upper), windows=windows)
    assert estimate.primary[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_scatter_is_linear_in_counts_and_blind_to_the_energy_unit(scale):
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(0.0, 100.0, (6, 6)) for _ in range(3)]
    once = tew_scatter(*arrays, windows=WORKED, smoothing_fwhm_pixels=2.0)
    scaled = tew_scatter(*[scale * values for values in arrays], windows=WORKED, smoothing_fwhm_pixels=2.0)
    assert scaled.scatter == pytest.approx(scale * once.scatter, rel=1e-12)

    def in_ev(window):
        return EnergyWindow(low_kev=1e3 * window.low_kev, high_kev=1e3 * window.high_kev)

    other = WindowSet(photopeak=in_ev(WORKED.photopeak), lower=in_ev(WORKED.lower), upper=in_ev(WORKED.upper))
    assert tew_scatter(*arrays, windows=other).scatter == pytest.approx(
        tew_scatter(*arrays, windows=WORKED).scatter, rel=1e-12
    )


def test_the_variance_is_what_repeated_acquisitions_scatter_by():
    rng = np.random.default_rng(2)
    n = 40000
    windows = WindowSet(
        photopeak=EnergyWindow(low_kev=187.2, high_kev=228.8),
        lower=EnergyWindow(low_kev=175.0, high_kev=187.6),
        upper=EnergyWindow(low_kev=229.2, high_kev=241.8),
    )
    main, low, up = (rng.poisson(mean, n) for mean in (900.0, 90.0, 30.0))
    estimate = tew_scatter(main, low, up, windows=windows)
    # A variance from n samples is known to sqrt(2/n) = 0.7 %; four of these.
    assert np.var(estimate.scatter) == pytest.approx(estimate.scatter_variance.mean(), rel=0.03)
    assert np.var(estimate.primary) == pytest.approx(estimate.primary_variance.mean(), rel=0.03)


def test_smoothing_keeps_the_total_and_lowers_the_variance_as_it_says():
    rng = np.random.default_rng(3)
    low = rng.poisson(50.0, (300, 300))
    zeros = np.zeros_like(low)
    estimate = tew_scatter(zeros, low, zeros, windows=WORKED, smoothing_fwhm_pixels=3.0)
    assert estimate.scatter.sum() == pytest.approx(low.sum(), rel=1e-12)
    inner = estimate.scatter[10:-10, 10:-10]
    # Neighbours are correlated over about 3 x 3 pixels: some 9000 independent values, 1.5 %; three of these.
    assert np.var(inner) == pytest.approx(estimate.scatter_variance[10:-10, 10:-10].mean(), rel=0.05)
    assert any("smoothed" in step for step in estimate.steps)


def test_negative_pixels_stay_unless_clipping_is_asked_for():
    arrays = images(10.0, 20.0, 0.0, shape=(2, 3))
    arrays[0][0, 0] = 50.0
    open_estimate = tew_scatter(*arrays, windows=WORKED)
    assert open_estimate.primary.min() == pytest.approx(-10.0)
    assert open_estimate.n_clipped == 0
    clipped = tew_scatter(*arrays, windows=WORKED, is_clipped=True)
    assert clipped.primary.min() == 0.0
    assert clipped.n_clipped == 5
    assert clipped.clipped_counts == pytest.approx(50.0)
    assert "5 pixels below zero" in clipped.steps[-1]


def test_without_an_upper_window_only_the_lower_one_counts():
    windows = WindowSet(photopeak=WORKED.photopeak, lower=WORKED.lower, upper=None)
    main, low, up = images(1000.0, 200.0, 100.0)
    assert tew_scatter(main, low, None, windows=windows).primary == pytest.approx(800.0, rel=1e-12)
    for counts, limits in ((None, WORKED), (up, windows)):
        with pytest.raises(InvalidInputError, match="belong together"):
            tew_scatter(main, low, counts, windows=limits)


def test_two_windows_with_the_published_ratio():
    main, low = images(1000.0, 300.0)
    estimate = dew_scatter(main, low, k=JASZCZAK_K, k_standard_uncertainty=0.05)
    assert estimate.primary == pytest.approx(850.0)
    # 0.25 x 300 counting, (300 x 0.05)^2 from the ratio.
    assert estimate.scatter_variance == pytest.approx(75.0 + 225.0)
    assert estimate.primary_variance == pytest.approx(1000.0 + 300.0)
    nothing = dew_scatter(main, low, k=0.0)
    assert nothing.primary == pytest.approx(1000.0)


@pytest.mark.parametrize("ratio", [-0.1, np.nan, np.inf])
def test_a_ratio_that_is_none_is_refused(ratio):
    with pytest.raises(InvalidInputError, match="ratio k") as caught:
        dew_scatter(*images(10.0, 1.0), k=ratio)
    assert caught.value.code == "bad_ratio"


def test_values_that_are_no_counts_are_refused_or_have_no_variance():
    main, low, up = images(10.0, -1.0, 1.0)
    with pytest.raises(InvalidInputError, match="below zero"):
        tew_scatter(main, low, up, windows=WORKED)
    estimate = tew_scatter(main, low, up, windows=WORKED, is_poisson=False)
    assert estimate.scatter_variance is None
    assert estimate.primary_variance is None
    assert dew_scatter(main, low, k=0.5, is_poisson=False).primary_variance is None
    low[0, 0] = np.nan
    with pytest.raises(InvalidInputError, match="not finite"):
        tew_scatter(main, low, up, windows=WORKED, is_poisson=False)
    with pytest.raises(GeometryMismatchError, match="different shapes"):
        tew_scatter(main, up[:2], up, windows=WORKED)
    with pytest.raises(InvalidInputError, match="smoothing"):
        tew_scatter(main, up, up, windows=WORKED, smoothing_fwhm_pixels=-1.0)


@pytest.mark.parametrize(("low_kev", "high_kev"), [(200.0, 100.0), (100.0, 100.0), (-1.0, 10.0), (np.nan, 1.0)])
def test_limits_that_are_no_window_are_refused(low_kev, high_kev):
    with pytest.raises(InvalidInputError, match="0 <= low < high") as caught:
        EnergyWindow(low_kev=low_kev, high_kev=high_kev)
    assert caught.value.code == "bad_window"


def test_windows_on_the_wrong_side_are_refused():
    with pytest.raises(InvalidInputError, match="lower scatter window"):
        WindowSet(photopeak=WORKED.photopeak, lower=WORKED.upper, upper=None)
    with pytest.raises(InvalidInputError, match="upper scatter window"):
        WindowSet(photopeak=WORKED.photopeak, lower=WORKED.lower, upper=WORKED.lower)


@pytest.mark.parametrize(
    ("nuclide", "lines"),
    [("Lu-177", {208.4, 208.0, 112.95}), ("I-131", {364.0}), ("Tc-99m", {140.5}), ("In-111", {171.3, 245.4})],
)
def test_presets_hold_their_line_and_say_where_they_are_from(nuclide, lines):
    presets = window_presets(nuclide)
    photons = get_emissions(nuclide)
    strong = photons.photon_energies_kev[photons.photon_yields > 0.05]
    assert {preset.line_kev for preset in presets} == lines
    for preset in presets:
        assert preset.photopeak.low_kev < preset.line_kev < preset.photopeak.high_kev
        assert preset.nuclide == nuclide
        # Protocols print lines to half a keV.
        assert np.min(np.abs(strong - preset.line_kev)) < 0.5
        assert preset.source
        assert preset.is_confirmed or "not" in preset.source or "to be confirmed" in preset.source


def test_published_limits():
    lu, i131 = window_presets("Lu-177")[0], window_presets("I-131")[0]
    # MRTDosimetry table 2: 208.4 +- 20.8, 181.3 +- 6.3, 235.5 +- 6.3 keV.
    assert (lu.photopeak.low_kev, lu.lower.low_kev, lu.upper.high_kev) == pytest.approx((187.6, 175.0, 241.8))
    # MEDIRAD table 2: 364 keV +- 10 %, 318 +- 3 %, 413 +- 3 %.
    assert (i131.photopeak.high_kev, i131.lower.high_kev, i131.upper.low_kev) == pytest.approx((400.4, 327.54, 400.61))


def test_an_unknown_nuclide_has_no_windows():
    with pytest.raises(InvalidInputError, match="enter those of the acquisition") as caught:
        window_presets("Ga-67")
    assert caught.value.code == "unknown_windows"
