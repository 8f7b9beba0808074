"""Fit of a population prior to the curves of a clinic: non-linear mixed effects by importance-sampling EM."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError
from dosimetry.kinetics.curve_samples import PARTS
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.kinetics.population_em import TOLERANCE, Cohort, settle_population
from dosimetry.kinetics.selection import CurveFinding
from dosimetry.kinetics.terms import Array
from dosimetry.nuclides.decay import get_nuclide

DEFAULT_MODELS = (
    "mono_exponential",
    "uptake_clearance",
    "two_step_uptake",
    "blood_mixing_uptake",
    "bi_exponential",
    "uptake_bi_exponential",
    "two_step_uptake_bi_exponential",
)
SCATTER_GUIDE = 0.05
"""Scatter beside the given uncertainties above which no model follows the curves: expect a bias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCurve:
    """One accepted curve.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : tuple of float
        Scans: s after administration, Bq, Bq.
    administered_activity_bq : float or None
        With it for every patient, the prior also holds the height of the curve.
    """

    times_s: tuple[float, ...]
    activities_bq: tuple[float, ...]
    standard_uncertainties_bq: tuple[float, ...]
    administered_activity_bq: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PopulationFit:
    """A fitted population with what a person needs to judge it.

    Parameters
    ----------
    prior : PopulationPrior
        The result, status ``fitted``.
    log_likelihood, aicc : float
        Marginal log likelihood and corrected Akaike criterion over the scans of all patients; the lowest is chosen.
    n_iterations : int
        Steps of the iteration.
    shrinkage : tuple of float
        For each parameter 1 - variance of the patients' own means / variance of the population: near 1, the scans say
        little about it.
    individual_theta : (n_patients, 1 + n_shape) array
        Each patient's posterior mean of ln(TIA / Bq s) and shape, for tables of ratios.
    findings : tuple of CurveFinding
        Doubts.
    """

    prior: PopulationPrior
    log_likelihood: float
    aicc: float
    n_iterations: int
    shrinkage: tuple[float, ...]
    individual_theta: Array
    findings: tuple[CurveFinding, ...]


def fit_population(
    curves: Sequence[PatientCurve],
    *,
    agent: str,
    organ: str,
    nuclide: str,
    source: str,
    models: Sequence[str] = DEFAULT_MODELS,
    seed: int = 0,
) -> tuple[PopulationFit, ...]:
    """Fit each curve model to all patients at once; the best, by AICc, comes first.

    Patients' log parameters are normal with unknown mean and full covariance; a scan scatters about its curve by its
    given uncertainty and by a residual common to all. The expectation step samples each patient's posterior by
    importance with the same random numbers in every step, so the result depends on the seed alone.

    Parameters
    ----------
    curves : sequence of PatientCurve
        Accepted curves, one per patient.
    agent, organ, nuclide, source : str
        As in ``PopulationPrior``.
    models : sequence of str
        Models to compare; those with more parameters than the patients allow are left out.
    seed : int
        Seed of the samples.

    Returns
    -------
    tuple of PopulationFit
        In order of AICc; without the models whose scatter is 100 % or more.

    Raises
    ------
    InvalidInputError
        Curves that cannot be used, an unknown model.
    InsufficientDataError
        Too few patients for every model (``too_few_patients``).
    FitError
        Every model has a scatter of 100 % or more (``no_model_fits``).

    References
    ----------
    .. [1] Devasia et al., J. Nucl. Med. 62 (2021) 1118, PMC8833869. .. [2] Hardiansyah et al. 2023,
       10.1186/s40658-023-00530-1.
    """
    unknown = [model for model in models if model not in PARTS]
    if unknown or not models:
        raise InvalidInputError(f"No population model {unknown}; choose from {', '.join(PARTS)}.", code="no_model")
    for curve in curves:
        given = curve.administered_activity_bq
        if given is not None and not 0.0 < given < np.inf:
            raise InvalidInputError("Every administered activity must be above zero.", code="bad_administration")
    points = [validated_points(c.times_s, c.activities_bq, c.standard_uncertainties_bq) for c in curves]
    fitting = [model for model in models if len(curves) >= len(get_model(model).parameter_names) + 3]
    if not fitting:
        raise InsufficientDataError(
            f"A population needs four patients, or three more than parameters of the shape; got {len(curves)}.",
            code="too_few_patients",
        )
    has_amplitude = all(curve.administered_activity_bq is not None for curve in curves)
    administered = np.array([curve.administered_activity_bq if has_amplitude else 1.0 for curve in curves], dtype=float)
    template = {"agent": agent, "organ": organ, "nuclide": nuclide, "source": source}
    physical_per_s = get_nuclide(nuclide).decay_constant_per_s
    tried = [
        _fit_model(Cohort(model, tuple(points), np.log(administered), physical_per_s), template=template, seed=seed)
        for model in fitting
    ]
    fits = [fit for fit in tried if fit is not None]
    if not fits:
        raise FitError("No model comes within a factor of two of the curves; check them.", code="no_model_fits")
    if not has_amplitude:
        fits = [replace(fit, prior=fit.prior.without_amplitude(), shrinkage=fit.shrinkage[1:]) for fit in fits]
    return tuple(sorted(fits, key=lambda fit: fit.aicc))


