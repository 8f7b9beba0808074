"""From phantom scans and typed counts to calibration factor, dead time and recovery of a camera."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from dosimetry.dicomio.emission import EmissionImage, read_emission
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.calibration_measurement import (
    CalibrationMeasurement,
    measure_cylinder,
    measure_planar,
    measure_sphere,
)
from dosimetry.quantification.decay import decay_factor
from dosimetry.quantification.phantom_finding import cylinder_share, find_cylinder_centre, find_spheres
from dosimetry.quantification.phantom_source import PhantomSource
from dosimetry.quantification.recovery_spheres import fit_recovery_from_spheres
from dosimetry.units import MBQ_BQ
from planning.computation.dead_time_measurements import N_DRAWN, fitted_line, measure_dead_time
from planning.computation.imaged_line import imaged_kev
from planning.computation.phantom_projections import reconstruct_phantom, require_nuclide
from planning.computation.series import dicom_series
from planning.models import Series
from planning.models.imaging import SeriesKind

Inputs = Mapping[str, Any]
RESOLUTION_MARGIN_MM = 30.0
"""Blur taken in around a sphere on each side when no region is given: twice 15 mm, the FWHM of a Lu-177 SPECT."""
KBQ_BQ = 1e3
OF_SCANS = frozenset({"cylinder", "sphere", "recovery"})
"""Methods that measure a scan; the others take typed counts."""


def measure(
    *, method: str, series: Series | None, inputs: Inputs, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Return the result of one measurement: numbers with units in their names, and points to draw.

    Projections are reconstructed first; their result names the reconstruction that it holds for.
    """
    progress(0.02, "Reading the scan" if series else "Computing")
    if series is not None and series.kind == SeriesKind.PROJECTIONS and method in OF_SCANS:
        return _measure_projections(method, series, inputs, progress)
    image = read_emission(dicom_series(series)) if series is not None and method in OF_SCANS else None
    if image is None and method in OF_SCANS:
        raise InsufficientDataError("Choose the scan of the phantom.", code="no_scan")
    progress(0.5, "Measuring")
    return METHODS[method](image, inputs)


