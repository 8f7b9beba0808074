"""Time-integrated activity of one patient from one or more scans and a population prior."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtri

from dosimetry.errors import FitError, InvalidInputError
from dosimetry.kinetics.curve_samples import log_unit_activity
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.kinetics.posterior_density import PatientDensity, Samples, draw_samples, find_mode
from dosimetry.kinetics.selection import CurveFinding
from dosimetry.kinetics.terms import Array
from dosimetry.nuclides.decay import get_nuclide

N_SAMPLES = 4000
LEAST_EFFECTIVE = 400.0
"""Fewer samples that count leave the 2.5 % quantile to ten of them or less."""
LAPLACE_TOLERANCE = 0.2
"""Relative difference of the standard uncertainties above which the normal approximation is named as too crude."""
OPEN_SHARE = 0.8
"""Share of the prior variance of the shape above which the scans have said little about it."""
UNLIKE = 0.975
ONE_SIGMA = (0.158655, 0.841345)
NINETY_FIVE = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiaPosterior:
    """The time-integrated activity that scans and population give together.

    Parameters
    ----------
    prior : PopulationPrior
        What was used, with its source and status.
    time_integrated_activity_bq_s : float
        Median, Bq s.
    time_integrated_activity_standard_uncertainty_bq_s : float
        Half the central 68.3 % interval, Bq s. The standard deviation proper need not exist: one early scan and a
        lognormal constant give it no bound.
    interval_95_bq_s : (float, float)
        Central 95 % credible interval, Bq s.
    map_bq_s, laplace_standard_uncertainty_bq_s : float
        Value at the most probable parameters and its standard uncertainty in the normal approximation.
    effective_half_life_s, effective_half_life_interval_95_s
        Median and interval of the slowest phase, s.
    samples : Samples
        Weighted samples of ln(TIA) and shape.
    physical_decay_constant_per_s : float
        1/s.
    findings : tuple of CurveFinding
        Doubts that a person must see.
    """

    prior: PopulationPrior
    time_integrated_activity_bq_s: float
    time_integrated_activity_standard_uncertainty_bq_s: float
    interval_95_bq_s: tuple[float, float]
    map_bq_s: float
    laplace_standard_uncertainty_bq_s: float
    effective_half_life_s: float
    effective_half_life_interval_95_s: tuple[float, float]
    samples: Samples
    physical_decay_constant_per_s: float
    findings: tuple[CurveFinding, ...]

    @property
    def effective_sample_size(self) -> float:
        """Return how many independent samples the weighted ones are worth."""
        return self.samples.effective_size

    @property
    def cv(self) -> float:
        """Return the relative standard uncertainty of the time-integrated activity."""
        return self.time_integrated_activity_standard_uncertainty_bq_s / self.time_integrated_activity_bq_s

    def activity_quantiles_bq(
        self, times_s: NDArray[Any], probabilities: Sequence[float] = (0.025, 0.5, 0.975)
    ) -> Array:
        """Return quantiles of the activity in Bq at times in s, (n_probabilities, n_times), for a band in a graph."""
        times = np.asarray(times_s, dtype=float)
        theta = self.samples.theta
        logs = theta[:, :1] + log_unit_activity(
            model=self.prior.model,
            shapes=theta[:, 1:],
            physical_per_s=self.physical_decay_constant_per_s,
            times_s=times,
        )
        columns = [weighted_quantiles(np.exp(column), self.samples.weights, probabilities) for column in logs.T]
        return np.stack(columns, axis=1)


def estimate_tia(
    *,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    prior: PopulationPrior,
    administered_activity_bq: float | None = None,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
) -> TiaPosterior:
    """Combine the scans of a patient with a population prior.

    Maximises and samples p(ln TIA, shape | scans), with a multiplicative error of each scan, and a prior of the log
    parameters that is a multivariate t (estimated from n patients) or normal.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : (n,) arrays
        One scan or more: s after administration, Bq (not decay-corrected), Bq.
    prior : PopulationPrior
        Chosen by the caller; there is no default.
    administered_activity_bq : float, optional
        Needed for the prior of the height of the curve; without it only the prior of the shape is used.
    n_samples, seed : int
        Samples, and the seed that makes the result repeatable.

    Returns
    -------
    TiaPosterior
        Median, standard uncertainty, 95 % interval, and the normal approximation beside it.

    Raises
    ------
    InvalidInputError
        Points that cannot be used, or an administered activity not above zero.
    FitError
        The posterior has no mode (``no_mode``), or too few samples count (``too_few_samples``).
    """
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    used, findings = _used_prior(prior, administered_activity_bq)
    density = patient_density(
        points=(times, activities, u), prior=used, administered_activity_bq=administered_activity_bq
    )
    random = np.random.default_rng(seed)
    mode, covariance = find_mode(density, random=random)
    samples = draw_samples(density, mean=mode, covariance=covariance, n_samples=n_samples, random=random)
    if samples.effective_size < LEAST_EFFECTIVE:
        samples = draw_samples(density, mean=mode, covariance=covariance, n_samples=8 * n_samples, random=random)
    if samples.effective_size < min(LEAST_EFFECTIVE, 0.25 * n_samples):
        raise FitError(
            f"Only {samples.effective_size:.0f} samples of the posterior count; give more samples, or a prior that "
            "fits these scans.",
            code="too_few_samples",
        )
    tia = np.exp(samples.theta[:, 0])
    low, median, high = weighted_quantiles(tia, samples.weights, (NINETY_FIVE[0], 0.5, NINETY_FIVE[1]))
    lower, upper = weighted_quantiles(tia, samples.weights, ONE_SIGMA)
    half_lives = np.log(2.0) / slowest_constants(samples.theta[:, 1:], density)
    half_life = weighted_quantiles(half_lives, samples.weights, (NINETY_FIVE[0], 0.5, NINETY_FIVE[1]))
    laplace_log_u = float(np.sqrt(covariance[0, 0]))
    result = TiaPosterior(
        prior=used,
        time_integrated_activity_bq_s=float(median),
        time_integrated_activity_standard_uncertainty_bq_s=float(0.5 * (upper - lower)),
        interval_95_bq_s=(float(low), float(high)),
        map_bq_s=float(np.exp(mode[0])),
        laplace_standard_uncertainty_bq_s=float(np.exp(mode[0])) * laplace_log_u,
        effective_half_life_s=float(half_life[1]),
        effective_half_life_interval_95_s=(float(half_life[0]), float(half_life[2])),
        samples=samples,
        physical_decay_constant_per_s=density.physical_per_s,
        findings=(),
    )
    findings = (*findings, *_findings(result, density, mode))
    return replace(result, findings=findings)


def patient_density(
    *, points: tuple[Array, Array, Array], prior: PopulationPrior, administered_activity_bq: float | None
) -> PatientDensity:
    """Return the log posterior of validated points (s, Bq, Bq) under a prior."""
    times, activities, u = points
    mean = np.array(prior.mean)
    if prior.has_amplitude:
        if administered_activity_bq is None:
            raise InvalidInputError("The prior of the height needs the administered activity.", code="no_activity")
        mean[0] += np.log(administered_activity_bq)
    return PatientDensity(
        model=prior.model,
        times_s=times,
        log_activities=np.log(activities),
        log_variances=np.log1p((u / activities) ** 2) + np.log1p(prior.residual_cv**2),
        physical_per_s=get_nuclide(prior.nuclide).decay_constant_per_s,
        mean=mean,
        covariance=prior.predictive_covariance,
        degrees_of_freedom=prior.degrees_of_freedom,
        has_amplitude=prior.has_amplitude,
    )


def slowest_constants(shapes: Array, density: PatientDensity) -> Array:
    """Return the smallest effective constant of each shape, 1/s; the first shape parameter is its biological part."""
    physical = density.physical_per_s
    if density.model == "clearance_retention":
        return np.full(shapes.shape[0], physical)
    return np.asarray(physical + np.exp(np.clip(shapes[:, 0], -40.0, 40.0)))


def weighted_quantiles(values: Array, weights: Array, probabilities: Sequence[float]) -> Array:
    """Return quantiles of weighted samples, linear between the middles of their weights."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.asarray(np.interp(probabilities, cumulated, values[order]))


