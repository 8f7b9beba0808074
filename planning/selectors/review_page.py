"""The review page: content to sign, open warnings, signatures, comments, and who may sign."""

from typing import Any
from uuid import UUID

from planning.models import Cycle, CycleResult, User
from planning.models.reviews import ResultState
from planning.selectors.current import (
    current_calculation,
    current_contours,
    current_image,
    current_registration,
    current_result,
)
from planning.selectors.cycles import result_summary
from planning.selectors.digests import digest_json
from planning.selectors.findings import cycle_findings
from planning.selectors.reviews import result_content
from planning.selectors.staleness import calculation_stale_causes
from planning.selectors.steps import cycle_steps

NEXT_MEANING = {
    ResultState.OPEN: ("calculated", "sign_calculated"),
    ResultState.CALCULATED: ("reviewed", "sign_reviewed"),
    ResultState.REVIEWED: ("approved", "sign_approved"),
}


def review_detail(cycle: Cycle, *, user: User) -> dict[str, Any]:
    """Return what the review page shows. The digest is of the frozen content, or of the content as it stands."""
    parts = review_detail_parts(cycle)
    result, content = parts["result"], parts["content"]
    calculation = current_calculation(cycle)
    state = ResultState.OPEN if result is None else ResultState(result.state)
    meaning, action = NEXT_MEANING.get(state, (None, None))
    scans = _scan_numbers(cycle)
    findings = [{**finding.as_dict(), "scan": scans.get(finding.source_id)} for finding in cycle_findings(cycle)]
    return {
        "result": {**result_summary(cycle), "state": state, "number": parts["number"]},
        "digest": None if content is None else digest_json(content),
        "content": content,
        "is_stale": calculation is not None and bool(calculation_stale_causes(calculation)),
        "stale_causes": [] if calculation is None else calculation_stale_causes(calculation),
        "steps": [step.as_dict() for step in cycle_steps(cycle)],
        "warnings": sorted(findings, key=lambda item: (item["level"] != "block", item["answer"] is not None)),
        "next_meaning": meaning,
        "next_action": action,
        "signed_by": list(result.signatures.values_list("user_id", flat=True)) if result else [],
        "has_signed": bool(result and result.signatures.filter(user=user).exists()),
        "signatures": parts["signatures"],
        "approved": _approved(cycle),
        "comments": [_comment(item) for item in cycle.comments.select_related("created_by", "region")],
    }


def _approved(cycle: Cycle) -> dict[str, Any] | None:
    """Return the approved version as it was signed, also when its inputs changed or the next version is at work."""
    result = cycle.results.filter(state=ResultState.APPROVED).order_by("-number").first()
    return result and {"number": result.number, "digest": result.digest, "content": result.content}


def _scan_numbers(cycle: Cycle) -> dict[UUID, int]:
    """Return the number of the time point that each current image, registration and contour set belongs to."""
    return {
        found.pk: time_point.number
        for time_point in cycle.time_points.all()
        for found in (current_image(time_point), current_registration(time_point), current_contours(time_point))
        if found is not None
    }


def review_detail_parts(cycle: Cycle) -> dict[str, Any]:
    """Return the version at work, its content (frozen, or as it stands) and all signatures."""
    result = _open_or_signed(cycle)
    return {
        "result": result,
        "number": _number(cycle, result),
        "content": _content(cycle, result, current_calculation(cycle)),
        "signatures": [_signature(item) for row in cycle.results.all() for item in row.signatures.all()],
    }


def _open_or_signed(cycle: Cycle) -> CycleResult | None:
    """Return the newest version unless its inputs changed: then the next version is open."""
    result = current_result(cycle)
    if result is None or result.state in {ResultState.SUPERSEDED, ResultState.WITHDRAWN}:
        return None
    if result.calculation is not None and calculation_stale_causes(result.calculation):
        return None
    return result


def _number(cycle: Cycle, result: CycleResult | None) -> int:
    if result is not None:
        return result.number
    newest = current_result(cycle)
    return 1 if newest is None else newest.number + 1


def _content(cycle: Cycle, result: CycleResult | None, calculation) -> dict[str, Any] | None:
    if result is not None and result.content:
        return result.content
    return None if calculation is None else result_content(cycle, calculation)


def _signature(item) -> dict[str, Any]:
    return {
        "version": item.result.number,
        "meaning": item.meaning,
        "printed_name": item.printed_name,
        "role": item.role,
        "at": item.created_at.isoformat(),
        "digest": item.digest,
        "reason": item.reason,
    }


def _comment(item) -> dict[str, Any]:
    return {
        "id": str(item.pk),
        "step": item.step,
        "region": item.region.name if item.region else None,
        "text": item.text,
        "author": item.created_by.printed_name,
        "at": item.created_at.isoformat(),
    }
