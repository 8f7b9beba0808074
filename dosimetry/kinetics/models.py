"""Curve models with the physical decay built in and the time-integrated activity as a parameter.

The family is that of Kletting et al. (NUKFIT), with the published name in ``published_name``: f1, f2, f3, f3a, f4a, f5,
and f4d of Hardiansyah et al.; the two-step uptakes are our own. E(l) = exp(-(l + l_physical) t). A classical f4 is f4d
with c = a / (1 - a), so that only one of them is kept: averaging a curve with itself would count it twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.terms import (
    BLOOD_MIXING_PER_S,
    Array,
    Terms,
    TermSlopes,
    bi_terms,
    blood_mixing_terms,
    evaluate,
    mono_terms,
    physical_terms,
    retention_terms,
    tail_fraction,
    tri_terms,
    two_step_bi_terms,
    two_step_terms,
    uptake_bi_terms,
    uptake_terms,
)

__all__ = ["FURTHER_MODELS", "MODELS", "Array", "CurveModel", "Terms", "evaluate", "get_model", "tail_fraction"]

THETA_BOUND = 40.0
"""Bounds of log parameters: 1e-17 to 1e17 per s, beyond any physiology, so that exp stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveModel:
    """Describe one model: activity = TIA * sum_i a_i exp(-l_i t), with sum_i a_i / l_i = 1.

    Parameters
    ----------
    name : str
        Stable name.
    published_name : str
        Name in the publications of the family; empty where there is none.
    parameter_names : tuple of str
        Names after ``time_integrated_activity_bq_s``; a name that ends in ``_share`` is fitted as its logit, every
        other as its logarithm.
    slopes : callable (shape parameters, physical decay constant) -> TermSlopes
        Exponential terms and their derivatives by the unbounded shape parameters.
    n_parameters : int
        Number of free parameters, the time-integrated activity included.
    starts : tuple of tuple of float
        Starting points in the unbounded space of the fit.
    upper_bounds : tuple of float
        Upper bounds of the shape parameters; empty for ``THETA_BOUND`` everywhere.
    starts_at_zero : bool
        The curve rises from zero at administration.
    has_retention : bool
        A part of the curve leaves by physical decay only, by assumption and not by the data.
    """

    name: str
    published_name: str
    parameter_names: tuple[str, ...]
    slopes: Callable[[Array, float], TermSlopes]
    n_parameters: int
    starts: tuple[tuple[float, ...], ...]
    upper_bounds: tuple[float, ...] = ()
    starts_at_zero: bool = False
    has_retention: bool = False

    def terms(self, shape: Array, physical_per_s: float) -> Terms:
        """Return amplitudes per unit integral and decay constants, both 1/s, from unbounded shape parameters."""
        return self.slopes(shape, physical_per_s).terms

    def bounds(self) -> tuple[list[float], list[float]]:
        """Return lower and upper bounds of ln(TIA) and the shape parameters."""
        n_shape = len(self.parameter_names)
        upper = self.upper_bounds or (THETA_BOUND,) * n_shape
        return [-np.inf, *[-THETA_BOUND] * n_shape], [np.inf, *upper]


def _log_per_s(*half_lives_h: float) -> list[float]:
    return [float(np.log(np.log(2.0) / (hours * 3600.0))) for hours in half_lives_h]


MODELS: dict[str, CurveModel] = {
    "mono_exponential": CurveModel(
        name="mono_exponential",
        published_name="f2",
        parameter_names=("biological_decay_constant_per_s",),
        slopes=mono_terms,
        n_parameters=2,
        starts=tuple((value,) for value in _log_per_s(20.0, 60.0, 150.0, 600.0)),
    ),
    "uptake_clearance": CurveModel(
        name="uptake_clearance",
        published_name="f3",
        parameter_names=("biological_decay_constant_per_s", "uptake_excess_constant_per_s"),
        slopes=uptake_terms,
        n_parameters=3,
        starts=tuple((slow, fast) for slow in _log_per_s(30.0, 100.0, 400.0) for fast in _log_per_s(0.5, 3.0, 12.0)),
        starts_at_zero=True,
    ),
    "bi_exponential": CurveModel(
        name="bi_exponential",
        published_name="f4a",
        parameter_names=("slow_biological_constant_per_s", "fast_excess_constant_per_s", "slow_share"),
        slopes=bi_terms,
        n_parameters=4,
        starts=tuple(
            (slow, fast, share)
            for slow in _log_per_s(60.0, 200.0)
            for fast in _log_per_s(3.0, 15.0)
            for share in (0.0, 2.0)
        ),
    ),
}
"""Models that are tried unless others are asked for by name, in order of their number of parameters."""

