"""Weighted least-squares fit of one curve model, with the covariance of its parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.models import Array, CurveModel, Terms, evaluate, get_model, tail_fraction

CV_GUIDE = 0.50
CORRELATION_GUIDE = 0.80
TAIL_GUIDE = 0.20
R_SQUARED_GUIDE = 0.90
THETA_BOUND = 40.0
"""Bounds of log parameters: 1e-17 to 1e17 per s, beyond any physiology, so that exp stays finite."""
NEGLIGIBLE_SHARE = 1e-3
"""A biological constant below this share of the physical one cannot be told from zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFit:
    """Result of one fit; SI units.

    Parameters
    ----------
    model : str
        Name of the model.
    n_parameters : int
        Free parameters, the time-integrated activity included.
    parameters, standard_uncertainties : mapping of str to float
        Natural parameters; uncertainties are of the natural parameters, first order.
    theta : tuple of float
        ln(time-integrated activity) and the unbounded shape parameters.
    covariance : tuple of tuple of float
        Covariance of ``theta``.
    physical_decay_constant_per_s : float
        Lower bound of every decay constant.
    chi2 : float
        Sum of squared residuals over variance.
    aicc : float or None
        Corrected Akaike criterion; None when n - K - 1 <= 0.
    weight : float or None
        Akaike weight among the ranked models.
    time_integrated_activity_bq_s, time_integrated_activity_standard_uncertainty_bq_s : float
        Integral to infinity and its standard uncertainty.
    effective_half_life_s, effective_half_life_standard_uncertainty_s : float
        Half-life of the slowest phase.
    extrapolated_fraction : float
        Share of the integral after the last scan.
    r_squared : float or None
        Coefficient of determination; None for interpolation.
    maximum_correlation : float
        Largest absolute correlation of two parameters.
    is_interpolation : bool
        As many points as parameters: the curve passes through every point.
    checks : tuple of mapping
        text, guide, level of each check of the fit.
    """

    model: str
    n_parameters: int
    parameters: Mapping[str, float]
    standard_uncertainties: Mapping[str, float]
    theta: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    physical_decay_constant_per_s: float
    chi2: float
    aicc: float | None
    weight: float | None
    time_integrated_activity_bq_s: float
    time_integrated_activity_standard_uncertainty_bq_s: float
    effective_half_life_s: float
    effective_half_life_standard_uncertainty_s: float
    extrapolated_fraction: float
    r_squared: float | None
    maximum_correlation: float
    is_interpolation: bool
    checks: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "CurveFit":
        """Make a fit from its stored fields; unknown keys are ignored."""
        values = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        values["theta"] = tuple(values["theta"])
        values["covariance"] = tuple(tuple(row) for row in values["covariance"])
        values["checks"] = tuple(values.get("checks", ()))
        return cls(**values)

    @property
    def terms(self) -> Terms:
        """Return amplitudes per unit integral (1/s) and decay constants (1/s)."""
        shape = np.asarray(self.theta[1:])
        return terms_of(model=self.model, shape=shape, physical_per_s=self.physical_decay_constant_per_s)

    def exponential_terms(self) -> tuple[list[float], list[float]]:
        """Return amplitudes in Bq and decay constants in 1/s."""
        amplitudes, decays = self.terms
        return (self.time_integrated_activity_bq_s * amplitudes).tolist(), decays.tolist()

    def activity_bq(self, times_s: NDArray[Any]) -> Array:
        """Return the fitted activity in Bq at times in s after administration."""
        return evaluate(terms=self.terms, tia_bq_s=self.time_integrated_activity_bq_s, times_s=np.asarray(times_s))

    def band_bq(self, times_s: NDArray[Any]) -> Array:
        """Return the standard uncertainty of the fitted activity in Bq (first order)."""
        times = np.asarray(times_s, dtype=float)
        theta = np.asarray(self.theta)
        jacobian = numeric_jacobian(
            lambda values: _log_curve(self.model, values, times, self.physical_decay_constant_per_s), theta
        )
        relative = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", jacobian, np.asarray(self.covariance), jacobian), 0.0))
        return np.asarray(relative * self.activity_bq(times))


