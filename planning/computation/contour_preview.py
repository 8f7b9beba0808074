"""What the present contours of a region would change downstream: a preview until curves and dose are computed anew.

The scans' activities are those of the present contours; the curve is fitted as the stored one was (same models, priors
and corrections). The dose moves with time-integrated activity over mass, which leaves what other regions give in the
same proportion; in the budget of its uncertainty curve and edge are the new ones. The planning estimate takes the new
dose in place of the stored one.
"""

import math
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from dosimetry.errors import DosimetryError
from dosimetry.kinetics.region_curves import fit_region_curves
from dosimetry.kinetics.stored_curve import curve_to_dict
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.radiobiology.bed import bed_gy, eqd2_gy, lea_catcheside_factor
from planning.computation.curve_shapes import dose_rate_terms
from planning.computation.kinetics import DEFAULT_ACTIVITY_CV, fit_options
from planning.computation.plans import PROBABILITIES, region_activity
from planning.computation.priors import region_priors
from planning.computation.recovery_corrections import factor_at
from planning.errors import InvalidStateError
from planning.models import ContourRevision, CurveRevision, Cycle, Region, RegionContour, RegionDose
from planning.models.contours import ContourState
from planning.selectors.current import current_calculation, current_contours, current_limit_set
from planning.selectors.kinetics import chosen_fit

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """Numbers of one region, SI units; None where the cycle states none."""

    effective_half_life_s: float | None
    time_integrated_activity_bq_s: float
    mass_g: float
    absorbed_dose_gy: float
    absorbed_dose_standard_uncertainty_gy: float
    bed_gy: float | None
    next_activity_bq: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourPreview:
    """Before: as computed; after: with the present contours. ``obstacle`` says why there is no after."""

    calculation_number: int
    points: tuple[dict[str, Any], ...]
    is_changed: bool
    before: Consequence
    after: Consequence | None
    obstacle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedDose:
    """Dose of one region with given contours; without a dose, ``obstacle`` says why."""

    calculation_number: int
    absorbed_dose_gy: float | None
    obstacle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recomputed:
    """A region of the newest calculation with other contours; ``changed`` is its dose row, None with an obstacle."""

    calculation_number: int
    row: RegionDose
    points: tuple[dict[str, Any], ...]
    is_changed: bool
    changed: RegionDose | None
    obstacle: str = ""


def contour_preview(*, cycle: Cycle, region: Region) -> ContourPreview | None:
    """Return the preview of a region; None where the cycle has no dose of it yet."""
    found = _recomputed(cycle, region, _contours(cycle, region))
    if found is None:
        return None
    before = _consequence(found.row, cycle, instead=None)
    after = None if found.changed is None else before
    if found.changed is not None and found.is_changed:
        after = _consequence(found.changed, cycle, instead=found.row)
    return ContourPreview(
        calculation_number=found.calculation_number,
        points=found.points,
        is_changed=found.is_changed,
        before=before,
        after=after,
        obstacle=found.obstacle,
    )


def previewed_dose(*, cycle: Cycle, region: Region, instead: ContourRevision) -> PreviewedDose | None:
    """Return the dose with the contour of one revision in place of the present one at its time point.

    None where the cycle has no dose of the region yet.
    """
    contours = {
        time_point: contour
        for time_point, contour in _contours(cycle, region).items()
        if time_point != str(instead.time_point_id)
    }
    found = _recomputed(cycle, region, contours | _by_time_point([instead], region))
    if found is None:
        return None
    dose_gy = None if found.changed is None else found.changed.absorbed_dose_gy
    return PreviewedDose(calculation_number=found.calculation_number, absorbed_dose_gy=dose_gy, obstacle=found.obstacle)


def _recomputed(cycle: Cycle, region: Region, contours: dict[str, RegionContour]) -> _Recomputed | None:
    calculation = current_calculation(cycle)
    row = None if calculation is None else calculation.regions.filter(region=region).first()
    curve = None if row is None else calculation.curve_revision.curves.filter(region=region).first()
    fit = None if curve is None else chosen_fit(curve)
    if row is None or curve is None or fit is None:
        return None
    points = [_point(point, contours[point["time_point"]]) for point in curve.points if point["time_point"] in contours]
    is_changed = _differ([p["activity_bq"] for p in points], [p["activity_bq"] for p in curve.points])
    reference = next((c for c in contours.values() if c.revision.time_point.is_reference), None)
    volume_ml = 0.0 if reference is None else reference.volume_ml
    mass_g = row.mass_g * volume_ml / row.volume_ml
    is_changed |= _differ([mass_g], [row.mass_g])
    known: dict[str, Any] = {
        "calculation_number": calculation.number,
        "row": row,
        "points": tuple(points),
        "is_changed": is_changed,
    }
    if not is_changed:
        return _Recomputed(**known, changed=row)
    try:
        found = _fitted(calculation.curve_revision, region, points, model=fit["model"])
        if mass_g <= 0.0:
            raise InvalidStateError("The contour of the reference scan is empty.", code="no_contour")
    except (DosimetryError, InvalidStateError) as error:
        return _Recomputed(**known, changed=None, obstacle=str(error))
    return _Recomputed(**known, changed=_changed_row(row, found, mass_g=mass_g))


def _contours(cycle: Cycle, region: Region) -> dict[str, RegionContour]:
    """Return the present contour of a region by time point."""
    revisions = [revision for t in cycle.time_points.all() if (revision := current_contours(t)) is not None]
    return _by_time_point(revisions, region)


