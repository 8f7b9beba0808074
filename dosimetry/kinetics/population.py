"""A population prior: how the log parameters of a curve model spread over the patients of one agent and organ."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.curve_samples import PARTS
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.points import validate_decay_constant
from dosimetry.kinetics.population_data import PUBLISHED_HALF_LIVES
from dosimetry.kinetics.terms import Array
from dosimetry.nuclides.decay import get_nuclide

FORMAT = "theranostics-population-1"
STATUSES = ("to confirm", "fitted", "confirmed")
LN2 = float(np.log(2.0))
N_QUANTILES = 2001
COEFFICIENT = "tia_coefficient_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationPrior:
    """Hold the lognormal population of one agent, organ, nuclide and curve model.

    Parameters
    ----------
    agent, organ, nuclide : str
        Whom it holds for.
    model : str
        Curve model, one of ``curve_samples.PARTS``.
    mean : tuple of float
        Means of the log (of shares: logit) parameters, in the order of ``parameter_names``.
    covariance : tuple of tuple of float
        Their covariance between patients.
    has_amplitude : bool
        The first parameter is ln(time-integrated activity coefficient / s); without it, nothing is known of the
        height of a curve, only of its shape.
    residual_cv : float
        Scatter of one scan about the model beside its given uncertainty: 0.05 is 5 %.
    n_patients : int or None
        Patients behind it; with it the prior has the heavier tails and the width of a mean and covariance that were
        estimated from so few. None: taken as known exactly.
    source : str
        Where it comes from; shown wherever it is used.
    status : str
        ``to confirm`` (published, no clinical default), ``fitted`` (own curves), ``confirmed`` (by a person).
    """

    agent: str
    organ: str
    nuclide: str
    model: str
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    has_amplitude: bool
    residual_cv: float
    n_patients: int | None
    source: str
    status: str

    def __post_init__(self) -> None:
        if self.model not in PARTS:
            raise InvalidInputError(f"No population model {self.model!r}; choose one of {', '.join(PARTS)}.")
        size = len(self.parameter_names)
        matrix = np.asarray(self.covariance, dtype=float)
        if len(self.mean) != size or matrix.shape != (size, size):
            raise InvalidInputError(f"{self.model} needs {size} means and a {size} x {size} covariance.")
        if not (np.all(np.isfinite(self.mean)) and np.all(np.isfinite(matrix)) and np.allclose(matrix, matrix.T)):
            raise InvalidInputError("Means and covariance must be finite numbers, the covariance symmetric.")
        if np.linalg.eigvalsh(matrix).min() <= 0.0:
            raise InvalidInputError("The covariance must be positive definite: no parameter without spread.")
        if not 0.0 <= self.residual_cv < 1.0:
            raise InvalidInputError(f"The residual scatter must lie in 0 to 1; got {self.residual_cv}.")
        if self.n_patients is not None and self.n_patients < len(self.mean) + 2:
            raise InvalidInputError(
                f"A prior of {size} parameters needs {size + 2} patients; got {self.n_patients}.",
                code="too_few_patients",
            )
        if not self.source.strip() or self.status not in STATUSES:
            raise InvalidInputError(f"Give the source of the prior, and a status: {', '.join(STATUSES)}.")

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of the parameters whose logs (logits of shares) are spread."""
        names = get_model(self.model).parameter_names
        return (COEFFICIENT, *names) if self.has_amplitude else names

    @property
    def degrees_of_freedom(self) -> float:
        """Return those of the predictive t distribution of a new patient; infinite for a prior known exactly."""
        return np.inf if self.n_patients is None else float(self.n_patients - len(self.mean))

    @property
    def predictive_covariance(self) -> Array:
        """Return the scale matrix of a new patient's parameters.

        Mean and covariance that were themselves estimated from n patients give a t distribution with n - p degrees of
        freedom and the scale (n + 1) / (n - p) times the estimated covariance.
        """
        matrix = np.asarray(self.covariance)
        if self.n_patients is None:
            return matrix
        return np.asarray(matrix * (self.n_patients + 1.0) / self.degrees_of_freedom)

    def without_amplitude(self) -> "PopulationPrior":
        """Return the prior of the shape alone."""
        if not self.has_amplitude:
            return self
        rest = tuple(tuple(row[1:]) for row in self.covariance[1:])
        return replace(self, mean=self.mean[1:], covariance=rest, has_amplitude=False)

    def to_json(self) -> str:
        """Return the prior as JSON, as documented in docs/case_format.md."""
        values = {"format": FORMAT, **asdict(self), "parameter_names": self.parameter_names}
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "PopulationPrior":
        """Make a prior from its stored fields.

        Raises
        ------
        InvalidInputError
            A field is missing or of the wrong kind, or another format.
        """
        if stored.get("format") != FORMAT:
            raise InvalidInputError(f'A prior starts with "format": "{FORMAT}".', code="prior_format")
        missing = [field.name for field in fields(cls) if field.name not in stored]
        if missing:
            raise InvalidInputError(f"The prior lacks {', '.join(missing)}.", code="prior_format")
        values = {field.name: stored[field.name] for field in fields(cls)}
        _check_kinds(values)
        try:
            values["mean"] = tuple(float(value) for value in values["mean"])
            values["covariance"] = tuple(tuple(float(value) for value in row) for row in values["covariance"])
        except (TypeError, ValueError):
            raise InvalidInputError("Means and covariance of a prior must be numbers.", code="prior_format") from None
        return cls(**values)


