"""Curves, dose map and region doses of a read case, as plain JSON with units in the keys."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dosimetry.case.curves import region_fits
from dosimetry.case.engine_doses import compare_region, run_engines
from dosimetry.case.nifti import write_nifti
from dosimetry.case.noise import with_counting_noise
from dosimetry.case.organ_level import organ_level_section
from dosimetry.case.pipeline import (
    Log,
    Scan,
    read_scans,
    reference_scan,
    register_scans,
    scan_summary,
    share_contours,
)
from dosimetry.case.schema import Case
from dosimetry.case.voxel_maps import TiaMaps, tia_maps
from dosimetry.dose.by_radiation import total_local_energy_kev
from dosimetry.dose.density import DEFAULT_DENSITY_CURVE, density_from_hu
from dosimetry.dose.engines import EngineResult
from dosimetry.dose.uncertainty import contour_edge_cv
from dosimetry.dvh.histogram import dose_volume_histogram
from dosimetry.errors import DosimetryError, InsufficientDataError
from dosimetry.kinetics.region_curves import Curve
from dosimetry.kinetics.stored_curve import curve_to_dict
from dosimetry.nuclides.decay import Nuclide, get_nuclide
from dosimetry.provenance import digest_array, digest_json, package_versions
from dosimetry.radiobiology.bed import bed_gy, eqd2_gy, lea_catcheside_factor
from dosimetry.radiobiology.uncertainty_chain import ChainResult, Shared, propagate_chain
from dosimetry.segmentation.overlap import coverage_fraction, subtract_lesions
from dosimetry.segmentation.regions import RegionMeasurement, measure_region
from dosimetry.units import HOUR_S, KEV_PER_G_GY, MBQ_BQ, MBQ_H_BQ_S
from dosimetry.volume import Volume, resample

SOFT_TISSUE_DENSITY_G_PER_ML = 1.04
"""Declared where there is no CT; ICRU Report 44, average soft tissue, rounded."""
PERCENTS = (98.0, 95.0, 50.0, 5.0, 2.0)


def analyse_case(case: Case, out: Path, *, log: Log) -> dict[str, Any]:
    """Run a case from import to dose and write its NIfTI maps.

    Parameters
    ----------
    case : Case
        Validated case.
    out : Path
        Existing folder for the maps, see docs/case_format.md.
    log : callable (text)
        One line per step.

    Returns
    -------
    dict
        The content of results.json, see docs/case_format.md.

    Raises
    ------
    DosimetryError
        As the steps; the message says what to do.
    """
    nuclide = get_nuclide(case.nuclide)
    scans, warnings = read_scans(case, log=log)
    reference = reference_scan(case, scans)
    register_scans(scans, reference, log=log)
    share_contours(case, scans, reference)
    measured, statements = _measure(scans, warnings)
    started = time.monotonic()
    fits = region_fits(case, scans, measured, nuclide, warnings=warnings)
    maps = tia_maps(case, scans, reference, nuclide, fits=fits, warnings=warnings)
    density, density_origin = _density(case, reference)
    log(f"voxel-wise curves in {time.monotonic() - started:.1f} s")
    results = run_engines(
        case.engines, tia=maps.tia, density=density, nuclide=nuclide, options=case.engine_options, log=log
    )
    result = results[case.engines[0]]
    regions = [
        row
        for name in reference.masks
        if (row := _region(case, name, fits, measured, scans, reference, results, density, nuclide, warnings))
        is not None
    ]
    organ_level = (
        organ_level_section(
            reference, fits, tia=maps.tia, density=density, nuclide_name=nuclide.name, options=case.engine_options
        )
        if case.organ_level
        else None
    )
    write_nifti(result.dose, out / "dose_gy.nii.gz", description=f"absorbed dose, Gy, engine {case.engines[0]}")
    for name in case.engines[1:]:
        write_nifti(results[name].dose, out / f"dose_gy_{name}.nii.gz", description=f"absorbed dose, Gy, engine {name}")
    _write_tia(maps, out)
    return {
        "format": "theranostics-results-1",
        "nuclide": nuclide.name,
        "patient_id": case.patient_id or None,
        "administered_activity_mbq": case.administered_activity_bq / MBQ_BQ,
        "time_points": [scan_summary(scan, is_reference=scan is reference) for scan in scans],
        "registrations": [_registration(scan) for scan in scans if scan.registration is not None],
        "regions": regions,
        "organ_level": organ_level,
        "organ_minus_lesion": statements,
        "density": density_origin,
        "energy_balance_j": _energy_balance_j(result),
        "engines": [
            {
                "engine": name,
                "energy_balance_j": _energy_balance_j(results[name]),
                "warnings": list(results[name].warnings),
            }
            for name in case.engines
        ],
        "warnings": [*warnings, *result.warnings],
        "provenance": {
            "versions": package_versions(),
            "nuclide_data": nuclide.data_version,
            "engine": dict(result.provenance),
            "engines": {name: dict(results[name].provenance) for name in case.engines},
            "dose_digest": digest_array(result.dose.values),
            "case_digest": digest_json(_case_parameters(case)),
        },
    }


def _write_tia(maps: TiaMaps, out: Path) -> None:
    """Write time-integrated activity and its standard uncertainty, nan where the noise is not known."""
    for volume, name, what in (
        (maps.tia, "tia_mbq_s", "time-integrated activity of each voxel, MBq s"),
        (maps.standard_uncertainty, "tia_standard_uncertainty_mbq_s", "standard uncertainty of TIA, MBq s"),
    ):
        shown = volume.with_values(volume.values / np.float32(MBQ_BQ))
        write_nifti(shown, out / f"{name}.nii.gz", description=what)


def _case_parameters(case: Case) -> dict[str, Any]:
    return {
        "nuclide": case.nuclide,
        "administered_activity_bq": case.administered_activity_bq,
        "administered_at": case.administered_at.isoformat(),
        "contours": case.contours,
        "declared_density_g_per_ml": case.declared_density_g_per_ml,
        "density_curve": asdict(case.density_curve) if case.density_curve else None,
        "radiobiology": {name: dict(entry) for name, entry in case.radiobiology.items()},
        "single_time_point": dict(case.single_time_point) if case.single_time_point else None,
        "engines": list(case.engines),
        "engine_options": dict(case.engine_options),
        "organ_level": case.organ_level,
        "curves": {
            "models": list(case.curves.models or ()),
            "choose": dict(case.curves.choose),
            "priors": {name: json.loads(prior.to_json()) for name, prior in case.curves.priors.items()},
            "wanted_cv": case.curves.wanted_cv,
        },
        "voxel": dict(case.voxel),
    }


def _energy_balance_j(result: EngineResult) -> dict[str, float]:
    return {key: value for key, value in result.energy_balance.items() if key.endswith("_j")}


def _measure(scans: list[Scan], warnings: list[str]) -> tuple[dict[str, dict[str, RegionMeasurement]], list[str]]:
    """Measure every region on every scan, organs without lesions."""
    measured: dict[str, dict[str, RegionMeasurement]] = {}
    statements: list[str] = []
    for scan in scans:
        organs = {name: mask for name, mask in scan.masks.items() if scan.kinds[name] == "organ"}
        lesions = {name: mask for name, mask in scan.masks.items() if scan.kinds[name] == "lesion"}
        reduced, said = subtract_lesions(organs, lesions)
        statements += [f"{scan.label}: {text}" for texts in said.values() for text in texts]
        scan.masks = {**reduced, **lesions}
        for name, mask in scan.masks.items():
            try:
                found = measure_region(mask, scan.image.volume.grid, scan.image.volume)
            except DosimetryError as error:
                warnings.append(f"{scan.label}, {name}: {error}")
                continue
            if scan.replicates is not None:
                found = with_counting_noise(found, scan.replicates, mask, image=scan.image)
            measured.setdefault(name, {})[scan.label] = found
            warnings += [f"{scan.label}, {name}: {finding.message}" for finding in found.findings]
    n_known = sum(scan.replicates is not None for scan in scans)
    if 0 < n_known < len(scans):
        warnings.append(
            f"Counting noise is known on {n_known} of {len(scans)} scans; the others carry their contour's edge alone "
            "and weigh too much. Give noise_replicates of every scan."
        )
    return measured, statements


def _density(case: Case, reference: Scan) -> tuple[Volume | float, str]:
    if case.declared_density_g_per_ml is not None:
        return case.declared_density_g_per_ml, f"declared {case.declared_density_g_per_ml:g} g/mL"
    if reference.ct is None and case.density_curve is not None:
        raise InsufficientDataError(
            "The case gives a density curve, but the reference has no CT: add the CT or declare a density.",
            code="no_ct",
        )
    if reference.ct is None:
        return SOFT_TISSUE_DENSITY_G_PER_ML, f"no CT: declared {SOFT_TISSUE_DENSITY_G_PER_ML:g} g/mL"
    hu = resample(reference.ct, onto=reference.image.volume.grid, fill_value=-1000.0)
    if case.density_curve is None:
        return density_from_hu(hu, curve=DEFAULT_DENSITY_CURVE), "from CT by the default curve (Schneider 2000)"
    return density_from_hu(hu, curve=case.density_curve), f"from CT by the given curve ({case.density_curve.source})"


def _region(  # noqa: PLR0917 - one row needs everything that the case computed
    case: Case,
    name: str,
    fits: Mapping[str, Curve],
    measured: Mapping[str, Mapping[str, RegionMeasurement]],
    scans: list[Scan],
    reference: Scan,
    results: Mapping[str, EngineResult],
    density: Volume | float,
    nuclide: Nuclide,
    warnings: list[str],
) -> dict[str, Any] | None:
    points = [(scan, measured[name][scan.label]) for scan in scans if scan.label in measured.get(name, {})]
    row: dict[str, Any] = {
        "name": name,
        "kind": reference.kinds[name],
        "activity_mbq": [
            {
                "time_point": scan.label,
                "time_h": scan.image.time_s / HOUR_S,
                "volume_ml": found.volume_ml,
                "value": found.activity_bq / MBQ_BQ,
                "standard_uncertainty": found.activity_standard_uncertainty_bq / MBQ_BQ,
                **({} if found.counting_cv is None else {"counting_noise_percent": 100.0 * found.counting_cv}),
            }
            for scan, found in points
        ],
    }
    if reference.label not in measured.get(name, {}):
        warnings.append(f"{name}: no contour on the reference; no dose.")
        return row
    if name not in fits:
        return row
    fit = fits[name]
    rates = {scan.label: found.activity_bq / fit.time_integrated_activity_bq_s for scan, found in points}
    fields, said = _dose_fields(
        case, name, fit, measured[name][reference.label], reference, results, density, nuclide, rates
    )
    warnings += [f"{name}: {text}" for text in said]
    return {**row, **fields}


def _dose_fields(  # noqa: PLR0917 - see _region
    case: Case,
    name: str,
    fit: Curve,
    found: RegionMeasurement,
    reference: Scan,
    results: Mapping[str, EngineResult],
    density: Volume | float,
    nuclide: Nuclide,
    rates_per_s: Mapping[str, float],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    grid = reference.image.volume.grid
    mass_g = found.volume_ml * _mean_density(density, reference, name)
    tia, tia_u = fit.time_integrated_activity_bq_s, fit.time_integrated_activity_standard_uncertainty_bq_s
    energy_kev = total_local_energy_kev(nuclide.name, progeny=case.engine_options.get("progeny", "none"))
    local_gy = tia * energy_kev * KEV_PER_G_GY / mass_g
    engines = compare_region(
        results,
        case.engines,
        mask=reference.masks[name],
        grid=grid,
        local_dose_gy=local_gy,
        rates_per_s=rates_per_s,
    )
    mean_gy = engines.mean_gy
    chain = _chain(case, name, reference, fit, found, mean_gy, statistical_gy=engines.rows)
    histogram = dose_volume_histogram(results[case.engines[0]].dose, mask=reference.masks[name], mask_grid=grid)
    fields = {
        "volume_ml": found.volume_ml,
        "mass_g": mass_g,
        "fit": _fit_fields(curve_to_dict(fit)),
        "tia_mbq_h": {"value": tia / MBQ_H_BQ_S, "standard_uncertainty": tia_u / MBQ_H_BQ_S},
        "absorbed_dose_gy": {
            "mean": mean_gy,
            "standard_uncertainty": mean_gy * chain.first_order_cv,
            "interval_95": list(chain.dose.interval_95),
            "voxel_mean": histogram.mean_gy,
            **{
                f"d{percent:g}": histogram.dose_at_volume_gy(percent) if histogram.is_shown(percent) else None
                for percent in PERCENTS
            },
        },
        "dose_per_activity_gy_per_gbq": mean_gy / (case.administered_activity_bq / 1e9),
        "uncertainty_percent": {key: 100.0 * value for key, value in chain.components.items()},
        "uncertainty_by_monte_carlo_percent": 100.0 * chain.monte_carlo_cv,
        "uncertainty_not_stated": list(chain.not_stated),
        "bed_interval_95_gy": None if chain.bed is None else list(chain.bed.interval_95),
        "engines": engines.rows,
        **_biology(case, name, reference.kinds[name], fit, mean_gy),
    }
    return fields, engines.warnings


def _chain(  # noqa: PLR0917 - see _region
    case: Case,
    name: str,
    reference: Scan,
    fit: Curve,
    found: RegionMeasurement,
    mean_gy: float,
    statistical_gy: list[dict[str, Any]],
) -> ChainResult:
    """Propagate what the case states; a case file holds no calibration, so that it is named as not stated."""
    entry = case.radiobiology.get(name) or case.radiobiology.get(reference.kinds[name])
    first = statistical_gy[0] if statistical_gy else None
    statistical = 0.0 if first is None else first["statistical_standard_uncertainty_gy"] / first["mean_gy"]
    edge_cv = contour_edge_cv(
        volume_ml=found.volume_ml, voxel_spacing_xyz_mm=reference.image.volume.grid.spacing_xyz_mm
    )
    return propagate_chain(
        mean_dose_gy=mean_gy,
        curve=fit,
        shared=Shared(
            calibration_cv=None,
            recovery_fit_cv=None,
            dose_model_cv=statistical or None,
            volume_cv=edge_cv,
            volume_ml=found.volume_ml,
        ),
        alpha_beta_gy=None if entry is None else entry["alpha_beta_gy"],
        repair_half_time_s=None if entry is None else entry["repair_half_time_h"] * HOUR_S,
    )


def _fit_fields(stored: dict[str, Any]) -> dict[str, Any]:
    interval = stored.get("interval_95_bq_s")
    return {
        "model": stored["model"],
        "effective_half_life_h": stored["effective_half_life_s"] / HOUR_S,
        "effective_half_life_standard_uncertainty_h": stored["effective_half_life_standard_uncertainty_s"] / HOUR_S,
        "extrapolated_fraction": stored["extrapolated_fraction"],
        "aicc": stored["aicc"],
        "parameters": stored.get("parameters", {}),
        "weights": {member["model"]: member["weight"] for member in stored.get("members", [])},
        "tia_interval_95_mbq_h": None if interval is None else [end / MBQ_H_BQ_S for end in interval],
        "source": stored.get("source", ""),
        "checks": stored["checks"],
    }


def _mean_density(density: Volume | float, reference: Scan, name: str) -> float:
    if isinstance(density, int | float):
        return float(density)
    fraction = coverage_fraction(reference.masks[name], reference.image.volume.grid, density.grid)
    return float((fraction * density.values).sum() / fraction.sum())


def _biology(case: Case, name: str, kind: str, fit: Curve, mean_gy: float) -> dict[str, Any]:
    entry = case.radiobiology.get(name) or case.radiobiology.get(kind)
    if entry is None:
        return {"bed_gy": None, "eqd2_gy": None}
    amplitudes, decays = fit.exponential_terms()
    g = lea_catcheside_factor(
        amplitudes=amplitudes,
        decay_constants_per_s=decays,
        repair_half_time_s=entry["repair_half_time_h"] * HOUR_S,
    )
    bed = bed_gy(absorbed_dose_gy=mean_gy, g=g, alpha_beta_gy=entry["alpha_beta_gy"])
    return {
        "bed_gy": bed,
        "eqd2_gy": eqd2_gy(bed_gy=bed, alpha_beta_gy=entry["alpha_beta_gy"]),
        "alpha_beta_gy": entry["alpha_beta_gy"],
        "repair_half_time_h": entry["repair_half_time_h"],
    }


def _registration(scan: Scan) -> dict[str, Any]:
    registration = scan.registration
    if registration is None:
        return {}
    return {
        "time_point": scan.label,
        "method": registration.method,
        "matrix_reference_to_scan_lps_mm": list(registration.transform.matrix),
        "rotation_deg": registration.transform.rotation_angle_deg,
        "mutual_information": registration.metric_value,
        "mutual_information_at_start": registration.initial_metric_value,
        "warnings": [finding.message for finding in registration.findings],
    }