FURTHER_MODELS: dict[str, CurveModel] = {
    "physical_decay": CurveModel(
        name="physical_decay",
        published_name="f1",
        parameter_names=(),
        slopes=physical_terms,
        n_parameters=1,
        starts=((),),
        has_retention=True,
    ),
    "clearance_retention": CurveModel(
        name="clearance_retention",
        published_name="f3a",
        parameter_names=("biological_decay_constant_per_s", "retained_share"),
        slopes=retention_terms,
        n_parameters=3,
        starts=tuple((fast, share) for fast in _log_per_s(5.0, 30.0, 120.0) for share in (-2.0, 0.0, 2.0)),
        has_retention=True,
    ),
    "blood_mixing_uptake": CurveModel(
        name="blood_mixing_uptake",
        published_name="f4d",
        parameter_names=("biological_decay_constant_per_s", "uptake_excess_constant_per_s", "slow_uptake_share"),
        slopes=blood_mixing_terms,
        n_parameters=4,
        starts=tuple(
            (slow, fast, share)
            for slow in _log_per_s(30.0, 100.0, 400.0)
            for fast in _log_per_s(0.5, 3.0, 12.0)
            for share in (-1.0, 1.0)
        ),
        # The curve is nowhere negative only while clearance is slower than mixing: a half-life of two minutes at least.
        upper_bounds=(float(np.log(0.5 * BLOOD_MIXING_PER_S)), THETA_BOUND, THETA_BOUND),
        starts_at_zero=True,
    ),
    "uptake_bi_exponential": CurveModel(
        name="uptake_bi_exponential",
        published_name="f5",
        parameter_names=(
            "slow_biological_constant_per_s",
            "fast_excess_constant_per_s",
            "uptake_excess_constant_per_s",
            "fast_amplitude_share",
        ),
        slopes=uptake_bi_terms,
        n_parameters=5,
        starts=tuple(
            (slow, fast, uptake, share)
            for slow in _log_per_s(60.0, 200.0)
            for fast in _log_per_s(4.0, 20.0)
            for uptake in _log_per_s(0.5, 3.0)
            for share in (-1.0, 1.0)
        ),
        starts_at_zero=True,
    ),
    "two_step_uptake": CurveModel(
        name="two_step_uptake",
        published_name="",
        parameter_names=("biological_decay_constant_per_s", "uptake_constant_per_s"),
        slopes=two_step_terms,
        n_parameters=3,
        starts=tuple((slow, fast) for slow in _log_per_s(30.0, 100.0, 400.0) for fast in _log_per_s(0.5, 3.0, 12.0)),
        starts_at_zero=True,
    ),
    "two_step_uptake_bi_exponential": CurveModel(
        name="two_step_uptake_bi_exponential",
        published_name="",
        parameter_names=(
            "slow_biological_constant_per_s",
            "fast_excess_constant_per_s",
            "uptake_constant_per_s",
            "fast_amplitude_share",
        ),
        slopes=two_step_bi_terms,
        n_parameters=5,
        starts=tuple(
            (slow, fast, uptake, share)
            for slow in _log_per_s(60.0, 200.0)
            for fast in _log_per_s(4.0, 20.0)
            for uptake in _log_per_s(0.5, 3.0)
            for share in (-1.0, 1.0)
        ),
        starts_at_zero=True,
    ),
    "tri_exponential": CurveModel(
        name="tri_exponential",
        published_name="",
        parameter_names=(
            "slow_biological_constant_per_s",
            "middle_excess_constant_per_s",
            "fast_excess_constant_per_s",
            "slow_share",
            "middle_of_rest_share",
        ),
        slopes=tri_terms,
        n_parameters=6,
        starts=tuple(
            (slow, middle, fast, share, rest)
            for slow in _log_per_s(80.0, 300.0)
            for middle in _log_per_s(10.0, 30.0)
            for fast in _log_per_s(0.5, 2.0)
            for share, rest in ((0.0, 0.0), (2.0, 1.0))
        ),
    ),
}
"""Models that are fitted only when they are asked for by name: they need more scans, or an assumption."""


def get_model(name: str) -> CurveModel:
    """Return a model by name.

    Raises
    ------
    InvalidInputError
        The name is unknown.
    """
    known = {**MODELS, **FURTHER_MODELS}
    if name not in known:
        raise InvalidInputError(f"Unknown curve model {name!r}; choose one of {', '.join(known)}.")
    return known[name]
