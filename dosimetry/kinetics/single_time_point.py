"""One scan and a declared effective half-life."""

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.fitting import CurveFit, validate_decay_constant, validated_points
from dosimetry.kinetics.selection import CurveFinding, CurveSelection

LN2 = float(np.log(2.0))
WINDOW = (0.75, 2.5)
"""Scan time over half-life inside which Haenscheid's estimate errs by -11.6 to +6.2 %."""
ROUNDING = 1e-9
"""Relative excess over the physical half-life that is rounding: ln 2 / (ln 2 / T) is not always T."""


def haenscheid_tia_bq_s(*, activity_bq: float, time_s: float) -> float:
    """Estimate the time-integrated activity from one late scan: A(t) 2 t / ln 2, in Bq s.

    The effective half-life is not needed; the ratio to truth is 2 x 2^-x with x = t / T.

    Raises
    ------
    InvalidInputError
        Activity or time not above zero.

    References
    ----------
    .. [1] Haenscheid et al., J. Nucl. Med. 59 (2018) 75-81.
    """
    times, activities, _ = validated_points([time_s], [activity_bq], [activity_bq])
    return float(activities[0] * 2.0 * times[0] / LN2)


def fit_single_time_point(
    *,
    time_s: float,
    activity_bq: float,
    activity_standard_uncertainty_bq: float,
    effective_half_life_s: float,
    effective_half_life_standard_uncertainty_s: float,
    nuclide_decay_constant_per_s: float,
    source: str,
    n_scans: int = 1,
) -> CurveSelection:
    """Extrapolate one scan with a declared effective half-life, its uncertainty included.

    TIA = A(t) exp(l t) / l; d ln TIA / d ln T = 1 - l t, so the sensitivity to T vanishes at t = 1.443 T.

    Parameters
    ----------
    time_s, activity_bq, activity_standard_uncertainty_bq : float
        The scan: s, Bq, Bq.
    effective_half_life_s, effective_half_life_standard_uncertainty_s : float
        Declared half-life and its standard uncertainty, s; the half-life at most the physical one.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.
    source : str
        Where the half-life comes from; stored with the result.
    n_scans : int
        Scans of the region, of which this is the last; the finding says how many were passed over.

    Returns
    -------
    CurveSelection
        One fit named ``single_time_point`` with findings that say what was assumed.

    Raises
    ------
    InvalidInputError
        Half-life not above zero or above the physical one, or no source.

    References
    ----------
    .. [1] Madsen et al., Med. Phys. 45 (2018) 2318-2324.
    """
    validate_decay_constant(nuclide_decay_constant_per_s)
    times, activities, u = validated_points([time_s], [activity_bq], [activity_standard_uncertainty_bq])
    physical_s = LN2 / nuclide_decay_constant_per_s
    if not 0.0 < effective_half_life_s <= physical_s * (1.0 + ROUNDING):
        raise InvalidInputError(
            f"The effective half-life must lie between 0 and the physical {physical_s / 3600.0:.1f} h; "
            f"got {effective_half_life_s / 3600.0:.1f} h.",
            code="half_life_range",
        )
    if not 0.0 < effective_half_life_standard_uncertainty_s < np.inf or not source.strip():
        raise InvalidInputError("Give the uncertainty and the source of the half-life.", code="half_life_source")
    decay = LN2 / effective_half_life_s
    tia = float(activities[0] * np.exp(decay * times[0]) / decay)
    u_activity = float(u[0] / activities[0])
    u_decay = effective_half_life_standard_uncertainty_s / effective_half_life_s
    sensitivity = decay * float(times[0]) - 1.0
    variance = u_activity**2 + (sensitivity * u_decay) ** 2
    covariance = ((variance, sensitivity * u_decay**2), (sensitivity * u_decay**2, u_decay**2))
    fit = CurveFit(
        model="single_time_point",
        n_parameters=1,
        parameters={"time_integrated_activity_bq_s": tia, "effective_half_life_s": effective_half_life_s},
        standard_uncertainties={
            "time_integrated_activity_bq_s": tia * variance**0.5,
            "effective_half_life_s": effective_half_life_standard_uncertainty_s,
        },
        theta=(float(np.log(tia)), float(np.log(decay))),
        covariance=covariance,
        physical_decay_constant_per_s=nuclide_decay_constant_per_s,
        chi2=0.0,
        aicc=None,
        weight=None,
        time_integrated_activity_bq_s=tia,
        time_integrated_activity_standard_uncertainty_bq_s=tia * variance**0.5,
        effective_half_life_s=effective_half_life_s,
        effective_half_life_standard_uncertainty_s=effective_half_life_standard_uncertainty_s,
        extrapolated_fraction=float(np.exp(-decay * times[0])),
        r_squared=None,
        maximum_correlation=0.0,
        is_interpolation=True,
        checks=(),
    )
    return CurveSelection(
        fits=(fit,),
        refused=(),
        recommended_model=fit.model,
        findings=_findings(time_s, effective_half_life_s, source, n_scans=n_scans),
    )


def _findings(time_s: float, half_life_s: float, source: str, *, n_scans: int) -> tuple[CurveFinding, ...]:
    hours = half_life_s / 3600.0
    scans = "One scan" if n_scans == 1 else f"Only the last of {n_scans} scans"
    assumed = CurveFinding(
        code="single_time_point",
        level="ask",
        message=f"{scans}: the curve assumes an effective half-life of {hours:.1f} h ({source}); uptake is ignored.",
    )
    ratio = time_s / half_life_s
    if WINDOW[0] <= ratio <= WINDOW[1]:
        return (assumed,)
    outside = CurveFinding(
        code="outside_window",
        level="ask",
        message=f"The scan at {ratio:.2f} half-lives lies outside the window of {WINDOW[0]} to {WINDOW[1]}.",
    )
    return (assumed, outside)
