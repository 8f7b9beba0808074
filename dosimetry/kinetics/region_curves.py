"""Every curve that one region may have, from its scans: the same for the server and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import DosimetryError, InsufficientDataError
from dosimetry.kinetics.averaging import AVERAGE, ModelAverage, average_models
from dosimetry.kinetics.bayes import TiaPosterior, estimate_tia
from dosimetry.kinetics.checks import failed_checks
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.leave_one_out import LeaveOneOut, leave_one_out
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.next_scan import NextScanAdvice, advise_from_fit, advise_next_scan
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.kinetics.posterior_curve import POSTERIOR, posterior_curve
from dosimetry.kinetics.selection import CurveFinding, CurveSelection, fit_admissible
from dosimetry.kinetics.single_time_point import fit_single_time_point, haenscheid_tia_bq_s
from dosimetry.kinetics.single_time_point_errors import (
    RatioTable,
    error_curves,
    madsen_tia_bq_s,
    make_ratio_table,
)
from dosimetry.kinetics.terms import Array
from dosimetry.nuclides.decay import Nuclide
from dosimetry.units import HOUR_S

Curve = CurveFit | ModelAverage
Points = tuple[Array, Array, Array]
CANDIDATE_TIMES_S = HOUR_S * np.arange(6.0, 241.0, 6.0)
"""Times of a next scan that are looked at, s: to ten days."""
N_HALF_LIVES = 41
N_TABLE_CURVES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredHalfLife:
    """An effective half-life that a person declares for one scan: s, s, and where it comes from."""

    effective_half_life_s: float
    standard_uncertainty_s: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What a person chose for the curves of a region.

    Parameters
    ----------
    models : tuple of str or None
        Models by protocol, the preferred one first; None: the usual three.
    declared : DeclaredHalfLife or None
        For one scan, or activity that rises at the last scan.
    prior : PopulationPrior or None
        Population, or the patient's own earlier cycle.
    administered_activity_bq : float or None
        For a prior of the height.
    wanted_cv : float or None
        Wanted relative standard uncertainty of the time-integrated activity; None: no advice about a next scan.
    """

    models: tuple[str, ...] | None = None
    declared: DeclaredHalfLife | None = None
    prior: PopulationPrior | None = None
    administered_activity_bq: float | None = None
    wanted_cv: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneScan:
    """The published one-scan methods beside each other.

    Parameters
    ----------
    time_s : float
        The scan.
    tia_bq_s : mapping
        Method -> time-integrated activity, Bq s.
    half_lives_s : (n,) array
        Half-lives that the patient may have, s.
    errors : mapping
        Method -> relative error for each of them.
    """

    time_s: float
    tia_bq_s: Mapping[str, float]
    half_lives_s: NDArray[np.float64]
    errors: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCurves:
    """All curves of one region; none is chosen.

    Parameters
    ----------
    curves : mapping
        Name -> curve that a person may choose, in the order in which they are shown.
    refused : tuple of (str, str)
        Models that the scans do not admit, and why.
    recommended_model : str
        Empty where only a prior that nobody confirmed gives a curve.
    findings : tuple of CurveFinding
        Doubts of the recommended curve and of single scans.
    leave_one_out : LeaveOneOut or None
        Of the recommended model, where there are scans enough.
    next_scan : NextScanAdvice or None
        Where an uncertainty was asked for.
    one_scan : OneScan or None
        Where one scan was used.
    """

    curves: Mapping[str, Curve]
    refused: tuple[tuple[str, str], ...]
    recommended_model: str
    findings: tuple[CurveFinding, ...]
    leave_one_out: LeaveOneOut | None
    next_scan: NextScanAdvice | None
    one_scan: OneScan | None


def fit_region_curves(
    *,
    times_s: Sequence[float] | NDArray[Any],
    activities_bq: Sequence[float] | NDArray[Any],
    standard_uncertainties_bq: Sequence[float] | NDArray[Any],
    nuclide: Nuclide,
    options: FitOptions,
) -> RegionCurves:
    """Fit what the scans admit, average it, and use declared half-lives and priors where they were given.

    The scans alone recommend a curve wherever they can. A prior adds a curve to choose; it is recommended only where
    the scans admit none and its status is not ``to confirm``.

    Parameters
    ----------
    times_s, activities_bq, standard_uncertainties_bq : (n,) arrays
        Scans in order of time: s, Bq, Bq.
    nuclide : Nuclide
        Decay data.
    options : FitOptions
        What a person chose.

    Returns
    -------
    RegionCurves
        Curves, doubts, advice.

    Raises
    ------
    InvalidInputError, InsufficientDataError, FitError
        No curve at all: as ``fit_admissible`` and ``fit_single_time_point``; the message names the ways out.
    """
    points = validated_points(times_s, activities_bq, standard_uncertainties_bq)
    posterior = _posterior(points, options)
    try:
        selection = _select(points, nuclide, options)
    except DosimetryError as error:
        if posterior is None:
            raise
        selection = _by_prior_alone(posterior, error)
    average = _average(selection)
    left_out = _leave_one_out(points, selection, nuclide)
    return RegionCurves(
        curves={
            **{fit.model: fit for fit in selection.fits},
            **({} if average is None else {AVERAGE: average}),
            **({} if posterior is None else {POSTERIOR: posterior_curve(posterior, last_scan_s=float(points[0][-1]))}),
        },
        refused=selection.refused,
        recommended_model=selection.recommended_model,
        findings=(*selection.findings, *(left_out.findings if left_out is not None else ())),
        leave_one_out=left_out,
        next_scan=_advice(points, selection, posterior, options),
        one_scan=_one_scan(points, nuclide, options) if points[0].size == 1 else None,
    )


