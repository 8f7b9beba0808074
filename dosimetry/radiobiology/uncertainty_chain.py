"""Absorbed dose and BED of one region with everything that is uncertain about them: first order and Monte Carlo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.averaging import ModelAverage
from dosimetry.kinetics.curve_fit import CurveFit, terms_of
from dosimetry.kinetics.terms import Terms
from dosimetry.radiobiology.bed import bed_gy, lea_catcheside_factor

FloatArray = NDArray[np.float64]
Curve = CurveFit | ModelAverage
N_SAMPLES = 2000
"""Quantiles at 2.5 % then rest on fifty samples each; the standard deviation is known to 1.6 %."""
SIXTY_EIGHT = (0.158655, 0.841345)
NINETY_FIVE = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Relative standard uncertainties that every scan of a region shares; None: nobody stated it.

    Parameters
    ----------
    calibration_cv, recovery_fit_cv, dose_model_cv : float or None
        Of the calibration factor, of the fitted recovery curve, and of the engine (statistics or S-value).
    volume_cv : float
        Of the region's volume, drawn lognormally; it enters counts, recovery and mass at once.
    counts_slope : float
        p = d ln C/d ln v: how the counts inside follow the contour's edge; 0 where the edge lies in the cold.
    mass_exponent : float
        c of S = k v^-c.
    partial_volume_cv : float or None
        Of a correction that takes the image's resolution instead of a recovery curve; None: there was none.
    recovery : callable or None
        Recovery coefficient against volume (mL); None: no recovery correction was made.
    volume_ml : float
        Volume at which it was taken.
    volume_component : str
        Name under which the volume enters the budget: where ``volume_cv`` comes from.
    """

    calibration_cv: float | None
    recovery_fit_cv: float | None
    dose_model_cv: float | None
    volume_cv: float
    volume_ml: float
    counts_slope: float = 0.0
    mass_exponent: float = 1.0
    partial_volume_cv: float | None = None
    recovery: Callable[[FloatArray], FloatArray] | None = None
    volume_component: str = "Contour edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Median, central 68.3 % and central 95 % of a sampled quantity, in its unit."""

    median: float
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainResult:
    """Uncertainty of one region's dose by both ways.

    Parameters
    ----------
    components : mapping
        Name -> relative standard uncertainty as it enters the dose.
    shared : tuple of str
        Components that other scans, regions and cycles have in common.
    not_stated : tuple of str
        What nobody stated: it is not zero, it is missing.
    first_order_cv : float
        Square root of the sum of squares.
    monte_carlo_cv : float
        Half the central 68.3 % of ln D.
    dose, bed : Quantiles
        Gy; ``bed`` None without radiobiology.
    relative_dose : (n,) array
        Samples of D over the mean dose, for bands.
    n_samples, seed : int
        What was drawn.
    """

    components: Mapping[str, float]
    shared: tuple[str, ...]
    not_stated: tuple[str, ...]
    first_order_cv: float
    monte_carlo_cv: float
    dose: Quantiles
    bed: Quantiles | None
    relative_dose: FloatArray
    n_samples: int
    seed: int