def terms_of(*, model: str, shape: Array, physical_per_s: float) -> Terms:
    """Return the exponential terms of a stored fit, of a fitted model or of a declared half-life."""
    if model == "single_time_point":
        decay = np.exp(shape[:1])
        return decay, decay
    return get_model(model).terms(shape, physical_per_s)


def numeric_jacobian(function: Any, theta: Array, *, step: float = 1e-5) -> Array:
    """Return central differences of a vector function."""
    columns = []
    for i in range(theta.size):
        forward, backward = theta.copy(), theta.copy()
        forward[i] += step
        backward[i] -= step
        columns.append((function(forward) - function(backward)) / (2.0 * step))
    return np.stack(columns, axis=-1)


def _log_curve(model: str, theta: Array, times: Array, physical_per_s: float) -> Array:
    terms = terms_of(model=model, shape=theta[1:], physical_per_s=physical_per_s)
    return np.log(np.maximum(evaluate(terms=terms, tia_bq_s=float(np.exp(theta[0])), times_s=times), 1e-300))


def fit_curve(
    *,
    model: str,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    nuclide_decay_constant_per_s: float,
) -> CurveFit:
    """Fit one model by weighted least squares with given standard uncertainties.

    Minimises chi2 = sum((y - f)^2 / u^2) over ln(TIA) and unbounded shape parameters from several starts; the
    integral is a parameter, so its standard uncertainty comes from the covariance of the fit. Uncertainties that
    all scans share (calibration, volume) are not part of ``standard_uncertainties_bq``.

    Parameters
    ----------
    model : str
        Name of a model of ``dosimetry.kinetics.models``.
    times_s : (n,) array
        Mid-acquisition times after administration, s, above zero.
    activities_bq : (n,) array
        Activities at those times, not decay-corrected, Bq, above zero.
    standard_uncertainties_bq : (n,) array
        Standard uncertainties, Bq, above zero.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.

    Returns
    -------
    CurveFit
        Parameters, covariance, integral to infinity, checks.

    Raises
    ------
    InvalidInputError
        Arrays of other lengths, times not above zero, or values or a decay constant that are not positive numbers.
    InsufficientDataError
        Fewer points than parameters.
    FitError
        No start converged. Rising activity is not refused here, see ``fit_admissible``.

    References
    ----------
    .. [1] Kletting et al., Molecular radiotherapy: the NUKFIT software, Med. Phys. 40, 102501, 2013.
    """
    chosen = get_model(model)
    validate_decay_constant(nuclide_decay_constant_per_s)
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    n = times.size
    if n < chosen.n_parameters:
        raise InsufficientDataError(f"Needs {chosen.n_parameters} scans; {n} used.", code="too_few_points")
    theta, residual, jacobian = _best_start(chosen, times, activities, u, nuclide_decay_constant_per_s)
    covariance = _covariance(jacobian)
    return summarise_fit(
        model=chosen,
        theta=theta,
        covariance=covariance,
        residual=residual,
        points=(times, activities, u),
        physical_per_s=nuclide_decay_constant_per_s,
    )


def validate_decay_constant(decay_constant_per_s: float) -> None:
    """Refuse a physical decay constant that is not a number above zero."""
    if not (decay_constant_per_s > 0.0 and np.isfinite(decay_constant_per_s)):
        raise InvalidInputError(
            f"The physical decay constant must be above zero; got {decay_constant_per_s} per s.", code="bad_decay"
        )


