"""Time-activity curves of the virtual patients: sums of exponentials with an exact integral."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTerm:
    """One exponential of a curve.

    Parameters
    ----------
    activity_bq : float
        Value at administration, Bq; below zero for an uptake phase.
    effective_decay_constant_per_s : float
        Physical decay and biological washout together, 1/s, above zero.
    """

    activity_bq: float
    effective_decay_constant_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCurve:
    """Activity of a region against the time after administration, with physical decay.

    A(t) = sum of A_i exp(-lambda_i t) from administration to infinity.

    Raises
    ------
    InvalidInputError
        No term, a decay constant not above zero, or activity below zero at some time.
    """

    terms: tuple[ActivityTerm, ...]

    def __post_init__(self) -> None:
        if not self.terms or min(term.effective_decay_constant_per_s for term in self.terms) <= 0.0:
            raise InvalidInputError("A curve needs terms that fall.", code="bad_curve")
        slowest = 1.0 / min(term.effective_decay_constant_per_s for term in self.terms)
        activities = self.activity_bq(np.linspace(0.0, 20.0 * slowest, 401))
        if np.min(activities) < -1e-9 * np.max(np.abs(activities)):
            raise InvalidInputError("The activity of a region falls below zero.", code="bad_curve")

    def activity_bq(self, times_s: NDArray[Any] | float) -> NDArray[np.float64]:
        """Return the activity in Bq at times after administration in s; zero before it."""
        times = np.asarray(times_s, dtype=np.float64)
        total = np.zeros(times.shape)
        for term in self.terms:
            total = total + term.activity_bq * np.exp(-term.effective_decay_constant_per_s * np.maximum(times, 0.0))
        return np.where(times < 0.0, 0.0, total)

    @property
    def time_integrated_activity_bq_s(self) -> float:
        """Return the integral from administration to infinity, in Bq s (exact)."""
        return sum(term.activity_bq / term.effective_decay_constant_per_s for term in self.terms)

    @property
    def effective_half_life_s(self) -> float:
        """Return the half-life of the slowest term, in s."""
        return LN2 / min(term.effective_decay_constant_per_s for term in self.terms)

    def scaled(self, factor: float) -> "ActivityCurve":
        """Return the curve with every activity multiplied by a factor."""
        return ActivityCurve(
            terms=tuple(
                ActivityTerm(
                    activity_bq=factor * term.activity_bq,
                    effective_decay_constant_per_s=term.effective_decay_constant_per_s,
                )
                for term in self.terms
            )
        )


def curve_from_half_lives(
    *, administered_activity_bq: float, fractions: tuple[float, ...], effective_half_lives_s: tuple[float, ...]
) -> ActivityCurve:
    """Make a curve from fractions of the administered activity and effective half-lives.

    Parameters
    ----------
    administered_activity_bq : float
        Net administered activity, Bq, above zero.
    fractions : floats
        Share of each term at administration; a share below zero makes an uptake phase.
    effective_half_lives_s : floats
        Effective half-life of each term, s.
    """
    if not np.isfinite(administered_activity_bq) or administered_activity_bq <= 0.0:
        raise InvalidInputError("The administered activity must be above zero.", code="bad_activity")
    return ActivityCurve(
        terms=tuple(
            ActivityTerm(
                activity_bq=administered_activity_bq * fraction, effective_decay_constant_per_s=LN2 / half_life
            )
            for fraction, half_life in zip(fractions, effective_half_lives_s, strict=True)
        )
    )
