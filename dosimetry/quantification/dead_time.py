"""True count rates behind dead time."""

import numpy as np
from scipy.special import lambertw

from dosimetry.errors import InvalidInputError


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
