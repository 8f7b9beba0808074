"""The curve of a population with its spread, sampled for a plot."""

from collections.abc import Sequence

import numpy as np

from dosimetry.kinetics.curve_samples import log_unit_activity
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.nuclides.decay import get_nuclide

N_DRAWS = 2000
QUANTILES = (0.025, 0.158655, 0.5, 0.841345, 0.975)
SEED = 1


def population_quantiles(prior: PopulationPrior, times_s: Sequence[float]) -> dict[str, list[float]]:
    """Return the activity of new patients per unit integral, in percent of the median's largest value."""
    levels = {name: np.array(row) for name, row in unit_activity_quantiles(prior, times_s).items()}
    highest = float(levels["median"].max())
    return {name: (100.0 / highest * row).tolist() for name, row in levels.items()}


def unit_activity_quantiles(prior: PopulationPrior, times_s: Sequence[float]) -> dict[str, list[float]]:
    """Return quantiles of activity over time-integrated activity of new patients, 1/s.

    Drawn from the normal with the predictive covariance; the heavier tails of a small cohort are in its width only.
    """
    shape = prior.without_amplitude()
    draws = np.random.default_rng(SEED).multivariate_normal(shape.mean, shape.predictive_covariance, N_DRAWS)
    logs = log_unit_activity(
        model=shape.model,
        shapes=draws,
        physical_per_s=get_nuclide(shape.nuclide).decay_constant_per_s,
        times_s=np.asarray(times_s, dtype=float),
    )
    levels = np.quantile(np.exp(logs), QUANTILES, axis=0)
    names = ("low_95", "low_68", "median", "high_68", "high_95")
    return {name: row.tolist() for name, row in zip(names, levels, strict=True)}


def half_life_quantiles_h(prior: PopulationPrior) -> list[float]:
    """Return the 16, 50 and 84 % quantiles of the effective half-life of the slowest phase, h."""
    shape = prior.without_amplitude()
    physical = get_nuclide(shape.nuclide).decay_constant_per_s
    if shape.model == "clearance_retention":
        return [float(np.log(2.0) / physical / 3600.0)] * 3
    draws = np.random.default_rng(SEED).multivariate_normal(shape.mean, shape.predictive_covariance, N_DRAWS)
    half_lives = np.log(2.0) / (physical + np.exp(np.clip(draws[:, 0], -40.0, 40.0))) / 3600.0
    return np.quantile(half_lives, (0.158655, 0.5, 0.841345)).tolist()