def validated_points(times_s: Any, activities_bq: Any, u_bq: Any) -> tuple[Array, Array, Array]:
    """Return float arrays sorted by time, or refuse them with the reason."""
    times, activities, u = (np.asarray(values, dtype=float) for values in (times_s, activities_bq, u_bq))
    if times.ndim != 1 or times.shape != activities.shape or times.shape != u.shape or times.size == 0:
        raise InvalidInputError("Times, activities and uncertainties need the same number of values.")
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(activities)) and np.all(np.isfinite(u))):
        raise InvalidInputError("Times, activities and uncertainties must be finite numbers.")
    if np.any(times <= 0.0):
        raise InvalidInputError("A scan lies before its administration; check both times.", code="scan_before_start")
    if np.any(activities <= 0.0):
        raise InvalidInputError("Activity is not above zero in a scan; check the contour.", code="no_activity")
    if np.any(u <= 0.0):
        raise InvalidInputError("Every activity needs a standard uncertainty above zero.")
    order = np.argsort(times)
    if np.any(np.diff(times[order]) <= 0.0):
        raise InvalidInputError("Two scans have the same time.", code="same_time")
    return times[order], activities[order], u[order]


def _best_start(
    model: CurveModel, times: Array, activities: Array, u: Array, physical_per_s: float
) -> tuple[Array, Array, Array]:
    def residuals(theta: Array) -> Array:
        terms = model.terms(theta[1:], physical_per_s)
        fitted = evaluate(terms=terms, tia_bq_s=float(np.exp(theta[0])), times_s=times)
        return (fitted - activities) / u

    best = None
    for start in model.starts:
        terms = model.terms(np.asarray(start), physical_per_s)
        unit = evaluate(terms=terms, tia_bq_s=1.0, times_s=times)
        information = float(np.sum(unit**2 / u**2))
        if information == 0.0:  # nothing is left of this curve at any scan
            continue
        tia = float(np.sum(unit * activities / u**2)) / information
        theta0 = np.array([np.log(max(tia, 1e-12)), *start])
        bounds = ([-np.inf, *[-THETA_BOUND] * len(start)], [np.inf, *[THETA_BOUND] * len(start)])
        result = least_squares(residuals, theta0, bounds=bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=400)
        if np.isfinite(result.cost) and (best is None or result.cost < best.cost * (1.0 - 1e-9)):
            best = result
    if best is None:
        raise FitError("The curve fit did not converge from any start; try a model with fewer parameters.")
    jacobian = numeric_jacobian(residuals, best.x)
    return best.x, np.asarray(best.fun), jacobian


def _covariance(jacobian: Array) -> Array:
    """Invert J^T J; directions without information (a constant at its bound) get no spread."""
    normal = jacobian.T @ jacobian
    values, vectors = np.linalg.eigh(normal)
    informative = values > 1e-12 * values.max()
    inverse = np.where(informative, 1.0 / np.where(informative, values, 1.0), 0.0)
    return np.asarray(vectors @ np.diag(inverse) @ vectors.T)


