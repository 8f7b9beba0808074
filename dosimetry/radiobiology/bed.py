"""Biologically effective and equieffective dose for decaying dose rates."""

from collections.abc import Sequence

import numpy as np
from scipy import integrate

from dosimetry.errors import InvalidInputError


def lea_catcheside_factor(
    *, amplitudes: Sequence[float], decay_constants_per_s: Sequence[float], repair_half_time_s: float
) -> float:
    """Return the dose protraction factor G of a dose rate sum_i R_i exp(-l_i t), given to the end.

    G = (2 / D^2) sum_ij R_i R_j / ((l_i + l_j)(l_i + mu)), mu = ln 2 / repair half-time. One term gives
    T_rep / (T_rep + T_eff).

    Parameters
    ----------
    amplitudes : sequence of float
        R_i in any common unit; G does not depend on it.
    decay_constants_per_s : sequence of float
        l_i, 1/s, above zero.
    repair_half_time_s : float
        Half-time of sublethal damage repair, s, above zero.

    Returns
    -------
    float
        G between 0 and 1.

    Raises
    ------
    InvalidInputError
        A constant not above zero, or no dose.

    References
    ----------
    .. [1] Wessels et al., MIRD Pamphlet No. 20, J. Nucl. Med. 49 (2008) 1884-1899.
    """
    rates, decays = np.asarray(amplitudes, dtype=float), np.asarray(decay_constants_per_s, dtype=float)
    if rates.shape != decays.shape or rates.size == 0 or not (np.all(decays > 0.0) and repair_half_time_s > 0.0):
        raise InvalidInputError("Decay constants and the repair half-time must be above zero.")
    dose = float(np.sum(rates / decays))
    if not dose > 0.0:
        raise InvalidInputError("The dose rate integrates to no dose.", code="no_dose")
    mu = np.log(2.0) / repair_half_time_s
    # In shares of the dose, so that a decay as fast as a poor fit may draw it does not overflow.
    shares = rates / decays / dose
    sooner = decays[None, :] / (decays[:, None] + decays[None, :])
    pairs = np.outer(shares, shares) * sooner * (decays / (decays + mu))[:, None]
    return float(2.0 * pairs.sum())


def lea_catcheside_factor_sampled(
    *, times_s: Sequence[float], dose_rates: Sequence[float], repair_half_time_s: float
) -> float:
    """Return G of any sampled dose rate by the recursion of its repair-weighted integral (trapezoid).

    Parameters
    ----------
    times_s : (n,) sequence
        Rising times, s, dense against the repair half-time.
    dose_rates : (n,) sequence
        Dose rates, any unit.
    repair_half_time_s : float
        Repair half-time, s.

    Returns
    -------
    float
        G between 0 and 1.

    Raises
    ------
    InvalidInputError
        Times do not rise, the repair half-time is not above zero, or no dose.

    References
    ----------
    .. [1] Hobbs & Sgouros, Med. Phys. 36 (2009), PMC2736747.
    """
    times, rates = np.asarray(times_s, dtype=float), np.asarray(dose_rates, dtype=float)
    if times.size < 2 or times.shape != rates.shape or not np.all(np.diff(times) > 0.0):
        raise InvalidInputError("Dose rates need rising times.")
    if not repair_half_time_s > 0.0:
        raise InvalidInputError("The repair half-time must be above zero.")
    dose = float(integrate.trapezoid(rates, times))
    if not dose > 0.0:
        raise InvalidInputError("The dose rate integrates to no dose.", code="no_dose")
    mu = np.log(2.0) / repair_half_time_s
    inner = np.zeros_like(rates)
    for i in range(1, times.size):
        step = times[i] - times[i - 1]
        fade = np.exp(-mu * step)
        inner[i] = inner[i - 1] * fade + 0.5 * step * (rates[i - 1] * fade + rates[i])
    return float(2.0 / dose**2 * integrate.trapezoid(rates * inner, times))


def bed_gy(*, absorbed_dose_gy: float, g: float, alpha_beta_gy: float) -> float:
    """Return BED = D (1 + G D / (alpha/beta)) in Gy.

    Raises
    ------
    InvalidInputError
        Negative dose or protraction factor, or alpha/beta not above zero.
    """
    if not (absorbed_dose_gy >= 0.0 and g >= 0.0 and alpha_beta_gy > 0.0):
        raise InvalidInputError("Dose and G must not be negative and alpha/beta must be above zero.")
    return absorbed_dose_gy * (1.0 + g * absorbed_dose_gy / alpha_beta_gy)


def eqd2_gy(*, bed_gy: float, alpha_beta_gy: float) -> float:
    """Return EQD2 = BED / (1 + 2 / (alpha/beta)) in Gy.

    Raises
    ------
    InvalidInputError
        Negative BED, or alpha/beta not above zero.
    """
    if not (bed_gy >= 0.0 and alpha_beta_gy > 0.0):
        raise InvalidInputError("BED must not be negative and alpha/beta must be above zero.")
    return bed_gy / (1.0 + 2.0 / alpha_beta_gy)


def dose_for_bed_gy(*, bed_gy: float, g: float, alpha_beta_gy: float) -> float:
    """Return the absorbed dose in Gy whose BED is ``bed_gy``: the positive root of the quadratic.

    Raises
    ------
    InvalidInputError
        Negative BED or protraction factor, or alpha/beta not above zero.
    """
    if not (bed_gy >= 0.0 and g >= 0.0 and alpha_beta_gy > 0.0):
        raise InvalidInputError("BED and G must not be negative and alpha/beta must be above zero.")
    # The root in the form that does not cancel for a small G.
    return float(2.0 * bed_gy / (1.0 + np.sqrt(1.0 + 4.0 * g * bed_gy / alpha_beta_gy)))
