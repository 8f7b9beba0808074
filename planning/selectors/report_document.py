"""The report as one document: what was signed, by whom, and the shapes that its charts draw."""

from typing import Any

from planning.models import Cycle
from planning.models.reviews import ResultState
from planning.selectors.current import current_calculation
from planning.selectors.cycles import patient_summary
from planning.selectors.digests import digest_json
from planning.selectors.review_page import review_detail_parts


def report_document(cycle: Cycle) -> dict[str, Any]:
    """Return the signed content of the newest version, or the content as it stands, marked as draft."""
    parts = review_detail_parts(cycle)
    result, content = parts["result"], parts["content"]
    is_approved = result is not None and result.state == ResultState.APPROVED
    calculation = current_calculation(cycle)
    if result is not None and result.calculation is not None:
        calculation = result.calculation
    return {
        "format": "theranostics-web-report-1",
        "patient": patient_summary(cycle.patient),
        "site": cycle.site.name,
        "cycle": cycle.number,
        "version": parts["number"],
        "state": ResultState.OPEN if result is None else result.state,
        "is_draft": not is_approved,
        "digest": digest_json(content),
        "content": content,
        "signatures": parts["signatures"],
        "histograms": [
            {
                "name": row.region.name,
                "dose_gy": row.dvh.get("dose_gy", []),
                "volume_fraction": row.dvh.get("volume_fraction", []),
            }
            for row in calculation.regions.select_related("region")
        ],
    }
