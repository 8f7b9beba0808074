"""How proposed contours fared with people: accepted as they were, edited, rejected, and the time it took."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median, quantiles
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, CharField, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Left, StrIndex, TruncMonth

from planning.models import ContourAction, RegionContour, Site
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource, RegionKind
from planning.selectors.acceptance_drift import acceptance_drifts

LESIONS = "Lesions"
OVERLAP_NOTE = "; took "
"""contour_masks_add appends to the source what a proposal took from a neighbour; it is no part of a model's name."""
GROUP = ("source", "version", "region_name")
IS_UNCHANGED = Q(last_action=ContourActionKind.ACCEPTED, last_dice=1.0)
IS_EDITED = Q(last_action=ContourActionKind.ACCEPTED) & ~Q(last_dice=1.0)
IS_REJECTED = Q(last_action=ContourActionKind.REJECTED)
IS_DECIDED = Q(last_action__in=(ContourActionKind.ACCEPTED, ContourActionKind.REJECTED))


def proposals_of(site: Site, *, is_virtual: bool = False) -> QuerySet[RegionContour]:
    """Return every proposal of a site as it first appeared, with the newest action on it.

    A proposal counts once; the region's newest action says how it ended. Models count by version and digest, other
    sources together; organs by name, lesions together. Of a second reading only its adjudication counts.
    """
    actions = ContourAction.objects.filter(
        proposal_id=OuterRef("revision_id"), region_id=OuterRef("region_id"), revision_to__copy__isnull=True
    )
    newest = actions.order_by("-revision_to__number")
    total = actions.order_by().values("proposal_id").annotate(total_s=Sum("hands_on_s")).values("total_s")
    name_only = Left("source_detail", StrIndex("source_detail", Value(OVERLAP_NOTE)) - 1)
    version = Case(
        When(~Q(source=ContourSource.MODEL), then=Value("")),
        When(source_detail__contains=OVERLAP_NOTE, then=name_only),
        default=F("source_detail"),
        output_field=CharField(),
    )
    region_name = Case(When(region__kind=RegionKind.LESION, then=Value(LESIONS)), default=F("region__name"))
    return RegionContour.objects.filter(
        proposal_id=F("revision_id"),
        revision__time_point__cycle__course__patient__site=site,
        revision__time_point__cycle__virtual_patient__isnull=not is_virtual,
    ).annotate(
        version=version,
        region_name=region_name,
        last_action=Subquery(newest.values("action")[:1]),
        last_dice=Subquery(newest.values("dice")[:1]),
        decided_at=Subquery(newest.values("created_at")[:1]),
        hands_on_s=Subquery(total),
    )


def contour_acceptance(site: Site, *, is_virtual: bool = False) -> dict[str, Any]:
    """Return counts, agreement and time by source, version and region, a trend by month, and what got worse lately."""
    proposals = proposals_of(site, is_virtual=is_virtual).order_by()
    values = _values_by_group(proposals)
    counted = proposals.values(*GROUP).annotate(n_proposed=Count("pk"), **_outcomes()).order_by(*GROUP)
    groups = [{**_named(row), **_spread(values[tuple(row[key] for key in GROUP)])} for row in counted]
    months = (
        proposals.filter(IS_DECIDED)
        .annotate(month=TruncMonth("decided_at", tzinfo=ZoneInfo(site.time_zone)))
        .values("source", "version", "month")
        .annotate(**_outcomes())
        .order_by("source", "version", "month")
    )
    trend = [{**_named(row), "month": row["month"].strftime("%Y-%m")} for row in months]
    drifts = acceptance_drifts(proposals.filter(IS_DECIDED))
    return {"groups": groups, "months": trend, "drifts": drifts, "is_virtual": is_virtual}


def _outcomes() -> dict[str, Count]:
    return {
        "n_unchanged": Count("pk", filter=IS_UNCHANGED),
        "n_edited": Count("pk", filter=IS_EDITED),
        "n_rejected": Count("pk", filter=IS_REJECTED),
    }


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "source_label": ContourSource(row["source"]).label}


def _values_by_group(proposals: QuerySet[RegionContour]) -> dict[tuple, dict[str, list[float]]]:
    """Return Dice of what was edited and accepted, and hands-on time of what was decided: for their quartiles."""
    found: dict[tuple, dict[str, list[float]]] = defaultdict(lambda: {"dice": [], "hands_on_s": []})
    for *key, dice in proposals.filter(IS_EDITED, last_dice__isnull=False).values_list(*GROUP, "last_dice"):
        found[tuple(key)]["dice"].append(dice)
    timed = proposals.filter(IS_DECIDED, hands_on_s__isnull=False)
    for *key, seconds in timed.values_list(*GROUP, "hands_on_s"):
        found[tuple(key)]["hands_on_s"].append(seconds)
    return found


def _spread(values: Mapping[str, Iterable[float]]) -> dict[str, Any]:
    dice, seconds = sorted(values["dice"]), list(values["hands_on_s"])
    low, middle, high = quantiles(dice, n=4, method="inclusive") if len(dice) > 1 else (dice * 3 or [None] * 3)
    return {
        "dice": {"low": low, "median": middle, "high": high},
        "median_hands_on_s": median(seconds) if seconds else None,
        "n_timed": len(seconds),
    }
