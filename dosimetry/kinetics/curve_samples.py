"""Curves of many parameter vectors at once, for sampling: the logarithm of the activity per unit integral.

The models are those of ``models.py``, whose functions take one parameter vector; a test holds both equal. Every curve
is a sum of positive parts w E(p) (1 - exp(-d t))^s with s of one or two steps of uptake, a falling phase being one with
d infinite, so no difference cancels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.terms import BLOOD_MIXING_PER_S, Array

SHAPE_BOUND = 40.0
"""Bound of log parameters, as in the fit: beyond any physiology, so that exp stays finite."""
LOGIT_BOUND = 30.0
"""Bound of the logits of shares: 1e-13, so that no part is exactly zero."""

Part = tuple[Array, Array, Array, int]
"""Weight, falling constant p and rising constant d (1/s), each of shape (n,), and the steps of uptake, 1 or 2."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Logs and logits of many curves, (n, n_shape), and the physical constant."""

    theta: Array
    physical_per_s: float

    def excess(self, column: int) -> Array:
        return np.asarray(np.exp(np.clip(self.theta[:, column], -SHAPE_BOUND, SHAPE_BOUND)))

    def share(self, column: int) -> Array:
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(self.theta[:, column], -LOGIT_BOUND, LOGIT_BOUND))))

    @property
    def never(self) -> Array:
        return np.full(self.theta.shape[0], np.inf)


def _mono(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    return [(np.ones_like(slow), slow, shape.never, 1)]


def _uptake(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    return [(np.ones_like(slow), slow, shape.excess(1), 1)]


def _retention(shape: _Shape) -> list[Part]:
    fast, kept = shape.physical_per_s + shape.excess(0), shape.share(1)
    physical = np.full_like(fast, shape.physical_per_s)
    return [((1.0 - kept) * fast, fast, shape.never, 1), (kept * physical, physical, shape.never, 1)]


def _bi(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    fast, share = slow + shape.excess(1), shape.share(2)
    return [(share * slow, slow, shape.never, 1), ((1.0 - share) * fast, fast, shape.never, 1)]


def _blood_mixing(shape: _Shape) -> list[Part]:
    clearance = np.minimum(shape.excess(0), 0.5 * BLOOD_MIXING_PER_S)
    slow, share = shape.physical_per_s + clearance, shape.share(2)
    return [(share, slow, shape.excess(1), 1), (1.0 - share, slow, BLOOD_MIXING_PER_S - clearance, 1)]


def _uptake_bi(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    step, rise, share = shape.excess(1), shape.excess(2), shape.share(3)
    return [(1.0 - share, slow, step + rise, 1), (share, slow + step, rise, 1)]


def _two_step(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    return [(np.ones_like(slow), slow, shape.excess(1), 2)]


def _two_step_bi(shape: _Shape) -> list[Part]:
    slow = shape.physical_per_s + shape.excess(0)
    step, rise, share = shape.excess(1), shape.excess(2), shape.share(3)
    return [(1.0 - share, slow, rise, 2), (share, slow + step, rise, 2)]


PARTS: dict[str, Callable[[_Shape], list[Part]]] = {
    "mono_exponential": _mono,
    "uptake_clearance": _uptake,
    "clearance_retention": _retention,
    "bi_exponential": _bi,
    "blood_mixing_uptake": _blood_mixing,
    "uptake_bi_exponential": _uptake_bi,
    "two_step_uptake": _two_step,
    "two_step_uptake_bi_exponential": _two_step_bi,
}
"""Models that can be sampled: at most four shape parameters beside the integral."""


def log_unit_activity(*, model: str, shapes: Array, physical_per_s: float, times_s: Array) -> Array:
    """Return ln(activity / time-integrated activity) of many curves at many times.

    Parameters
    ----------
    model : str
        A model of ``PARTS``.
    shapes : (n, n_shape) array
        Shape parameters as in ``models.py``: logs, and logits of shares.
    physical_per_s : float
        Physical decay constant, 1/s.
    times_s : (n_times,) array
        Times after administration, s, above zero.

    Returns
    -------
    (n, n_times) array
        Logarithm of 1/s.

    Raises
    ------
    InvalidInputError
        A model that is unknown or cannot be sampled, or another number of shape parameters.
    """
    n_shape = len(get_model(model).parameter_names)
    if model not in PARTS:
        raise InvalidInputError(f"No population model {model!r}; choose one of {', '.join(PARTS)}.", code="no_model")
    if shapes.ndim != 2 or shapes.shape[1] != n_shape:
        raise InvalidInputError(f"{model} has {n_shape} shape parameters; got an array of {shapes.shape}.")
    activity = np.zeros((shapes.shape[0], times_s.size))
    integral = np.zeros(shapes.shape[0])
    for weight, slow, excess, steps in PARTS[model](_Shape(shapes, physical_per_s)):
        rise = -np.expm1(-excess[:, None] * times_s)
        activity += weight[:, None] * np.exp(-slow[:, None] * times_s) * rise**steps
        # Integral of E(p) (1 - exp(-d t))^s: 1/p times the product of k d / (p + k d) for k = 1 .. s.
        passed = np.ones_like(slow)
        for step in range(1, steps + 1):
            passed /= 1.0 + slow / (step * excess)
        integral += weight * passed / slow
    # exp underflows for constants far beyond physiology; the smallest number then stands for "no activity".
    return np.asarray(np.log(np.maximum(activity, 1e-300)) - np.log(integral)[:, None])
