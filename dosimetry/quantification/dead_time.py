"""True count rates behind dead time."""

import numpy as np
from scipy.special import lambertw

from dosimetry.errors import InvalidInputError


def true_rate_non_paralysable(*, observed_cps: float, dead_time_s: float) -> float:
    """Return R = r / (1 - r tau) in cps.

    Raises
    ------
    InvalidInputError
        The observed rate reaches 1 / tau.
    """
    if observed_cps * dead_time_s >= 1.0:
        raise InvalidInputError("The count rate exceeds what this dead time admits.", code="rate_too_high")
    return observed_cps / (1.0 - observed_cps * dead_time_s)


def true_rate_paralysable(*, observed_cps: float, dead_time_s: float) -> float:
    """Return the smaller solution of r = R exp(-R tau), R = -W0(-r tau) / tau, in cps.

    Raises
    ------
    InvalidInputError
        The observed rate exceeds 1 / (e tau).

    References
    ----------
    .. [1] Knoll, Radiation detection and measurement, 4th ed., ch. 4.
    """
    argument = observed_cps * dead_time_s
    if argument > np.exp(-1.0):
        raise InvalidInputError("The count rate exceeds what this dead time admits.", code="rate_too_high")
    return float(-lambertw(-argument).real / dead_time_s)
