"""Registration of one time point to the reference, automatic or moved by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dosimetry.errors import InsufficientDataError
from dosimetry.provenance import digest_array, digest_json
from dosimetry.registration.quality import assess_registration
from dosimetry.registration.rigid import register_rigid
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import RigidTransform, Volume
from planning import storage
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.provenance import software_versions
from planning.computation.volumes import emission_asset
from planning.models import QuantifiedImage, TimePoint
from planning.selectors.current import current_contours, current_image, reference_time_point


def compute_registration(
    *, time_point: TimePoint, nudge: dict[str, Any] | None, predecessor, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Register automatically, or compose the predecessor with a shift (mm) and a rotation (degrees) by hand."""
    reference = reference_time_point(time_point.cycle)
    fixed_image = current_image(reference) if reference is not None else None
    moving_image = current_image(time_point)
    if fixed_image is None or moving_image is None:
        raise InsufficientDataError("Prepare the images of both time points first.", code="no_image")
    progress(0.02, "Reading images")
    fixed, moving = emission_volume(fixed_image), emission_volume(moving_image)
    findings = []
    if nudge is None:
        result = register_rigid(
            fixed=fixed,
            moving=moving,
            fixed_ct=ct_volume(fixed_image),
            moving_ct=ct_volume(moving_image),
            progress=lambda fraction, text: progress(0.05 + 0.75 * fraction, text),
        )
        transform, method = result.transform, result.method
        findings += [{"code": f.code, "level": f.level, "message": f.message} for f in result.findings]
    else:
        transform, method = _nudged(fixed, predecessor, nudge), "moved by hand"
    progress(0.82, "Measuring quality")
    regions = _region_masks(reference, fixed)
    quality = assess_registration(fixed=fixed, moving=moving, transform=transform, regions=regions)
    findings += [{"code": f.code, "level": f.level, "message": f.message} for f in quality.findings]
    progress(0.92, "Writing the aligned copy")
    shown = grid_from_dict(_grid_of(fixed_image.emission_display.header))
    kind = moving_image.emission_display.kind
    return {
        "asset": emission_asset(moving, kind=kind, onto=shown, transform=transform),
        "fields": {
            "fixed_image": fixed_image,
            "moving_image": moving_image,
            "predecessor": predecessor,
            "method": "automatic" if nudge is None else "nudged",
            "matrix": list(transform.matrix),
            "quality": {
                "what": method,
                "normalised_mutual_information": quality.normalised_mutual_information,
                "normalised_mutual_information_before": quality.normalised_mutual_information_before,
                "correlation": quality.correlation,
                "overlap_fraction": quality.overlap_fraction,
                "residual_mm": dict(quality.residual_mm),
            },
            "findings": findings,
            "inputs_digest": digest_json(
                {
                    "fixed": fixed_image.inputs_digest,
                    "moving": moving_image.inputs_digest,
                    "nudge": nudge,
                    "predecessor": str(predecessor.pk) if predecessor and nudge else "",
                    # With other contours other residuals are found: registering again is no repetition then.
                    "regions": {name: digest_array(mask) for name, mask in sorted(regions.items())},
                }
            ),
            "versions": software_versions(),
        },
    }


def emission_volume(image: QuantifiedImage) -> Volume:
    return Volume(
        values=storage.load_array(image.emission_sha256),
        grid=grid_from_dict(image.emission_grid),
        unit="Bq/mL",
        frame_of_reference_uid=image.frame_of_reference_uid,
    )


def ct_volume(image: QuantifiedImage) -> Volume | None:
    if not image.ct_sha256:
        return None
    return Volume(values=storage.load_array(image.ct_sha256), grid=grid_from_dict(image.ct_grid), unit="HU")


def _grid_of(header: dict[str, Any]) -> dict[str, Any]:
    n_x, n_y, n_z = header["dimensions"]
    return {
        "shape_zyx": [n_z, n_y, n_x],
        "spacing_xyz_mm": header["spacing_mm"],
        "origin_lps_mm": header["origin_lps_mm"],
        "direction": header["direction"],
    }


def _nudged(fixed: Volume, predecessor, nudge: dict[str, Any]) -> RigidTransform:
    """Move the scan on the screen: the shift is of the shown image, so points of the reference go the other way."""
    base = RigidTransform.identity() if predecessor is None else RigidTransform(matrix=tuple(predecessor.matrix))
    centre = fixed.grid.index_to_lps_mm((np.array(fixed.grid.shape_zyx) - 1.0) / 2.0)
    x, y, z = (float(value) for value in centre)
    step = RigidTransform.from_euler(
        angles_xyz_rad=tuple(float(np.radians(value)) for value in nudge["rotation_deg"]),
        shift_lps_mm=tuple(float(value) for value in nudge["shift_mm"]),
        centre_lps_mm=(x, y, z),
    )
    return base.after(step.inverse())


def _region_masks(reference: TimePoint, fixed: Volume) -> dict[str, np.ndarray]:
    contours = current_contours(reference)
    if contours is None:
        return {}
    grid = grid_from_dict(contours.image.label_grid)
    masks = label_masks(contours)
    names = {contour.region_id: contour.region.name for contour in contours.contours.select_related("region")}
    return {names[key]: coverage_fraction(mask, grid, fixed.grid) > 0.5 for key, mask in masks.items() if mask.any()}
