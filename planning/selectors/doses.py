"""Reads of the dose step."""

from typing import Any

from planning.models import Cycle, DoseCalculation
from planning.selectors.current import current_calculation, current_limit_set
from planning.selectors.findings import cycle_findings
from planning.selectors.plans import limits_for_region
from planning.selectors.quantities import quantity
from planning.selectors.reviews import engine_summaries, region_dose_summary
from planning.selectors.sites import site_ids_of
from planning.selectors.staleness import calculation_stale_causes

N_ISODOSES = 4
ROUND_STEPS_GY = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


def calculations_visible_to(*, user):
    return DoseCalculation.objects.filter(cycle__course__patient__site__in=site_ids_of(user=user)).select_related(
        "cycle__course__patient__site"
    )


def calculation_detail(cycle: Cycle) -> dict[str, Any]:
    """Return the newest calculation of a cycle, every number with unit, or ``calculation: null``."""
    calculation = current_calculation(cycle)
    if calculation is None:
        return {"calculation": None, "is_stale": False, "stale_causes": [], "regions": [], "findings": []}
    causes = calculation_stale_causes(calculation)
    raised = [finding.as_dict() for finding in cycle_findings(cycle) if finding.step == "dose"]
    limit_set = current_limit_set(cycle.site)
    regions = []
    for row in calculation.regions.select_related("region"):
        summary = region_dose_summary(row)
        summary["limits"] = _limit_shares(row, limits_for_region(limit_set, row.region))
        summary["findings"] = [finding for finding in raised if finding["region_id"] == str(row.region_id)]
        regions.append(summary)
    return {
        "calculation": {
            "id": str(calculation.pk),
            "number": calculation.number,
            "at": calculation.created_at.isoformat(),
            "author": calculation.created_by.printed_name if calculation.created_by else "system",
        },
        "is_stale": bool(causes),
        "stale_causes": causes,
        "engine": calculation.engine,
        "engines": engine_summaries(calculation),
        "density_origin": calculation.density_origin,
        "dose_volume": str(calculation.dose_display_id),
        "tia_uncertainty_volume": _id(calculation.tia_uncertainty_display_id),
        "voxel_method": calculation.parameters.get("voxel_method"),
        "reference_time_point_id": str(calculation.reference_image.time_point_id),
        "isodose_levels_gy": isodose_levels_gy(calculation),
        "energy_balance": calculation.energy_balance,
        "provenance": calculation.provenance,
        "regions": regions,
        "findings": [finding for finding in raised if finding["region_id"] is None],
    }


def _id(key) -> str | None:
    return None if key is None else str(key)


def isodose_levels_gy(calculation: DoseCalculation) -> list[float]:
    """Return four round levels that span the regions' doses, lowest first."""
    return round_levels_gy(max((row.absorbed_dose_gy for row in calculation.regions.all()), default=0.0))


def round_levels_gy(highest: float) -> list[float]:
    """Return up to four round doses below the highest region's dose, lowest first."""
    if highest <= 0.0:
        return []
    fractions = (0.1, 0.25, 0.5, 0.75)
    step = next((step for step in ROUND_STEPS_GY if step >= highest / 20.0), ROUND_STEPS_GY[-1])
    levels = {max(round(highest * fraction / step) * step, step) for fraction in fractions}
    return sorted(round(level, 3) for level in levels)[:N_ISODOSES]


def _limit_shares(row, limits: list) -> list[dict[str, Any]]:
    values = {"absorbed_dose": row.absorbed_dose_gy, "bed": row.bed_gy, "eqd2": row.eqd2_gy}
    return [
        {
            "quantity": limit.quantity,
            "limit": quantity(limit.limit_gy, unit="Gy", factor=1.0),
            "share": quantity(
                None if values[limit.quantity] is None else values[limit.quantity] / limit.limit_gy,
                unit="%",
                factor=0.01,
            ),
            "source": limit.source,
        }
        for limit in limits
    ]
