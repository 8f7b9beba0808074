"""True count rates behind dead time, and the factor that they put on an image."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.spect_settings import DeadTimeModel


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTimeFactor:
    """Hold the number by which counts of an image must be multiplied.

    Parameters
    ----------
    factor, standard_uncertainty : float
        True over observed counts, and its uncertainty from that of the dead time.
    observed_cps, true_cps : float
        Mean wide-spectrum rates over the views, cps.
    """

    factor: float
    standard_uncertainty: float
    observed_cps: float
    true_cps: float

    @property
    def lost_share(self) -> float:
        """Return the share of events that the camera lost."""
        return 1.0 - 1.0 / self.factor


def dead_time_factor(
    wide_spectrum_cps: ArrayLike,
    *,
    dead_time_s: float,
    model: DeadTimeModel,
    standard_uncertainty_s: float = 0.0,
) -> DeadTimeFactor:
    """Return the correction of an image for dead time, from rates over the whole spectrum.

    Every event keeps the camera busy, whatever its energy, so the rate over the whole spectrum decides; the photopeak's
    rate alone gives too small a factor. The factor is that of the sum over views: true over observed counts of views of
    equal duration. Pile-up that moves events between windows is not in it.

    Parameters
    ----------
    wide_spectrum_cps : float or array of float
        Observed rate of one head, or of each of its views, cps; at least one above zero.
    dead_time_s : float
        Dead time of that head for the same spectrum, s.
    model : str
        ``paralysable`` or ``non_paralysable``, as the dead time was fitted.
    standard_uncertainty_s : float
        Of the dead time, s; common to all views.

    Returns
    -------
    DeadTimeFactor
        1 or more. An image's values and calibration share one definition: a factor measured at high rate already holds
        its losses.

    Raises
    ------
    InvalidInputError
        No rate, a rate that the model does not admit, or another model.
    """
    rates = np.atleast_1d(np.asarray(wide_spectrum_cps, dtype=np.float64)).ravel()
    if rates.size == 0 or not rates.any():
        raise InvalidInputError("A dead-time factor needs a count rate above zero.", code="bad_rate")
    if not 0.0 <= standard_uncertainty_s < np.inf:
        raise InvalidInputError("The uncertainty of a dead time cannot be below zero.", code="bad_rate")
    check_model(model)
    true_rate = true_rate_paralysable if model == "paralysable" else true_rate_non_paralysable
    true_cps = np.array([true_rate(observed_cps=float(rate), dead_time_s=dead_time_s) for rate in rates])
    # dR/dtau at fixed r: R^2 for r = R / (1 + R tau), R^2 / (1 - R tau) for r = R exp(-R tau).
    slopes = true_cps**2
    if model == "paralysable":
        slopes = slopes / (1.0 - true_cps * dead_time_s)
    return DeadTimeFactor(
        factor=float(true_cps.sum() / rates.sum()),
        standard_uncertainty=float(slopes.sum() / rates.sum()) * standard_uncertainty_s,
        observed_cps=float(rates.mean()),
        true_cps=float(true_cps.mean()),
    )


def check_model(model: str) -> None:
    """Refuse a model of dead time that is neither of the two.

    Raises
    ------
    InvalidInputError
        It is neither.
    """
    if model not in get_args(DeadTimeModel):
        raise InvalidInputError(
            f"Dead time is paralysable or non_paralysable, not {model!r}; see how the camera's was fitted.",
            code="dead_time_model",
        )


def true_rate_non_paralysable(*, observed_cps: float, dead_time_s: float) -> float:
    """Return R = r / (1 - r tau) in cps.

    Raises
    ------
    InvalidInputError
        The observed rate reaches 1 / tau; a rate or dead time below zero or not finite.
    """
    _check(observed_cps, dead_time_s)
    if observed_cps * dead_time_s >= 1.0:
        raise InvalidInputError("The count rate exceeds what this dead time admits.", code="rate_too_high")
    return observed_cps / (1.0 - observed_cps * dead_time_s)


def true_rate_paralysable(*, observed_cps: float, dead_time_s: float) -> float:
    """Return the smaller solution of r = R exp(-R tau), R = -W0(-r tau) / tau, in cps.

    Raises
    ------
    InvalidInputError
        The observed rate reaches 1 / (e tau); a rate or dead time below zero or not finite.

    References
    ----------
    .. [1] Knoll, Radiation detection and measurement, 4th ed., ch. 4.
    """
    _check(observed_cps, dead_time_s)
    argument = observed_cps * dead_time_s
    if argument == 0.0:
        return observed_cps
    if argument >= np.exp(-1.0):
        raise InvalidInputError("The count rate exceeds what this dead time admits.", code="rate_too_high")
    return float(-lambertw(-argument).real / dead_time_s)


def _check(observed_cps: float, dead_time_s: float) -> None:
    if not (0.0 <= observed_cps < np.inf and 0.0 <= dead_time_s < np.inf):
        raise InvalidInputError("Count rate and dead time must be zero or more.", code="bad_rate")
