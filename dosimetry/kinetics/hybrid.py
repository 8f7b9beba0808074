"""Trapezoid over the measured points, with a declared head before and an exponential tail after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.checks import CV_GUIDE, HEAD_GUIDE, TAIL_GUIDE
from dosimetry.kinetics.points import validate_decay_constant, validated_points
from dosimetry.kinetics.selection import CurveFinding
from dosimetry.kinetics.terms import Array


class Head(StrEnum):
    """How the activity ran from administration to the first scan; nobody measured it, so it is declared."""

    RISE_FROM_ZERO = "rise_from_zero"
    """A straight line from zero at administration: A1 t1 / 2."""
    CONSTANT = "constant"
    """The activity of the first scan from administration on: A1 t1."""
    EXPONENTIAL = "exponential"
    """The exponential through the first two scans, back to administration."""


class Tail(StrEnum):
    """How the activity falls after the last scan."""

    LAST_POINTS = "last_points"
    """The exponential of the last points, at least as steep as physical decay."""
    PHYSICAL = "physical"
    """Physical decay only: an upper limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridIntegral:
    """Integral without a model between the scans; SI units.

    Parameters
    ----------
    head, tail : Head, Tail
        What was declared before the first and after the last scan.
    head_bq_s, measured_bq_s, tail_bq_s : float
        Parts of the integral.
    tail_decay_constant_per_s, tail_decay_constant_standard_uncertainty_per_s : float
        Constant of the tail; without uncertainty when it is the physical one.
    time_integrated_activity_bq_s, time_integrated_activity_standard_uncertainty_bq_s : float
        Sum of the parts, and its standard uncertainty from those of the scans (first order). The errors of the
        trapezoid, of the declared head and of the tail's form are not in it.
    sensitivities_s : tuple of float
        Derivative of the integral by the activity of each scan, in order of time, s: propagates other covariances.
    findings : tuple of CurveFinding
        ``tail_large``, ``uptake_unseen``, ``last_points_rise``, ``at_bound``, ``cv_high``.
    """

    head: Head
    tail: Tail
    head_bq_s: float
    measured_bq_s: float
    tail_bq_s: float
    tail_decay_constant_per_s: float
    tail_decay_constant_standard_uncertainty_per_s: float
    time_integrated_activity_bq_s: float
    time_integrated_activity_standard_uncertainty_bq_s: float
    sensitivities_s: tuple[float, ...]
    findings: tuple[CurveFinding, ...]

    @property
    def extrapolated_fraction(self) -> float:
        """Return the share of the integral after the last scan."""
        return self.tail_bq_s / self.time_integrated_activity_bq_s


def integrate_hybrid(
    *,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    nuclide_decay_constant_per_s: float,
    head: Head,
    tail: Tail = Tail.LAST_POINTS,
    n_tail_points: int = 2,
) -> HybridIntegral:
    """Integrate the points by trapezoids, add the declared head and an exponential tail from the last point.

    TIA = head + sum (A_i + A_i+1) (t_i+1 - t_i) / 2 + A_n / l. The trapezoid lies above a falling exponential: by 16 %
    for scans two half-lives apart, by 4 % for one. Use it where no sum of exponentials describes the points.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : (n,) arrays
        As for ``fit_curve``; s, Bq, Bq; at least two scans.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.
    head : Head
        Course before the first scan.
    tail : Tail
        Course after the last scan.
    n_tail_points : int
        Last points that determine the tail, at least two.

    Returns
    -------
    HybridIntegral
        Parts, uncertainty and doubts. A tail that would fall more slowly than physical decay, or rise, is set to
        physical decay, and the findings say so.

    Raises
    ------
    InvalidInputError
        As ``fit_curve``; fewer than two points for the tail (``tail_points``); a head
        or tail of another name (``bad_head_or_tail``).
    InsufficientDataError
        Fewer scans than two or than the tail needs (``too_few_points``).
    FitError
        The exponential head is wanted, but activity rises between the first two scans (``rising_head``).
    """
    validate_decay_constant(nuclide_decay_constant_per_s)
    head, tail = _declared(head, tail)
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    if n_tail_points < 2:
        raise InvalidInputError(f"A tail needs the last two points at least; got {n_tail_points}.", code="tail_points")
    needed = max(2, n_tail_points)
    if times.size < needed:
        raise InsufficientDataError(
            f"The trapezoid with this tail needs {needed} scans; {times.size} used. With one scan declare an effective "
            "half-life.",
            code="too_few_points",
        )
    head_bq_s, head_slopes = _head(head, times, activities)
    measured_bq_s, measured_slopes = _trapezoid(times, activities)
    decay, decay_slopes = nuclide_decay_constant_per_s, np.zeros(times.size)
    if tail is Tail.LAST_POINTS:
        last = slice(-n_tail_points, None)
        fitted, decay_slopes[last] = _decay_constant(times[last], activities[last], u[last])
        decay = max(fitted, nuclide_decay_constant_per_s)
        decay_slopes *= fitted > nuclide_decay_constant_per_s
    tail_bq_s = float(activities[-1]) / decay
    tail_slopes = -tail_bq_s / decay * decay_slopes
    tail_slopes[-1] += 1.0 / decay
    sensitivities = head_slopes + measured_slopes + tail_slopes
    total = head_bq_s + measured_bq_s + tail_bq_s
    total_u = float(np.linalg.norm(sensitivities * u))
    return HybridIntegral(
        head=head,
        tail=tail,
        head_bq_s=head_bq_s,
        measured_bq_s=measured_bq_s,
        tail_bq_s=tail_bq_s,
        tail_decay_constant_per_s=decay,
        tail_decay_constant_standard_uncertainty_per_s=float(np.linalg.norm(decay_slopes * u)),
        time_integrated_activity_bq_s=total,
        time_integrated_activity_standard_uncertainty_bq_s=total_u,
        sensitivities_s=tuple(sensitivities.tolist()),
        findings=_findings(
            head_share=head_bq_s / total,
            tail_share=tail_bq_s / total,
            cv=total_u / total,
            is_rising=bool(activities[-1] >= activities[-2]),
            is_clamped=tail is Tail.LAST_POINTS and decay == nuclide_decay_constant_per_s,
        ),
    )


