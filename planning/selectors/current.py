"""Which revision of each kind is current. One rule for all: the highest number that was not rejected."""

from django.db.models import QuerySet

from planning.models import (
    Administration,
    ContourRevision,
    Course,
    Cycle,
    CycleResult,
    DoseCalculation,
    ExternalDose,
    LimitSet,
    Plan,
    QuantifiedImage,
    ReaderCopy,
    Registration,
    Series,
    TimePoint,
)
from planning.models.contours import ContourState, RegionContour
from planning.models.imaging import ACQUIRED_KINDS, SeriesKind
from planning.models.kinetics import CurveRevision
from planning.models.registrations import Decision


def current_administration(cycle: Cycle) -> Administration | None:
    return cycle.administrations.order_by("-number").first()


def reference_time_point(cycle: Cycle) -> TimePoint | None:
    return cycle.time_points.filter(is_reference=True).first()


def series_to_quantify(time_point: TimePoint) -> list[Series]:
    """Return the camera's images of a time point, or without one all its projections: one series, or beds of a scan."""
    rows = list(time_point.series.filter(kind__in=ACQUIRED_KINDS, is_discarded=False))
    return [row for row in rows if row.kind == SeriesKind.EMISSION] or rows


def acquired_series(time_point: TimePoint) -> Series | None:
    """Return what a time point is quantified from: the camera's image, or without one its first projections."""
    return next(iter(series_to_quantify(time_point)), None)


def are_beds(series: list[Series]) -> bool:
    """Return whether these are the beds of one scan: projections that share a frame of reference."""
    frames = {row.frame_of_reference_uid for row in series}
    is_projections = all(row.kind == SeriesKind.PROJECTIONS for row in series)
    return len(series) > 1 and is_projections and len(frames) == 1 and "" not in frames


def current_image(time_point: TimePoint) -> QuantifiedImage | None:
    return time_point.images.order_by("-number").first()


def current_registration(time_point: TimePoint) -> Registration | None:
    return time_point.registrations.exclude(decision=Decision.REJECTED).order_by("-number").first()


def contour_revisions_of(time_point: TimePoint, copy: ReaderCopy | None = None) -> QuerySet[ContourRevision]:
    """Return the shared revisions of a time point, or those of one reader's copy; never both."""
    if copy is None:
        return time_point.contour_revisions.all()
    return ContourRevision.all_copies.filter(time_point=time_point, copy=copy)


def current_contours(time_point: TimePoint, copy: ReaderCopy | None = None) -> ContourRevision | None:
    return contour_revisions_of(time_point, copy).order_by("-number").first()


def accepted_contours(time_point: TimePoint) -> list[RegionContour]:
    revision = current_contours(time_point)
    if revision is None:
        return []
    return list(revision.contours.filter(state=ContourState.ACCEPTED).select_related("region"))


def current_curves(cycle: Cycle) -> CurveRevision | None:
    return cycle.curve_revisions.order_by("-number").first()


def current_calculation(cycle: Cycle) -> DoseCalculation | None:
    return cycle.dose_calculations.order_by("-number").first()


def current_result(cycle: Cycle) -> CycleResult | None:
    return cycle.results.order_by("-number").first()


def current_limit_set(site) -> LimitSet | None:
    """Return the newest version of the site's limit set; a confirmed one wins over a newer draft."""
    sets = site.limit_sets.order_by("-confirmed_at", "-version", "-created_at")
    return sets.filter(confirmed_at__isnull=False).first() or site.limit_sets.order_by("-created_at").first()


def external_doses_of(course: Course) -> list[ExternalDose]:
    """Return the doses from elsewhere that count: those of the patient that are not withdrawn."""
    return list(course.patient.external_doses.filter(is_withdrawn=False))


def current_plan(course) -> Plan | None:
    return course.plans.order_by("-number").first()
