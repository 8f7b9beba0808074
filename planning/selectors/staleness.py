"""Staleness is derived, never stored: a result is stale when an input is no longer the current one of its kind.

Each function returns the causes in words; an empty list means current.
"""

from planning.models import (
    ContourRevision,
    Course,
    CycleResult,
    DoseCalculation,
    Plan,
    QuantifiedImage,
    RecoveryCurve,
    Registration,
)
from planning.models.imaging import SeriesKind
from planning.models.kinetics import CurveRevision, PointExclusion
from planning.models.registrations import Decision
from planning.selectors.calibrations import calibration_for
from planning.selectors.current import (
    are_beds,
    current_administration,
    current_calculation,
    current_contours,
    current_curves,
    current_image,
    current_limit_set,
    current_registration,
    external_doses_of,
    reference_time_point,
    series_to_quantify,
)
from planning.selectors.density_curves import density_stale_cause
from planning.selectors.kinetics import earlier_choices
from planning.selectors.populations import population_for
from planning.selectors.readings import submitted_readings


def image_stale_causes(image: QuantifiedImage) -> list[str]:
    causes = []
    if current_image(image.time_point) != image:
        causes.append("images were prepared again")
    if current_administration(image.time_point.cycle) != image.administration:
        causes.append("the administration was corrected")
    series = image.time_point.series.filter(is_discarded=False)
    if not series.filter(pk=image.emission_series_id).exists():
        causes.append("the emission series was taken out")
    causes += _bed_causes(image)
    has_ct = series.filter(kind=SeriesKind.CT).exists()
    if has_ct and image.ct_series is None:
        causes.append("a CT was added")
    if image.ct_series is not None and not series.filter(pk=image.ct_series_id).exists():
        causes.append("the CT was taken out")
    if image.calibration is not None and image.calibration.is_withdrawn:
        causes.append("the calibration factor was withdrawn")
    elif calibration_for(image.emission_series, reconstruction=image.reconstruction) != image.calibration:
        causes.append("another calibration factor applies")
    return causes


def _bed_causes(image: QuantifiedImage) -> list[str]:
    """Compare the series that the image was made from with those that it would be made from now."""
    used = {image.emission_series_id, *image.beds.values_list("pk", flat=True)}
    found = series_to_quantify(image.time_point)
    added = [row for row in found if row.pk not in used]
    causes = []
    if added and any(row.kind == SeriesKind.EMISSION for row in added):
        causes.append("an image of the camera was added, which now counts")
    elif added:
        what = "a bed of the scan was added" if are_beds(found) else "other projections were added"
        causes.append(f"{what}; prepare the images again to take it in")
    elif used - {image.emission_series_id} - {row.pk for row in found}:
        causes.append("a bed of the scan was taken out")
    return causes


def registration_stale_causes(registration: Registration) -> list[str]:
    causes = []
    if current_registration(registration.time_point) != registration:
        causes.append("a newer registration exists")
    reference = reference_time_point(registration.time_point.cycle)
    if reference is None or registration.fixed_image.time_point_id != reference.pk:
        causes.append("another time point became the reference")
    elif current_image(reference) != registration.fixed_image:
        causes.append("the reference image was prepared again")
    if current_image(registration.time_point) != registration.moving_image:
        causes.append("the image was prepared again")
    return causes


def contours_stale_causes(revision: ContourRevision) -> list[str]:
    causes = []
    if current_contours(revision.time_point) != revision:
        causes.append("contours were changed")
    if current_image(revision.time_point) != revision.image:
        causes.append("the image under the contours was prepared again")
    return causes


def curves_stale_causes(revision: CurveRevision) -> list[str]:
    causes = []
    if current_curves(revision.cycle) != revision:
        causes.append("curves were fitted again")
    if current_administration(revision.cycle) != revision.administration:
        causes.append("the administration was corrected")
    for contours in revision.contour_revisions.select_related("time_point", "image"):
        causes += [f"time point {contours.time_point.number}: {cause}" for cause in contours_stale_causes(contours)]
        causes += [f"time point {contours.time_point.number}: {cause}" for cause in image_stale_causes(contours.image)]
    used = set(revision.contour_revisions.values_list("time_point_id", flat=True))
    contoured = {
        time_point.pk for time_point in revision.cycle.time_points.all() if current_contours(time_point) is not None
    }
    if contoured - used:
        causes.append("a time point was contoured since")
    earlier = revision.parameters.get("earlier_choices")
    if earlier is not None and earlier != earlier_choices(revision.cycle):
        causes.append("a curve of an earlier cycle was changed")
    recovery_curve = revision.parameters.get("recovery_curve")
    if recovery_curve is not None and RecoveryCurve.objects.filter(pk=recovery_curve, is_withdrawn=True).exists():
        causes.append("the recovery curve was withdrawn")
    if _populations_changed(revision):
        causes.append("another population applies, or one was confirmed or withdrawn")
    if _exclusions_changed(revision):
        causes.append("a scan was left out or taken back")
    return causes


