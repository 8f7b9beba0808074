"""Organ level (MIRD) of a calculation: S-values between the patient's own contours, beside the voxel engines."""

from collections.abc import Callable, Sequence
from typing import Any

from dosimetry.dose.organ_level import REST, organ_level_doses
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Volume
from planning.computation.grids import grid_from_dict, label_masks


def add_organ_level(
    rows: Sequence[dict[str, Any]],
    *,
    contours,
    tia: Volume,
    density: Volume | float,
    nuclide,
    progeny: str,
    progress: Callable[[float, str], None],
) -> dict[str, Any]:
    """Give each region row its organ-level dose; return what the S-values were computed with."""
    if not rows:
        return {}
    masks, label_grid = label_masks(contours), grid_from_dict(contours.image.label_grid)
    names = {str(row["region"].pk): row["region"] for row in rows}
    result = organ_level_doses(
        regions={key: coverage_fraction(masks[region.pk], label_grid, tia.grid) for key, region in names.items()},
        tia_bq_s={str(row["region"].pk): row["time_integrated_activity_bq_s"] for row in rows},
        tia_map_bq_s=tia,
        density_g_per_ml=density,
        emissions=get_emissions(nuclide.name, progeny=progeny),
        spheres_for=[key for key, region in names.items() if region.kind == "lesion"],
        progress=lambda fraction, _text: progress(fraction, "S-values between the contours"),
    )
    for row in rows:
        dose = result.doses[str(row["region"].pk)]
        row["organ_level"] = {
            "total_gy": dose.total_gy,
            "statistical_standard_uncertainty_gy": dose.statistical_standard_uncertainty_gy,
            "self_gy": dose.self_gy,
            "cross": [
                {"source": REST if key == REST else names[key].name, "dose_gy": gy}
                for key, gy in sorted(dose.cross_gy.items(), key=lambda item: -item[1])
            ],
            "sphere_gy": dose.sphere_gy,
        }
    return {
        "photon_histories_per_source": result.matrix.photon_histories,
        "seed": result.matrix.seed,
        "rest_time_integrated_activity_bq_s": result.rest_bq_s,
    }
