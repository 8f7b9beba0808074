"""Pencil beam on a half space of water, laterally integrated (verification numbers, section 2)."""

from functools import cache

import numpy as np
import pytest

from dosimetry.physics.electron_medium import electron_media
from dosimetry.physics.electron_tracks import track_uniform
from dosimetry.physics.electrons import csda_range

pytestmark = pytest.mark.reference

N_BINS = 260
DEEPEST = 1.3
CUT_KEV = 10.0


def depth_dose(energy_kev, n_histories):
    """Return depths in R_CSDA and energy per bin."""
    tally = np.zeros(N_BINS + 1)
    tally[-1] = float(csda_range("water", energy_kev)) * DEEPEST / N_BINS
    table = electron_media(("water",), CUT_KEV).coefficients[0]
    track_uniform(table, energy_kev, n_histories, 2026, 0, CUT_KEV, CUT_KEV, False, tally)
    return (np.arange(N_BINS) + 0.5) * DEEPEST / N_BINS, tally[:-1]


CASES = pytest.mark.parametrize(("energy", "mean", "r50", "practical"), [
    (500.0, 0.403, 0.718, 0.905),
    (1000.0, 0.401, 0.717, 0.905),
])  # fmt: skip


@cache
def beam(energy_kev):
    """Return energy-weighted mean depth, R50 and practical range in R_CSDA."""
    depths, dose = depth_dose(energy_kev, 100_000)
    smooth = np.convolve(dose, np.ones(7) / 7.0, mode="same")
    peak = smooth[3:-3].argmax() + 3
    falling = np.arange(N_BINS) > peak
    below = np.flatnonzero(falling & (smooth < 0.5 * smooth[peak]))[0]
    half = np.interp(-0.5 * smooth[peak], -smooth[below - 1 : below + 1], depths[below - 1 : below + 1])
    is_edge = falling & (smooth < 0.7 * smooth[peak]) & (smooth > 0.3 * smooth[peak])
    slope, offset = np.polyfit(depths[is_edge], smooth[is_edge], 1)
    return (depths @ dose) / dose.sum(), half, -offset / slope


@pytest.mark.slow
@CASES
def test_practical_range(energy, mean, r50, practical):
    # The tangent depends least on bins: 1.5 %.
    assert beam(energy)[2] == pytest.approx(practical, rel=0.015)


@pytest.mark.slow
@CASES
@pytest.mark.xfail(strict=True, reason="mean depth 1.3 to 1.9 %, R50 2.0 to 2.7 % low (docs/physics)")
def test_mean_depth_and_r50(energy, mean, r50, practical):
    found = beam(energy)
    assert found[0] == pytest.approx(mean, rel=0.015)
    assert found[1] == pytest.approx(r50, rel=0.015)


@pytest.mark.slow
@CASES
def test_scattering_has_not_changed(energy, mean, r50, practical):
    # The bins of the listed figures are not known. Elastic scattering agrees with Dirac partial waves within 0.3 % from
    # 100 keV (test_elsepa_transport.py); the listed figures would need 4 to 8 % less. A change by 5 % shows here.
    found = beam(energy)
    assert found[0] == pytest.approx(mean, rel=0.025)
    assert found[1] == pytest.approx(r50, rel=0.035)
