"""Masks and numbers of contours: propagation, operations, measurement. Light enough for the web process."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from dosimetry.errors import DosimetryError, InvalidInputError
from dosimetry.segmentation import morphology
from dosimetry.segmentation.overlap import coverage_fraction, subtract_lesions
from dosimetry.segmentation.regions import measure_region, propagate_mask
from dosimetry.segmentation.threshold import (
    level_of_maximum,
    region_grow,
    sphere_mask,
    threshold_fixed,
    threshold_in_sphere,
)
from dosimetry.volume import Grid, RigidTransform, Volume
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.models import QuantifiedImage


def propagated_masks(
    *,
    masks: Mapping[str, np.ndarray],
    source_grid: Grid,
    onto: Grid,
    matrix: list[float],
    shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> dict[str, np.ndarray]:
    """Carry masks from the reference time point through its registration, and on by a shift."""
    shift = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=shift_lps_mm).as_array()
    transform = RigidTransform.from_array(shift @ RigidTransform(matrix=tuple(matrix)).as_array())
    return {name: propagate_mask(mask, source_grid, onto=onto, transform=transform) for name, mask in masks.items()}


def measured_regions(
    *,
    image: QuantifiedImage,
    organs: Mapping[str, np.ndarray],
    lesions: Mapping[str, np.ndarray],
    undecided: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """Return the numbers of every region, organs without lesions; a region that cannot be measured says why.

    Undecided lesions, which no person has accepted, are measured and take nothing from an organ.
    """
    grid = grid_from_dict(image.label_grid)
    emission = Volume(
        values=storage.load_array(image.emission_sha256), grid=grid_from_dict(image.emission_grid), unit="Bq/mL"
    )
    reduced, statements = subtract_lesions(organs, lesions)
    rows = {}
    for name, drawn in {**organs, **lesions, **undecided}.items():
        counted = reduced.get(name, drawn)
        rows[name] = {
            "contour_volume_ml": float(np.count_nonzero(drawn)) * grid.voxel_volume_ml,
            "statements": list(statements.get(name, ())),
            **_measured(counted, grid, emission),
        }
    return rows


def _measured(mask: np.ndarray, grid: Grid, emission: Volume) -> dict[str, Any]:
    try:
        found = measure_region(mask, grid, emission)
    except DosimetryError as error:
        finding = {"code": error.code, "level": "block", "message": str(error)}
        return {
            "volume_ml": 0.0,
            "activity_bq": 0.0,
            "activity_standard_uncertainty_bq": None,
            "mean_activity_concentration_bq_per_ml": 0.0,
            "maximum_activity_concentration_bq_per_ml": 0.0,
            "findings": [finding],
        }
    return {
        "volume_ml": found.volume_ml,
        "activity_bq": found.activity_bq,
        "activity_standard_uncertainty_bq": found.activity_standard_uncertainty_bq,
        "mean_activity_concentration_bq_per_ml": found.mean_activity_concentration_bq_per_ml,
        "maximum_activity_concentration_bq_per_ml": found.maximum_activity_concentration_bq_per_ml,
        "findings": [{"code": f.code, "level": f.level, "message": f.message} for f in found.findings],
    }


def operated_mask(
    *, operation: str, mask: np.ndarray, other: np.ndarray | None, image: QuantifiedImage, parameters: dict[str, Any]
) -> np.ndarray:
    """Return the mask after one named operation; thresholds replace it."""
    grid = grid_from_dict(image.label_grid)
    shape_operations = {
        "margin": lambda: morphology.margin(mask, grid=grid, margin_mm=float(parameters["margin_mm"])),
        "smooth": lambda: morphology.smooth(mask, grid=grid, radius_mm=float(parameters["radius_mm"])),
        "interpolate": lambda: morphology.interpolate_slices(mask),
        "fill": lambda: morphology.fill_holes(mask, by_slice=bool(parameters.get("by_slice"))),
        "islands": lambda: morphology.remove_islands(mask, grid=grid, minimum_ml=float(parameters["minimum_ml"])),
        "largest": lambda: morphology.keep_largest(mask),
        "delete": lambda: np.zeros_like(mask),
    }
    if operation in shape_operations:
        return shape_operations[operation]()
    if operation == "boolean":
        if other is None:
            raise InvalidInputError("Choose the other region.", code="other_region")
        return morphology.combine(mask, other, operation=parameters["boolean"])
    return _thresholded(operation, grid, image, parameters)


def _thresholded(operation: str, grid: Grid, image: QuantifiedImage, parameters: dict[str, Any]) -> np.ndarray:
    """Threshold on the emission grid, then carry the mask to the label grid."""
    emission = Volume(
        values=storage.load_array(image.emission_sha256), grid=grid_from_dict(image.emission_grid), unit="Bq/mL"
    )
    found = _above(operation, emission, parameters)
    if emission.grid.matches(grid):
        return found
    return coverage_fraction(found, emission.grid, grid) >= 0.5


def _above(operation: str, emission: Volume, parameters: dict[str, Any]) -> np.ndarray:
    if operation == "threshold":
        return threshold_fixed(emission, minimum=_level(emission, parameters))
    if operation not in {"threshold_sphere", "grow"}:
        raise InvalidInputError(f"Unknown operation {operation!r}.", code="unknown_operation")
    centre = _point(parameters, "centre_lps_mm")
    if operation == "grow":
        return region_grow(emission, seed_lps_mm=centre, minimum=_level(emission, parameters, around=centre))
    return threshold_in_sphere(
        emission,
        centre_lps_mm=centre,
        radius_mm=float(parameters["radius_mm"]),
        minimum=_level(emission, parameters, around=centre),
    )


def _level(emission: Volume, parameters: dict[str, Any], *, around: tuple[float, float, float] | None = None) -> float:
    """Return the level in Bq/mL: given, or a share of the largest voxel of the image or of a sphere ``around``."""
    minimum, fraction = parameters.get("minimum_bq_per_ml"), parameters.get("fraction")
    if (minimum is None) == (fraction is None):
        raise InvalidInputError(
            "Give exactly one level: a value in Bq/mL, or a share of the largest voxel.", code="threshold_choice"
        )
    if fraction is None:
        if not float(minimum) > 0.0:
            raise InvalidInputError("The level must be above zero, or every voxel reaches it.", code="threshold_range")
        return float(minimum)
    if around is None:
        return level_of_maximum(emission, fraction=float(fraction))
    if parameters.get("radius_mm") is None:
        raise InvalidInputError(
            "Say within which radius around the point the largest voxel is looked for.", code="threshold_choice"
        )
    sphere = sphere_mask(emission, centre_lps_mm=around, radius_mm=float(parameters["radius_mm"]))
    return level_of_maximum(emission, fraction=float(fraction), within=sphere)


def _point(parameters: dict[str, Any], key: str) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in parameters[key])
    return x, y, z
