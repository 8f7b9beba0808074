"""What an analysis found against what is true of a virtual patient, region by region."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dosimetry.errors import InvalidInputError
from dosimetry.units import GBQ_BQ, HOUR_S, MBQ_BQ

MBQ_H = MBQ_BQ * HOUR_S
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
    activity_ratios : floats
        Of each scan.
    time_integrated_activity_ratio, absorbed_dose_ratio : float or None
        Found over true.
    true_dose_gy : float or None
        For orientation.
    """

    name: str
    volume_ml: float
    activity_ratios: tuple[float, ...]
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
        Another patient (administered activities differ), or no region in common.
    """
    given = float(truth["administered_activity_bq"])
    if abs(float(results["administered_activity_mbq"]) * MBQ_BQ / given - 1.0) > 1e-3:
        raise InvalidInputError(
            f"The analysis is of {float(results['administered_activity_mbq']) / 1e3:.3g} GBq, the truth of "
            f"{given / GBQ_BQ:.3g} GBq; they are of two patients.",
            code="another_patient",
        )
    found = {region["name"]: region for region in results["regions"]}
    rows = tuple(_row(found[true["name"]], true) for true in truth["regions"] if true["name"] in found)
    if not rows:
        raise InvalidInputError("Analysis and truth have no region in common.", code="no_region")
    return rows


def _row(found: dict[str, Any], true: dict[str, Any]) -> RegionComparison:
    measured = found.get("activity_mbq", [])
    activities = [
        float(point["value"]) * MBQ_BQ / float(activity)
        for point, activity in zip(measured, true["activities_bq"], strict=False)
    ]
    tia, dose = found.get("tia_mbq_h"), found.get("absorbed_dose_gy")
    true_dose = true["absorbed_dose_gy"]
    true_tia = float(true["time_integrated_activity_bq_s"])
    return RegionComparison(
        name=true["name"],
        volume_ml=float(true["volume_ml"]),
        activity_ratios=tuple(activities),
        time_integrated_activity_ratio=None if tia is None else float(tia["value"]) * MBQ_H / true_tia,
        absorbed_dose_ratio=None if dose is None or not true_dose else float(dose["mean"]) / float(true_dose),
        true_dose_gy=true_dose,
    )


def comparison_table(rows: tuple[RegionComparison, ...]) -> str:
    """Return the comparison as lines of text: found over true."""
    lines = ["{:24s}{:>8s}{:>24s}{:>17s}{:>8s}{:>9s}".format(*COLUMNS)]
    for row in rows:
        activities = " ".join(f"{ratio:.2f}" for ratio in row.activity_ratios) or "-"
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