def summarise_fit(
    *,
    model: CurveModel,
    theta: Array,
    covariance: Array,
    residual: Array,
    points: tuple[Array, Array, Array],
    physical_per_s: float,
) -> CurveFit:
    """Turn a converged fit into its public result with natural parameters and checks."""
    times, activities, _ = points
    n, k = times.size, model.n_parameters
    terms = model.terms(theta[1:], physical_per_s)
    chi2 = float(np.sum(residual**2))
    tia = float(np.exp(theta[0]))
    tia_u = tia * float(np.sqrt(covariance[0, 0]))
    slowest, slowest_u = _slowest_decay(model, theta, covariance, physical_per_s)
    fitted = evaluate(terms=terms, tia_bq_s=tia, times_s=times)
    spread = float(np.sum((activities - activities.mean()) ** 2))
    r_squared = 1.0 - float(np.sum((activities - fitted) ** 2)) / spread if n > k and spread > 0.0 else None
    aicc = chi2 + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else None
    half_life = float(np.log(2.0)) / slowest
    names = ("time_integrated_activity_bq_s", *model.parameter_names)
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    natural, slopes = np.exp(theta), np.exp(theta)
    is_share = np.array([name.endswith("_share") for name in names])
    # A share is fitted as its logit, everything else as its logarithm.
    natural[is_share] /= 1.0 + natural[is_share]
    slopes[is_share] = natural[is_share] * (1.0 - natural[is_share])
    fit = CurveFit(
        model=model.name,
        n_parameters=k,
        parameters=dict(zip(names, natural.tolist(), strict=True)),
        standard_uncertainties=dict(zip(names, (slopes * deviations).tolist(), strict=True)),
        theta=tuple(theta.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        physical_decay_constant_per_s=physical_per_s,
        chi2=chi2,
        aicc=aicc,
        weight=None,
        time_integrated_activity_bq_s=tia,
        time_integrated_activity_standard_uncertainty_bq_s=tia_u,
        effective_half_life_s=half_life,
        effective_half_life_standard_uncertainty_s=half_life * slowest_u / slowest,
        extrapolated_fraction=tail_fraction(terms=terms, after_s=float(times[-1])),
        r_squared=r_squared,
        maximum_correlation=_maximum_correlation(covariance),
        is_interpolation=n == k,
    )
    return with_checks(fit, activities=activities)


def _slowest_decay(model: CurveModel, theta: Array, covariance: Array, physical_per_s: float) -> tuple[float, float]:
    def slowest(values: Array) -> Array:
        return np.array([model.terms(values[1:], physical_per_s)[1].min()])

    gradient = numeric_jacobian(slowest, theta)[0]
    return float(slowest(theta)[0]), float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))


def _maximum_correlation(covariance: Array) -> float:
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if np.any(deviations <= 0.0):
        return 0.0
    correlation = covariance / np.outer(deviations, deviations)
    return float(np.max(np.abs(correlation - np.eye(deviations.size))))


def with_checks(fit: CurveFit, *, activities: Array) -> CurveFit:
    """Add the checks of the joint EANM practice: CV, correlation, tail, R2, bound, last points."""
    checks: list[dict[str, str]] = []
    tia_cv = fit.time_integrated_activity_standard_uncertainty_bq_s / fit.time_integrated_activity_bq_s
    half_life_cv = fit.effective_half_life_standard_uncertainty_s / fit.effective_half_life_s
    largest_cv = max(tia_cv, half_life_cv)
    checks.append(_check(f"CV of parameters {100 * largest_cv:.1f} %", "< 50 %", largest_cv < CV_GUIDE, "cv_high"))
    correlation = fit.maximum_correlation
    checks.append(
        _check(
            f"|r| of parameters {correlation:.2f}", "< 0.8", correlation < CORRELATION_GUIDE, "correlation_high", "note"
        )
    )
    tail = fit.extrapolated_fraction
    checks.append(_check(f"Tail {100 * tail:.1f} % of TIA", "≤ 20 %", tail <= TAIL_GUIDE, "tail_large"))
    if fit.r_squared is not None:
        checks.append(_check(f"R² {fit.r_squared:.3f}", "≥ 0.9", fit.r_squared >= R_SQUARED_GUIDE, "r_squared_low"))
    if fit.is_interpolation:
        checks.append(_check("As many scans as parameters", "more scans", False, "interpolation", "note"))
    if activities.size > 1:
        checks.append(_check("Last points fall", "", bool(activities[-1] < activities[-2]), "last_points_rise"))
    half_life_limit_s = float(np.log(2.0)) / fit.physical_decay_constant_per_s
    is_at_bound = fit.effective_half_life_s > half_life_limit_s * (1.0 - NEGLIGIBLE_SHARE)
    checks.append(_check("T eff below T phys", f"{half_life_limit_s / 3600.0:.1f} h", not is_at_bound, "at_bound"))
    values = {field.name: getattr(fit, field.name) for field in fields(fit)}
    return CurveFit(**{**values, "checks": tuple(checks)})


def _check(text: str, guide: str, is_ok: bool, code: str, level: str = "ask") -> dict[str, str]:
    return {"text": text, "guide": guide, "level": "ok" if is_ok else level, "code": code}
