"""Predict each scan from the others: does the model hold where it was not fitted?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InsufficientDataError
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.selection import CurveFinding

OUTLIER_GUIDE = 3.0
"""Standard uncertainties between a scan and its prediction; 0.3 % of normal errors lie beyond."""
INFLUENCE_GUIDE = 0.20
"""Relative change of the time-integrated activity when one scan is left out; the guide of the tail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOut:
    """Predictions of each scan from all others, in order of time; SI units.

    Parameters
    ----------
    model : str
        The fitted model.
    predicted_bq, predicted_standard_uncertainties_bq : tuple of float
        Activity at each scan from the fit without it.
    standardised_residuals : tuple of float
        (measured - predicted) / sqrt(u_measured^2 + u_predicted^2).
    time_integrated_activities_bq_s : tuple of float
        Integral of the fit without each scan.
    mean_squared_residual : float
        Mean square of the standardised residuals; near one for a model that predicts as well as it says.
    maximum_integral_change : float
        Largest relative change of the integral against the fit to all scans.
    findings : tuple of CurveFinding
        ``point_outlying`` and ``point_influential``.
    """

    model: str
    predicted_bq: tuple[float, ...]
    predicted_standard_uncertainties_bq: tuple[float, ...]
    standardised_residuals: tuple[float, ...]
    time_integrated_activities_bq_s: tuple[float, ...]
    mean_squared_residual: float
    maximum_integral_change: float
    findings: tuple[CurveFinding, ...]


def leave_one_out(
    *,
    model: str,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    nuclide_decay_constant_per_s: float,
) -> LeaveOneOut:
    """Refit one model without each scan in turn and predict it.

    Parameters
    ----------
    model, times_s, activities_bq, standard_uncertainties_bq, nuclide_decay_constant_per_s
        As for ``fit_curve``; one scan more than the model has parameters.

    Raises
    ------
    InsufficientDataError
        Too few scans to leave one out (``too_few_points``).
    InvalidInputError, FitError
        As ``fit_curve``.
    """
    times, activities, u = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    needed = get_model(model).n_parameters + 1
    if times.size < needed:
        raise InsufficientDataError(
            f"Leaving one scan out needs {needed} scans for this model; {times.size} used.", code="too_few_points"
        )

    def fit(kept: NDArray[np.bool_]) -> Any:
        return fit_curve(
            model=model,
            times_s=times[kept],
            activities_bq=activities[kept],
            standard_uncertainties_bq=u[kept],
            nuclide_decay_constant_per_s=nuclide_decay_constant_per_s,
        )

    everything = fit(np.ones(times.size, dtype=bool)).time_integrated_activity_bq_s
    others = [fit(np.arange(times.size) != i) for i in range(times.size)]
    predicted = np.array([other.activity_bq(times[i : i + 1])[0] for i, other in enumerate(others)])
    predicted_u = np.array([other.band_bq(times[i : i + 1])[0] for i, other in enumerate(others)])
    integrals = np.array([other.time_integrated_activity_bq_s for other in others])
    residuals = (activities - predicted) / np.hypot(u, predicted_u)
    changes = np.abs(integrals / everything - 1.0)
    return LeaveOneOut(
        model=model,
        predicted_bq=tuple(predicted.tolist()),
        predicted_standard_uncertainties_bq=tuple(predicted_u.tolist()),
        standardised_residuals=tuple(residuals.tolist()),
        time_integrated_activities_bq_s=tuple(integrals.tolist()),
        mean_squared_residual=float(np.mean(residuals**2)),
        maximum_integral_change=float(changes.max()),
        findings=_findings(times, residuals, changes),
    )


def _findings(
    times: NDArray[np.float64], residuals: NDArray[np.float64], changes: NDArray[np.float64]
) -> tuple[CurveFinding, ...]:
    findings = []
    worst, strongest = int(np.argmax(np.abs(residuals))), int(np.argmax(changes))
    if abs(residuals[worst]) > OUTLIER_GUIDE:
        findings.append(
            CurveFinding(
                code="point_outlying",
                level="ask",
                message=f"The scan at {times[worst] / 3600.0:.1f} h lies {abs(residuals[worst]):.1f} standard "
                "uncertainties from what the other scans predict: check its contour and calibration.",
            )
        )
    if changes[strongest] > INFLUENCE_GUIDE:
        findings.append(
            CurveFinding(
                code="point_influential",
                level="ask",
                message=f"Without the scan at {times[strongest] / 3600.0:.1f} h the time-integrated activity changes "
                f"by {100.0 * changes[strongest]:.0f} %; guide 20 %.",
            )
        )
    return tuple(findings)