def propagate_chain(
    *,
    mean_dose_gy: float,
    curve: Curve,
    shared: Shared,
    alpha_beta_gy: float | None = None,
    repair_half_time_s: float | None = None,
    n_samples: int = N_SAMPLES,
    seed: int = 1,
) -> ChainResult:
    """Propagate curve, volume, recovery, calibration and engine to absorbed dose and BED.

    D = TIA S/(Q RC) with TIA from the curve; ln D moves with ln v by p - b - c, b = d ln RC/d ln v. First order adds
    the squares of what is independent. The Monte Carlo draws the curve's log parameters from their covariance (of an
    average, a model by its weight first), the volume lognormally, the others as lognormal factors; dose and BED come
    from the same draws, so that a long half-life goes with a high dose and a smaller Lea-Catcheside factor.

    Parameters
    ----------
    mean_dose_gy : float
        Mean absorbed dose of the region, Gy, above zero.
    curve : CurveFit or ModelAverage
        Accepted curve; its uncertainty is that of counting, contours and fit.
    shared : Shared
        What all scans have in common.
    alpha_beta_gy, repair_half_time_s : float or None
        Radiobiology of the region; without both there is no BED.
    n_samples, seed : int
        Samples, and the seed that makes them repeatable.

    Returns
    -------
    ChainResult
        Components, both combined uncertainties, intervals.

    Raises
    ------
    InvalidInputError
        A dose not above zero, an uncertainty that is negative or not finite, or fewer than 100 samples.

    References
    ----------
    .. [1] Gear et al., EANM practical guidance on uncertainty analysis, EJNMMI 45 (2018) 2456-2474.
    """
    if not 0.0 < mean_dose_gy < np.inf or n_samples < 100:
        raise InvalidInputError("The chain needs a dose above zero and 100 samples at least.", code="bad_dose")
    stated = {
        "Calibration factor": shared.calibration_cv,
        "Recovery curve": shared.recovery_fit_cv if shared.recovery is not None else None,
        "Dose model": shared.dose_model_cv,
    }
    if shared.partial_volume_cv is not None:
        stated["Partial volume"] = shared.partial_volume_cv
        if shared.recovery is None:
            del stated["Recovery curve"]
    _refuse(shared.volume_cv, *(value for value in stated.values() if value is not None))
    slope = shared.counts_slope - _recovery_slope(shared) - shared.mass_exponent
    curve_cv = curve.time_integrated_activity_standard_uncertainty_bq_s / curve.time_integrated_activity_bq_s
    components = {"Curve and tail": curve_cv, shared.volume_component: abs(slope) * shared.volume_cv}
    components |= {name: value for name, value in stated.items() if value is not None}
    random = np.random.default_rng(seed)
    log_tia, shapes = _draw_curves(curve, n_samples, random)
    log_factor = log_tia - np.log(curve.time_integrated_activity_bq_s) + _log_volume_factor(shared, n_samples, random)
    for value in stated.values():
        if value is not None:
            log_factor += np.sqrt(np.log1p(value**2)) * random.standard_normal(n_samples)
    relative = np.exp(log_factor)
    low, high = np.quantile(log_factor, SIXTY_EIGHT)
    bed = None
    if alpha_beta_gy is not None and repair_half_time_s is not None:
        factors = [
            lea_catcheside_factor(
                amplitudes=amplitudes.tolist(),
                decay_constants_per_s=decays.tolist(),
                repair_half_time_s=repair_half_time_s,
            )
            for amplitudes, decays in shapes
        ]
        doses = mean_dose_gy * relative
        bed = _quantiles(
            np.array(
                [
                    bed_gy(absorbed_dose_gy=float(dose), g=g, alpha_beta_gy=alpha_beta_gy)
                    for dose, g in zip(doses, factors, strict=True)
                ]
            )
        )
    return ChainResult(
        components=components,
        shared=tuple(name for name in stated if name in components),
        not_stated=tuple(name for name, value in stated.items() if value is None),
        first_order_cv=float(np.sqrt(sum(value**2 for value in components.values()))),
        monte_carlo_cv=float(0.5 * (high - low)),
        dose=_quantiles(mean_dose_gy * relative),
        bed=bed,
        relative_dose=relative,
        n_samples=n_samples,
        seed=seed,
    )


def _draw_curves(curve: Curve, n: int, random: np.random.Generator) -> tuple[FloatArray, list[Terms]]:
    """Draw ln TIA and the exponential terms of the curve; of an average, first a model by its weight."""
    if isinstance(curve, ModelAverage):
        weights = np.array([fit.weight or 0.0 for fit in curve.fits])
        chosen = random.choice(len(curve.fits), size=n, p=weights / weights.sum())
        drawn = [_draw_fit(fit, n, random) for fit in curve.fits]
        log_tia = np.array([drawn[member][0][i] for i, member in enumerate(chosen)])
        return log_tia, [drawn[member][1][i] for i, member in enumerate(chosen)]
    return _draw_fit(curve, n, random)


def _draw_fit(fit: CurveFit, n: int, random: np.random.Generator) -> tuple[FloatArray, list[Terms]]:
    theta = random.multivariate_normal(np.array(fit.theta), np.array(fit.covariance), size=n, method="svd")
    model, physical = fit.shape_model or fit.model, fit.physical_decay_constant_per_s
    return theta[:, 0], [terms_of(model=model, shape=row, physical_per_s=physical) for row in theta[:, 1:]]


def _log_volume_factor(shared: Shared, n: int, random: np.random.Generator) -> FloatArray:
    """Draw the volume lognormally and return what counts, recovery and mass together make of ln D."""
    log_ratio = shared.volume_cv * random.standard_normal(n)
    factor = (shared.counts_slope - shared.mass_exponent) * log_ratio
    if shared.recovery is None:
        return np.asarray(factor)
    volumes = shared.volume_ml * np.exp(log_ratio)
    at_volume = shared.recovery(np.array([shared.volume_ml]))[0]
    return np.asarray(factor - np.log(shared.recovery(volumes) / at_volume))


def _recovery_slope(shared: Shared) -> float:
    """Return b = d ln RC/d ln v at the region's volume, by a central difference."""
    if shared.recovery is None:
        return 0.0
    step = 1e-4
    volumes = shared.volume_ml * np.exp(np.array([-step, step]))
    low, high = np.log(shared.recovery(volumes))
    return float((high - low) / (2.0 * step))


def _quantiles(values: FloatArray) -> Quantiles:
    low, lower, median, upper, high = np.quantile(
        values, (NINETY_FIVE[0], SIXTY_EIGHT[0], 0.5, SIXTY_EIGHT[1], NINETY_FIVE[1])
    )
    return Quantiles(
        median=float(median), interval_68=(float(lower), float(upper)), interval_95=(float(low), float(high))
    )


def _refuse(*relative: float) -> None:
    if not all(0.0 <= value < np.inf for value in relative):
        raise InvalidInputError("Relative uncertainties cannot be negative and must be finite numbers.")
