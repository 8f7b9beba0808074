"""What an analysis found against what is true of a virtual patient, region by region."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dosimetry.errors import InvalidInputError
from dosimetry.units import GBQ_BQ, HOUR_S, MBQ_BQ

MBQ_H = MBQ_BQ * HOUR_S
SAME_SCAN_S = 60.0
"""Times of one scan agree within this: headers hold whole seconds, and no patient is scanned twice in a minute."""
COLUMNS = ("region", "mL", "activity", "time-integrated", "dose", "true Gy")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionComparison:
    """Found over true of one region; None where one of the two is missing.

    Parameters
    ----------
    name : str
        Region.
    volume_ml : float
        True volume.
    activity_ratios : floats or None
        Of each true scan, in its order; None where that scan was not analysed.
    time_integrated_activity_ratio, absorbed_dose_ratio : float or None
        Found over true.
    true_dose_gy : float or None
        For orientation.
    """

    name: str
    volume_ml: float
    activity_ratios: tuple[float | None, ...]
    time_integrated_activity_ratio: float | None
    absorbed_dose_ratio: float | None
    true_dose_gy: float | None


def compare_with_truth(results: dict[str, Any], truth: dict[str, Any]) -> tuple[RegionComparison, ...]:
    """Compare the regions that both know, in the order of the truth.

    Parameters
    ----------
    results : dict
        ``results.json`` of ``python -m dosimetry analyse``.
    truth : dict
        ``truth.json`` of ``python -m dosimetry phantom``.

    Raises
    ------
    InvalidInputError
        Another patient (number, administered activity or the time of a scan differ; ``another_patient``), results that
        name no patient (``no_patient``), or no region in common (``no_region``).
    """
    _check_patient(results, truth)
    given = float(truth["administered_activity_bq"])
    if abs(float(results["administered_activity_mbq"]) * MBQ_BQ / given - 1.0) > 1e-3:
        raise InvalidInputError(
            f"The analysis is of {float(results['administered_activity_mbq']) / 1e3:.3g} GBq, the truth of "
            f"{given / GBQ_BQ:.3g} GBq; they are of two patients.",
            code="another_patient",
        )
    true_times_s = [float(time_s) for time_s in truth["scan_times_s"]]
    for point in results["time_points"]:
        _scan_at(float(point["time_h"]) * HOUR_S, true_times_s)
    found = {region["name"]: _si(region, true_times_s) for region in results["regions"]}
    rows = compare_regions(found, truth["regions"])
    if not rows:
        raise InvalidInputError("Analysis and truth have no region in common.", code="no_region")
    return rows


def _check_patient(results: Mapping[str, Any], truth: Mapping[str, Any]) -> None:
    named = results.get("patient_id")
    if not named:
        raise InvalidInputError(
            "The analysis names no patient; add patient_id to its case file and analyse again.", code="no_patient"
        )
    if named != truth["patient_id"]:
        raise InvalidInputError(
            f"The analysis is of patient {named}, the truth of {truth['patient_id']}.", code="another_patient"
        )


def _scan_at(time_s: float, true_times_s: Sequence[float]) -> int:
    """Return the place of the true scan at a time after administration, s."""
    place = min(range(len(true_times_s)), key=lambda scan: abs(true_times_s[scan] - time_s))
    if abs(true_times_s[place] - time_s) > SAME_SCAN_S:
        raise InvalidInputError(
            f"The analysis has a scan at {time_s / HOUR_S:.4g} h, the truth has none then; they are of two patients or "
            "the time of administration differs.",
            code="another_patient",
        )
    return place


def activities_at_scans(
    points: Iterable[tuple[float, float]], true_times_s: Sequence[float]
) -> tuple[float | None, ...]:
    """Return the activities that were found, in the order of the true scans; None where one was not found.

    Parameters
    ----------
    points : iterable of (float, float)
        Time after administration, s, and activity, Bq.
    true_times_s : sequence of float
        Of the simulated scans, s after administration.

    Raises
    ------
    InvalidInputError
        A time at which there is no true scan, to one minute (``another_patient``).
    """
    activities: list[float | None] = [None] * len(true_times_s)
    for time_s, activity_bq in points:
        activities[_scan_at(time_s, true_times_s)] = activity_bq
    return tuple(activities)


def compare_regions(
    found: Mapping[str, Mapping[str, Any]], truth: Sequence[Mapping[str, Any]]
) -> tuple[RegionComparison, ...]:
    """Compare regions by name.

    Parameters
    ----------
    found : mapping of name to mapping
        ``activities_bq`` of each true scan as ``activities_at_scans`` returns them (what comes after the true ones has
        no truth), ``time_integrated_activity_bq_s`` and ``absorbed_dose_gy``; what was
        not found is left out or None.
    truth : sequence of mapping
        Regions of ``truth.json``.

    Returns
    -------
    tuple of RegionComparison
        Regions that both know, in the order of the truth.
    """
    return tuple(_row(found[true["name"]], true) for true in truth if true["name"] in found)


def _si(region: Mapping[str, Any], true_times_s: Sequence[float]) -> dict[str, Any]:
    """Return a region of ``results.json`` in SI units, activities in the order of the true scans."""
    tia, dose = region.get("tia_mbq_h"), region.get("absorbed_dose_gy")
    points = [
        (float(point["time_h"]) * HOUR_S, float(point["value"]) * MBQ_BQ) for point in region.get("activity_mbq", [])
    ]
    return {
        "activities_bq": activities_at_scans(points, true_times_s),
        "time_integrated_activity_bq_s": None if tia is None else float(tia["value"]) * MBQ_H,
        "absorbed_dose_gy": None if dose is None else float(dose["mean"]),
    }


def _row(found: Mapping[str, Any], true: Mapping[str, Any]) -> RegionComparison:
    pairs = zip_longest(found.get("activities_bq", ()), true["activities_bq"])
    true_dose = true["absorbed_dose_gy"]
    return RegionComparison(
        name=true["name"],
        volume_ml=float(true["volume_ml"]),
        activity_ratios=tuple(_over(value, truth) for value, truth in pairs)[: len(true["activities_bq"])],
        time_integrated_activity_ratio=_over(
            found.get("time_integrated_activity_bq_s"), true["time_integrated_activity_bq_s"]
        ),
        absorbed_dose_ratio=_over(found.get("absorbed_dose_gy"), true_dose),
        true_dose_gy=true_dose,
    )


def _over(value: float | None, truth: float | None) -> float | None:
    return None if value is None or not truth else float(value) / float(truth)


def comparison_table(rows: tuple[RegionComparison, ...]) -> str:
    """Return the comparison as lines of text: found over true."""
    lines = ["{:24s}{:>8s}{:>24s}{:>17s}{:>8s}{:>9s}".format(*COLUMNS)]
    for row in rows:
        activities = " ".join("-" if ratio is None else f"{ratio:.2f}" for ratio in row.activity_ratios)
        lines.append(
            f"{row.name:24s}{row.volume_ml:8.1f}{activities:>24s}{_ratio(row.time_integrated_activity_ratio):>17s}"
            f"{_ratio(row.absorbed_dose_ratio):>8s}{_gy(row.true_dose_gy):>9s}"
        )
    return "\n".join(lines) + "\n"


def compare_files(results_path: Path, truth_path: Path) -> str:
    """Return the table of two files.

    Raises
    ------
    InvalidInputError
        A file that is not what its name says.
    """
    try:
        results, truth = (json.loads(path.read_text()) for path in (results_path, truth_path))
        return comparison_table(compare_with_truth(results, truth))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            "Give results.json of an analysis and truth.json of a virtual patient.", code="not_comparable"
        ) from None


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _gy(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
