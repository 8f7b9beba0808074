"""From registered images to the time-integrated activity of every voxel."""

from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InsufficientDataError
from dosimetry.kinetics.region_scaled import integrate_declared, integrate_scaled, replace_in_region
from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid, RigidTransform, Volume, resample
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.computation.scaled_regions import ScaledRegion
from planning.models import Cycle, TimePoint
from planning.selectors.current import current_image, current_registration

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelTia:
    """Time-integrated activity of each voxel and, where voxels were fitted, its relative standard uncertainty."""

    tia: Volume
    relative_standard_uncertainty: np.ndarray | None


def aligned_series(cycle: Cycle, reference: TimePoint, grid: Grid, progress) -> tuple[list, list, list]:
    """Return (time point, image, values on the reference grid) in order of time, and what registered them."""
    series, registrations, findings = [], [], []
    time_points = list(cycle.time_points.order_by("number"))
    for i, time_point in enumerate(time_points):
        image = current_image(time_point)
        if image is None:
            raise InsufficientDataError(
                f"Time point {time_point.number} has no quantified image; prepare the images.", code="no_image"
            )
        values = storage.load_array(image.emission_sha256)
        if time_point.pk != reference.pk:
            registration = current_registration(time_point)
            if registration is None or registration.decision != "accepted":
                text = f"Time point {time_point.number} has no accepted registration and is left out of the dose map."
                findings.append({"code": "not_registered", "level": "ask", "message": text})
                continue
            registrations.append(registration)
            moving = Volume(values=values, grid=grid_from_dict(image.emission_grid), unit="Bq/mL")
            transform = RigidTransform(matrix=tuple(registration.matrix))
            values = resample(moving, onto=grid, transform=transform).values
        series.append((time_point, image, np.asarray(values, dtype=np.float32)))
        progress(0.02 + 0.2 * (i + 1) / len(time_points), f"Time point {time_point.number} read")
    return sorted(series, key=lambda row: row[1].time_s), registrations, findings


def voxel_tia(*, series, grid: Grid, nuclide, curves, parameters, regions, progress, findings) -> VoxelTia:
    """Fit every voxel; regions that follow their own curve take it, so that map and curve rest on the same."""
    times_s = np.array([image.time_s for _, image, _ in series])
    uncertainty = None
    if len(series) == 1:
        values = _from_one_scan(
            series[0][2],
            float(times_s[0]),
            grid,
            curves=curves,
            parameters=parameters,
            regions=regions,
            findings=findings,
        )
    else:
        fit = fit_voxels(
            images_bq_per_ml=np.stack([values for _, _, values in series]),
            times_s=times_s,
            voxel_volume_ml=grid.voxel_volume_ml,
            decay_constant_per_s=nuclide.decay_constant_per_s,
            progress=lambda fraction, text: progress(0.25 + 0.23 * fraction, text),
        )
        if fit.clamped_fraction > 0.2:
            text = f"In {100 * fit.clamped_fraction:.0f} % of voxels with signal the physical half-life limits the fit."
            findings.append({"code": "voxels_clamped", "level": "note", "message": text})
        if fit.noise is not None:
            text = (
                f"Residuals of the voxel-wise curves show a noise of {100 * fit.noise:.1f} % of a voxel's largest "
                "activity; the map of standard uncertainties rests on it."
            )
            findings.append({"code": "voxel_noise", "level": "note", "message": text})
        values, uncertainty = fit.time_integrated_activity_bq_s, fit.relative_standard_uncertainty
    values = _with_scaled(values, series, grid, regions, findings)
    return VoxelTia(
        tia=Volume(values=values, grid=grid, unit="Bq s"),
        relative_standard_uncertainty=uncertainty,
    )


def _from_one_scan(image, time_s: float, grid: Grid, *, curves, parameters, regions, findings) -> np.ndarray:
    """Let every voxel decay with the declared half-life; with none, as the regions do together."""
    hours = parameters.get("effective_half_life_h", curves.parameters.get("effective_half_life_h"))
    if hours is not None:
        text = f"One scan: voxels decay with the declared effective half-life of {float(hours):.1f} h."
        findings.append({"code": "single_time_point", "level": "ask", "message": text})
        return integrate_declared(
            image,
            time_s=time_s,
            effective_half_life_s=float(hours) * HOUR_S,
            voxel_volume_ml=grid.voxel_volume_ml,
        )
    if not regions:
        raise InsufficientDataError(
            "One scan needs a declared effective half-life; enter it with its source on the Kinetics page.",
            code="half_life_required",
        )
    total_bq = sum(region.activity_bq for region in regions)
    ratio_s = sum(region.activity_bq * region.tia_per_activity_s for region in regions) / total_bq
    text = (
        f"One scan: voxels outside the regions integrate as the regions do on average, {ratio_s / HOUR_S:.0f} h of "
        "their activity at the scan."
    )
    findings.append({"code": "single_time_point", "level": "ask", "message": text})
    return integrate_scaled(image, tia_per_activity_s=ratio_s, voxel_volume_ml=grid.voxel_volume_ml)


def _with_scaled(values: np.ndarray, series, grid: Grid, regions: list[ScaledRegion], findings) -> np.ndarray:
    scans = {str(time_point.pk): aligned for time_point, _, aligned in series}
    for region in regions:
        if region.time_point_id not in scans:
            text = f"{region.name}: its scan is not registered, so the map does not rest on its curve."
            findings.append({"code": "declared_not_mapped", "level": "ask", "message": text})
            continue
        scaled = integrate_scaled(
            scans[region.time_point_id],
            tia_per_activity_s=region.tia_per_activity_s,
            voxel_volume_ml=grid.voxel_volume_ml,
        )
        values = replace_in_region(values, scaled, fraction=coverage_fraction(region.mask, region.mask_grid, grid))
        findings.append({"code": region.code, "level": "note", "message": region.reason})
    return values
