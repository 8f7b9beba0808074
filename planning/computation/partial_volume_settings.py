"""Partial-volume correction as a person chose it for the curves of a cycle; light enough for the web process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planning.selectors.kinetics import RECOVERY_CURVE, USUAL_ITERATIONS, partial_volume_text

LARGE_CHANGE_PERCENT = 50.0
"""A correction that adds half the activity rests on the resolution more than on the scan: a person looks at it."""
DOUBTFUL_CV = 0.2
"""From here on a small region is said to be doubtful: one in three would be off by more than a fifth."""
MISSING = (
    "nothing is left of the region there once its neighbours' activity is taken out. Join it with a neighbour or leave "
    "the scan out."
)
MISSING_OF_CURVE = (
    "the region is smaller than the smallest sphere of the recovery curve. Measure a smaller sphere, or choose another "
    "correction."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialVolume:
    """Method, and resolution (FWHM, mm) with its standard uncertainty; ``text`` says it all, with the source.

    A recovery curve, by its key, needs no resolution: the method is then ``recovery_curve`` and both are 0.
    """

    method: str
    fwhm_mm: float
    standard_uncertainty_mm: float
    n_iterations: int
    text: str
    recovery_curve: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFactor:
    """Corrected over measured activity of one region, and its relative standard uncertainty from the correction.

    ``slow_cv`` is the part of it that small regions get from slow convergence. ``recovery`` holds the curve and the
    slopes with which the region's volume moves a correction by recovery curve.
    """

    factor: float
    cv: float
    slow_cv: float = 0.0
    recovery: Mapping[str, Any] | None = None


def partial_volume_cv(points: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the relative uncertainty that the correction gives a curve: common to its scans, so their mean."""
    found = [point["partial_volume"]["cv"] for point in points if "partial_volume" in point]
    return sum(found) / len(found) if found else None


def recovery_of(points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the recovery curve that corrected a region, with the mean slope of its counts; None for other methods."""
    found = [made["recovery"] for point in points if "recovery" in (made := point.get("partial_volume", {}))]
    if not found:
        return None
    return {**found[0], "counts_slope": sum(made["counts_slope"] for made in found) / len(found)}


def correction_findings(points: Sequence[Mapping[str, Any]], choice: PartialVolume) -> list[dict[str, str]]:
    """Return what the correction changed in one region, and what asks for a person's eye."""
    corrected = [point for point in points if "partial_volume" in point]
    findings = []
    if len(corrected) < len(points):
        why = MISSING_OF_CURVE if choice.recovery_curve is not None else MISSING
        text = f"Partial volume could not be corrected on {len(points) - len(corrected)} of {len(points)} scans: {why}"
        findings.append({"code": "partial_volume_missing", "level": "ask", "message": text})
    if not corrected:
        return findings
    changes = [100.0 * (point["partial_volume"]["factor"] - 1.0) for point in corrected]
    shown = ", ".join(f"{change:+.0f} %" for change in changes)
    text = f"Partial-volume correction changed the activity by {shown}: {choice.text}."
    level = "ask" if max(abs(change) for change in changes) > LARGE_CHANGE_PERCENT else "note"
    findings.append({"code": "partial_volume", "level": level, "message": text})
    slow_cv = max(point["partial_volume"].get("slow_cv", 0.0) for point in corrected)
    if slow_cv > DOUBTFUL_CV:
        text = (
            "The region is small against the resolution, or faint beside hot neighbours: slow convergence alone makes "
            f"it uncertain by {100.0 * slow_cv:.0f} %, and the likelier error is that it reads too low."
        )
        findings.append({"code": "partial_volume_small", "level": "note", "message": text})
    if any(point["partial_volume"].get("recovery", {}).get("is_extrapolated") for point in corrected):
        text = "The region is larger than the largest sphere of the recovery curve: the curve goes on to full recovery."
        findings.append({"code": "recovery_extrapolated", "level": "note", "message": text})
    return findings


def partial_volume_of(parameters: Mapping[str, Any]) -> PartialVolume | None:
    """Return the choice among the parameters of a fit; None where nothing is corrected."""
    method = parameters.get("partial_volume", "none")
    if method == "none":
        return None
    if method == RECOVERY_CURVE:
        return PartialVolume(
            method=method,
            fwhm_mm=0.0,
            standard_uncertainty_mm=0.0,
            n_iterations=0,
            text=partial_volume_text(parameters),
            recovery_curve=parameters["recovery_curve"],
        )
    return PartialVolume(
        method=method,
        fwhm_mm=float(parameters["resolution_fwhm_mm"]),
        standard_uncertainty_mm=float(parameters["resolution_standard_uncertainty_mm"]),
        n_iterations=int(parameters.get("partial_volume_iterations", USUAL_ITERATIONS)),
        text=partial_volume_text(parameters),
    )
