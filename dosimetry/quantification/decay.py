"""Decay factors between frame, series start and administration."""

import numpy as np

from dosimetry.errors import InvalidInputError


def decay_factor(*, decay_constant_per_s: float, elapsed_s: float) -> float:
    """Return exp(-l t): the share of activity left after ``elapsed_s`` (negative: before)."""
    return float(np.exp(-decay_constant_per_s * elapsed_s))


def frame_start_factor(*, decay_constant_per_s: float, duration_s: float) -> float:
    """Return l dt / (1 - exp(-l dt)): activity at the frame's start over its mean during the frame.

    Raises
    ------
    InvalidInputError
        A duration below zero.
    """
    if duration_s < 0.0:
        raise InvalidInputError("A frame cannot last less than zero seconds.", code="bad_duration")
    x = decay_constant_per_s * duration_s
    return 1.0 if x == 0.0 else float(x / -np.expm1(-x))
