"""Which next scan narrows the time-integrated activity most, and whether the scans at hand are enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.bayes import ONE_SIGMA, TiaPosterior
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.curve_samples import log_unit_activity
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.kinetics.terms import Array, evaluate_slopes
from dosimetry.nuclides.decay import get_nuclide

N_DRAWS = 2000
N_OUTCOMES = 200
"""Possible results of the next scan over which the expectation is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScan:
    """One possible time of the next scan.

    Parameters
    ----------
    time_s : float
        After administration, s.
    expected_cv : float
        Expected relative standard uncertainty of the time-integrated activity with this scan added.
    is_enough : bool
        Whether that meets the wanted one.
    """

    time_s: float
    expected_cv: float
    is_enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NextScanAdvice:
    """Advice about the next scan.

    Parameters
    ----------
    current_cv : float or None
        Relative standard uncertainty with the scans at hand; None before the first scan when the population says
        nothing of the height of the curve.
    wanted_cv : float
        What was asked for.
    is_enough : bool
        The scans at hand meet it.
    candidates : tuple of CandidateScan
        In order of time.
    best : CandidateScan
        The one with the lowest expected uncertainty.
    """

    current_cv: float | None
    wanted_cv: float
    is_enough: bool
    candidates: tuple[CandidateScan, ...]
    best: CandidateScan


def advise_next_scan(
    posterior: TiaPosterior,
    *,
    candidate_times_s: Sequence[float] | NDArray[Any],
    scan_cv: float,
    wanted_cv: float,
    seed: int = 0,
) -> NextScanAdvice:
    """Rank times of the next scan by the uncertainty to expect after it.

    For every candidate the result of the scan is drawn many times from what is known now, the samples are weighted with
    it, and the variance of ln(TIA) is averaged.  Absorbed dose is proportional to the integral, so the same order
    holds for it; for BED, only while dose and BED rise together.

    Parameters
    ----------
    posterior : TiaPosterior
        From ``estimate_tia`` with the scans at hand.
    candidate_times_s : (n,) array
        Times after administration, s, above zero.
    scan_cv : float
        Relative standard uncertainty of the activity in the next scan.
    wanted_cv : float
        Relative standard uncertainty of the time-integrated activity that is wanted.
    seed : int
        Makes the advice repeatable.

    Returns
    -------
    NextScanAdvice
        Candidates with expected uncertainty, the best, and whether the scans at hand are enough.

    Raises
    ------
    InvalidInputError
        No candidate, a time not above zero, or uncertainties not between 0 and 1.
    """
    times = _validated(candidate_times_s, scan_cv=scan_cv, wanted_cv=wanted_cv)
    random = np.random.default_rng(seed)
    samples = posterior.samples
    theta = samples.theta[random.choice(samples.weights.size, size=N_DRAWS, p=samples.weights)]
    variance = _noise_variance(posterior.prior, scan_cv)
    expected = _expected_variances(theta, posterior.prior, times, variance, random)
    return _advice(times, expected, current_cv=posterior.cv, wanted_cv=wanted_cv)


def advise_first_scan(
    prior: PopulationPrior,
    *,
    candidate_times_s: Sequence[float] | NDArray[Any],
    scan_cv: float,
    wanted_cv: float,
    seed: int = 0,
) -> NextScanAdvice:
    """Rank times of the only or first scan before anything was measured.

    Parameters
    ----------
    prior : PopulationPrior
        Population; only its shape is used, as the height comes from the scan.
    candidate_times_s, scan_cv, wanted_cv, seed
        As in ``advise_next_scan``.

    Returns
    -------
    NextScanAdvice
        ``current_cv`` is None and ``is_enough`` false.

    Raises
    ------
    InvalidInputError
        As in ``advise_next_scan``.
    """
    times = _validated(candidate_times_s, scan_cv=scan_cv, wanted_cv=wanted_cv)
    shape = prior.without_amplitude()
    random = np.random.default_rng(seed)
    draws = random.multivariate_normal(shape.mean, shape.predictive_covariance, 4 * N_DRAWS)
    logs = log_unit_activity(
        model=shape.model,
        shapes=draws,
        physical_per_s=get_nuclide(shape.nuclide).decay_constant_per_s,
        times_s=times,
    )
    # With one scan ln TIA = ln A(t) - ln(unit activity): the noise of the scan and the spread of the shapes add up.
    spread = np.diff(np.quantile(logs, ONE_SIGMA, axis=0), axis=0)[0] / 2.0
    return _advice(times, spread**2 + _noise_variance(shape, scan_cv), current_cv=None, wanted_cv=wanted_cv)