def _declared(head: Head, tail: Tail) -> tuple[Head, Tail]:
    """Accept the names too, as a case file holds them."""
    try:
        return Head(head), Tail(tail)
    except ValueError as error:
        raise InvalidInputError(
            f"Declare the head as one of {', '.join(Head)} and the tail as one of {', '.join(Tail)}; "
            f"got {head!s} and {tail!s}.",
            code="bad_head_or_tail",
        ) from error


def _head(head: Head, times: Array, activities: Array) -> tuple[float, Array]:
    """Return the integral before the first scan in Bq s and its derivatives by the activities in s."""
    slopes = np.zeros(times.size)
    if head is not Head.EXPONENTIAL:
        slopes[0] = times[0] if head is Head.CONSTANT else 0.5 * times[0]
        return float(slopes[0] * activities[0]), slopes
    step = float(times[1] - times[0])
    decay = float(np.log(activities[0] / activities[1])) / step
    if decay <= 0.0:
        raise FitError(
            "Activity rises between the first two scans, so no exponential leads back to administration: let the head "
            "rise from zero.",
            code="rising_head",
        )
    growth = float(np.expm1(decay * times[0]))
    by_decay = float(activities[0]) * (float(times[0]) * (growth + 1.0) / decay - growth / decay**2)
    slopes[0] = growth / decay + by_decay / (step * float(activities[0]))
    slopes[1] = -by_decay / (step * float(activities[1]))
    return float(activities[0]) * growth / decay, slopes


def _trapezoid(times: Array, activities: Array) -> tuple[float, Array]:
    steps = np.diff(times)
    slopes = np.zeros(times.size)
    slopes[:-1] += 0.5 * steps
    slopes[1:] += 0.5 * steps
    return float(slopes @ activities), slopes


def _decay_constant(times: Array, activities: Array, u: Array) -> tuple[float, Array]:
    """Return the slope of the weighted straight line through the logarithms, 1/s, and its derivatives."""
    weights = (activities / u) ** 2
    from_mean = times - np.average(times, weights=weights)
    shares = weights * from_mean / np.sum(weights * from_mean**2)
    return -float(shares @ np.log(activities)), -shares / activities


def _findings(
    *, head_share: float, tail_share: float, cv: float, is_rising: bool, is_clamped: bool
) -> tuple[CurveFinding, ...]:
    doubts = [
        (
            cv >= CV_GUIDE,
            "cv_high",
            f"The time-integrated activity has a coefficient of variation of {100 * cv:.0f} %.",
        ),
        (
            tail_share > TAIL_GUIDE,
            "tail_large",
            f"{100 * tail_share:.0f} % of the time-integrated activity lies after the last scan; guide 20 %.",
        ),
        (
            head_share > HEAD_GUIDE,
            "uptake_unseen",
            f"{100 * head_share:.0f} % of the time-integrated activity lies before the first scan, where the course is "
            "declared and not measured; guide 20 %.",
        ),
        (is_rising, "last_points_rise", "Activity does not fall between the last two scans."),
        (
            is_clamped,
            "at_bound",
            "The last points fall more slowly than the nuclide decays: the tail is physical decay, an upper limit.",
        ),
    ]
    return tuple(CurveFinding(code=code, level="ask", message=message) for is_true, code, message in doubts if is_true)
