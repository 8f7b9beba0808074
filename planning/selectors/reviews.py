"""What is shown when a result is signed: every number with its unit, uncertainty and exact source."""

from typing import Any

from planning.models import Cycle, DoseCalculation
from planning.selectors.contours_summary import contour_summary
from planning.selectors.current import current_image, current_registration
from planning.selectors.findings import cycle_findings
from planning.selectors.kinetics import curve_summary
from planning.selectors.quantities import quantity

GBQ, HOUR, KBQ_PER_ML, MBQ, MBQ_H = 1e9, 3600.0, 1e3, 1e6, 3.6e9


def result_content(cycle: Cycle, calculation: DoseCalculation) -> dict[str, Any]:
    """Return the content of a result version as plain JSON; its digest is what people sign."""
    administration = calculation.curve_revision.administration
    course = cycle.course
    return {
        "course": {"number": course.number, "agent": course.agent, "nuclide": course.nuclide},
        "cycle": cycle.number,
        "administration": administration_summary(administration),
        "time_points": [_time_point(time_point) for time_point in cycle.time_points.order_by("number")],
        "contours": contour_summary(calculation.curve_revision.contour_revisions.all()),
        "curves": [curve_summary(curve) for curve in calculation.curve_revision.curves.select_related("region")],
        "dose": dose_summary(calculation),
        "warnings": [finding.as_dict() for finding in cycle_findings(cycle)],
        "sources": {
            "dose_calculation": str(calculation.pk),
            "curve_revision": str(calculation.curve_revision_id),
            "dose_digest": calculation.inputs_digest,
        },
        "versions": calculation.versions,
    }


def administration_summary(administration) -> dict[str, Any]:
    return {
        "id": str(administration.pk),
        "number": administration.number,
        "administered_activity": quantity(
            administration.administered_activity_bq,
            unit="GBq",
            factor=GBQ,
            standard_uncertainty=administration.administered_activity_standard_uncertainty_bq,
        ),
        "administered_at": administration.administered_at.isoformat(),
        "source": administration.source,
        "has_extravasation": administration.has_extravasation,
    }


def _time_point(time_point) -> dict[str, Any]:
    image = current_image(time_point)
    registration = current_registration(time_point)
    return {
        "number": time_point.number,
        "is_reference": time_point.is_reference,
        "image": image
        and {
            "id": str(image.pk),
            "number": image.number,
            "time": quantity(image.time_s, unit="h", factor=HOUR),
            "whole_image_activity": quantity(image.whole_image_activity_bq, unit="MBq", factor=MBQ),
            "steps": image.steps,
            "digest": image.inputs_digest,
        },
        "registration": registration
        and {
            "id": str(registration.pk),
            "number": registration.number,
            "method": registration.method,
            "decision": registration.decision,
            "remark": registration.remark,
            "quality": registration.quality,
        },
    }


def dose_summary(calculation: DoseCalculation) -> dict[str, Any]:
    return {
        "engine": calculation.engine,
        "density_origin": calculation.density_origin,
        "parameters": calculation.parameters,
        "energy_balance": calculation.energy_balance,
        "provenance": calculation.provenance,
        "engines": engine_summaries(calculation),
        "regions": [region_dose_summary(row) for row in calculation.regions.select_related("region")],
    }


def engine_summaries(calculation: DoseCalculation) -> list[dict[str, Any]]:
    """Return every engine of a calculation, the one that counts first, with its region doses and differences."""
    return [
        {
            "engine": item.engine,
            "label": item.get_engine_display(),
            "dose_volume": str(item.dose_display_id),
            "energy_balance": item.energy_balance,
            "provenance": item.provenance,
            "warnings": item.warnings,
            "regions": {
                row["region_id"]: {
                    "absorbed_dose": quantity(
                        row["absorbed_dose_gy"],
                        unit="Gy",
                        factor=1.0,
                        standard_uncertainty=row["statistical_standard_uncertainty_gy"] or None,
                    ),
                    "difference": quantity(row["difference"], unit="%", factor=0.01),
                    "reason": row["reason"],
                }
                for row in item.regions
            },
        }
        for item in calculation.engine_doses.all()
    ]


