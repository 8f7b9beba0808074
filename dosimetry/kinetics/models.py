"""Curve models with the physical decay built in and the time-integrated activity as a parameter."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

Array = NDArray[np.float64]
Terms = tuple[Array, Array]
"""Amplitudes per unit time-integrated activity (1/s) and decay constants (1/s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveModel:
    """Describe one model: activity = TIA * sum_i a_i exp(-l_i t), with sum_i a_i / l_i = 1.

    Parameters
    ----------
    name : str
        Stable name.
    parameter_names : tuple of str
        Names after ``time_integrated_activity_bq_s``.
    terms : callable (shape parameters, physical decay constant) -> Terms
        Exponential terms from natural shape parameters (all in log or logit space by ``to_shape``).
    n_parameters : int
        Number of free parameters, the time-integrated activity included.
    starts : tuple of tuple of float
        Starting points in the unbounded space of the fit.
    """

    name: str
    parameter_names: tuple[str, ...]
    terms: Callable[[Array, float], Terms]
    n_parameters: int
    starts: tuple[tuple[float, ...], ...]


def _mono_terms(theta: Array, physical_per_s: float) -> Terms:
    decay = physical_per_s + np.exp(theta[0])
    return np.array([decay]), np.array([decay])


def _bi_terms(theta: Array, physical_per_s: float) -> Terms:
    """Two falling phases: the share of the time-integrated activity in the slow one is a logit."""
    slow = physical_per_s + np.exp(theta[0])
    fast = slow + np.exp(theta[1])
    share = 1.0 / (1.0 + np.exp(-theta[2]))
    decays = np.array([slow, fast])
    return np.array([share, 1.0 - share]) * decays, decays


def _uptake_terms(theta: Array, physical_per_s: float) -> Terms:
    """Rise from zero and fall: exp(-l1 t) - exp(-l2 t) with l2 > l1."""
    slow = physical_per_s + np.exp(theta[0])
    fast = slow + np.exp(theta[1])
    # 1 / slow - 1 / fast without its cancellation, which gives zero for constants that are equal in floating point.
    integral = np.exp(theta[1]) / (slow * fast)
    return np.array([1.0, -1.0]) / integral, np.array([slow, fast])


def _log_per_s(*half_lives_h: float) -> list[float]:
    return [float(np.log(np.log(2.0) / (hours * 3600.0))) for hours in half_lives_h]


MODELS: dict[str, CurveModel] = {
    "mono_exponential": CurveModel(
        name="mono_exponential",
        parameter_names=("biological_decay_constant_per_s",),
        terms=_mono_terms,
        n_parameters=2,
        starts=tuple((value,) for value in _log_per_s(20.0, 60.0, 150.0, 600.0)),
    ),
    "uptake_clearance": CurveModel(
        name="uptake_clearance",
        parameter_names=("biological_decay_constant_per_s", "uptake_excess_constant_per_s"),
        terms=_uptake_terms,
        n_parameters=3,
        starts=tuple((slow, fast) for slow in _log_per_s(30.0, 100.0, 400.0) for fast in _log_per_s(0.5, 3.0, 12.0)),
    ),
    "bi_exponential": CurveModel(
        name="bi_exponential",
        parameter_names=("slow_biological_constant_per_s", "fast_excess_constant_per_s", "slow_share"),
        terms=_bi_terms,
        n_parameters=4,
        starts=tuple(
            (slow, fast, share)
            for slow in _log_per_s(60.0, 200.0)
            for fast in _log_per_s(3.0, 15.0)
            for share in (0.0, 2.0)
        ),
    ),
}
"""Admissible models in order of their number of parameters; families as in Kletting et al., Med Phys 40 (2013)."""


def get_model(name: str) -> CurveModel:
    """Return a model by name.

    Raises
    ------
    InvalidInputError
        The name is unknown.
    """
    if name not in MODELS:
        raise InvalidInputError(f"Unknown curve model {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def evaluate(*, terms: Terms, tia_bq_s: float, times_s: Array) -> Array:
    """Return the activity in Bq at times in s of a sum of exponential terms."""
    amplitudes, decays = terms
    return np.asarray(tia_bq_s * np.exp(-np.outer(times_s, decays)) @ amplitudes)


def tail_fraction(*, terms: Terms, after_s: float) -> float:
    """Return the share of the time-integrated activity after a time in s."""
    amplitudes, decays = terms
    return float(np.sum(amplitudes / decays * np.exp(-decays * after_s)))
