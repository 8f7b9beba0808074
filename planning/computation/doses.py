"""From accepted curves to absorbed dose: voxel-wise time-integrated activity, dose map, region doses."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.provenance import digest_json
from planning import storage
from planning.computation.densities import density_of
from planning.computation.engine_doses import engine_rows, run_engines
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.organ_level import add_organ_level
from planning.computation.partial_volume_settings import partial_volume_of
from planning.computation.progeny import default_progeny
from planning.computation.provenance import software_versions
from planning.computation.readings import reader_volume_cvs
from planning.computation.region_doses import RegionInputs, compute_region_dose
from planning.computation.volumes import tia_uncertainty_asset
from planning.computation.voxel_tia import aligned_series, voxel_options, voxel_tia
from planning.models import Cycle, TimePoint
from planning.selectors.current import (
    current_contours,
    current_curves,
    current_image,
    reference_time_point,
)
from planning.selectors.doses import round_levels_gy
from planning.selectors.kinetics import chosen_fit

HOUR_S = 3600.0
UNCERTAINTY_SCOPE = (
    "Uncertainties hold curve, tail, contour edge, the statistics of the engine and a stated calibration; what the "
    "budget of a region names as not stated is missing, not zero."
)


def compute_dose(
    *, cycle: Cycle, parameters: Mapping[str, Any], progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Calculate dose on the reference emission grid and for every accepted region."""
    reference = reference_time_point(cycle)
    curves = current_curves(cycle)
    if reference is None or curves is None:
        raise InsufficientDataError("Choose a reference time point and accept the curves first.", code="no_curves")
    image = current_image(reference)
    grid = grid_from_dict(image.emission_grid)
    nuclide = get_nuclide(cycle.course.nuclide)
    progress(0.02, "Reading images")
    choice = partial_volume_of(curves.parameters)
    series, registrations, findings = aligned_series(cycle, reference, grid, choice, progress)
    progress(0.25, "Fitting voxels")
    maps = voxel_tia(
        series=series,
        reference=reference,
        grid=grid,
        nuclide=nuclide,
        curves=curves,
        parameters=parameters,
        progress=progress,
        findings=findings,
    )
    progress(0.48, "Density")
    density = density_of(image, grid=grid, parameters=parameters)
    engines = engines_of(parameters)
    progeny = parameters.get("progeny") or default_progeny(nuclide.name)
    results = run_engines(
        names=engines,
        tia=maps.tia,
        density=density.g_per_ml,
        nuclide=nuclide,
        options=engine_options(parameters, progeny),
        progress=lambda fraction, text: progress(0.50 + 0.32 * fraction, text),
    )
    result = results[engines[0]]
    findings += [{"code": "engine_warning", "level": "note", "message": text} for text in result.warnings]
    findings.append({"code": "uncertainty_incomplete", "level": "note", "message": UNCERTAINTY_SCOPE})
    choices = _choices(curves)
    reader_cvs = reader_volume_cvs(reference) if parameters.get("reader_variation") else {}
    readings = sorted({str(reading.pk) for _, reading in reader_cvs.values()})
    inputs = {
        "images": {str(t.pk): i.inputs_digest for t, i, _ in series},
        "registrations": sorted(str(registration.pk) for registration in registrations),
        "curves": curves.inputs_digest,
        "choices": choices,
        "contours": str(current_contours(reference).pk),
        "parameters": {**parameters, **voxel_options(parameters), "progeny": progeny},
        "readings": readings,
        "engines": {name: results[name].provenance for name in engines},
        **density.provenance,
    }
    progress(0.82, "Regions")
    regions, by_region = _region_rows(
        cycle=cycle,
        reference=reference,
        curves=curves,
        results=results,
        engines=engines,
        density=density.g_per_ml,
        nuclide=nuclide,
        progeny=progeny,
        progress=progress,
        reader_cvs={region_id: cv for region_id, (cv, _) in reader_cvs.items()},
    )
    s_values = {}
    if parameters.get("organ_level"):
        s_values["organ_level"] = add_organ_level(
            regions,
            contours=current_contours(reference),
            tia=maps.tia,
            density=density.g_per_ml,
            nuclide=nuclide,
            progeny=progeny,
            progress=lambda fraction, text: progress(0.90 + 0.05 * fraction, text),
        )
    progress(0.95, "Storing")
    return {
        "registrations": registrations,
        "regions": regions,
        "tia_uncertainty": tia_uncertainty_asset(maps.tia, maps.standard_uncertainty),
        "engine_doses": engine_rows(results=results, names=engines, by_region=by_region),
        "fields": {
            "curve_revision": curves,
            "reference_image": image,
            "engine": engines[0],
            "parameters": {
                **parameters,
                **voxel_options(parameters),
                "progeny": progeny,
                "curve_choices": choices,
                "readings": readings,
                "is_voxelwise": len(series) > 1,
            },
            "density_origin": density.origin,
            "tia_sha256": storage.store_array(maps.tia.values.astype(np.float32)),
            "tia_uncertainty_sha256": storage.store_array(maps.standard_uncertainty.values.astype(np.float32)),
            "energy_balance": result.energy_balance,
            "findings": findings,
            "provenance": {
                **result.provenance,
                **density.provenance,
                **s_values,
            },
            "inputs_digest": digest_json(inputs),
            "versions": software_versions(),
        },
    }