def _used_prior(
    prior: PopulationPrior, administered_bq: float | None
) -> tuple[PopulationPrior, tuple[CurveFinding, ...]]:
    if administered_bq is not None and not 0.0 < administered_bq < np.inf:
        raise InvalidInputError("The administered activity must be above zero.", code="bad_administration")
    findings = []
    if prior.status == "to confirm":
        text = f"Prior of {prior.agent} {prior.organ} not confirmed ({prior.source})."
        findings.append(CurveFinding(code="prior_unconfirmed", level="ask", message=text))
    if prior.has_amplitude and administered_bq is None:
        text = "No administered activity given: only the shape of the population is used."
        findings.append(CurveFinding(code="prior_shape_only", level="note", message=text))
        return prior.without_amplitude(), tuple(findings)
    return prior, tuple(findings)


def _findings(result: TiaPosterior, density: PatientDensity, mode: Array) -> list[CurveFinding]:
    findings = []
    ratio = result.laplace_standard_uncertainty_bq_s / result.time_integrated_activity_standard_uncertainty_bq_s
    if abs(ratio - 1.0) > LAPLACE_TOLERANCE:
        text = f"The normal approximation gives {ratio:.2f} of the sampled uncertainty; the sampled one stands."
        findings.append(CurveFinding(code="laplace_differs", level="note", message=text))
    size = density.mean.size
    freedom = density.degrees_of_freedom
    tail = 1.0 - UNLIKE
    limit = float(chdtri(size, tail)) if np.isinf(freedom) else size * float(fdtri(size, freedom, UNLIKE))
    if float(density.prior_distance(mode[None])[0]) > limit:
        text = "This patient lies outside 97.5 % of the population; the prior may not hold: add a scan."
        findings.append(CurveFinding(code="unlike_population", level="ask", message=text))
    _, spread = result.samples.moments()
    prior_variance = density.scale[1:] ** 2 * (freedom / (freedom - 2.0) if 2.0 < freedom < np.inf else 1.0)
    if float(np.mean(np.diag(spread)[1:] / prior_variance)) > OPEN_SHARE:
        text = f"The scans say little about the shape of the curve; it rests on the population ({result.prior.source})."
        findings.append(CurveFinding(code="shape_from_population", level="ask", message=text))
    return findings
