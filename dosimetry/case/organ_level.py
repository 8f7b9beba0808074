"""Organ level (MIRD) of a read case, as plain JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dosimetry.case.pipeline import Scan
from dosimetry.dose.organ_level import organ_level_doses
from dosimetry.kinetics.region_curves import Curve
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import MBQ_H_BQ_S
from dosimetry.volume import Volume


def organ_level_section(
    reference: Scan,
    fits: Mapping[str, Curve],
    *,
    tia: Volume,
    density: Volume | float,
    nuclide_name: str,
    options: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Return organ-level doses of every region with a curve and a contour on the reference.

    Parameters
    ----------
    reference : Scan
        Gives contours, organs without their lesions.
    fits : mapping
        Curve of each region.
    tia : Volume
        Time-integrated activity of each voxel, Bq s, on the grid of the reference.
    density : Volume or float
        g/mL.
    nuclide_name : str
        As ``Lu-177``.
    options : mapping
        ``progeny`` of the engine options.

    Returns
    -------
    dict or None
        As ``organ_level`` in docs/case_format.md; None without a region.
    """
    names = [name for name in fits if name in reference.masks and reference.masks[name].any()]
    if not names:
        return None
    result = organ_level_doses(
        regions={name: reference.masks[name].astype(np.float64) for name in names},
        tia_bq_s={name: fits[name].time_integrated_activity_bq_s for name in names},
        tia_map_bq_s=tia,
        density_g_per_ml=density,
        emissions=get_emissions(nuclide_name, progeny=options.get("progeny", "none")),
        spheres_for=[name for name in names if reference.kinds[name] == "lesion"],
    )
    return {
        "photon_histories_per_source": result.matrix.photon_histories,
        "seed": result.matrix.seed,
        "rest_tia_mbq_h": result.rest_bq_s / MBQ_H_BQ_S,
        "regions": [
            {
                "name": name,
                "total_gy": dose.total_gy,
                "statistical_standard_uncertainty_gy": dose.statistical_standard_uncertainty_gy,
                "self_gy": dose.self_gy,
                "cross_gy": dict(dose.cross_gy),
                "sphere_gy": dose.sphere_gy,
            }
            for name, dose in result.doses.items()
        ],
    }
