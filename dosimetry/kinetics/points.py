"""Measured points of a curve: accepted, or refused with the reason and the way out."""

from typing import Any

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.terms import Array


def validate_decay_constant(decay_constant_per_s: float) -> None:
    """Refuse a physical decay constant that is not a number above zero."""
    if not (decay_constant_per_s > 0.0 and np.isfinite(decay_constant_per_s)):
        raise InvalidInputError(
            f"The physical decay constant must be above zero; got {decay_constant_per_s} per s.", code="bad_decay"
        )


def validated_points(
    times_s: Any, activities_bq: Any, u_bq: Any, *, quantity: str = "Activity"
) -> tuple[Array, Array, Array]:
    """Return float arrays sorted by time, or refuse them with the reason.

    Parameters
    ----------
    times_s, activities_bq, u_bq : (n,) arrays
        Times after administration, s; values and their standard uncertainties, Bq or the unit of ``quantity``.
    quantity : str
        Name of the values for the messages.

    Raises
    ------
    InvalidInputError
        Arrays of other lengths or not finite (``invalid_input``), a time not above zero (``scan_before_start``), a
        value not above zero (``no_activity``), an uncertainty not above zero (``invalid_input``), repeated times
        (``same_time``).
    """
    times, values, u = (np.asarray(given, dtype=float) for given in (times_s, activities_bq, u_bq))
    if times.ndim != 1 or times.shape != values.shape or times.shape != u.shape or times.size == 0:
        raise InvalidInputError("Times, activities and uncertainties need the same number of values.")
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(values)) and np.all(np.isfinite(u))):
        raise InvalidInputError(
            "Times, activities and uncertainties must be finite numbers; exclude scans that are not."
        )
    if np.any(times <= 0.0):
        raise InvalidInputError("A scan lies before its administration; check both times.", code="scan_before_start")
    if np.any(values <= 0.0):
        raise InvalidInputError(
            f"{quantity} is not above zero in a scan; check the contour, or exclude the scan.", code="no_activity"
        )
    if np.any(u <= 0.0):
        raise InvalidInputError(f"Every {quantity.lower()} needs a standard uncertainty above zero.")
    order = np.argsort(times)
    if np.any(np.diff(times[order]) <= 0.0):
        raise InvalidInputError(
            "Two scans have the same time; correct a time, or exclude one of the scans.", code="same_time"
        )
    return times[order], values[order], u[order]