def _by_time_point(revisions: list[ContourRevision], region: Region) -> dict[str, RegionContour]:
    """Return the contour of a region in each revision by time point; rejected ones count nowhere."""
    contours = RegionContour.objects.filter(revision__in=[r.pk for r in revisions], region=region)
    kept = contours.exclude(state=ContourState.REJECTED).select_related("revision__time_point")
    return {str(contour.revision.time_point_id): contour for contour in kept}


def _differ(now: list[float], stored: list[float]) -> bool:
    if len(now) != len(stored):
        return True
    return any(abs(a - b) > TOLERANCE * abs(b) for a, b in zip(now, stored, strict=True))


def _point(point: dict[str, Any], contour: RegionContour) -> dict[str, Any]:
    """Return a stored point with the activity of the present contour; correction and noise (relative) are as before.

    A recovery curve is read anew, for it goes by the volume alone.
    """
    factor = factor_at(point.get("partial_volume", {}), volume_ml=contour.volume_ml)
    u_bq = contour.activity_standard_uncertainty_bq or DEFAULT_ACTIVITY_CV * contour.activity_bq
    noise_cv = point.get("noise", {}).get("cv", 0.0)
    return {
        **point,
        "activity_bq": factor * contour.activity_bq,
        "activity_standard_uncertainty_bq": math.hypot(factor * u_bq, noise_cv * factor * contour.activity_bq),
        "volume_ml": contour.volume_ml,
    }


def _fitted(revision: CurveRevision, region: Region, points: list[dict[str, Any]], *, model: str) -> dict[str, Any]:
    cycle = revision.cycle
    options = fit_options(revision.parameters, revision.administration)
    prior = region_priors(cycle=cycle, regions=[region], parameters=revision.parameters).get(region)
    used = [point for point in points if not point["is_excluded"]]
    found = fit_region_curves(
        times_s=[point["time_s"] for point in used],
        activities_bq=[point["activity_bq"] for point in used],
        standard_uncertainties_bq=[point["activity_standard_uncertainty_bq"] for point in used],
        nuclide=get_nuclide(cycle.course.nuclide),
        options=replace(options, prior=prior, wanted_cv=None),
    )
    curve = found.curves.get(model)
    if curve is None:
        raise InvalidStateError(f"The accepted model {model} no longer fits these points.", code="model_lost")
    return curve_to_dict(curve)


def _changed_row(row: RegionDose, fit: dict[str, Any], *, mass_g: float) -> RegionDose:
    """Return a copy of a dose row, never saved, with what the new curve and mass make of it."""
    tia = fit["time_integrated_activity_bq_s"]
    factor = (tia / row.time_integrated_activity_bq_s) * (row.mass_g / mass_g)
    changed = copy(row)
    changed.mass_g = mass_g
    changed.time_integrated_activity_bq_s = tia
    changed.effective_half_life_s = fit["effective_half_life_s"]
    changed.absorbed_dose_gy = factor * row.absorbed_dose_gy
    changed.absorbed_dose_standard_uncertainty_gy = changed.absorbed_dose_gy * _dose_cv(row, fit, mass_g=mass_g)
    changed.dose_per_activity_gy_per_bq = factor * row.dose_per_activity_gy_per_bq
    if row.bed_gy is not None and row.alpha_beta_gy and row.repair_half_time_s:
        amplitudes, decays = dose_rate_terms(fit)
        g = lea_catcheside_factor(
            amplitudes=amplitudes, decay_constants_per_s=decays, repair_half_time_s=row.repair_half_time_s
        )
        changed.bed_gy = bed_gy(absorbed_dose_gy=changed.absorbed_dose_gy, g=g, alpha_beta_gy=row.alpha_beta_gy)
        changed.eqd2_gy = eqd2_gy(bed_gy=changed.bed_gy, alpha_beta_gy=row.alpha_beta_gy)
    return changed


def _dose_cv(row: RegionDose, fit: dict[str, Any], *, mass_g: float) -> float:
    """Return the relative uncertainty of the dose with the new curve and edge in its budget.

    The edge's part falls with the radius of a sphere of the volume, as in ``contour_edge_cv``.
    """
    budget = {item["component"]: item["percent"] / 100.0 for item in row.uncertainty_budget}
    u_tia = fit["time_integrated_activity_standard_uncertainty_bq_s"] or 0.0
    budget["Curve and tail"] = u_tia / fit["time_integrated_activity_bq_s"]
    budget["Contour edge"] = budget.get("Contour edge", 0.0) * (row.mass_g / mass_g) ** (1.0 / 3.0)
    return math.sqrt(sum(share**2 for share in budget.values()))


def _consequence(row: RegionDose, cycle: Cycle, *, instead: RegionDose | None) -> Consequence:
    return Consequence(
        effective_half_life_s=row.effective_half_life_s,
        time_integrated_activity_bq_s=row.time_integrated_activity_bq_s,
        mass_g=row.mass_g,
        absorbed_dose_gy=row.absorbed_dose_gy,
        absorbed_dose_standard_uncertainty_gy=row.absorbed_dose_standard_uncertainty_gy,
        bed_gy=row.bed_gy,
        next_activity_bq=_next_activity(row, cycle, instead=instead),
    )


def _next_activity(row: RegionDose, cycle: Cycle, *, instead: RegionDose | None) -> float | None:
    """Return the activity per coming cycle that keeps this region's limits with 95 %; None where it has none."""
    limit_set = current_limit_set(cycle.site)
    if limit_set is None:
        return None
    bound = region_activity(
        course=cycle.course,
        limit_set=limit_set,
        region=row.region.name,
        probability=PROBABILITIES[0],
        instead={} if instead is None else {instead.pk: row},
    )
    return None if bound is None else bound.activity_bq
