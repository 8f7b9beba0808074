"""Weighted least-squares fit of one curve model, with the covariance of its parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from dosimetry.errors import FitError, InsufficientDataError
from dosimetry.kinetics.checks import maximum_correlation, with_checks
from dosimetry.kinetics.curve_fit import CurveFit, terms_of
from dosimetry.kinetics.models import CurveModel, get_model
from dosimetry.kinetics.points import validate_decay_constant, validated_points
from dosimetry.kinetics.terms import Array, evaluate, evaluate_slopes, tail_fraction

TINY = 1e-300
"""Smallest integral of a start, so that its logarithm is finite in any unit (Bq s, or Gy for a dose rate)."""

LEAST_INFORMATION = 1e-12
"""Smallest eigenvalue of J^T J over the largest that double precision can tell from zero."""

OPEN_SPREAD = 3.0
"""Largest standard deviation of a log or logit parameter, a factor of 20 either way: beyond it nothing is linear."""

__all__ = [
    "CurveFit",
    "fit_curve",
    "numeric_jacobian",
    "summarise_fit",
    "terms_of",
    "validate_decay_constant",
    "validated_points",
    "with_checks",
]


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


def numeric_jacobian(function: Any, theta: Array, *, step: float = 1e-5) -> Array:
    """Return central differences of a vector function; the models have exact slopes, tested against this."""
    columns = []
    for i in range(theta.size):
        forward, backward = theta.copy(), theta.copy()
        forward[i] += step
        backward[i] -= step
        columns.append((function(forward) - function(backward)) / (2.0 * step))
    return np.stack(columns, axis=-1)


def _best_start(
    model: CurveModel, times: Array, activities: Array, u: Array, physical_per_s: float
) -> tuple[Array, Array, Array]:
    def residuals(theta: Array) -> Array:
        terms = model.terms(theta[1:], physical_per_s)
        fitted = evaluate(terms=terms, tia_bq_s=float(np.exp(theta[0])), times_s=times)
        return (fitted - activities) / u

    def jacobian(theta: Array) -> Array:
        slopes = model.slopes(theta[1:], physical_per_s)
        return evaluate_slopes(slopes=slopes, tia_bq_s=float(np.exp(theta[0])), times_s=times) / u[:, None]

    best = None
    for start in model.starts:
        terms = model.terms(np.asarray(start), physical_per_s)
        unit = evaluate(terms=terms, tia_bq_s=1.0, times_s=times)
        information = float(np.sum(unit**2 / u**2))
        if information == 0.0:  # nothing is left of this curve at any scan
            continue
        tia = float(np.sum(unit * activities / u**2)) / information
        theta0 = np.array([np.log(max(tia, TINY)), *start])
        result = least_squares(
            residuals,
            theta0,
            jac=jacobian,
            bounds=model.bounds(),
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
            max_nfev=400,
        )
        if np.isfinite(result.cost) and (best is None or result.cost < best.cost * (1.0 - 1e-9)):
            best = result
    if best is None:
        raise FitError("The curve fit did not converge from any start; try a model with fewer parameters.")
    return best.x, np.asarray(best.fun), jacobian(best.x)


def _covariance(jacobian: Array) -> Array:
    """Invert J^T J, with a finite spread for what the points leave open.

    A biological constant at its bound gets no spread: it is zero. Any other direction without information, such as the
    size of a phase that ended before the first scan, gets ``OPEN_SPREAD``: none would state the integral with the
    uncertainty of what is known, the inverse of a rounding error would carry a straight line far outside its range.
    """
    normal = jacobian.T @ jacobian
    values, vectors = np.linalg.eigh(normal)
    is_open_kind = np.sum(vectors[2:] ** 2, axis=0) > 0.5
    floor = np.where(is_open_kind, OPEN_SPREAD**-2, 0.0)
    informative = is_open_kind | (values > LEAST_INFORMATION * values.max())
    inverse = np.where(informative, 1.0 / np.where(informative, np.maximum(values, floor), 1.0), 0.0)
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
        maximum_correlation=maximum_correlation(covariance),
        is_interpolation=n == k,
    )
    return with_checks(fit, activities=activities, times_s=times)


def _slowest_decay(model: CurveModel, theta: Array, covariance: Array, physical_per_s: float) -> tuple[float, float]:
    slopes = model.slopes(theta[1:], physical_per_s)
    slowest = int(np.argmin(slopes.decays))
    gradient = np.array([0.0, *slopes.decay_slopes[slowest]])
    return float(slopes.decays[slowest]), float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))