def _choices(curves) -> dict[str, str]:
    choices = {}
    for curve in curves.curves.all():
        newest = curve.choices.order_by("-created_at", "-pk").first()
        if newest is not None:
            choices[str(curve.pk)] = str(newest.pk)
    return choices


def engine_options(parameters: Mapping[str, Any], progeny: str) -> dict[str, Any]:
    """Return the options of the engines; the wanted uncertainty is of the hot voxels' total dose (Monte Carlo only)."""
    percent = parameters.get("statistical_uncertainty_percent")
    return {"progeny": progeny, **({"target_relative_uncertainty": percent / 100.0} if percent else {})}


def engines_of(parameters: Mapping[str, Any]) -> list[str]:
    """Return the engines of a calculation, the one that counts first."""
    return list(dict.fromkeys(parameters.get("engines") or ["local"]))


def _region_rows(
    *, cycle: Cycle, reference: TimePoint, curves, results, engines, density, nuclide, progeny, progress, reader_cvs
) -> tuple[list[dict], dict]:
    contours = current_contours(reference)
    if contours is None:
        raise InsufficientDataError("The reference time point has no contours.", code="no_contours")
    masks = label_masks(contours)
    label_grid = grid_from_dict(contours.image.label_grid)
    template = cycle.course.template
    accepted = {
        contour.region_id: contour for contour in contours.contours.filter(state="accepted").select_related("region")
    }
    rows, by_region, histograms = [], {}, []
    region_curves = list(curves.curves.select_related("region"))
    for i, curve in enumerate(region_curves):
        progress(0.82 + 0.08 * i / len(region_curves), curve.region.name)
        fit = chosen_fit(curve)
        if fit is None or curve.region_id not in accepted:
            continue
        inputs = RegionInputs(
            region=curve.region,
            contour=accepted[curve.region_id],
            mask=masks[curve.region_id],
            label_grid=label_grid,
            fit=fit,
            points=[point for point in curve.points if not point["is_excluded"]],
            radiobiology=radiobiology_of(curve.region, template.radiobiology if template else {}),
            administration=curves.administration,
            progeny=progeny,
            alpha=(template.radiobiology if template else {}).get("alpha"),
            calibration_cv=_calibration_cv(contours.image),
            reader_volume_cv=reader_cvs.get(curve.region_id),
        )
        fields, by_region[curve.region_id], histogram = compute_region_dose(
            inputs=inputs, results=results, engines=engines, density=density, nuclide=nuclide
        )
        rows.append(fields)
        histograms.append(histogram)
    levels = round_levels_gy(max((row["absorbed_dose_gy"] for row in rows), default=0.0))
    for fields, histogram in zip(rows, histograms, strict=True):
        fields["volume_at_dose_fraction"] = {f"{gy:g}": histogram.volume_at_dose_fraction(gy) for gy in levels}
    return rows, by_region


def _calibration_cv(image) -> float | None:
    """Return the relative uncertainty of the calibration factor; images that came in Bq/mL state none."""
    factor = image.calibration
    if factor is None or factor.calibration_standard_uncertainty_cps_per_bq <= 0.0:
        return None
    return factor.calibration_standard_uncertainty_cps_per_bq / factor.calibration_cps_per_bq


def radiobiology_of(region, table: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the template's entry of the region's name, an organ's stem, or its kind; None when there is none."""
    stem = region.name.split(" ")[0] if region.kind == "organ" else region.name
    for key in (region.name, stem, region.kind):
        if key in table:
            return table[key]
    return None