def _populations_changed(revision: CurveRevision) -> bool:
    used = revision.parameters.get("populations")
    if used is None:
        return False
    found = {
        curve.region_id: population_for(region=curve.region, cycle=revision.cycle)
        for curve in revision.curves.select_related("region")
    }
    current = {str(key): str(population.pk) for key, population in found.items() if population is not None}
    newest = max((row.confirmed_at for row in found.values() if row is not None and row.confirmed_at), default=None)
    return current != used or (newest is not None and newest > revision.created_at)


def _exclusions_changed(revision: CurveRevision) -> bool:
    """Compare the points as fitted with the newest decisions: one made during the fit counts too."""
    decisions = PointExclusion.objects.filter(time_point__cycle=revision.cycle).order_by("created_at", "pk")
    newest = {(item.region_id, str(item.time_point_id)): item.is_excluded for item in decisions}
    return any(
        newest.get((curve.region_id, point["time_point"]), False) != point["is_excluded"]
        for curve in revision.curves.all()
        for point in curve.points
    )


def calculation_stale_causes(calculation: DoseCalculation) -> list[str]:
    causes = []
    if current_calculation(calculation.cycle) != calculation:
        causes.append("dose was calculated again")
    causes += curves_stale_causes(calculation.curve_revision)
    reference = reference_time_point(calculation.cycle)
    if reference is None or reference.pk != calculation.reference_image.time_point_id:
        causes.append("another time point became the reference")
    elif current_image(reference) != calculation.reference_image:
        causes.append("the reference image was prepared again")
    used = set(calculation.registrations.values_list("pk", flat=True))
    for registration in calculation.registrations.select_related("time_point", "fixed_image", "moving_image"):
        number = registration.time_point.number
        causes += [f"time point {number}: {cause}" for cause in registration_stale_causes(registration)]
    if _accepted_registrations(calculation) - used:
        causes.append("a registration was accepted since")
    choices = calculation.parameters.get("curve_choices", {})
    for curve in calculation.curve_revision.curves.all():
        newest = curve.choices.order_by("-created_at", "-pk").first()
        if newest is not None and choices.get(str(curve.pk)) != str(newest.pk):
            causes.append("a curve was chosen anew")
            break
    if _readings_changed(calculation):
        causes.append("a second reading was submitted since")
    density_cause = density_stale_cause(calculation)
    if density_cause:
        causes.append(density_cause)
    return list(dict.fromkeys(causes))


def _readings_changed(calculation: DoseCalculation) -> bool:
    """Return whether a reading of the reference was submitted after a calculation that counts readers."""
    if not calculation.parameters.get("reader_variation"):
        return False
    newest = submitted_readings(calculation.reference_image.time_point)
    submitted = [copy.submitted_at for reading in newest for copy in reading.copies.all() if copy.submitted_at]
    return max(submitted, default=calculation.created_at) > calculation.created_at


def _accepted_registrations(calculation: DoseCalculation) -> set:
    current = (current_registration(time_point) for time_point in calculation.cycle.time_points.all())
    return {item.pk for item in current if item is not None and item.decision == Decision.ACCEPTED}


def result_stale_causes(result: CycleResult) -> list[str]:
    return [] if result.calculation is None else calculation_stale_causes(result.calculation)


def plan_stale_causes(plan: Plan) -> list[str]:
    causes = []
    if plan.course.plans.order_by("-number").first() != plan:
        causes.append("a newer plan exists")
    for calculation in plan.dose_calculations.select_related("cycle"):
        cycle_causes = calculation_stale_causes(calculation)
        causes += [f"cycle {calculation.cycle.number}: {cause}" for cause in cycle_causes]
    if current_limit_set(plan.limit_set.site) != plan.limit_set:
        causes.append("the limit set has a newer version")
    known = plan.result.get("external_dose_ids")
    if known is not None and set(known) != {str(dose.pk) for dose in external_doses_of(plan.course)}:
        causes.append("a dose from elsewhere was added or withdrawn")
    if course_calculations(plan.course) - set(plan.dose_calculations.values_list("pk", flat=True)):
        causes.append("a cycle was calculated since")
    return causes


def course_calculations(course: Course) -> set:
    calculations = (current_calculation(cycle) for cycle in course.cycles.all())
    return {calculation.pk for calculation in calculations if calculation is not None}