def _fit_model(cohort: Cohort, *, template: dict[str, str], seed: int) -> PopulationFit | None:
    """Return the fit of one model; None where scans lie a factor of two beside its curves, which is no fit."""
    settled = settle_population(cohort, seed=seed)
    state, n_patients = settled.state, len(cohort.points)
    residual_cv = float(np.sqrt(np.expm1(state.residual_variance)))
    if residual_cv >= 1.0:
        return None
    size = state.mean.size
    n_free = size + size * (size + 1) // 2 + 1
    n_scans = sum(times.size for times, _, _ in cohort.points)
    correction = 2.0 * n_free * (n_free + 1) / (n_scans - n_free - 1) if n_scans > n_free + 1 else np.inf
    aicc = float(-2.0 * settled.log_likelihood + 2.0 * n_free + correction)
    own = settled.individual_theta - np.outer(cohort.log_administered, np.eye(size)[0])
    shrinkage = 1.0 - own.var(axis=0) / np.diag(state.covariance)
    prior = PopulationPrior(
        **template,
        model=cohort.model,
        mean=tuple(state.mean.tolist()),
        covariance=tuple(tuple(row) for row in state.covariance.tolist()),
        has_amplitude=True,
        residual_cv=residual_cv,
        n_patients=n_patients,
        status="fitted",
    )
    return PopulationFit(
        prior=prior,
        log_likelihood=settled.log_likelihood,
        aicc=aicc,
        n_iterations=settled.n_iterations,
        shrinkage=tuple(shrinkage.tolist()),
        individual_theta=settled.individual_theta,
        findings=_findings(prior, shrinkage, settled.last_change),
    )


def _findings(prior: PopulationPrior, shrinkage: Array, change: float) -> tuple[CurveFinding, ...]:
    findings = []
    if prior.residual_cv > SCATTER_GUIDE:
        text = (
            f"Scans lie {100.0 * prior.residual_cv:.0f} % beside the curves: no shape here fits all, or u is too small."
        )
        findings.append(CurveFinding(code="scatter_large", level="ask", message=text))
    if change > TOLERANCE:
        text = f"Not settled: a mean or spread still changes by {100.0 * change:.1f} % a step."
        findings.append(CurveFinding(code="not_settled", level="note", message=text))
    open_names = [name for name, share in zip(prior.parameter_names, shrinkage, strict=True) if share > 0.5]
    if open_names:
        text = f"The curves say little about {', '.join(open_names)}; the spread there is loosely known."
        findings.append(CurveFinding(code="undetermined", level="note", message=text))
    return tuple(findings)
