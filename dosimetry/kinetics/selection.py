"""Fit every admissible model, rank where the number of scans allows, and recommend one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import FitError, InsufficientDataError
from dosimetry.kinetics.fitting import CurveFit, fit_curve, validated_points
from dosimetry.kinetics.models import MODELS


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFinding:
    """State one doubt about a curve: stable code, level ``note``, ``ask`` or ``block``, message."""

    code: str
    level: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSelection:
    """Hold the fits of one region, those refused with reasons, and the recommended model."""

    fits: tuple[CurveFit, ...]
    refused: tuple[tuple[str, str], ...]
    recommended_model: str
    findings: tuple[CurveFinding, ...]


def fit_admissible(
    *,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    nuclide_decay_constant_per_s: float,
) -> CurveSelection:
    """Fit all models that the number of scans admits and rank them by AICc where it is defined.

    AICc needs n - K - 1 > 0; models that it cannot rank get no weight. The recommended model is the best ranked one,
    or, when none can be ranked, the mono-exponential.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : (n,) arrays
        As for ``fit_curve``; two scans at least.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.

    Returns
    -------
    CurveSelection
        Fits in order of their number of parameters, with Akaike weights among the ranked.

    Raises
    ------
    InvalidInputError
        As ``fit_curve``.
    InsufficientDataError
        One scan only: a half-life must be declared, see ``single_time_point``.
    FitError
        Activity rises from the first to the last scan, so that no falling curve exists.

    References
    ----------
    .. [1] Burnham & Anderson, Model selection and multimodel inference, 2nd ed., Springer 2002, ch. 2.4, 2.9.
    """
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    if times.size == 1:
        raise InsufficientDataError(
            "One scan: enter the effective half-life that you assume, its uncertainty and its source.",
            code="half_life_required",
        )
    if _is_rising(activities, u):
        raise FitError(
            "Activity rises from the first to the last scan, so no falling curve exists: check times and contours, add "
            "a later scan, or declare an effective half-life for the last scan.",
            code="rising_curve",
        )
    fits, refused = [], []
    for name, model in MODELS.items():
        if times.size < model.n_parameters:
            refused.append((name, f"Needs {model.n_parameters} scans to fit; {times.size} used"))
            continue
        if times.size == model.n_parameters and model.n_parameters > 2:
            refused.append((name, f"Needs {model.n_parameters + 2} scans to rank; {times.size} used"))
            continue
        fits.append(
            fit_curve(
                model=name,
                times_s=times,
                activities_bq=activities,
                standard_uncertainties_bq=u,
                nuclide_decay_constant_per_s=nuclide_decay_constant_per_s,
            )
        )
    weighted = akaike_weighted(tuple(fits))
    recommended = _recommended(weighted)
    return CurveSelection(
        fits=weighted,
        refused=tuple(refused),
        recommended_model=recommended.model,
        findings=findings_of(recommended),
    )


def akaike_weighted(fits: tuple[CurveFit, ...]) -> tuple[CurveFit, ...]:
    """Return the fits with weights exp(-delta/2) normalised over those that have an AICc."""
    scores = [fit.aicc for fit in fits if fit.aicc is not None]
    if not scores:
        return fits
    lowest = min(scores)
    total = sum(float(np.exp(-0.5 * (score - lowest))) for score in scores)
    weighted = []
    for fit in fits:
        weight = None if fit.aicc is None else float(np.exp(-0.5 * (fit.aicc - lowest))) / total
        values = {field.name: getattr(fit, field.name) for field in fields(fit)}
        weighted.append(CurveFit(**{**values, "weight": weight}))
    return tuple(weighted)


def findings_of(fit: CurveFit) -> tuple[CurveFinding, ...]:
    """Turn the failed checks of a fit into findings that a person answers."""
    messages = {
        "cv_high": "A parameter has a coefficient of variation above 50 %.",
        "tail_large": f"{100.0 * fit.extrapolated_fraction:.0f} % of the time-integrated activity lies after the last "
        "scan; guide 20 %.",
        "r_squared_low": "The curve explains the points poorly (R² below 0.9).",
        "last_points_rise": "Activity rises between the last two scans.",
        "interpolation": "As many scans as parameters: the curve passes through every point and cannot be tested.",
        "at_bound": "The effective half-life equals the physical one: no biological removal was seen.",
    }
    failed = [check for check in fit.checks if check["level"] in {"ask", "note"} and check["code"] in messages]
    levels = {"at_bound": "note", "interpolation": "note"}
    return tuple(
        CurveFinding(
            code=check["code"],
            level=levels.get(check["code"], check["level"]),
            message=messages[check["code"]],
        )
        for check in failed
    )


def _is_rising(activities: NDArray[np.float64], u: NDArray[np.float64]) -> bool:
    """Tell whether the last activity exceeds the first by more than two combined standard uncertainties."""
    return bool(activities[-1] - activities[0] > 2.0 * np.hypot(u[-1], u[0]))


def _recommended(fits: tuple[CurveFit, ...]) -> CurveFit:
    ranked = [fit for fit in fits if fit.aicc is not None]
    return min(ranked, key=lambda fit: fit.aicc or 0.0) if ranked else fits[0]
