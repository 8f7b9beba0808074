"""Regions and contours as the contour page shows them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from planning.models import ContourRevision, ReaderCopy, Region, TimePoint, User
from planning.models.contours import ContourState, RegionContour
from planning.selectors.contour_origins import original_numbers
from planning.selectors.current import contour_revisions_of, current_contours, current_image
from planning.selectors.findings import cycle_findings
from planning.selectors.quantities import quantity
from planning.selectors.readings import open_copy
from planning.selectors.sites import site_ids_of
from planning.selectors.staleness import contours_stale_causes

EDITING_FOR = timedelta(minutes=2)
"""A draft younger than this shows its author as editing."""
N_HISTORY = 30


def regions_visible_to(*, user):
    return Region.objects.filter(course__patient__site__in=site_ids_of(user=user)).select_related(
        "course__patient__site"
    )


def contour_revisions_visible_to(*, user):
    return ContourRevision.objects.filter(time_point__cycle__course__patient__site__in=site_ids_of(user=user))


def time_point_contours(time_point: TimePoint, *, user: User) -> dict[str, Any]:
    """Return the current contour revision with numbers, drafts, editors and history; empty when nothing is drawn.

    A reader of an open second reading gets the own copy and nothing else, everybody else what is shared.
    """
    copy = open_copy(time_point, user=user)
    revision = current_contours(time_point, copy)
    image = current_image(time_point)
    causes = contours_stale_causes(revision) if revision and copy is None else []
    return {
        "revision": revision and _head(revision),
        "is_stale": bool(causes),
        "stale_causes": causes,
        "grid": image and _grid_header(image),
        "layers": {
            "organs": {"volume": revision and str(revision.organs_id)},
            "lesions": {"volume": revision and str(revision.lesions_id)},
        },
        "regions": _regions(time_point, revision, copy),
        "editors": [] if copy else _editors(time_point, user),
        "draft": _draft(time_point, user, copy),
        "history": [_head(item) for item in contour_revisions_of(time_point, copy).order_by("-number")[:N_HISTORY]],
        "reading": copy and {"id": str(copy.reading_id), "number": copy.reading.number, "place": copy.place},
    }


def _grid_header(image) -> dict[str, Any]:
    grid = image.label_grid
    n_z, n_y, n_x = grid["shape_zyx"]
    return {
        "kind": "labels",
        "dimensions": [n_x, n_y, n_z],
        "spacing_mm": grid["spacing_xyz_mm"],
        "origin_lps_mm": grid["origin_lps_mm"],
        "direction": grid["direction"],
        "dtype": "uint8",
        "unit": "",
        "frame_of_reference_uid": image.frame_of_reference_uid,
        "value_range": [0, 255],
        "missing_value": None,
        "window": {"lower": 0, "upper": 1},
        "is_downsampled": False,
        "source_spacing_mm": grid["spacing_xyz_mm"],
        "sha256": "",
    }


def _head(revision: ContourRevision) -> dict[str, Any]:
    return {
        "id": str(revision.pk),
        "number": revision.number,
        "author": revision.created_by.printed_name if revision.created_by else "system",
        "at": revision.created_at.isoformat(),
        "note": revision.note,
        "organs": str(revision.organs_id),
        "lesions": str(revision.lesions_id),
    }


def _regions(time_point: TimePoint, revision: ContourRevision | None, copy: ReaderCopy | None) -> list[dict[str, Any]]:
    """Return every region of the course; those without a contour here have no numbers.

    A reader does not see which regions others added since the reading was opened: a new lesion would be told.
    """
    contours = {} if revision is None else {c.region_id: c for c in revision.contours.all()}
    originals = {} if revision is None else original_numbers(revision, copy)
    raised = [finding for finding in cycle_findings(time_point.cycle) if finding.step == "contours"]
    rows = []
    regions = time_point.cycle.course.regions.all()
    if copy is not None:
        regions = regions.filter(Q(created_at__lt=copy.reading.created_at) | Q(created_by=copy.reader_id))
    aside = set() if copy else _rejected_everywhere(time_point)
    for region in regions:
        contour = contours.get(region.pk)
        findings = [f.as_dict() for f in raised if revision and f.source_id == revision.pk and f.region_id == region.pk]
        rows.append(
            {
                **_region(region),
                **_numbers(contour),
                "is_rejected_elsewhere": contour is None and region.pk in aside,
                "confidence": contour and contour.confidence,
                "reasons": contour.reasons if contour else [],
                "original_number": originals.get(region.pk),
                "findings": findings,
            }
        )
    return rows


def _rejected_everywhere(time_point: TimePoint) -> set[UUID]:
    """Return the regions that the newest contours of the course hold only as rejected ones."""
    newest = ContourRevision.objects.filter(time_point=OuterRef("revision__time_point")).order_by("-number")
    course = time_point.cycle.course
    contours = RegionContour.objects.filter(
        revision__time_point__cycle__course=course, revision_id=Subquery(newest.values("pk")[:1])
    )
    is_rejected: dict[UUID, bool] = {}
    for region_id, state in contours.values_list("region_id", "state"):
        is_rejected[region_id] = is_rejected.get(region_id, True) and state == ContourState.REJECTED
    return {region_id for region_id, is_so in is_rejected.items() if is_so}


def _region(region: Region) -> dict[str, Any]:
    return {
        "id": str(region.pk),
        "label": region.label,
        "kind": region.kind,
        "name": region.name,
        "colour": region.colour,
    }


def _numbers(contour) -> dict[str, Any]:
    """Return what is measured of a contour; one that is rejected or not drawn has no numbers."""
    missing = dict.fromkeys(("volume", "contour_volume", "polygon_volume", "mean", "maximum", "activity"))
    if contour is None:
        return {
            **missing,
            "state": "none",
            "source": "",
            "source_detail": "",
            "is_locked": False,
            "statements": [],
        }
    known = {
        "state": contour.state,
        "source": contour.source,
        "source_detail": contour.source_detail,
        "is_locked": contour.is_locked,
    }
    if contour.state == ContourState.REJECTED:
        return {**known, **missing, "statements": []}
    return {
        **known,
        "volume": quantity(contour.volume_ml, unit="mL", factor=1.0),
        "contour_volume": quantity(contour.contour_volume_ml, unit="mL", factor=1.0),
        "polygon_volume": quantity(contour.polygon_volume_ml, unit="mL", factor=1.0),
        "mean": quantity(contour.mean_activity_concentration_bq_per_ml, unit="kBq/mL", factor=1e3),
        "maximum": quantity(contour.maximum_activity_concentration_bq_per_ml, unit="kBq/mL", factor=1e3),
        "activity": quantity(
            contour.activity_bq, unit="MBq", factor=1e6, standard_uncertainty=contour.activity_standard_uncertainty_bq
        ),
        "statements": contour.statements,
    }


def _editors(time_point: TimePoint, user: User) -> list[dict[str, str]]:
    since = timezone.now() - EDITING_FOR
    drafts = time_point.contour_drafts.filter(updated_at__gt=since, copy__isnull=True).exclude(user=user)
    drafts = drafts.select_related("user")
    return [{"name": draft.user.printed_name, "since": draft.updated_at.isoformat()} for draft in drafts]


def _draft(time_point: TimePoint, user: User, copy: ReaderCopy | None) -> dict[str, Any] | None:
    drafts = {
        f"{draft.kind}s": {"base_number": draft.base_number, "at": draft.updated_at.isoformat()}
        for draft in time_point.contour_drafts.filter(user=user, copy=copy)
    }
    return drafts or None
