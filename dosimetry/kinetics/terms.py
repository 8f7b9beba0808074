"""Sums of exponentials with a unit integral, and their derivatives by the parameters of the fit.

Every model is written as activity = TIA * sum_i a_i exp(-l_i t) with sum_i a_i / l_i = 1. Decay constants contain the
physical one: l = l_physical + exp(theta). Where a constant must exceed another, the excess is the parameter; a share is
a logit. So any real theta gives an admissible curve that is nowhere negative.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Terms = tuple[Array, Array]
"""Amplitudes per unit time-integrated activity (1/s) and decay constants (1/s)."""

BLOOD_MIXING_PER_S = float(np.log(2.0)) / 60.0
"""Constant of the mixing with blood, half-time one minute, Hardiansyah et al. 2023 (to be confirmed by a physicist)."""


@dataclass(frozen=True, slots=True)
class TermSlopes:
    """Hold the terms of a curve and their derivatives.

    Parameters
    ----------
    amplitudes, decays : (n_terms,) arrays
        As ``Terms``, 1/s.
    amplitude_slopes, decay_slopes : (n_terms, n_shape) arrays
        Derivatives by the unbounded shape parameters, 1/s.
    """

    amplitudes: Array
    decays: Array
    amplitude_slopes: Array
    decay_slopes: Array

    @property
    def terms(self) -> Terms:
        """Return the terms alone."""
        return self.amplitudes, self.decays


def physical_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f1: nothing leaves but by decay, E(0)."""
    decays = np.array([physical_per_s])
    return TermSlopes(decays, decays, np.zeros((1, theta.size)), np.zeros((1, theta.size)))


def mono_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f2: one falling phase, E(l1)."""
    biological = np.exp(theta[:1])
    decays = physical_per_s + biological
    return TermSlopes(decays, decays, biological[:, None], biological[:, None])


def retention_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f3a: a phase that is cleared and a part that stays, (1-a) E(l1) + a E(0); the share is that of the integral."""
    share, slope = _logistic(theta[1])
    decays = np.array([physical_per_s + np.exp(theta[0]), physical_per_s])
    decay_slopes = np.array([[np.exp(theta[0]), 0.0], [0.0, 0.0]])
    return _weighted_falls(
        np.array([1.0 - share, share]), decays, np.array([[0.0, -slope], [0.0, slope]]), decay_slopes
    )


def bi_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f4a: two falling phases, (1-a) E(l1) + a E(l2); the share is that of the integral in the slow phase."""
    decays, decay_slopes = _rising_constants(theta, physical_per_s, n_constants=2)
    share, slope = _logistic(theta[2])
    return _weighted_falls(
        np.array([share, 1.0 - share]), decays, np.array([[0.0, 0.0, slope], [0.0, 0.0, -slope]]), decay_slopes
    )


def tri_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """Three falling phases; shares of the integral: slow s, middle (1-s) m, fast (1-s)(1-m)."""
    decays, decay_slopes = _rising_constants(theta, physical_per_s, n_constants=3)
    slow, slow_slope = _logistic(theta[3])
    middle, middle_slope = _logistic(theta[4])
    rest = 1.0 - slow
    slopes = np.zeros((3, theta.size))
    slopes[:, 3] = np.array([1.0, -middle, middle - 1.0]) * slow_slope
    slopes[:, 4] = np.array([0.0, rest, -rest]) * middle_slope
    return _weighted_falls(np.array([slow, rest * middle, rest * (1.0 - middle)]), decays, slopes, decay_slopes)


def uptake_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f3: rise from zero and fall, E(l1) - E(l2) with l2 > l1."""
    decays, decay_slopes = _rising_constants(theta, physical_per_s, n_constants=2)
    # 1 / slow - 1 / fast without its cancellation, which gives zero for constants that are equal in floating point.
    integral = float(np.exp(theta[1])) / (decays[0] * decays[1])
    return _with_unit_integral(np.array([1.0, -1.0]), decays, np.zeros((2, 2)), decay_slopes, integral)


