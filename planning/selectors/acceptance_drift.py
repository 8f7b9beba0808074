"""Whether people change a model's proposals more often than they did: its images or patients may be others now."""

from collections import defaultdict
from math import comb
from typing import Any

from django.db.models import QuerySet

from planning.models import RegionContour
from planning.models.contour_actions import ContourActionKind
from planning.models.contours import ContourSource

N_LATELY = 20
LEAST_CHANCE = 0.01


def acceptance_drifts(decided: QuerySet[RegionContour]) -> list[dict[str, Any]]:
    """Return the model versions whose newest 20 decided proposals were changed more often than all before.

    One-sided exact test of Fisher (1922, J R Stat Soc 85:87) at 1 %, once as many were decided before. ``decided`` are
    rows of ``proposals_of`` with a decision.
    """
    outcomes: dict[str, list[bool]] = defaultdict(list)
    rows = decided.filter(source=ContourSource.MODEL).order_by("decided_at", "pk")
    for version, action, dice in rows.values_list("version", "last_action", "last_dice"):
        outcomes[version].append(action == ContourActionKind.REJECTED or dice != 1.0)
    found = []
    for version, changed in sorted(outcomes.items()):
        before, lately = changed[:-N_LATELY], changed[-N_LATELY:]
        if len(before) < N_LATELY:
            continue
        if (
            len(before) >= N_LATELY
            and chance_of_rise(sum(before), len(before), sum(lately), len(lately)) < LEAST_CHANCE
        ):
            found.append(
                {
                    "version": version,
                    "n_before": len(before),
                    "n_changed_before": sum(before),
                    "n_lately": len(lately),
                    "n_changed_lately": sum(lately),
                }
            )
    return found


def chance_of_rise(k_before: int, n_before: int, k_lately: int, n_lately: int) -> float:
    """Return the probability of this many changed lately or more, if the share never changed (hypergeometric tail)."""
    k, n = k_before + k_lately, n_before + n_lately
    ways = sum(comb(k, i) * comb(n - k, n_lately - i) for i in range(k_lately, min(k, n_lately) + 1))
    return ways / comb(n, n_lately)
