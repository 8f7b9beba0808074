"""One-scan methods without sampling, and how far each is off for the half-lives that a patient may have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.curve_samples import log_unit_activity
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.terms import Array

LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioTable:
    """Time-integrated activity over the activity at a time, over a population (Jackson-type).

    Parameters
    ----------
    times_s : tuple of float
        Times after administration, s, rising.
    mean_s, standard_deviation_s : tuple of float
        Mean and standard deviation between patients of TIA / A(t), s.
    n_patients : int
        Curves behind the table.
    source : str
        Where the curves come from.
    """

    times_s: tuple[float, ...]
    mean_s: tuple[float, ...]
    standard_deviation_s: tuple[float, ...]
    n_patients: int
    source: str

    def at(self, time_s: float) -> tuple[float, float]:
        """Return mean and standard deviation at a time, in s, straight between the logarithms of the entries.

        Raises
        ------
        InvalidInputError
            The time lies outside the table; it is not extrapolated.
        """
        if not self.times_s[0] <= time_s <= self.times_s[-1]:
            raise InvalidInputError(
                f"The table holds {self.times_s[0] / 3600.0:.0f} to {self.times_s[-1] / 3600.0:.0f} h; the scan is at "
                f"{time_s / 3600.0:.1f} h.",
                code="outside_table",
            )
        mean = np.exp(np.interp(time_s, self.times_s, np.log(self.mean_s)))
        relative = np.interp(time_s, self.times_s, np.array(self.standard_deviation_s) / np.array(self.mean_s))
        return float(mean), float(mean * relative)


def make_ratio_table(
    *,
    model: str,
    shapes: Array,
    physical_per_s: float,
    times_s: Sequence[float] | NDArray[Any],
    source: str,
) -> RatioTable:
    """Make a table from the fitted curves of a population.

    Parameters
    ----------
    model : str
        Curve model of all curves.
    shapes : (n_patients, n_shape) array
        Shape parameters, as ``PopulationFit.individual_theta[:, 1:]``; two patients at least.
    physical_per_s : float
        Physical decay constant, 1/s.
    times_s : (n,) array
        Times of the table, s, above zero.
    source : str
        Where the curves come from.

    Returns
    -------
    RatioTable

    Raises
    ------
    InvalidInputError
        Fewer than two curves, fewer than two times, times not above zero, or no source.

    References
    ----------
    .. [1] Jackson et al., Med. Phys. 47 (2020) (to be confirmed by a physicist).
    """
    times = np.unique(np.asarray(times_s, dtype=float))
    if shapes.shape[0] < 2 or times.size < 2 or times[0] <= 0.0 or not source.strip():
        raise InvalidInputError("A table needs two curves, two times above zero, and a source.", code="bad_table")
    logs = log_unit_activity(model=model, shapes=shapes, physical_per_s=physical_per_s, times_s=times)
    ratios = np.exp(-logs)
    return RatioTable(
        times_s=tuple(times.tolist()),
        mean_s=tuple(ratios.mean(axis=0).tolist()),
        standard_deviation_s=tuple(ratios.std(axis=0, ddof=1).tolist()),
        n_patients=shapes.shape[0],
        source=source,
    )


def jackson_tia_bq_s(
    *, activity_bq: float, activity_standard_uncertainty_bq: float, time_s: float, table: RatioTable
) -> tuple[float, float]:
    """Estimate the time-integrated activity as A(t) times the mean ratio of a population.

    Parameters
    ----------
    activity_bq, activity_standard_uncertainty_bq : float
        The scan, Bq.
    time_s : float
        After administration, s, within the table.
    table : RatioTable
        Of the same agent and organ.

    Returns
    -------
    (float, float)
        Time-integrated activity and its standard uncertainty, Bq s: the scan's and the spread between patients.

    Raises
    ------
    InvalidInputError
        The scan cannot be used, or lies outside the table.
    """
    validated_points([time_s], [activity_bq], [activity_standard_uncertainty_bq])
    mean, deviation = table.at(time_s)
    between = deviation / mean * np.sqrt(1.0 + 1.0 / table.n_patients)
    relative = float(np.hypot(activity_standard_uncertainty_bq / activity_bq, between))
    return activity_bq * mean, activity_bq * mean * relative


def madsen_tia_bq_s(*, activity_bq: float, time_s: float, population_half_life_s: float) -> float:
    """Estimate the time-integrated activity with the half-life of a population: A(t) exp(k t) / k, in Bq s.

    Raises
    ------
    InvalidInputError
        Activity, time or half-life not above zero.

    References
    ----------
    .. [1] Madsen et al., Med. Phys. 45 (2018) 2318-2324.
    """
    validated_points([time_s], [activity_bq], [activity_bq])
    if not 0.0 < population_half_life_s < np.inf:
        raise InvalidInputError("The half-life of the population must be above zero.", code="half_life_range")
    decay = LN2 / population_half_life_s
    return float(activity_bq * np.exp(decay * time_s) / decay)


def error_curves(
    *,
    time_s: float,
    half_lives_s: Sequence[float] | NDArray[Any],
    population_half_life_s: float | None = None,
    table: RatioTable | None = None,
) -> dict[str, Array]:
    """Return estimate over truth - 1 of each method for a patient with a given half-life and no uptake phase.

    To be shown beside every one-scan result: it says how wrong the method is if the patient is not the population.

    Parameters
    ----------
    time_s : float
        Time of the scan, s, above zero.
    half_lives_s : (n,) array
        Effective half-lives that the patient may have, s, above zero.
    population_half_life_s : float, optional
        Half-life used by Madsen's method, s; without it the method is left out.
    table : RatioTable, optional
        Table of the Jackson-type method; without it the method is left out.

    Returns
    -------
    dict of str to (n,) array
        Relative errors by method: ``haenscheid``, ``madsen``, ``jackson``.

    Raises
    ------
    InvalidInputError
        A time or half-life that is not above zero, or a scan outside the table.
    """
    half_lives = np.asarray(half_lives_s, dtype=float)
    if not 0.0 < time_s < np.inf or half_lives.size == 0 or not np.all((half_lives > 0.0) & np.isfinite(half_lives)):
        raise InvalidInputError("Time and half-lives must be above zero.", code="half_life_range")
    decays = LN2 / half_lives
    # Activity at the scan for a true time-integrated activity of one.
    activity = decays * np.exp(-decays * time_s)
    curves = {"haenscheid": activity * 2.0 * time_s / LN2 - 1.0}
    if population_half_life_s is not None:
        factor = madsen_tia_bq_s(activity_bq=1.0, time_s=time_s, population_half_life_s=population_half_life_s)
        curves["madsen"] = activity * factor - 1.0
    if table is not None:
        curves["jackson"] = activity * table.at(time_s)[0] - 1.0
    return curves
