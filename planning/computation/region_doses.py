"""Absorbed dose of one region: from its own curve and mass, with the voxel-wise histogram beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from dosimetry.dose.by_radiation import local_energies, split_by_radiation
from dosimetry.dose.comparison import RegionParts
from dosimetry.dose.engines import EngineResult
from dosimetry.dose.uncertainty import contour_edge_cv
from dosimetry.dvh.by_engine import region_engine_doses
from dosimetry.dvh.histogram import DoseVolumeHistogram, dose_volume_histogram
from dosimetry.kinetics.stored_curve import curve_from_dict
from dosimetry.quantification.recovery import recovery_function
from dosimetry.radiobiology.bed import bed_gy, eqd2_gy, lea_catcheside_factor
from dosimetry.radiobiology.uncertainty_chain import ChainResult, Shared, propagate_chain
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.units import HOUR_S, KEV_PER_G_GY
from dosimetry.volume import Grid, Volume
from planning.computation.curve_shapes import dose_rate_terms
from planning.computation.engine_doses import compared
from planning.computation.partial_volume_settings import partial_volume_cv, recovery_of

CONTOUR_EDGE, TWO_READERS = "Contour edge", "Two readers"
"""Names of the volume in the budget: one voxel at the edge, or what two readers made of it."""
D_PERCENTS = (98.0, 95.0, 50.0, 5.0, 2.0)
N_DVH_POINTS = 121
BAND = (0.025, 0.158655, 0.841345, 0.975)
"""Central 95 % and 68.3 % of the dose's samples."""
SPREAD_GUIDE = 0.10
"""Difference between curve-based and voxel-wise mean dose that asks for an answer (clinic.md section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionInputs:
    region: Any
    contour: Any
    mask: np.ndarray
    label_grid: Grid
    fit: dict[str, Any]
    points: list[dict[str, Any]]
    radiobiology: dict[str, Any] | None
    administration: Any
    progeny: str = "none"
    alpha: dict[str, Any] | None = None
    calibration_cv: float | None = None
    reader_volume_cv: float | None = None


def compute_region_dose(
    *,
    inputs: RegionInputs,
    results: Mapping[str, EngineResult],
    engines: Sequence[str],
    density: Volume | float,
    nuclide,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], DoseVolumeHistogram]:
    """Return the fields of a RegionDose row by the first engine, every engine's dose, and the histogram."""
    mass_g, mass_origin = _mass(inputs, density)
    tia = inputs.fit["time_integrated_activity_bq_s"]
    tia_u = inputs.fit["time_integrated_activity_standard_uncertainty_bq_s"] or 0.0
    doses = region_engine_doses(results, mask=inputs.mask, mask_grid=inputs.label_grid)
    energies = local_energies(nuclide.name, progeny=inputs.progeny)
    local_gy = tia * sum(member.total_kev for member in energies) * KEV_PER_G_GY / mass_g
    shown, engine_findings = compared(doses=doses, names=engines, local_dose_gy=local_gy)
    mean_gy = shown[engines[0]]["absorbed_dose_gy"]
    first = doses[engines[0]]
    chain = _chain(inputs, mean_gy, statistical_cv=first.statistical_gy / mean_gy if mean_gy > 0.0 else 0.0)
    u_gy = mean_gy * chain.first_order_cv
    histogram = dose_volume_histogram(results[engines[0]].dose, mask=inputs.mask, mask_grid=inputs.label_grid)
    biology = _biology(inputs, mean_gy, u_gy)
    fields = {
        "region": inputs.region,
        "volume_ml": inputs.contour.volume_ml,
        "mass_g": mass_g,
        "mass_origin": mass_origin,
        "absorbed_dose_gy": mean_gy,
        "absorbed_dose_standard_uncertainty_gy": u_gy,
        "voxel_mean_dose_gy": histogram.mean_gy,
        "dose_per_activity_gy_per_bq": mean_gy / inputs.administration.administered_activity_bq,
        "effective_half_life_s": inputs.fit["effective_half_life_s"],
        "time_integrated_activity_bq_s": tia,
        "time_integrated_activity_standard_uncertainty_bq_s": tia_u,
        "dose_at_volume_gy": _dose_at_volume(histogram),
        "n_effective_voxels": histogram.n_effective,
        "dvh": _curve(histogram),
        "uncertainty_budget": [
            {"component": name, "percent": 100.0 * value, "is_shared": name in chain.shared}
            for name, value in chain.components.items()
            if value > 0.0
        ],
        "uncertainty_chain": {**_chain_fields(chain), "reader_volume_cv": inputs.reader_volume_cv},
        "findings": [*_findings(inputs, mean_gy, histogram), *engine_findings],
        **biology,
        **_by_radiation(inputs, energies, local_gy, first.of_curve(local_gy)),
    }
    return fields, shown, histogram


def _volume_cv(inputs: RegionInputs) -> tuple[float, str]:
    """Return the volume's uncertainty and where it comes from.

    Two readers stand in place of the edge of one voxel where they differ by more: readers that agree may do so by
    luck (one degree of freedom), and the voxel's edge stays uncertain for both.
    """
    edge_cv = contour_edge_cv(volume_ml=inputs.contour.volume_ml, voxel_spacing_xyz_mm=inputs.label_grid.spacing_xyz_mm)
    if inputs.reader_volume_cv is not None and inputs.reader_volume_cv > edge_cv:
        return inputs.reader_volume_cv, TWO_READERS
    return edge_cv, CONTOUR_EDGE


