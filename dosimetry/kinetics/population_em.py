"""The steps of the population fit: sample every patient, then take the most likely mean, spread and residual."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.posterior_density import PatientDensity, Samples, find_mode, weighted_draws
from dosimetry.kinetics.terms import Array

N_SAMPLES = 400
MAX_ITERATIONS = 200
TOLERANCE = 5e-3
"""Largest change of a mean (in standard deviations) or relative change of a variance at which it has settled."""
START_SPREAD = 0.7
"""First standard deviation of every log parameter: a factor of two either way."""
START_RESIDUAL = 0.05
LOG_RESIDUAL_BOUNDS = (2.0 * float(np.log(1e-3)), 0.0)
"""Scatter about the curve between 0.1 % and a factor of e."""
LEAST_VARIANCE = 1e-4
"""Smallest variance between patients, 1 % in a parameter: a prior without spread would deny new patients."""
POOR_SHARE = 0.1
"""Effective share of samples below which a patient's proposal is sought anew."""


@dataclass(frozen=True, slots=True, eq=False)
class PopulationState:
    """Parameters of the population while they are sought; the first is ln(TIA / administered activity)."""

    mean: Array
    covariance: Array
    residual_variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Curves of many patients under one model.

    Parameters
    ----------
    model : str
        Curve model.
    points : tuple of (times, activities, uncertainties)
        Validated scans of each patient: s, Bq, Bq.
    log_administered : (n_patients,) array
        ln(administered activity / Bq), or zeros.
    physical_per_s : float
        Physical decay constant, 1/s.
    """

    model: str
    points: tuple[tuple[Array, Array, Array], ...]
    log_administered: Array
    physical_per_s: float

    def densities(self, state: PopulationState) -> list[PatientDensity]:
        """Return each patient's log posterior under a population."""
        first = np.eye(state.mean.size)[0]
        return [
            PatientDensity(
                model=self.model,
                times_s=times,
                log_activities=np.log(activities),
                log_variances=np.log1p((u / activities) ** 2) + state.residual_variance,
                physical_per_s=self.physical_per_s,
                mean=state.mean + first * shift,
                covariance=state.covariance,
                degrees_of_freedom=np.inf,
                has_amplitude=True,
            )
            for (times, activities, u), shift in zip(self.points, self.log_administered, strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The population that the iteration came to.

    Parameters
    ----------
    state : PopulationState
        Mean, covariance, residual.
    individual_theta : (n_patients, 1 + n_shape) array
        Posterior mean of each patient, ln(TIA / Bq s) first.
    log_likelihood : float
        Marginal log likelihood.
    n_iterations : int
        Steps taken.
    last_change : float
        Change in the last step, see ``TOLERANCE``.
    """

    state: PopulationState
    individual_theta: Array
    log_likelihood: float
    n_iterations: int
    last_change: float


def settle_population(cohort: Cohort, *, seed: int) -> Settled:
    """Repeat expectation and maximisation until the population no longer changes.

    Parameters
    ----------
    cohort : Cohort
        Curves.
    seed : int
        Each patient's random numbers are the same in every step.
    """
    state = _start(cohort)
    proposals: list[tuple[Array, Array] | None] = [None] * len(cohort.points)
    n_steps, change = 0, np.inf
    while n_steps < MAX_ITERATIONS and change > TOLERANCE:
        densities = cohort.densities(state)
        sampled = [_sample(density, proposals[i], seed=(seed, i)) for i, density in enumerate(densities)]
        new = _maximised(cohort, sampled, densities)
        proposals = [samples.moments() for samples in sampled]
        noise_variance = float(np.mean([density.log_variances.mean() for density in densities]))
        change, state, n_steps = _change(state, new, noise_variance=noise_variance), new, n_steps + 1
    densities = cohort.densities(state)
    sampled = [_sample(density, proposals[i], seed=(seed, i)) for i, density in enumerate(densities)]
    likelihood = sum(_log_evidence(density, samples) for density, samples in zip(densities, sampled, strict=True))
    individual = np.array([samples.moments()[0] for samples in sampled])
    return Settled(state, individual, float(likelihood), n_steps, change)


def _start(cohort: Cohort) -> PopulationState:
    """Take the model's start with the best fit over all patients."""
    starts = np.array(get_model(cohort.model).starts, dtype=float)
    size = 1 + starts.shape[1]
    state = PopulationState(np.zeros(size), np.eye(size) * START_SPREAD**2, START_RESIDUAL**2)
    theta = np.column_stack([np.zeros(len(starts)), starts])
    best: list[Array] = []
    misfit = np.zeros(len(starts))
    for density in cohort.densities(state):
        scaled = density.with_best_amplitude(theta)
        # An absolute difference of logs, so that one odd patient does not choose the start for all.
        misfit += np.sum(np.abs(density.log_activities - density.log_curves(scaled)), axis=1)
        best.append(scaled[:, 0])
    chosen = int(np.argmin(misfit))
    amplitude = np.array(best)[:, chosen] - cohort.log_administered
    mean = np.concatenate([[amplitude.mean()], starts[chosen]])
    covariance = state.covariance.copy()
    covariance[0, 0] = max(float(amplitude.var()), LEAST_VARIANCE)
    return PopulationState(mean, covariance, START_RESIDUAL**2)


def _sample(density: PatientDensity, proposal: tuple[Array, Array] | None, *, seed: tuple[int, int]) -> Samples:
    random = np.random.default_rng(seed)
    if proposal is not None:
        floor = 1e-6 * np.diag(density.scale**2)
        samples = weighted_draws(
            density, mean=proposal[0], covariance=proposal[1] + floor, n_samples=N_SAMPLES, random=random
        )
        if samples.effective_size > POOR_SHARE * N_SAMPLES:
            return samples
    random = np.random.default_rng(seed)
    mode, covariance = find_mode(density, random=random)
    return weighted_draws(density, mean=mode, covariance=covariance, n_samples=N_SAMPLES, random=random)


def _maximised(cohort: Cohort, sampled: list[Samples], densities: list[PatientDensity]) -> PopulationState:
    """Return mean, covariance and residual that are the most likely given the samples of all patients."""
    moments = [samples.moments() for samples in sampled]
    first = np.eye(moments[0][0].size)[0]
    means = np.array([mean - first * shift for (mean, _), shift in zip(moments, cohort.log_administered, strict=True)])
    mean = means.mean(axis=0)
    centred = means - mean
    covariance = np.mean([spread for _, spread in moments], axis=0) + centred.T @ centred / len(moments)
    values, vectors = np.linalg.eigh(covariance)
    covariance = (vectors * np.maximum(values, LEAST_VARIANCE)) @ vectors.T
    squares, given = [], []
    for samples, density, (_, activities, u) in zip(sampled, densities, cohort.points, strict=True):
        residual = density.log_activities - density.log_curves(samples.theta)
        squares.append(samples.weights @ residual**2)
        given.append(np.log1p((u / activities) ** 2))
    return PopulationState(mean, covariance, _residual_variance(np.concatenate(squares), np.concatenate(given)))


def _residual_variance(squares: Array, given: Array) -> float:
    """Return the common variance beside the given ones that makes the expected squared residuals most likely."""

    def misfit(log_variance: float) -> float:
        total = given + np.exp(log_variance)
        return float(np.sum(np.log(total) + squares / total))

    found = minimize_scalar(misfit, bounds=LOG_RESIDUAL_BOUNDS, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def _change(old: PopulationState, new: PopulationState, *, noise_variance: float) -> float:
    spread = np.sqrt(np.diag(new.covariance))
    by_mean = np.abs(new.mean - old.mean) / spread
    by_variance = np.abs(np.diag(old.covariance) / np.diag(new.covariance) - 1.0)
    by_residual = abs(new.residual_variance - old.residual_variance) / noise_variance
    return float(max(by_mean.max(), by_variance.max(), by_residual))


def _log_evidence(density: PatientDensity, samples: Samples) -> float:
    _, log_determinant = np.linalg.slogdet(2.0 * np.pi * density.covariance)
    constants = 0.5 * float(log_determinant) + 0.5 * float(np.sum(np.log(2.0 * np.pi * density.log_variances)))
    return samples.log_evidence - constants
