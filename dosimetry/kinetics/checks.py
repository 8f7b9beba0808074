"""Checks of a fitted curve, each with a stable code, a guide and a level; none changes a number."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.models import FURTHER_MODELS, MODELS
from dosimetry.kinetics.terms import Array

CV_GUIDE = 0.50
CORRELATION_GUIDE = 0.80
"""Guides of CV and correlation: 10.1186/s40658-021-00427-x, which names them as standard criteria."""
TAIL_GUIDE = 0.20
R_SQUARED_GUIDE = 0.90
HEAD_GUIDE = 0.20
"""Share of the integral before the first scan above which an unseen uptake matters; as for the tail."""
NEGLIGIBLE_SHARE = 1e-3
"""A biological constant below this share of the physical one cannot be told from zero."""
OPEN_GUIDE = 2.0
"""Standard deviation of a log or logit parameter, a factor of seven either way, above which it counts as open."""


def with_checks(fit: CurveFit, *, activities: Array, times_s: Array | None = None) -> CurveFit:
    """Add the checks of the joint EANM practice: CV, correlation, tail, R2, bound, last points, uptake.

    Parameters
    ----------
    fit : CurveFit
        The fit without checks.
    activities, times_s : (n,) arrays
        The points in order of time, Bq and s; without times an unseen uptake is not looked for.
    """
    checks: list[dict[str, str]] = [*_parameter_checks(fit)]
    tail = fit.extrapolated_fraction
    checks.append(_check(f"Tail {100 * tail:.1f} % of TIA", "≤ 20 %", tail <= TAIL_GUIDE, "tail_large"))
    if fit.r_squared is not None:
        checks.append(_check(f"R² {fit.r_squared:.3f}", "≥ 0.9", fit.r_squared >= R_SQUARED_GUIDE, "r_squared_low"))
    if fit.is_interpolation:
        checks.append(_check("As many scans as parameters", "more scans", False, "interpolation", "note"))
    if activities.size > 1:
        is_falling = bool(activities[-1] < activities[-2])
        text = "Last points fall" if is_falling else "Activity rises between the last two scans"
        checks.append(_check(text, "falls", is_falling, "last_points_rise"))
    checks.extend(_bound_checks(fit))
    if times_s is not None:
        checks.extend(_uptake_checks(fit, first_scan_s=float(times_s[0])))
    return replace(fit, checks=tuple(checks))


def maximum_correlation(covariance: Array) -> float:
    """Return the largest absolute correlation of two parameters; 0 when one of them has no spread."""
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if np.any(deviations <= 0.0):
        return 0.0
    correlation = covariance / np.outer(deviations, deviations)
    return float(np.max(np.abs(correlation - np.eye(deviations.size))))


def peak_time_s(fit: CurveFit) -> float:
    """Return the time of the highest activity in s; zero for a curve that falls from the start.

    Found on a grid whose steps are below one per cent, enough to tell whether a scan saw the rise.
    """
    decays = fit.terms[1]
    grid = np.concatenate([[0.0], np.geomspace(1e-3 / decays.max(), 10.0 / decays.min(), 4000)])
    return float(grid[int(np.argmax(fit.activity_bq(grid)))])


def _parameter_checks(fit: CurveFit) -> list[dict[str, str]]:
    tia_cv = fit.time_integrated_activity_standard_uncertainty_bq_s / fit.time_integrated_activity_bq_s
    half_life_cv = fit.effective_half_life_standard_uncertainty_s / fit.effective_half_life_s
    largest_cv = max(tia_cv, half_life_cv)
    correlation = fit.maximum_correlation
    return [
        _check(f"CV of parameters {100 * largest_cv:.1f} %", "< 50 %", largest_cv < CV_GUIDE, "cv_high"),
        _check(
            f"|r| of parameters {correlation:.2f}", "< 0.8", correlation < CORRELATION_GUIDE, "correlation_high", "note"
        ),
    ]


def _shape_checks(fit: CurveFit, *, is_at_bound: bool) -> list[dict[str, str]]:
    """Look at each parameter but the integral; at the bound the biological constant, the first, is already named."""
    names = list(fit.parameters)[2 if is_at_bound else 1 :]
    deviations = dict(zip(fit.parameters, np.sqrt(np.maximum(np.diag(fit.covariance), 0.0)), strict=True))
    checks = []
    is_open = [name for name in names if deviations[name] > OPEN_GUIDE]
    if is_open:
        checks.append(_check(f"Left open: {', '.join(is_open)}", "fewer parameters", False, "undetermined"))
    wide = [
        f"{name} {100.0 * fit.standard_uncertainties[name] / fit.parameters[name]:.0f} %"
        for name in names
        if name not in is_open and fit.standard_uncertainties[name] >= CV_GUIDE * fit.parameters[name]
    ]
    if wide:
        checks.append(_check(f"CV of {', '.join(wide)}", "< 50 %", False, "shape_cv_high", "note"))
    return checks


def _bound_checks(fit: CurveFit) -> list[dict[str, str]]:
    model = {**MODELS, **FURTHER_MODELS}.get(fit.model)
    half_life_limit_s = float(np.log(2.0)) / fit.physical_decay_constant_per_s
    guide = f"{half_life_limit_s / 3600.0:.1f} h"
    if model is not None and model.has_retention:
        assumed = _check("T eff is T phys by assumption", guide, False, "retention_assumed", "note")
        return [assumed, *_shape_checks(fit, is_at_bound=False)]
    is_at_bound = fit.effective_half_life_s > half_life_limit_s * (1.0 - NEGLIGIBLE_SHARE)
    text = "T eff is the physical half-life" if is_at_bound else "T eff below T phys"
    checks = [_check(text, guide, not is_at_bound, "at_bound")]
    return [*checks, *_shape_checks(fit, is_at_bound=is_at_bound)]


def _uptake_checks(fit: CurveFit, *, first_scan_s: float) -> list[dict[str, str]]:
    """Tell what stands before the first scan: an extrapolated fall, or a rise that no scan saw."""
    model = {**MODELS, **FURTHER_MODELS}.get(fit.model)
    if model is not None and model.starts_at_zero:
        peak_s = peak_time_s(fit)
        if first_scan_s <= peak_s:
            return []
        text = f"Peak at {peak_s / 3600.0:.1f} h, before the first scan"
        return [_check(text, "a scan before the peak", False, "uptake_unseen")]
    head = fit.fraction_before(first_scan_s)
    if head <= HEAD_GUIDE:
        return []
    return [_check(f"{100 * head:.0f} % of TIA before the first scan", "≤ 20 %", False, "uptake_unseen", "note")]


def _check(text: str, guide: str, is_ok: bool, code: str, level: str = "ask") -> dict[str, str]:
    return {"text": text, "guide": guide, "level": "ok" if is_ok else level, "code": code}


def failed_checks(fit: CurveFit) -> tuple[Mapping[str, str], ...]:
    """Return the checks of a fit that raise a doubt."""
    return tuple(check for check in fit.checks if check["level"] in {"ask", "note"})
