"""The largest activity that keeps every limit, and the probability of keeping each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.prescription.limits import Limit, LimitQuantity, RegionForecast
from dosimetry.radiobiology.bed import dose_for_bed_gy

N_SAMPLES = 4001
"""Equal-probability quantiles of the lognormal dose per activity: deterministic, no random numbers."""
NORMAL_QUANTILES = ndtri((np.arange(N_SAMPLES) + 0.5) / N_SAMPLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityBound:
    """The activity per cycle that one limit admits with a given probability."""

    limit: Limit
    activity_bq: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativePrediction:
    """Cumulative value of a limit's quantity after the planned cycles.

    Parameters
    ----------
    limit : Limit
        The limit.
    given_gy : float
        Value before the planned cycles, Gy.
    predicted_gy, standard_uncertainty_gy : float
        Value after them and its standard uncertainty, Gy.
    probability_below_limit : float
        Probability of staying at or below the limit.
    """

    limit: Limit
    given_gy: float
    predicted_gy: float
    standard_uncertainty_gy: float
    probability_below_limit: float


def predict_cumulative(
    *, forecast: RegionForecast, limit: Limit, activity_per_cycle_bq: float, n_cycles: int
) -> CumulativePrediction:
    """Predict dose, BED or EQD2 after ``n_cycles`` cycles of equal activity.

    Dose per activity is lognormal with the forecast's median and CV, common to the planned cycles; what was given is
    independent of it and normal. Cycles add their BED.

    Parameters
    ----------
    forecast : RegionForecast
        Region data.
    limit : Limit
        Names the quantity.
    activity_per_cycle_bq : float
        Bq, 0 or above.
    n_cycles : int
        Planned cycles, 1 or more.

    Returns
    -------
    CumulativePrediction
        The value at the median dose per activity and its spread.

    Raises
    ------
    InvalidInputError
        Negative activity, or no cycle.
    InsufficientDataError
        BED or EQD2 without G, alpha/beta or the BED of what was given.
    """
    if not 0.0 <= activity_per_cycle_bq < np.inf or n_cycles < 1:
        raise InvalidInputError("Plan one cycle or more with an activity of zero or above.")
    doses = activity_per_cycle_bq * _dose_per_activity_samples(forecast)
    added = n_cycles * _quantity(forecast, limit, doses)
    median_gy = activity_per_cycle_bq * forecast.dose_per_activity_gy_per_bq
    added_median = n_cycles * float(_quantity(forecast, limit, np.array([median_gy]))[0])
    given, given_u = _given(forecast, limit)
    total = given + added
    if given_u > 0.0:
        probability = float(ndtr((limit.limit_gy - total) / given_u).mean())
    else:
        probability = float((total <= limit.limit_gy).mean())
    return CumulativePrediction(
        limit=limit,
        given_gy=given,
        predicted_gy=given + added_median,
        standard_uncertainty_gy=float(np.hypot(added.std(), given_u)),
        probability_below_limit=probability,
    )


def activity_bound(*, forecast: RegionForecast, limit: Limit, n_cycles: int, probability: float) -> ActivityBound:
    """Return the largest activity per cycle that stays at or below a limit with a probability.

    For dose, A = room / (n d_p) with d_p the quantile of the lognormal dose per activity; BED inverts its quadratic
    first. Room is the limit less what was given, reduced by the given dose's normal quantile.

    Parameters
    ----------
    forecast : RegionForecast
        Region data.
    limit : Limit
        The limit.
    n_cycles : int
        Planned cycles of equal activity, 1 or more.
    probability : float
        Between 0 and 1, as 0.95.

    Returns
    -------
    ActivityBound
        Zero when nothing is left.

    Raises
    ------
    InvalidInputError
        Probability outside (0, 1) or no cycle.
    InsufficientDataError
        As ``predict_cumulative``.
    """
    if not 0.0 < probability < 1.0 or n_cycles < 1:
        raise InvalidInputError("Choose a probability between 0 and 1 and one cycle or more.")
    low, high = 0.0, _certain_excess_bq(forecast, limit, n_cycles)

    def kept(activity_bq: float) -> float:
        prediction = predict_cumulative(
            forecast=forecast, limit=limit, activity_per_cycle_bq=activity_bq, n_cycles=n_cycles
        )
        return prediction.probability_below_limit

    if forecast.given_dose_standard_uncertainty_gy == 0.0:
        return ActivityBound(limit=limit, activity_bq=_closed_form_bq(forecast, limit, n_cycles, probability))
    if kept(0.0) < probability:
        return ActivityBound(limit=limit, activity_bq=0.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if kept(middle) >= probability else (low, middle)
    return ActivityBound(limit=limit, activity_bq=low)


def largest_activity(
    *, forecasts: Sequence[RegionForecast], limits: Sequence[Limit], n_cycles: int, probability: float
) -> ActivityBound | None:
    """Return the smallest bound over all limits that have a forecast: its limit binds. None without any.

    Raises
    ------
    InvalidInputError, InsufficientDataError
        As ``activity_bound``.
    """
    by_region = {forecast.region: forecast for forecast in forecasts}
    bounds = [
        activity_bound(forecast=by_region[limit.region], limit=limit, n_cycles=n_cycles, probability=probability)
        for limit in limits
        if limit.region in by_region
    ]
    return min(bounds, key=lambda bound: bound.activity_bq) if bounds else None


def _sigma(forecast: RegionForecast) -> float:
    return float(np.sqrt(np.log1p(forecast.dose_per_activity_cv**2)))


def _dose_per_activity_samples(forecast: RegionForecast) -> NDArray[np.float64]:
    return np.asarray(forecast.dose_per_activity_gy_per_bq * np.exp(_sigma(forecast) * NORMAL_QUANTILES))


def _quantity(forecast: RegionForecast, limit: Limit, doses_gy: NDArray[np.float64]) -> NDArray[np.float64]:
    if limit.quantity == LimitQuantity.ABSORBED_DOSE:
        return doses_gy
    if forecast.g is None or forecast.alpha_beta_gy is None:
        raise InsufficientDataError(f"{forecast.region}: BED needs alpha/beta and repair half-time.", code="no_bed")
    bed = doses_gy * (1.0 + forecast.g * doses_gy / forecast.alpha_beta_gy)
    return bed if limit.quantity == LimitQuantity.BED else bed / (1.0 + 2.0 / forecast.alpha_beta_gy)


def _given(forecast: RegionForecast, limit: Limit) -> tuple[float, float]:
    u = forecast.given_dose_standard_uncertainty_gy
    if limit.quantity == LimitQuantity.ABSORBED_DOSE:
        return forecast.given_dose_gy, u
    if forecast.given_bed_gy is None or forecast.alpha_beta_gy is None:
        raise InsufficientDataError(f"{forecast.region}: the BED of what was given is not known.", code="no_bed")
    relative = u / forecast.given_dose_gy if forecast.given_dose_gy > 0.0 else 0.0
    scale = 1.0 if limit.quantity == LimitQuantity.BED else 1.0 / (1.0 + 2.0 / forecast.alpha_beta_gy)
    # BED = D + Q with Q quadratic in D, so d BED / d ln D = D + 2 Q = 2 BED - D, whatever the number of cycles; a BED
    # that was entered below its dose keeps its proportional spread.
    bed_per_ln_dose = max(2.0 * forecast.given_bed_gy - forecast.given_dose_gy, forecast.given_bed_gy)
    return forecast.given_bed_gy * scale, bed_per_ln_dose * scale * relative


def _closed_form_bq(forecast: RegionForecast, limit: Limit, n_cycles: int, probability: float) -> float:
    given, _ = _given(forecast, limit)
    room = (limit.limit_gy - given) / n_cycles
    if room <= 0.0:
        return 0.0
    dose_per_activity = forecast.dose_per_activity_gy_per_bq * np.exp(_sigma(forecast) * ndtri(probability))
    return float(_dose_of(forecast, limit, room) / dose_per_activity)


def _dose_of(forecast: RegionForecast, limit: Limit, room_gy: float) -> float:
    if limit.quantity == LimitQuantity.ABSORBED_DOSE:
        return room_gy
    if forecast.g is None or forecast.alpha_beta_gy is None:
        raise InsufficientDataError(f"{forecast.region}: BED needs alpha/beta and repair half-time.", code="no_bed")
    bed = room_gy if limit.quantity == LimitQuantity.BED else room_gy * (1.0 + 2.0 / forecast.alpha_beta_gy)
    return dose_for_bed_gy(bed_gy=bed, g=forecast.g, alpha_beta_gy=forecast.alpha_beta_gy)


def _certain_excess_bq(forecast: RegionForecast, limit: Limit, n_cycles: int) -> float:
    """Return an activity whose lowest sampled dose exceeds the limit even if nothing had been given."""
    lowest = float(_dose_per_activity_samples(forecast)[0])
    limit_dose = _dose_of(forecast, limit, limit.limit_gy)
    return 10.0 * limit_dose / (lowest * n_cycles) + 1.0