def uncertainty_summary(stored: dict[str, Any]) -> dict[str, Any] | None:
    """Return both combined uncertainties and the sampled intervals of dose and BED; None for older calculations."""
    if not stored:
        return None
    return {
        "first_order": quantity(stored["first_order_cv"], unit="%", factor=0.01),
        "monte_carlo": quantity(stored["monte_carlo_cv"], unit="%", factor=0.01),
        "n_samples": stored["n_samples"],
        "seed": stored["seed"],
        "dose_interval_95": {"lower": stored["dose"]["interval_95"][0], "upper": stored["dose"]["interval_95"][1]},
        "bed_interval_95": None
        if stored["bed"] is None
        else {"lower": stored["bed"]["interval_95"][0], "upper": stored["bed"]["interval_95"][1]},
        "unit": "Gy",
        "not_stated": stored["not_stated"],
    }


def organ_level_summary(stored: dict[str, Any]) -> dict[str, Any] | None:
    """Return the dose by S-values with its sources, largest first; None where it was not asked for."""
    if not stored:
        return None
    return {
        "total": quantity(stored["total_gy"], unit="Gy", factor=1.0),
        # Of the photons that were followed alone: shown as ± it would claim to know the dose to five digits.
        "statistical_standard_uncertainty": quantity(
            stored["statistical_standard_uncertainty_gy"], unit="Gy", factor=1.0
        ),
        "self": quantity(stored["self_gy"], unit="Gy", factor=1.0),
        "cross": [
            {"source": item["source"], "dose": quantity(item["dose_gy"], unit="Gy", factor=1.0)}
            for item in stored["cross"]
        ],
        "sphere": quantity(stored["sphere_gy"], unit="Gy", factor=1.0),
    }


def region_dose_summary(row) -> dict[str, Any]:
    """Return one region's dose numbers, each with unit and uncertainty."""
    dose_values = {percent: quantity(value, unit="Gy", factor=1.0) for percent, value in row.dose_at_volume_gy.items()}
    return {
        "region": {
            "id": str(row.region_id),
            "name": row.region.name,
            "kind": row.region.kind,
            "colour": row.region.colour,
            "label": row.region.label,
        },
        "volume": quantity(row.volume_ml, unit="mL", factor=1.0),
        "mass": quantity(row.mass_g, unit="g", factor=1.0),
        "mass_origin": row.mass_origin,
        "absorbed_dose": quantity(
            row.absorbed_dose_gy,
            unit="Gy",
            factor=1.0,
            standard_uncertainty=row.absorbed_dose_standard_uncertainty_gy,
        ),
        "voxel_mean_dose": quantity(row.voxel_mean_dose_gy, unit="Gy", factor=1.0),
        "dose_per_activity": quantity(row.dose_per_activity_gy_per_bq, unit="Gy/GBq", factor=1e-9),
        "bed": quantity(row.bed_gy, unit="Gy", factor=1.0, standard_uncertainty=row.bed_standard_uncertainty_gy),
        "eqd2": quantity(row.eqd2_gy, unit="Gy", factor=1.0),
        "alpha_beta": quantity(row.alpha_beta_gy, unit="Gy", factor=1.0),
        "repair_half_time": quantity(row.repair_half_time_s, unit="h", factor=HOUR),
        "effective_half_life": quantity(row.effective_half_life_s, unit="h", factor=HOUR),
        "time_integrated_activity": quantity(
            row.time_integrated_activity_bq_s,
            unit="MBq·h",
            factor=MBQ_H,
            standard_uncertainty=row.time_integrated_activity_standard_uncertainty_bq_s,
        ),
        "dose_at_volume": dose_values,
        "volume_at_dose": {
            gy: quantity(fraction, unit="%", factor=0.01) for gy, fraction in row.volume_at_dose_fraction.items()
        },
        "n_effective_voxels": row.n_effective_voxels,
        "by_radiation": {
            name: quantity(row.dose_by_radiation.get(name), unit="Gy", factor=1.0)
            for name in ("alpha", "electrons", "photons")
        }
        if row.dose_by_radiation
        else None,
        "by_member": {
            nuclide: quantity(gy, unit="Gy", factor=1.0)
            for nuclide, gy in row.dose_by_radiation.get("members", {}).items()
        },
        "rbe": row.rbe,
        "rbe_weighted_dose": quantity(
            row.rbe_weighted_dose_gy, unit=f"Gy(RBE {row.rbe:g})" if row.rbe else "Gy", factor=1.0
        ),
        "organ_level": organ_level_summary(row.organ_level),
        "budget": row.uncertainty_budget,
        "uncertainty": uncertainty_summary(row.uncertainty_chain),
        "findings": row.findings,
    }
