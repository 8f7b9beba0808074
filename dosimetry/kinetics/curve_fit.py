"""The result of one fit, its curve and its band."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.terms import (
    Array,
    Terms,
    TermSlopes,
    evaluate,
    evaluate_slopes,
    single_time_point_terms,
    tail_fraction,
)


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
    shape_model : str or None
        Model of the shape parameters where ``model`` names a method instead, as ``posterior``.
    interval_95_bq_s : (float, float) or None
        Central 95 % interval of the integral, where it was sampled.
    source : str
        Where an assumed shape comes from, as a population; empty where the scans alone decide.
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
    shape_model: str | None = None
    interval_95_bq_s: tuple[float, float] | None = None
    source: str = ""

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "CurveFit":
        """Make a fit from its stored fields; unknown keys are ignored."""
        values = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        values["theta"] = tuple(values["theta"])
        values["covariance"] = tuple(tuple(row) for row in values["covariance"])
        values["checks"] = tuple(values.get("checks", ()))
        if values.get("interval_95_bq_s") is not None:
            values["interval_95_bq_s"] = tuple(values["interval_95_bq_s"])
        return cls(**values)

    @property
    def terms(self) -> Terms:
        """Return amplitudes per unit integral (1/s) and decay constants (1/s)."""
        return self.term_slopes.terms

    @property
    def term_slopes(self) -> TermSlopes:
        """Return the terms and their derivatives by the shape parameters."""
        shape = np.asarray(self.theta[1:])
        return slopes_of(
            model=self.shape_model or self.model, shape=shape, physical_per_s=self.physical_decay_constant_per_s
        )

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
        jacobian = evaluate_slopes(slopes=self.term_slopes, tia_bq_s=self.time_integrated_activity_bq_s, times_s=times)
        variance = np.einsum("ij,jk,ik->i", jacobian, np.asarray(self.covariance), jacobian)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def fraction_before(self, time_s: float) -> float:
        """Return the share of the integral before a time in s, such as the first scan."""
        return 1.0 - tail_fraction(terms=self.terms, after_s=time_s)

    def correlation(self) -> Array:
        """Return the correlation matrix of ``theta``; a parameter without spread is correlated with none."""
        covariance = np.asarray(self.covariance)
        deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        scale = np.where(deviations > 0.0, deviations, 1.0)
        correlation = covariance / np.outer(scale, scale)
        np.fill_diagonal(correlation, 1.0)
        return np.asarray(correlation)


def slopes_of(*, model: str, shape: Array, physical_per_s: float) -> TermSlopes:
    """Return terms and derivatives of a stored fit, of a fitted model or of a declared half-life."""
    if model == "single_time_point":
        return single_time_point_terms(shape, physical_per_s)
    return get_model(model).slopes(shape, physical_per_s)


def terms_of(*, model: str, shape: Array, physical_per_s: float) -> Terms:
    """Return the exponential terms of a stored fit, of a fitted model or of a declared half-life."""
    return slopes_of(model=model, shape=shape, physical_per_s=physical_per_s).terms
