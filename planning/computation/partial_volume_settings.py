"""Partial-volume correction as a person chose it for the curves of a cycle; light enough for the web process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planning.selectors.kinetics import USUAL_ITERATIONS, partial_volume_text

LARGE_CHANGE_PERCENT = 50.0
"""A correction that adds half the activity rests on the resolution more than on the scan: a person looks at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialVolume:
    """Method, and resolution (FWHM, mm) with its standard uncertainty; ``text`` says it all, with the source."""

    method: str
    fwhm_mm: float
    standard_uncertainty_mm: float
    n_iterations: int
    text: str


def partial_volume_cv(points: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the relative uncertainty that the resolution gives a curve: common to its scans, so their mean."""
    found = [point["partial_volume"]["cv"] for point in points if "partial_volume" in point]
    return sum(found) / len(found) if found else None


def correction_findings(points: Sequence[Mapping[str, Any]], choice: PartialVolume) -> list[dict[str, str]]:
    """Return what the correction changed in one region, and what asks for a person's eye."""
    corrected = [point for point in points if "partial_volume" in point]
    findings = []
    if len(corrected) < len(points):
        text = (
            f"Partial volume could not be corrected on {len(points) - len(corrected)} of {len(points)} scans: nothing "
            "is left of the region there once its neighbours' activity is taken out. Join it with a neighbour or leave "
            "the scan out."
        )
        findings.append({"code": "partial_volume_missing", "level": "ask", "message": text})
    if not corrected:
        return findings
    changes = [100.0 * (point["partial_volume"]["factor"] - 1.0) for point in corrected]
    shown = ", ".join(f"{change:+.0f} %" for change in changes)
    text = f"Partial-volume correction changed the activity by {shown}: {choice.text}."
    level = "ask" if max(abs(change) for change in changes) > LARGE_CHANGE_PERCENT else "note"
    findings.append({"code": "partial_volume", "level": level, "message": text})
    return findings


def partial_volume_of(parameters: Mapping[str, Any]) -> PartialVolume | None:
    """Return the choice among the parameters of a fit; None where nothing is corrected."""
    method = parameters.get("partial_volume", "none")
    if method == "none":
        return None
    return PartialVolume(
        method=method,
        fwhm_mm=float(parameters["resolution_fwhm_mm"]),
        standard_uncertainty_mm=float(parameters["resolution_standard_uncertainty_mm"]),
        n_iterations=int(parameters.get("partial_volume_iterations", USUAL_ITERATIONS)),
        text=partial_volume_text(parameters),
    )
