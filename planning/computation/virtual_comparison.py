"""What the chain found in a virtual patient against its truth, from the current rows of its cycle."""

from statistics import median
from typing import Any

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.comparison import RegionComparison, activities_at_scans, compare_regions
from dosimetry.units import HOUR_S
from planning.models import VirtualPatient
from planning.selectors.current import current_calculation, current_curves
from planning.selectors.kinetics import chosen_fit

ORGAN_ML, LESION_ML = 100.0, 5.0
ORGAN_BAR, LESION_BAR = 0.05, 0.10
"""Median error of organs above 100 mL, and of lesions of 5 mL and more, that this project asks of itself."""
Z_BAR = 2.0


def compared_with_truth(virtual: VirtualPatient) -> dict[str, Any]:
    """Return a row per region that chain and truth both know, and the medians; empty before curves are there.

    Scans are paired by their time after administration. Where one lies at no time of the truth, nothing is compared and
    ``refusal`` says why.
    """
    if virtual.cycle is None or not virtual.truth:
        return {"regions": [], "groups": [], "refusal": ""}
    try:
        found = _found(virtual)
    except InvalidInputError as error:
        return {"regions": [], "groups": [], "refusal": f"{error} Correct the administration or the scans of the case."}
    kinds = {region["name"]: region["kind"] for region in virtual.truth["regions"]}
    rows = [
        {**_row(row, found[row.name]), "kind": kinds[row.name]}
        for row in compare_regions(found, virtual.truth["regions"])
    ]
    organs = [row for row in rows if row["kind"] == "organ" and row["ml"] > ORGAN_ML]
    lesions = [row for row in rows if row["kind"] == "lesion" and row["ml"] >= LESION_ML]
    groups = [
        _group(f"Organs above {ORGAN_ML:g} mL", ORGAN_BAR, organs),
        _group(f"Lesions of {LESION_ML:g} mL and more", LESION_BAR, lesions),
    ]
    return {"regions": rows, "groups": groups, "refusal": ""}


def _found(virtual: VirtualPatient) -> dict[str, dict[str, Any]]:
    """Return activity of each true scan, time-integrated activity and dose of every region, SI units."""
    curves, calculation = current_curves(virtual.cycle), current_calculation(virtual.cycle)
    true_times_s = [hours * HOUR_S for hours in virtual.request["scan_times_h"]]
    found: dict[str, dict[str, Any]] = {}
    for curve in [] if curves is None else curves.curves.select_related("region"):
        points = [(point["time_s"], point["activity_bq"]) for point in curve.points]
        fit = chosen_fit(curve)
        found[curve.region.name] = {
            "colour": curve.region.colour,
            "activities_bq": activities_at_scans(points, true_times_s),
            "time_integrated_activity_bq_s": None if fit is None else fit["time_integrated_activity_bq_s"],
        }
    for dose in [] if calculation is None else calculation.regions.select_related("region"):
        if dose.region.name in found:
            found[dose.region.name] |= {
                "absorbed_dose_gy": dose.absorbed_dose_gy,
                "standard_uncertainty_gy": dose.absorbed_dose_standard_uncertainty_gy,
            }
    return found


def _row(row: RegionComparison, found: dict[str, Any]) -> dict[str, Any]:
    dose, u, true = found.get("absorbed_dose_gy"), found.get("standard_uncertainty_gy"), row.true_dose_gy
    return {
        "name": row.name,
        "colour": found["colour"],
        "ml": row.volume_ml,
        "activity_ratios": list(row.activity_ratios),
        "tia_ratio": row.time_integrated_activity_ratio,
        "dose_ratio": row.absorbed_dose_ratio,
        "dose_ratio_u": u / true if u is not None and true else None,
        "dose_gy": dose,
        "true_dose_gy": true,
        "z": (dose - true) / u if u and dose is not None and true else None,
    }


def _group(label: str, bar: float, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median error of a group, whether it keeps the bar, how many truths lie within two uncertainties."""
    errors = [row["dose_ratio"] - 1.0 for row in rows if row["dose_ratio"] is not None]
    scores = [row["z"] for row in rows if row["z"] is not None]
    middle = median(errors) if errors else None
    return {
        "label": label,
        "n": len(errors),
        "bar_percent": 100.0 * bar,
        "median_percent": None if middle is None else 100.0 * middle,
        "is_within": None if middle is None else abs(middle) <= bar,
        "n_covered": sum(abs(score) <= Z_BAR for score in scores),
        "n_scored": len(scores),
    }