def _check_kinds(values: Mapping[str, Any]) -> None:
    """Refuse a field of another kind than a prior file may hold."""
    texts = ("agent", "organ", "nuclide", "model", "source", "status")
    patients, scatter = values["n_patients"], values["residual_cv"]
    wrong = [name for name in texts if not isinstance(values[name], str)]
    if not isinstance(values["has_amplitude"], bool):
        wrong.append("has_amplitude")
    if isinstance(scatter, bool) or not isinstance(scatter, int | float):
        wrong.append("residual_cv")
    if patients is not None and (isinstance(patients, bool) or not isinstance(patients, int)):
        wrong.append("n_patients")
    if wrong:
        raise InvalidInputError(f"The prior holds a value of the wrong kind: {', '.join(wrong)}.", code="prior_format")


def prior_from_half_life(
    *,
    agent: str,
    organ: str,
    nuclide: str,
    median_s: float,
    log_standard_deviation: float,
    n_patients: int | None,
    source: str,
    residual_cv: float = 0.0,
    status: str = "to confirm",
) -> PopulationPrior:
    """Turn a lognormal effective half-life into a prior of the mono-exponential shape.

    Half-lives at or above the physical one do not exist; the lognormal is cut there, and mean and variance of
    ln(biological constant) are taken over the rest.

    Parameters
    ----------
    agent, organ, nuclide, n_patients, source, residual_cv, status
        As in ``PopulationPrior``.
    median_s : float
        Median effective half-life, s, below the physical one.
    log_standard_deviation : float
        Standard deviation of the logarithm of the half-life, above zero.

    Returns
    -------
    PopulationPrior
        Of the model ``mono_exponential``, without amplitude.

    Raises
    ------
    InvalidInputError
        Median or spread out of range.
    """
    physical_per_s = get_nuclide(nuclide).decay_constant_per_s
    if not 0.0 < median_s < LN2 / physical_per_s or not 0.0 < log_standard_deviation < np.inf:
        raise InvalidInputError(
            f"The median half-life must lie between 0 and the physical {LN2 / physical_per_s / 3600.0:.1f} h, its "
            "spread above zero.",
            code="half_life_range",
        )
    scores = ndtri((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES)
    half_lives = median_s * np.exp(log_standard_deviation * scores)
    constants = LN2 / half_lives - physical_per_s
    # The last tenth of a per cent below the physical half-life has a logarithm without bound and no effect on a curve.
    logs = np.log(constants[constants > 1e-3 * physical_per_s])
    return PopulationPrior(
        agent=agent,
        organ=organ,
        nuclide=nuclide,
        model="mono_exponential",
        mean=(float(logs.mean()),),
        covariance=((float(logs.var()),),),
        has_amplitude=False,
        residual_cv=residual_cv,
        n_patients=n_patients,
        source=source,
        status=status,
    )


def published_priors() -> dict[str, PopulationPrior]:
    """Return the built-in priors by key, all marked ``to confirm``; no function uses one by itself."""
    return {
        row.key: prior_from_half_life(
            agent=row.agent,
            organ=row.organ,
            nuclide=row.nuclide,
            median_s=row.median_s,
            log_standard_deviation=row.log_standard_deviation,
            n_patients=row.n_patients,
            source=row.source,
        )
        for row in PUBLISHED_HALF_LIVES
    }


def prior_from_earlier_cycle(
    fit: CurveFit, *, cycle_to_cycle_cv: float, agent: str, organ: str, nuclide: str, source: str
) -> PopulationPrior:
    """Take the shape of a patient's own earlier curve as the prior of this cycle.

    The covariance is that of the earlier fit, widened by the change from cycle to cycle in every shape parameter.

    Parameters
    ----------
    fit : CurveFit
        Accepted curve of an earlier cycle, of a model with a shape.
    cycle_to_cycle_cv : float
        Relative change of a constant from cycle to cycle, above zero, from the clinic's own patients.
    agent, organ, nuclide, source : str
        As in ``PopulationPrior``.

    Returns
    -------
    PopulationPrior
        Without amplitude: the activity taken up may change.

    Raises
    ------
    InvalidInputError
        A change not above zero, another nuclide, or a curve without a population model.
    """
    if not 0.0 < cycle_to_cycle_cv < np.inf:
        raise InvalidInputError("The change from cycle to cycle must be above zero.", code="cycle_change")
    validate_decay_constant(fit.physical_decay_constant_per_s)
    physical_per_s = get_nuclide(nuclide).decay_constant_per_s
    if abs(fit.physical_decay_constant_per_s / physical_per_s - 1.0) > 1e-6:
        raise InvalidInputError(f"The earlier curve is not one of {nuclide}.", code="different_nuclide")
    if fit.model == "single_time_point" or fit.n_parameters < 2:
        raise InvalidInputError("The earlier curve has no fitted shape: two scans at least.", code="no_shape")
    shape = np.asarray(fit.theta[1:])
    matrix = np.asarray(fit.covariance)[1:, 1:] + np.log1p(cycle_to_cycle_cv**2) * np.eye(shape.size)
    return PopulationPrior(
        agent=agent,
        organ=organ,
        nuclide=nuclide,
        model=fit.model,
        mean=tuple(shape.tolist()),
        covariance=tuple(tuple(row) for row in matrix.tolist()),
        has_amplitude=False,
        residual_cv=0.0,
        n_patients=None,
        source=source,
        status="fitted",
    )
