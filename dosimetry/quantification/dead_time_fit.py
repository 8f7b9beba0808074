"""Dead time of a camera from count rates of a decaying source, or of known activities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.quantification.dead_time import check_model
from dosimetry.quantification.spect_settings import DeadTimeModel

FloatArray = NDArray[np.float64]
NORMAL_95 = float(stats.norm.ppf(0.975))
"""Half width of the 95 % interval of a normal deviate: uncertainties are taken as stated."""
MIN_POINTS_OVER_PARAMETERS = 1
SMALLEST_NET_SHARE = 0.2
"""Of the lowest rate, for the start of the search only: with noise a background may exceed that rate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeadTimeFit:
    """Hold a fitted dead time.

    Parameters
    ----------
    model : str
        ``paralysable`` or ``non_paralysable``.
    dead_time_s, standard_uncertainty_s : float
        Dead time tau, s. May come out below zero within its uncertainty: then the rates show none.
    scale, scale_standard_uncertainty : float
        With times: true rate at time 0, cps. With expected rates: true over expected; 1 and 0 where held.
    covariance : (2, 2) or (1, 1) array
        Of (scale, tau), or of tau where the scale is held.
    chi_square : float
        Of the fit; expect about ``n_degrees_of_freedom``.
    n_degrees_of_freedom : int
        Rates less parameters.
    residuals_cps : tuple of float
        Observed less fitted rates, cps.
    largest_loss : float
        Share of events lost at the highest rate measured; correct no higher rate with this dead time.
    """

    model: DeadTimeModel
    dead_time_s: float
    standard_uncertainty_s: float
    scale: float
    scale_standard_uncertainty: float
    covariance: FloatArray
    chi_square: float
    n_degrees_of_freedom: int
    residuals_cps: tuple[float, ...]
    largest_loss: float

    @property
    def p_value(self) -> float:
        """Return how often a chi-square as large as this one comes by chance; small: the other model may fit."""
        return float(stats.chi2.sf(self.chi_square, self.n_degrees_of_freedom))

    @property
    def reduced_chi_square(self) -> float:
        """Return the chi-square for each degree of freedom; expect about 1."""
        return self.chi_square / self.n_degrees_of_freedom

    def interval_95(self, true_cps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the 95 % limits of the observed rate at true rates, cps, from the uncertainty of the dead time.

        First order, dm/dtau = -m^2 (not paralysable) or -R m (paralysable): a dead time near zero may go either way.
        """
        observed = observed_rate(true_cps, dead_time_s=self.dead_time_s, model=self.model)
        per_s = observed * (true_cps if self.model == "paralysable" else observed)
        spread = NORMAL_95 * self.standard_uncertainty_s * per_s
        return observed - spread, observed + spread

    @property
    def is_significant(self) -> bool:
        """Return whether the dead time stands above zero by two standard uncertainties."""
        return self.dead_time_s > 2.0 * self.standard_uncertainty_s


def observed_rate(true_cps: FloatArray, *, dead_time_s: float, model: DeadTimeModel) -> FloatArray:
    """Return what a camera counts, cps: R exp(-R tau) if paralysable, R / (1 + R tau) if not.

    Raises
    ------
    InvalidInputError
        Another model.
    """
    check_model(model)
    load = true_cps * dead_time_s
    return np.asarray(true_cps * np.exp(-load) if model == "paralysable" else true_cps / (1.0 + load))


def fit_dead_time(
    observed_cps: Sequence[float],
    *,
    standard_uncertainties_cps: Sequence[float],
    model: DeadTimeModel,
    times_s: Sequence[float] | None = None,
    decay_constant_per_s: float | None = None,
    expected_cps: Sequence[float] | None = None,
    is_scale_fitted: bool = False,
    background_cps: float = 0.0,
) -> DeadTimeFit:
    """Fit the dead time to observed rates by weighted least squares.

    Either one source is followed while it decays: R(t) = R0 exp(-lambda t), R0 fitted along; or several activities are
    counted whose true rates are known (or known up to one factor, the sensitivity, which is then fitted along).

    Parameters
    ----------
    observed_cps : sequence of float
        Wide-spectrum rates of one head, cps, above zero.
    standard_uncertainties_cps : sequence of float
        Of the rates, cps; for counting alone sqrt(rate / duration).
    model : str
        ``paralysable`` or ``non_paralysable``.
    times_s, decay_constant_per_s : sequence of float and float, or None
        Middle of each count, s from any zero, and the physical decay constant, 1/s.
    expected_cps : sequence of float or None
        True rates, cps, or numbers in their ratio if ``is_scale_fitted``.
    is_scale_fitted : bool
        Fit one factor on ``expected_cps``.
    background_cps : float
        True rate without the source, cps.

    Returns
    -------
    DeadTimeFit
        Uncertainties are those stated, not scaled with the residuals.

    Raises
    ------
    InsufficientDataError
        Not more rates than parameters.
    InvalidInputError
        Neither or both of times and expected rates, lengths that differ, or numbers out of range.
    FitError
        The rates do not determine a dead time.

    References
    ----------
    .. [1] Knoll, Radiation detection and measurement, 4th ed., ch. 4 (decaying source).
    .. [2] Frezza et al., Comprehensive SPECT/CT system characterization and calibration for 177Lu quantitative SPECT
       with dead-time correction, EJNMMI Physics 2020, 10.1186/s40658-020-0275-6 (paralysable, sensitivity along).
    """
    shape, has_scale = _true_shape(times_s, decay_constant_per_s, expected_cps, is_scale_fitted)
    rates, deviations = _checked(observed_cps, standard_uncertainties_cps, shape, background_cps)
    n_parameters = 2 if has_scale else 1
    if rates.size < n_parameters + MIN_POINTS_OVER_PARAMETERS:
        raise InsufficientDataError(
            f"A dead-time fit needs at least {n_parameters + MIN_POINTS_OVER_PARAMETERS} rates; got {rates.size}.",
            code="few_rates",
        )
    start_scale = _start_scale(rates, shape, background_cps) if has_scale else 1.0
    # Unit of the search: the scale that the lowest rate gives, and one event per dead time at the highest rate.
    unit_s = 1.0 / float(rates.max())

    def residuals(parameters: FloatArray) -> FloatArray:
        scale = start_scale * (parameters[0] if has_scale else 1.0)
        true_cps = scale * shape + background_cps
        fitted = observed_rate(true_cps, dead_time_s=float(parameters[-1]) * unit_s, model=model)
        return np.asarray((rates - fitted) / deviations, dtype=np.float64)

    start = [1.0, 0.01] if has_scale else [0.01]
    # Below -0.5 of the load at the highest rate the models leave physics; above 1 lies the far side of paralysis.
    low = [0.1, -0.2] if has_scale else [-0.2]
    high = [10.0, 3.0] if has_scale else [3.0]
    fit = optimize.least_squares(residuals, start, bounds=(low, high), jac="3-point", xtol=1e-13, ftol=1e-13)
    normal = fit.jac.T @ fit.jac
    if not fit.success or np.any(fit.active_mask != 0) or not np.linalg.cond(normal) < 1e12:
        raise FitError("The rates do not determine a dead time; count at higher and lower rates.", code="dead_time_fit")
    units = np.array([start_scale, unit_s]) if has_scale else np.array([unit_s])
    covariance = np.asarray(np.linalg.inv(normal) * np.outer(units, units), dtype=np.float64)
    dead_time_s = float(fit.x[-1]) * unit_s
    scale = start_scale * float(fit.x[0]) if has_scale else 1.0
    return DeadTimeFit(
        model=model,
        dead_time_s=dead_time_s,
        standard_uncertainty_s=float(np.sqrt(covariance[-1, -1])),
        scale=scale,
        scale_standard_uncertainty=float(np.sqrt(covariance[0, 0])) if has_scale else 0.0,
        covariance=covariance,
        chi_square=float(2.0 * fit.cost),
        n_degrees_of_freedom=rates.size - n_parameters,
        residuals_cps=tuple(float(value) for value in fit.fun * deviations),
        largest_loss=_lost_share(float(np.max(scale * shape + background_cps)) * dead_time_s, model),
    )


def _start_scale(rates: FloatArray, shape: FloatArray, background_cps: float) -> float:
    """Return the scale that the lowest rate, where least is lost, gives without dead time."""
    lowest = int(np.argmin(rates))
    net_cps = max(float(rates[lowest]) - background_cps, SMALLEST_NET_SHARE * float(rates[lowest]))
    return net_cps / float(shape[lowest])


def _lost_share(load: float, model: DeadTimeModel) -> float:
    return float(-np.expm1(-load)) if model == "paralysable" else load / (1.0 + load)


def _true_shape(
    times_s: Sequence[float] | None,
    decay_constant_per_s: float | None,
    expected_cps: Sequence[float] | None,
    is_scale_fitted: bool,
) -> tuple[FloatArray, bool]:
    """Return the true rates without background, up to a factor, and whether that factor is free."""
    if (times_s is None) == (expected_cps is None):
        raise InvalidInputError("Give either times of a decaying source or expected rates.", code="bad_rates")
    if expected_cps is not None:
        return np.asarray(expected_cps, dtype=np.float64), is_scale_fitted
    if decay_constant_per_s is None or not 0.0 < decay_constant_per_s < np.inf:
        raise InvalidInputError("A decaying source needs its decay constant in 1/s, above zero.", code="bad_decay")
    times = np.asarray(times_s, dtype=np.float64)
    if not np.all(np.isfinite(times)):
        raise InvalidInputError("A time is not finite.", code="bad_rates")
    return np.exp(-decay_constant_per_s * times), True


def _checked(
    observed_cps: Sequence[float],
    standard_uncertainties_cps: Sequence[float],
    shape: FloatArray,
    background_cps: float,
) -> tuple[FloatArray, FloatArray]:
    rates = np.asarray(observed_cps, dtype=np.float64)
    deviations = np.asarray(standard_uncertainties_cps, dtype=np.float64)
    if rates.ndim != 1 or not rates.shape == deviations.shape == shape.shape:
        raise InvalidInputError("Each rate needs its uncertainty and its time or expected rate.", code="bad_rates")
    for values in (rates, deviations, shape):
        if not np.all((values > 0.0) & np.isfinite(values)):
            raise InvalidInputError("Rates and their uncertainties must be above zero.", code="bad_rates")
    if not 0.0 <= background_cps < np.inf:
        raise InvalidInputError("The background rate must be zero or more.", code="bad_rates")
    return rates, deviations