def advise_from_fit(
    fit: CurveFit,
    *,
    candidate_times_s: Sequence[float] | NDArray[Any],
    scan_cv: float,
    wanted_cv: float,
) -> NextScanAdvice:
    """Rank times of the next scan from the covariance of a fitted curve, without any population.

    First order: a scan of relative uncertainty s at time t with the slopes j of ln(activity) leaves the covariance
    C - C j j^T C/(s^2 + j^T C j). It does not know that another model may hold.

    Parameters
    ----------
    fit : CurveFit
        Fit to the scans at hand.
    candidate_times_s, scan_cv, wanted_cv
        As in ``advise_next_scan``.

    Returns
    -------
    NextScanAdvice
        Expected relative standard uncertainty of the time-integrated activity.

    Raises
    ------
    InvalidInputError
        As in ``advise_next_scan``.
    """
    times = _validated(candidate_times_s, scan_cv=scan_cv, wanted_cv=wanted_cv)
    slopes = evaluate_slopes(slopes=fit.term_slopes, tia_bq_s=fit.time_integrated_activity_bq_s, times_s=times)
    relative = slopes / fit.activity_bq(times)[:, None]
    covariance = np.asarray(fit.covariance)
    seen = relative @ covariance
    gained = seen[:, 0] ** 2 / (np.log1p(scan_cv**2) + np.einsum("ij,ij->i", seen, relative))
    expected = np.maximum(covariance[0, 0] - gained, 0.0)
    return _advice(times, expected, current_cv=_cv(float(covariance[0, 0])), wanted_cv=wanted_cv)


def _expected_variances(
    theta: Array, prior: PopulationPrior, times: Array, variance: float, random: np.random.Generator
) -> Array:
    """Return the variance of ln(TIA) to expect after each scan, from the central 68.3 %: tails do not rule it."""
    theta = theta[np.argsort(theta[:, 0])]
    unit = log_unit_activity(
        model=prior.model,
        shapes=theta[:, 1:],
        physical_per_s=get_nuclide(prior.nuclide).decay_constant_per_s,
        times_s=times,
    )
    curves = theta[:, :1] + unit
    # The same outcomes (patients, errors) for every candidate, so that the comparison does not rest on luck.
    patients = random.choice(theta.shape[0], size=N_OUTCOMES, replace=False)
    errors = random.standard_normal(N_OUTCOMES) * np.sqrt(variance)
    expected = np.empty(times.size)
    integral = theta[:, 0]
    for k in range(times.size):
        outcomes = curves[patients, k] + errors
        misfit = (outcomes[:, None] - curves[None, :, k]) ** 2 / variance
        weights = np.exp(-0.5 * (misfit - misfit.min(axis=1, keepdims=True)))
        cumulated = np.cumsum(weights, axis=1)
        levels = cumulated / cumulated[:, -1:]
        low, high = (integral[np.argmax(levels >= level, axis=1)] for level in ONE_SIGMA)
        expected[k] = np.mean((0.5 * (high - low)) ** 2)
    return expected


def _validated(candidate_times_s: Any, *, scan_cv: float, wanted_cv: float) -> Array:
    times = np.unique(np.asarray(candidate_times_s, dtype=float))
    if times.size == 0 or not np.all(np.isfinite(times)) or np.any(times <= 0.0):
        raise InvalidInputError("Give one time of a next scan at least, each after the administration.")
    if not (0.0 < scan_cv < 1.0 and 0.0 < wanted_cv < 1.0):
        raise InvalidInputError("The uncertainties of a scan and of the wanted result must lie between 0 and 1.")
    return times


def _noise_variance(prior: PopulationPrior, scan_cv: float) -> float:
    return float(np.log1p(scan_cv**2) + np.log1p(prior.residual_cv**2))


def _cv(log_variance: float) -> float:
    """Return half the 68.3 % interval over the median of a lognormal, as ``TiaPosterior.cv``."""
    return float(np.sinh(np.sqrt(log_variance)))


def _advice(times: Array, expected: Array, *, current_cv: float | None, wanted_cv: float) -> NextScanAdvice:
    cvs = [_cv(float(value)) for value in expected]
    candidates = tuple(
        CandidateScan(time_s=float(time), expected_cv=cv, is_enough=cv <= wanted_cv)
        for time, cv in zip(times, cvs, strict=True)
    )
    return NextScanAdvice(
        current_cv=current_cv,
        wanted_cv=wanted_cv,
        is_enough=current_cv is not None and current_cv <= wanted_cv,
        candidates=candidates,
        best=min(candidates, key=lambda candidate: candidate.expected_cv),
    )