def blood_mixing_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f4d: E(l1) - c E(l2) - (1-c) E(lbc), with the published a from c = a / (1-a) and lbc of the mixing with blood.

    A part c of the rise takes the time of l2, the rest that of the mixing with blood.
    """
    pair, pair_slopes = _rising_constants(theta, physical_per_s, n_constants=2)
    mixing = physical_per_s + BLOOD_MIXING_PER_S
    decays = np.append(pair, mixing)
    decay_slopes = np.vstack([pair_slopes, np.zeros(theta.size)])
    share, slope = _logistic(theta[2])
    coefficients = np.array([1.0, -share, share - 1.0])
    slopes = np.zeros((3, theta.size))
    slopes[:, 2] = np.array([0.0, -slope, slope])
    through_l2 = float(np.exp(theta[1])) / (pair[0] * pair[1])
    through_blood = (BLOOD_MIXING_PER_S - float(np.exp(theta[0]))) / (pair[0] * mixing)
    integral = share * through_l2 + (1.0 - share) * through_blood
    return _with_unit_integral(coefficients, decays, slopes, decay_slopes, integral)


def uptake_bi_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """f5: rise from zero and two falling phases, (1-a) E(l1) + a E(l2) - E(l3) with l1 < l2 < l3."""
    decays, decay_slopes = _rising_constants(theta, physical_per_s, n_constants=3)
    share, slope = _logistic(theta[3])
    slopes = np.zeros((3, theta.size))
    slopes[:, 3] = np.array([-slope, slope, 0.0])
    first, second, third = decays
    excess = np.exp(theta[1:3])
    integral = (1.0 - share) * (excess[0] + excess[1]) / (first * third) + share * excess[1] / (second * third)
    return _with_unit_integral(np.array([1.0 - share, share, -1.0]), decays, slopes, decay_slopes, float(integral))


def two_step_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """Uptake through two steps and one falling phase, (1 - exp(-d t))^2 E(l1) = E(l1) - 2 E(l1+d) + E(l1+2d).

    The uptake of a chain with the constants d and 2d: it starts with a slope of zero, as where an agent must leave the
    blood before it is bound.
    """
    fall, rise = np.exp(theta[0]), np.exp(theta[1])
    return _risen_in_two_steps(
        np.array([1.0]),
        physical_per_s + np.array([fall]),
        rise,
        share_slopes=np.zeros((1, 2)),
        fall_slopes=np.array([[fall, 0.0]]),
        rise_slopes=np.array([0.0, rise]),
    )


def two_step_bi_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """Uptake through two steps and two falling phases, (1 - exp(-d t))^2 [(1-a) E(l1) + a E(l2)] with l1 < l2."""
    falls, fall_slopes = _rising_constants(theta, physical_per_s, n_constants=2)
    rise = np.exp(theta[2])
    share, slope = _logistic(theta[3])
    share_slopes = np.zeros((2, theta.size))
    share_slopes[:, 3] = np.array([-slope, slope])
    return _risen_in_two_steps(
        np.array([1.0 - share, share]),
        falls,
        rise,
        share_slopes=share_slopes,
        fall_slopes=fall_slopes,
        rise_slopes=np.eye(theta.size)[2] * rise,
    )


def _risen_in_two_steps(
    shares: Array, falls: Array, rise: float, *, share_slopes: Array, fall_slopes: Array, rise_slopes: Array
) -> TermSlopes:
    """Multiply falling phases by (1 - exp(-d t))^2 and divide by the integral, which has no cancellation so."""
    integral = float(np.sum(shares * 2.0 * rise**2 / (falls * (falls + rise) * (falls + 2.0 * rise))))
    signs, steps = np.array([1.0, -2.0, 1.0]), np.arange(3.0)
    return _with_unit_integral(
        np.outer(signs, shares).ravel(),
        np.add.outer(steps * rise, falls).ravel(),
        np.vstack([sign * share_slopes for sign in signs]),
        np.vstack([fall_slopes + step * rise_slopes for step in steps]),
        integral,
    )


def single_time_point_terms(theta: Array, physical_per_s: float) -> TermSlopes:
    """One falling phase whose whole constant is exp(theta): a declared half-life already contains the decay."""
    del physical_per_s
    decays = np.exp(theta[:1])
    return TermSlopes(decays, decays, decays[:, None], decays[:, None])


def evaluate(*, terms: Terms, tia_bq_s: float, times_s: Array) -> Array:
    """Return the activity in Bq at times in s of a sum of exponential terms."""
    amplitudes, decays = terms
    return np.asarray(tia_bq_s * np.exp(-np.outer(times_s, decays)) @ amplitudes)


def evaluate_slopes(*, slopes: TermSlopes, tia_bq_s: float, times_s: Array) -> Array:
    """Return the derivatives of the activity by ln(TIA) and the shape parameters, (n_times, 1 + n_shape), Bq."""
    phases = tia_bq_s * np.exp(-np.outer(times_s, slopes.decays))
    by_integral = phases @ slopes.amplitudes
    by_decay = (phases * times_s[:, None]) @ (slopes.amplitudes[:, None] * slopes.decay_slopes)
    return np.column_stack([by_integral, phases @ slopes.amplitude_slopes - by_decay])


def tail_fraction(*, terms: Terms, after_s: float) -> float:
    """Return the share of the time-integrated activity after a time in s."""
    amplitudes, decays = terms
    return float(np.sum(amplitudes / decays * np.exp(-decays * after_s)))


def _logistic(value: float) -> tuple[float, float]:
    """Return a share from its logit, and its slope."""
    share = 1.0 / (1.0 + float(np.exp(-value)))
    return share, share * (1.0 - share)


def _rising_constants(theta: Array, physical_per_s: float, *, n_constants: int) -> tuple[Array, Array]:
    """Return constants of which each exceeds the one before, the first the physical one, and their slopes."""
    excess = np.exp(theta[:n_constants])
    slopes = np.zeros((n_constants, theta.size))
    slopes[:, :n_constants] = np.tril(np.ones((n_constants, n_constants))) * excess
    return physical_per_s + np.cumsum(excess), slopes


def _weighted_falls(shares: Array, decays: Array, share_slopes: Array, decay_slopes: Array) -> TermSlopes:
    """Return falling phases from their shares of the integral: a_i = share_i l_i."""
    amplitude_slopes = share_slopes * decays[:, None] + shares[:, None] * decay_slopes
    return TermSlopes(shares * decays, decays, amplitude_slopes, decay_slopes)


def _with_unit_integral(
    coefficients: Array, decays: Array, coefficient_slopes: Array, decay_slopes: Array, integral: float
) -> TermSlopes:
    """Divide coefficients by the integral of their curve, which the caller gives without cancellation."""
    integral_slopes = np.sum(
        coefficient_slopes / decays[:, None] - (coefficients / decays**2)[:, None] * decay_slopes, axis=0
    )
    amplitudes = coefficients / integral
    amplitude_slopes = (coefficient_slopes - amplitudes[:, None] * integral_slopes) / integral
    return TermSlopes(amplitudes, decays, amplitude_slopes, decay_slopes)
