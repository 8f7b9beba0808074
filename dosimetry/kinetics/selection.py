"""Fit every admissible model, rank where the number of scans allows, and recommend one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.checks import failed_checks
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import MODELS, CurveModel, get_model
from dosimetry.kinetics.points import validated_points


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
    models: Sequence[str] | None = None,
) -> CurveSelection:
    """Fit all models that the number of scans admits and rank them by AICc where it is defined.

    AICc needs n - K - 1 > 0; models that it cannot rank get no weight. The recommended model is the best ranked one,
    or, when none can be ranked, the mono-exponential, or the first that was asked for by name.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : (n,) arrays
        As for ``fit_curve``; two scans at least.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.
    models : sequence of str, optional
        Models to try instead of ``MODELS``, the one to prefer by protocol first. A model that is asked for is fitted
        also when the curve then passes through every point, which is flagged; one with fewer scans is refused.

    Returns
    -------
    CurveSelection
        Fits in order of their number of parameters, or as asked for, with Akaike weights among the ranked.

    Raises
    ------
    InvalidInputError
        As ``fit_curve``; a model is unknown, or named twice (``duplicate_model``), or none is named (``no_model``).
    InsufficientDataError
        One scan only: a half-life must be declared, see ``single_time_point`` (``half_life_required``). Fewer scans
        than every named model needs (``too_few_points``).
    FitError
        Activity rises from the first to the last scan, so that no falling curve exists.

    References
    ----------
    .. [1] Burnham & Anderson, Model selection and multimodel inference, 2nd ed., Springer 2002, ch. 2.4, 2.9.
    """
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    wanted = _wanted_models(models)
    if times.size == 1 and all(model.n_parameters > 1 for model in wanted):
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
    for model in wanted:
        reason = _refusal(model, n_scans=times.size, is_asked_for=models is not None)
        if reason:
            refused.append((model.name, reason))
            continue
        fits.append(
            fit_curve(
                model=model.name,
                times_s=times,
                activities_bq=activities,
                standard_uncertainties_bq=u,
                nuclide_decay_constant_per_s=nuclide_decay_constant_per_s,
            )
        )
    if not fits:
        raise InsufficientDataError(
            "Too few scans for every model asked for: " + "; ".join(f"{name}: {why}" for name, why in refused) + ".",
            code="too_few_points",
        )
    weighted = akaike_weighted(tuple(fits))
    recommended = _recommended(weighted)
    return CurveSelection(
        fits=weighted,
        refused=tuple(refused),
        recommended_model=recommended.model,
        findings=findings_of(recommended),
    )


def _wanted_models(names: Sequence[str] | None) -> tuple[CurveModel, ...]:
    if names is None:
        return tuple(MODELS.values())
    if not names:
        raise InvalidInputError("Name at least one curve model to fit.", code="no_model")
    if len(set(names)) < len(names):
        raise InvalidInputError("A curve model is named twice; it would count twice.", code="duplicate_model")
    return tuple(get_model(name) for name in names)


def _refusal(model: CurveModel, *, n_scans: int, is_asked_for: bool) -> str:
    """Return why a model is not fitted to so few scans, or nothing."""
    k = model.n_parameters
    if n_scans < k:
        return f"Needs {k} scans to fit; {n_scans} used"
    if n_scans == k and k > 2 and not is_asked_for:
        return f"Needs {k + 2} scans to rank; {n_scans} used"
    return ""


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
        weighted.append(replace(fit, weight=weight))
    return tuple(weighted)


def findings_of(fit: CurveFit) -> tuple[CurveFinding, ...]:
    """Turn the failed checks of a fit into findings that a person answers."""
    messages = {
        "cv_high": "A parameter has a coefficient of variation above 50 %.",
        "tail_large": f"{100.0 * fit.extrapolated_fraction:.0f} % of the time-integrated activity lies after the last "
        "scan; guide 20 %.",
        "r_squared_low": "The curve explains the points poorly (R² below 0.9).",
        "correlation_high": f"Two parameters are correlated by {fit.maximum_correlation:.2f} (guide 0.8): the points "
        "do not tell them apart.",
        "shape_cv_high": "A constant of the curve has a coefficient of variation above 50 %; the integral does not.",
        "undetermined": "The points leave a parameter of the curve open: use a model with fewer parameters, or add "
        "a scan.",
        "uptake_unseen": "The uptake was not seen: no scan lies before the peak, or the first scan is late and much of "
        "the time-integrated activity before it is extrapolated.",
        "retention_assumed": "A part of the curve is assumed to leave by physical decay only.",
        "last_points_rise": "Activity rises between the last two scans.",
        "interpolation": "As many scans as parameters: the curve cannot be tested.",
        "at_bound": "The effective half-life is the physical one: no removal was seen. The integral is the largest "
        "possible and its uncertainty holds the activity alone; a later scan or a declared half-life tells more.",
    }
    levels = {"interpolation": "note"}
    return tuple(
        CurveFinding(
            code=check["code"], level=levels.get(check["code"], check["level"]), message=messages[check["code"]]
        )
        for check in failed_checks(fit)
    )


def _is_rising(activities: NDArray[np.float64], u: NDArray[np.float64]) -> bool:
    """Tell whether the last activity exceeds the first by more than two combined standard uncertainties."""
    return bool(activities[-1] - activities[0] > 2.0 * np.hypot(u[-1], u[0]))


def _recommended(fits: tuple[CurveFit, ...]) -> CurveFit:
    ranked = [fit for fit in fits if fit.aicc is not None]
    return min(ranked, key=lambda fit: fit.aicc or 0.0) if ranked else fits[0]