def _chain(inputs: RegionInputs, mean_gy: float, *, statistical_cv: float) -> ChainResult:
    volume_cv, volume_component = _volume_cv(inputs)
    shared = Shared(
        calibration_cv=inputs.calibration_cv,
        **_correction(inputs.points),
        dose_model_cv=statistical_cv if statistical_cv > 0.0 else None,
        volume_cv=volume_cv,
        volume_component=volume_component,
        volume_ml=inputs.contour.volume_ml,
    )
    radiobiology = {}
    if inputs.radiobiology is not None:
        radiobiology = {
            "alpha_beta_gy": float(inputs.radiobiology["alpha_beta_gy"]),
            "repair_half_time_s": float(inputs.radiobiology["repair_half_time_h"]) * HOUR_S,
        }
    return propagate_chain(mean_dose_gy=mean_gy, curve=curve_from_dict(inputs.fit), shared=shared, **radiobiology)


def _correction(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the correction of partial volume adds: its own uncertainty, or a curve that the volume moves."""
    cv, made = partial_volume_cv(points), recovery_of(points)
    if made is None:
        return {"recovery_fit_cv": None, "partial_volume_cv": cv}
    curve = partial(recovery_function, b1_ml=made["b1_ml"], b2=made["b2"])
    return {"recovery_fit_cv": cv, "recovery": curve, "counts_slope": made["counts_slope"]}


def _chain_fields(chain: ChainResult) -> dict[str, Any]:
    """Return what the Monte Carlo gave, and the factors by which a histogram's doses move."""
    return {
        "first_order_cv": chain.first_order_cv,
        "monte_carlo_cv": chain.monte_carlo_cv,
        "n_samples": chain.n_samples,
        "seed": chain.seed,
        "dose": asdict(chain.dose),
        "bed": None if chain.bed is None else asdict(chain.bed),
        "band": np.quantile(chain.relative_dose, BAND).tolist(),
        "not_stated": list(chain.not_stated),
    }


def _mass(inputs: RegionInputs, density: Volume | float) -> tuple[float, str]:
    if isinstance(density, int | float):
        return inputs.contour.volume_ml * float(density), f"volume × {float(density):g} g/mL"
    fraction = coverage_fraction(inputs.mask, inputs.label_grid, density.grid)
    covered = float(fraction.sum())
    mean_density = float((fraction * density.values).sum() / covered)
    return inputs.contour.volume_ml * mean_density, "CT contour"


def _dose_at_volume(histogram) -> dict[str, float | None]:
    return {
        f"{percent:g}": histogram.dose_at_volume_gy(percent) if histogram.is_shown(percent) else None
        for percent in D_PERCENTS
    }


def _curve(histogram) -> dict[str, list[float]]:
    doses_gy, fractions = histogram.curve(N_DVH_POINTS)
    return {
        "dose_gy": [round(float(value), 5) for value in doses_gy],
        "volume_fraction": [round(float(value), 6) for value in fractions],
    }


def _biology(inputs: RegionInputs, mean_gy: float, u_gy: float) -> dict[str, Any]:
    """BED from the region's own curve; the uncertainty follows dBED/dD = 1 + 2 G D/(alpha/beta)."""
    if inputs.radiobiology is None:
        return {"bed_gy": None, "bed_standard_uncertainty_gy": None, "eqd2_gy": None}
    alpha_beta_gy = float(inputs.radiobiology["alpha_beta_gy"])
    repair_half_time_s = float(inputs.radiobiology["repair_half_time_h"]) * HOUR_S
    amplitudes, decay_constants = dose_rate_terms(inputs.fit)
    g = lea_catcheside_factor(
        amplitudes=amplitudes, decay_constants_per_s=decay_constants, repair_half_time_s=repair_half_time_s
    )
    bed = bed_gy(absorbed_dose_gy=mean_gy, g=g, alpha_beta_gy=alpha_beta_gy)
    return {
        "bed_gy": bed,
        "bed_standard_uncertainty_gy": u_gy * (1.0 + 2.0 * g * mean_gy / alpha_beta_gy),
        "eqd2_gy": eqd2_gy(bed_gy=bed, alpha_beta_gy=alpha_beta_gy),
        "alpha_beta_gy": alpha_beta_gy,
        "repair_half_time_s": repair_half_time_s,
    }


def _by_radiation(inputs: RegionInputs, energies, local_gy: float, parts: RegionParts) -> dict[str, Any]:
    """Split the dose where alpha particles carry some of it; without an RBE in the template no weighted dose exists."""
    if not any(member.alpha_kev > 0.0 for member in energies):
        return {}
    split = split_by_radiation(
        total_gy=parts.total_gy, photons_gy=parts.photons_gy, local_gy=local_gy, energies=energies
    )
    rbe = None if inputs.alpha is None else float(inputs.alpha["rbe"])
    return {
        "dose_by_radiation": {
            "alpha": split.alpha_gy,
            "electrons": split.electrons_gy,
            "photons": split.photons_gy,
            "members": dict(split.local_by_member_gy),
        },
        "rbe": rbe,
        "rbe_weighted_dose_gy": None if rbe is None else split.rbe_weighted_gy(rbe),
    }


def _findings(inputs: RegionInputs, mean_gy: float, histogram) -> list[dict[str, str]]:
    findings = []
    if mean_gy > 0.0:
        spread = histogram.mean_gy / mean_gy - 1.0
        if abs(spread) > SPREAD_GUIDE:
            text = (
                f"The voxel-wise mean is {histogram.mean_gy:.2f} Gy, {100 * spread:+.0f} % from the region's "
                "own curve; registration, moved contours or lesion growth between scans explain such differences."
            )
            findings.append({"code": "methods_differ", "level": "ask", "message": text})
    if not histogram.is_shown(98.0):
        text = f"{histogram.n_effective:.0f} voxels are too few for D98 and D2."
        findings.append({"code": "few_voxels", "level": "note", "message": text})
    return findings