def _posterior(points: Points, options: FitOptions) -> TiaPosterior | None:
    if options.prior is None:
        return None
    times, activities, u = points
    return estimate_tia(
        times_s=times,
        activities_bq=activities,
        standard_uncertainties_bq=u,
        prior=options.prior,
        administered_activity_bq=options.administered_activity_bq,
    )


def _select(points: Points, nuclide: Nuclide, options: FitOptions) -> CurveSelection:
    """Fit all scans; with a declared half-life, a region with one scan, or still rising, takes its last scan alone."""
    times, activities, u = points
    is_rising = times.size > 1 and activities[-1] > activities[-2]
    try:
        if is_rising and options.declared is not None:
            raise InsufficientDataError("Activity still rises at the last scan.", code="half_life_required")
        return fit_admissible(
            times_s=times,
            activities_bq=activities,
            standard_uncertainties_bq=u,
            nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
            models=options.models,
        )
    except DosimetryError as error:
        if options.declared is None or error.code not in {"half_life_required", "rising_curve"}:
            raise
    return fit_single_time_point(
        time_s=float(times[-1]),
        activity_bq=float(activities[-1]),
        activity_standard_uncertainty_bq=float(u[-1]),
        effective_half_life_s=options.declared.effective_half_life_s,
        effective_half_life_standard_uncertainty_s=options.declared.standard_uncertainty_s,
        nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
        source=options.declared.source,
        n_scans=times.size,
    )


def _by_prior_alone(posterior: TiaPosterior, error: DosimetryError) -> CurveSelection:
    """Return no fit of the scans; a prior that somebody confirmed or fitted then gives the recommended curve."""
    is_usable = posterior.prior.status != "to confirm"
    assumed = CurveFinding(
        code="prior_decides",
        level="ask",
        message=f"The scans admit no curve of their own; the shape comes from {posterior.prior.source}. ({error})",
    )
    return CurveSelection(
        fits=(),
        refused=(),
        recommended_model=POSTERIOR if is_usable else "",
        findings=(assumed, *posterior.findings),
    )


def _average(selection: CurveSelection) -> ModelAverage | None:
    """Average where two models at least carry a weight; one alone is its own average."""
    n_ranked = sum(fit.weight is not None for fit in selection.fits)
    return average_models(selection.fits) if n_ranked > 1 else None


def _leave_one_out(points: Points, selection: CurveSelection, nuclide: Nuclide) -> LeaveOneOut | None:
    times, activities, u = points
    model = selection.recommended_model
    fitted = {fit.model for fit in selection.fits} - {"single_time_point"}
    if model not in fitted or times.size < get_model(model).n_parameters + 1:
        return None
    return leave_one_out(
        model=model,
        times_s=times,
        activities_bq=activities,
        standard_uncertainties_bq=u,
        nuclide_decay_constant_per_s=nuclide.decay_constant_per_s,
    )


def _advice(
    points: Points, selection: CurveSelection, posterior: TiaPosterior | None, options: FitOptions
) -> NextScanAdvice | None:
    """Look at times after the last scan; the next scan is expected to be as good as those at hand.

    At the physical half-life a fit states no spread of it: whatever it said of the next scan would be false.
    """
    times, activities, u = points
    later = CANDIDATE_TIMES_S[times[-1] < CANDIDATE_TIMES_S]
    if options.wanted_cv is None or later.size == 0:
        return None
    scan_cv = float(np.median(u / activities))
    if posterior is not None:
        return advise_next_scan(posterior, candidate_times_s=later, scan_cv=scan_cv, wanted_cv=options.wanted_cv)
    fits = {fit.model: fit for fit in selection.fits}
    fit = fits.get(selection.recommended_model)
    if fit is None or any(check["code"] == "at_bound" for check in failed_checks(fit)):
        return None
    return advise_from_fit(fit, candidate_times_s=later, scan_cv=scan_cv, wanted_cv=options.wanted_cv)


def _ratio_table(prior: PopulationPrior, time_s: float, nuclide: Nuclide) -> RatioTable:
    """Return TIA/A(t) over curves drawn from the prior, round the time of the scan."""
    shape = prior.without_amplitude()
    draws = np.random.default_rng(0).multivariate_normal(shape.mean, shape.predictive_covariance, N_TABLE_CURVES)
    return make_ratio_table(
        model=shape.model,
        shapes=draws,
        physical_per_s=nuclide.decay_constant_per_s,
        times_s=[0.9 * time_s, time_s, 1.1 * time_s],
        source=prior.source,
    )


def _one_scan(points: Points, nuclide: Nuclide, options: FitOptions) -> OneScan:
    time_s, activity_bq = float(points[0][0]), float(points[1][0])
    physical_s = float(np.log(2.0)) / nuclide.decay_constant_per_s
    half_lives = np.geomspace(0.1 * physical_s, physical_s, N_HALF_LIVES)
    tia = {"haenscheid": haenscheid_tia_bq_s(activity_bq=activity_bq, time_s=time_s)}
    half_life_s = None if options.declared is None else options.declared.effective_half_life_s
    if half_life_s is not None:
        tia["madsen"] = madsen_tia_bq_s(activity_bq=activity_bq, time_s=time_s, population_half_life_s=half_life_s)
    table = None if options.prior is None else _ratio_table(options.prior, time_s, nuclide)
    if table is not None:
        tia["jackson"] = activity_bq * table.at(time_s)[0]
    errors = error_curves(time_s=time_s, half_lives_s=half_lives, population_half_life_s=half_life_s, table=table)
    return OneScan(time_s=time_s, tia_bq_s=tia, half_lives_s=half_lives, errors=errors)