def _measure_projections(
    method: str, series: Series, inputs: Inputs, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    made = reconstruct_phantom(
        series,
        inputs=inputs,
        is_counts=method != "recovery",
        progress=lambda share, text: progress(0.05 + 0.85 * share, text),
    )
    progress(0.95, "Measuring")
    known = {"acquired_counts": made.acquired_counts, **inputs, "reconstruction": made.reconstruction}
    result = METHODS[method](made.image, known)
    said = [finding.message for finding in made.image.findings]
    return {**result, "reconstruction": made.reconstruction, "notes": [*result.get("notes", []), *said]}


def _planar(_image: EmissionImage | None, inputs: Inputs) -> dict[str, Any]:
    source = PhantomSource(
        nuclide=get_nuclide(inputs["nuclide"]),
        assay_activity_bq=inputs["activity_mbq"] * MBQ_BQ,
        standard_uncertainty_bq=inputs["activity_standard_uncertainty_mbq"] * MBQ_BQ,
        assay_to_start_s=inputs["assay_to_start_min"] * 60.0,
        duration_s=inputs["duration_s"],
        time_standard_uncertainty_s=inputs.get("clock_standard_uncertainty_s", 0.0),
    )
    measured = measure_planar(
        source=source,
        counts=inputs["counts"],
        background_counts=inputs.get("background_counts", 0.0),
        background_duration_s=inputs.get("background_duration_s"),
    )
    return _factor(measured)


def _cylinder(image: EmissionImage, inputs: Inputs) -> dict[str, Any]:
    _refuse_corrected(image)
    centre = find_cylinder_centre(image.volume)
    region = None
    if inputs.get("region_diameter_mm"):
        region = cylinder_share(
            image.volume.grid,
            centre_lps_mm=centre,
            diameter_mm=inputs["region_diameter_mm"],
            length_mm=inputs["region_length_mm"],
        )
    measured = measure_cylinder(
        image.volume,
        source=_source(image, inputs),
        acquired_counts=_acquired_counts(image, inputs),
        region=region,
        phantom_volume_ml=inputs.get("phantom_volume_ml"),
        phantom_volume_standard_uncertainty_ml=inputs.get("phantom_volume_standard_uncertainty_ml", 0.0),
    )
    return {**_factor(measured, imaged_kev(image.series)), "centre_lps_mm": list(centre), "notes": _notes(inputs)}


def _sphere(image: EmissionImage, inputs: Inputs) -> dict[str, Any]:
    _refuse_corrected(image)
    diameter = inputs["sphere_diameter_mm"]
    (centre,) = _centres(image, inputs, diameters_mm=(diameter,))
    measured = measure_sphere(
        image.volume,
        source=_source(image, inputs),
        acquired_counts=_acquired_counts(image, inputs),
        centre_lps_mm=centre,
        sphere_diameter_mm=diameter,
        region_diameter_mm=inputs.get("region_diameter_mm") or diameter + 2.0 * RESOLUTION_MARGIN_MM,
        background_shell_mm=inputs.get("background_shell_mm"),
    )
    return {**_factor(measured, imaged_kev(image.series)), "centre_lps_mm": list(centre), "notes": _notes(inputs)}


def _refuse_corrected(image: EmissionImage) -> None:
    """Refuse counts that are corrected for decay: the factor takes the mean activity during the scan."""
    if image.series.decay_correction not in {"", "NONE"}:
        raise InvalidInputError(
            "The counts are corrected for decay; export the phantom without that correction.", code="decay_reference"
        )


def _centres(
    image: EmissionImage, inputs: Inputs, *, diameters_mm: tuple[float, ...]
) -> tuple[tuple[float, float, float], ...]:
    """Return the centres of the spheres as typed, else as found."""
    typed = inputs.get("centres_lps_mm")
    if not typed:
        return find_spheres(image.volume, diameters_mm=diameters_mm)
    if len(typed) != len(diameters_mm):
        raise InvalidInputError(
            f"{len(diameters_mm)} spheres need as many centres, in the order of their diameters; got {len(typed)}.",
            code="bad_centres",
        )
    return tuple((float(x), float(y), float(z)) for x, y, z in typed)


def _notes(inputs: Inputs, *, has_counts: bool = True) -> list[str]:
    """Return what stands in for a number that was not given, and what was not found but typed."""
    notes = []
    if has_counts and inputs.get("acquired_counts") is None:
        text = "The counts of the projections were not given: those of the image stand in for the counting statistics."
        notes.append(text)
    if inputs.get("centres_lps_mm"):
        notes.append("The centres of the spheres were typed.")
    return notes


def _source(image: EmissionImage, inputs: Inputs) -> PhantomSource:
    """Return the source at the time of the scan, whose start and duration the header states."""
    series = image.series
    if series.acquisition_start is None or series.frame_duration_s is None:
        raise InsufficientDataError("The header of the scan states no start or no duration.", code="no_scan_time")
    require_nuclide(series.nuclide, inputs)
    assay = datetime.fromisoformat(inputs["assay_at"])
    return PhantomSource(
        nuclide=get_nuclide(inputs["nuclide"]),
        assay_activity_bq=inputs["activity_mbq"] * MBQ_BQ,
        standard_uncertainty_bq=inputs["activity_standard_uncertainty_mbq"] * MBQ_BQ,
        assay_to_start_s=(series.acquisition_start - assay).total_seconds(),
        duration_s=series.frame_duration_s,
        time_standard_uncertainty_s=inputs.get("clock_standard_uncertainty_s", 0.0),
    )


def _acquired_counts(image: EmissionImage, inputs: Inputs) -> float:
    """Return the photopeak counts of all projections; without a number those of the image stand in."""
    stated = inputs.get("acquired_counts")
    return float(image.volume.values.sum(dtype=np.float64)) if stated is None else float(stated)


def _factor(measured: CalibrationMeasurement, imaged: float | None = None) -> dict[str, Any]:
    whole = measured.whole_image_cps_per_bq
    return {
        "imaged_kev": imaged,
        "calibration_cps_per_mbq": measured.calibration_cps_per_bq * MBQ_BQ,
        "standard_uncertainty_cps_per_mbq": measured.standard_uncertainty_cps_per_bq * MBQ_BQ,
        "contributions_percent": {name: 100.0 * value for name, value in measured.contributions.items()},
        "mean_activity_mbq": measured.mean_activity_bq / MBQ_BQ,
        "net_cps": measured.net_cps,
        "whole_image_cps_per_mbq": None if whole is None else whole * MBQ_BQ,
        "whole_image_difference_percent": None
        if whole is None
        else 100.0 * (whole / measured.calibration_cps_per_bq - 1.0),
    }


def _recovery(image: EmissionImage, inputs: Inputs) -> dict[str, Any]:
    """Fit the recovery of spheres of one solution; the image is in Bq/mL, its mean during the scan."""
    volume = image.volume
    if volume.unit != "Bq/mL":
        raise InvalidInputError(
            "Recovery needs an image in Bq/mL; export it so, or reconstruct the projections here.", code="units"
        )
    diameters = tuple(inputs["diameters_mm"])
    centres = _centres(image, inputs, diameters_mm=diameters)
    mean = _at_scan(image, inputs)
    n = len(diameters)
    curve, spheres = fit_recovery_from_spheres(
        volume,
        centres_lps_mm=centres,
        diameters_mm=diameters,
        true_bq_per_ml=(inputs["concentration_kbq_per_ml"] * KBQ_BQ * mean,) * n,
        background_bq_per_ml=inputs.get("background_kbq_per_ml", 0.0) * KBQ_BQ * mean,
        relative_standard_uncertainties=(inputs["relative_standard_uncertainty_percent"] / 100.0,) * n,
        reconstruction_id=inputs["reconstruction"],
    )
    volumes = np.array([sphere.volume_ml for sphere in spheres])
    drawn = np.geomspace(volumes.min(), volumes.max(), N_DRAWN)
    return {
        "b1_ml": curve.b1_ml,
        "b2": curve.b2,
        "covariance": curve.covariance.tolist(),
        "chi_square": curve.chi_square,
        "n_degrees_of_freedom": curve.n_degrees_of_freedom,
        "volume_range_ml": list(curve.volume_range_ml),
        "reduced_chi_square": curve.reduced_chi_square,
        "p_value": curve.p_value,
        "notes": _notes(inputs, has_counts=False),
        "spheres": [
            {
                "diameter_mm": diameter,
                "volume_ml": sphere.volume_ml,
                "recovery": sphere.recovery_coefficient,
                "standard_uncertainty": sphere.standard_uncertainty,
                "centre_lps_mm": list(centre),
            }
            for diameter, sphere, centre in zip(diameters, spheres, centres, strict=True)
        ],
        "points": {
            "x": volumes.tolist(),
            "y": [sphere.recovery_coefficient for sphere in spheres],
            "standard_uncertainty": [sphere.standard_uncertainty for sphere in spheres],
        },
        "line": fitted_line(drawn, curve.coefficient(drawn), between=curve.interval_95(drawn)),
    }


def _at_scan(image: EmissionImage, inputs: Inputs) -> float:
    """Return what decay left of the assay's concentration: at the time that the image is corrected to."""
    source = _source(image, {**inputs, "activity_mbq": 1.0, "activity_standard_uncertainty_mbq": 0.0})
    if image.series.decay_correction == "START":
        constant = source.nuclide.decay_constant_per_s
        return decay_factor(decay_constant_per_s=constant, elapsed_s=source.assay_to_start_s)
    if image.series.decay_correction == "NONE":
        return source.mean_activity_bq / MBQ_BQ
    raise InvalidInputError(
        "The image is decay-corrected to another time than its start; export it uncorrected or to the start.",
        code="decay_reference",
    )


METHODS: dict[str, Callable[[Any, Inputs], dict[str, Any]]] = {
    "planar": _planar,
    "cylinder": _cylinder,
    "sphere": _sphere,
    "dead_time": measure_dead_time,
    "recovery": _recovery,
}
