"""The shape of a stored curve fit: samples for plots, dose-rate terms for BED."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.kinetics.stored_curve import curve_from_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveShape:
    times_s: list[float]
    activities_bq: list[float]
    band_bq: list[float]


def curve_shape(fit: dict[str, Any], *, end_s: float, n_samples: int) -> CurveShape:
    """Sample a stored fit and its standard uncertainty from administration to ``end_s``."""
    curve = curve_from_dict(fit)
    times_s = np.linspace(0.0, end_s, n_samples)
    return CurveShape(
        times_s=times_s.tolist(),
        activities_bq=curve.activity_bq(times_s).tolist(),
        band_bq=curve.band_bq(times_s).tolist(),
    )


def residuals(fit: dict[str, Any], points: list[dict[str, Any]]) -> list[float]:
    """Return (measured - fitted) / standard uncertainty of each point."""
    curve = curve_from_dict(fit)
    times_s = np.array([point["time_s"] for point in points])
    measured = np.array([point["activity_bq"] for point in points])
    u = np.array([point["activity_standard_uncertainty_bq"] for point in points])
    return ((measured - curve.activity_bq(times_s)) / u).tolist()


def dose_rate_terms(fit: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return amplitudes (any unit) and decay constants in 1/s of the exponential terms."""
    return curve_from_dict(fit).exponential_terms()
