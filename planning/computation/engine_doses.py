"""The chosen engines on one map of time-integrated activity, and their region doses beside each other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dosimetry.dose.comparison import explain_difference
from dosimetry.dose.engines import EngineResult, run_engine
from dosimetry.dvh.by_engine import LOCAL, RegionEngineDose
from dosimetry.volume import Volume
from planning import storage
from planning.computation.volumes import dose_display_asset
from planning.models import DoseEngine

ENGINES_DIFFER_GUIDE = 0.10
"""Difference between two engines in a region that asks for an answer (clinic.md, section 4, Dose)."""


def run_engines(
    *,
    names: Sequence[str],
    tia: Volume,
    density: Volume | float,
    nuclide,
    options: Mapping[str, Any],
    progress: Callable[[float, str], None],
) -> dict[str, EngineResult]:
    """Run the engines in order; local deposition is always among them, for the others are read relative to it."""
    wanted = list(dict.fromkeys([*names, LOCAL]))
    results = {}
    for i, name in enumerate(wanted):
        label = DoseEngine(name).label

        def report(fraction: float, _text: str, *, i: int = i, label: str = label) -> None:
            progress((i + fraction) / len(wanted), label)

        report(0.0, "")
        results[name] = run_engine(
            name, tia_bq_s=tia, density_g_per_ml=density, nuclide=nuclide, options=options, progress=report
        )
    return results


def engine_rows(
    *, results: Mapping[str, EngineResult], names: Sequence[str], by_region: Mapping[Any, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the fields of an EngineDose for each chosen engine; ``by_region`` maps region ids to their doses."""
    return [
        {
            "engine": name,
            "dose_sha256": storage.store_array(results[name].dose.values.astype(np.float32)),
            "display": dose_display_asset(results[name].dose),
            "energy_balance": dict(results[name].energy_balance),
            "provenance": dict(results[name].provenance),
            "warnings": list(results[name].warnings),
            "regions": [{"region_id": str(region_id), **engines[name]} for region_id, engines in by_region.items()],
        }
        for name in names
    ]


def compared(
    *, doses: Mapping[str, RegionEngineDose], names: Sequence[str], local_dose_gy: float
) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """Return what the table shows for each engine in one region, and a finding for each large difference.

    ``local_dose_gy`` is the dose of the region's own curve by local deposition; an engine changes it by the range of
    charged particles and adds photons, so that engines do not differ by what curve and map differ.
    """
    first = doses[names[0]].of_curve(local_dose_gy)
    shown, findings = {}, []
    for name in names:
        parts = doses[name].of_curve(local_dose_gy)
        dose_gy = parts.total_gy
        difference = explain_difference(first=first, other=parts) if first.total_gy > 0.0 else None
        relative = None if difference is None else difference.relative
        shown[name] = {
            "absorbed_dose_gy": dose_gy,
            "statistical_standard_uncertainty_gy": doses[name].statistical_gy,
            "difference": relative,
            "reason": "" if difference is None else difference.reason,
        }
        if difference is not None and abs(difference.relative) > ENGINES_DIFFER_GUIDE:
            text = (
                f"{DoseEngine(name).label} gives {dose_gy:.3g} Gy, {100 * difference.relative:+.0f} % from "
                f"{DoseEngine(names[0]).label.lower()}: {difference.reason}."
            )
            findings.append({"code": f"engines_differ_{name}", "level": "ask", "message": text})
    return shown, findings
