"""Average of curve models by Akaike weight, with the uncertainty of not knowing the model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.selection import CurveFinding, akaike_weighted, findings_of
from dosimetry.kinetics.terms import Array

AVERAGE = "model_average"
WEIGHT_GUIDE = 0.05
"""A model below this weight moves the average by less than its own uncertainty; its doubts are not reported again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAverage:
    """Average of the ranked models of one region; SI units.

    Parameters
    ----------
    fits : tuple of CurveFit
        The ranked fits with their weights, heaviest first.
    left_out : tuple of (str, str)
        Models without weight, and why.
    time_integrated_activity_bq_s : float
        sum w_i TIA_i.
    time_integrated_activity_standard_uncertainty_bq_s : float
        Unconditional: sum w_i sqrt(u_i^2 + (TIA_i - TIA)^2), which holds also that the model is not known.
    between_models_bq_s : float
        sqrt(sum w_i (TIA_i - TIA)^2): the spread of the models alone.
    extrapolated_fraction : float
        Share of the averaged integral after the last scan.
    findings : tuple of CurveFinding
        Doubts of every model that carries weight, and of the average.
    """

    fits: tuple[CurveFit, ...]
    left_out: tuple[tuple[str, str], ...]
    time_integrated_activity_bq_s: float
    time_integrated_activity_standard_uncertainty_bq_s: float
    between_models_bq_s: float
    extrapolated_fraction: float
    findings: tuple[CurveFinding, ...]

    @property
    def model(self) -> str:
        """Return the name under which the average stands among the models."""
        return AVERAGE

    def exponential_terms(self) -> tuple[list[float], list[float]]:
        """Return amplitudes in Bq and decay constants in 1/s of the averaged curve."""
        amplitudes: list[float] = []
        decays: list[float] = []
        for fit in self.fits:
            own_amplitudes, own_decays = fit.exponential_terms()
            amplitudes += [_weight(fit) * amplitude for amplitude in own_amplitudes]
            decays += own_decays
        return amplitudes, decays

    def activity_bq(self, times_s: NDArray[Any]) -> Array:
        """Return the averaged activity in Bq at times in s after administration."""
        return np.asarray(sum(_weight(fit) * fit.activity_bq(times_s) for fit in self.fits))

    def band_bq(self, times_s: NDArray[Any]) -> Array:
        """Return the unconditional standard uncertainty of the averaged activity in Bq."""
        mean = self.activity_bq(times_s)
        parts = (_weight(fit) * np.hypot(fit.band_bq(times_s), fit.activity_bq(times_s) - mean) for fit in self.fits)
        return np.asarray(sum(parts))


def average_models(fits: Sequence[CurveFit]) -> ModelAverage:
    """Average the fits of one region over the models that AICc can rank.

    Parameters
    ----------
    fits : sequence of CurveFit
        Fits of different models to the same points, such as ``CurveSelection.fits``. Weights are made anew among them.

    Returns
    -------
    ModelAverage
        Integral, unconditional standard uncertainty, curve and doubts. With one ranked model it is that fit.

    Raises
    ------
    InvalidInputError
        A model occurs twice (``duplicate_model``), or the fits belong to different points or nuclides
        (``different_points``): their criteria cannot be compared.
    InsufficientDataError
        No fit has n - K - 1 > 0 (``nothing_to_rank``).

    References
    ----------
    .. [1] Burnham & Anderson, Model selection and multimodel inference, 2nd ed., Springer 2002, ch. 4.3 (form of the
       unconditional uncertainty: to be confirmed against the source by a physicist).
    """
    names = [fit.model for fit in fits]
    if len(set(names)) < len(names):
        raise InvalidInputError(
            "A curve model occurs twice in the average; it would count twice.", code="duplicate_model"
        )
    ranked = [fit for fit in akaike_weighted(tuple(fits)) if fit.aicc is not None]
    if not ranked:
        raise InsufficientDataError(
            "No model can be ranked with so few scans (AICc needs two scans more than the model has parameters): "
            "choose one model by protocol, or use a population of curves.",
            code="nothing_to_rank",
        )
    _require_same_points(ranked)
    ranked.sort(key=_weight, reverse=True)
    weights = np.array([_weight(fit) for fit in ranked])
    tia = np.array([fit.time_integrated_activity_bq_s for fit in ranked])
    u = np.array([fit.time_integrated_activity_standard_uncertainty_bq_s for fit in ranked])
    mean = float(weights @ tia)
    between = float(np.sqrt(weights @ (tia - mean) ** 2))
    tails = np.array([fit.extrapolated_fraction for fit in ranked])
    unranked = [fit for fit in fits if fit.aicc is None]
    return ModelAverage(
        fits=tuple(ranked),
        left_out=tuple((fit.model, "AICc needs more scans: no weight") for fit in unranked),
        time_integrated_activity_bq_s=mean,
        time_integrated_activity_standard_uncertainty_bq_s=float(weights @ np.hypot(u, tia - mean)),
        between_models_bq_s=between,
        extrapolated_fraction=float(weights @ (tia * tails)) / mean,
        findings=_findings(ranked, between=between, within=float(np.sqrt(weights @ u**2))),
    )


def _weight(fit: CurveFit) -> float:
    return fit.weight or 0.0


def _require_same_points(ranked: Sequence[CurveFit]) -> None:
    """Refuse fits of other points or nuclides; the number of points follows from AICc, chi2 and K."""
    constants = {fit.physical_decay_constant_per_s for fit in ranked}
    sizes = {_number_of_points(fit) for fit in ranked}
    if len(constants) > 1 or len(sizes) > 1:
        raise InvalidInputError(
            "The fits belong to different points or nuclides; average fits of the same scans only.",
            code="different_points",
        )


def _number_of_points(fit: CurveFit) -> int:
    k = fit.n_parameters
    correction = (fit.aicc or 0.0) - fit.chi2 - 2 * k
    # A criterion that is not that of this chi2 has no number of points; zero agrees with no other fit.
    return round(2 * k * (k + 1) / correction) + k + 1 if correction > 0.0 else 0


def _findings(ranked: Sequence[CurveFit], *, between: float, within: float) -> tuple[CurveFinding, ...]:
    """Return the doubts of the models that count, each with the models that raise it, and of their disagreement."""
    raised: dict[str, tuple[CurveFinding, list[str]]] = {}
    for fit in ranked:
        if _weight(fit) < WEIGHT_GUIDE:
            continue
        for finding in findings_of(fit):
            first, models = raised.setdefault(finding.code, (finding, []))
            models.append(fit.model)
            if finding.level == "ask" and first.level != "ask":
                raised[finding.code] = (finding, models)
    findings = [
        replace(finding, message=f"{finding.message} ({', '.join(models)})") for finding, models in raised.values()
    ]
    if between > within:
        findings.append(
            CurveFinding(
                code="models_disagree",
                level="ask",
                message="The models differ by more than the uncertainty of each: the choice of curve dominates.",
            )
        )
    return tuple(findings)
