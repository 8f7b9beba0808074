"""Volume and activity of regions; contours carried to another time point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.boxes import Box, Mask, grown
from dosimetry.segmentation.overlap import coverage_part
from dosimetry.volume import Grid, RigidTransform, Volume, resample

EDGE_SHARE = 0.5
"""A contour edge is known to half a voxel of the emission image, rectangular: half-width over sqrt 3."""
SMALL_DIAMETER_VOXELS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMeasurement:
    """What an emission image says of one region.

    Parameters
    ----------
    volume_ml : float
        Volume of the mask.
    activity_bq, activity_standard_uncertainty_bq : float
        Activity inside, and its standard uncertainty from the contour's edge and, where it is known, counting noise.
    mean_activity_concentration_bq_per_ml, maximum_activity_concentration_bq_per_ml : float
        Over voxels that the mask covers.
    n_voxels : int
        Voxels of the mask.
    fraction_in_image : float
        Share of the mask inside the emission image.
    findings : tuple of Finding
        Doubts.
    counting_cv : float or None
        Relative standard deviation of the activity by counting noise; None where no replicates of the image tell it.
    """

    volume_ml: float
    activity_bq: float
    activity_standard_uncertainty_bq: float
    mean_activity_concentration_bq_per_ml: float
    maximum_activity_concentration_bq_per_ml: float
    n_voxels: int
    fraction_in_image: float
    findings: tuple[Finding, ...]
    counting_cv: float | None = None


def measure_region(mask: Mask, mask_grid: Grid, image: Volume) -> RegionMeasurement:
    """Measure volume and activity of a region, partial voxels included.

    The uncertainty is that of the contour's edge: a shift of the surface by half an emission voxel (rectangular) times
    the concentration just inside and outside it, estimated from a one-voxel shell. Counting noise comes from replicates
    of the image (``image_noise``), where there are any; calibration is common to all scans and enters with the dose.

    Parameters
    ----------
    mask : (z, y, x) bool array
        The region on ``mask_grid``.
    mask_grid : Grid
        In the frame of the image.
    image : Volume
        Activity concentration, Bq/mL.

    Returns
    -------
    RegionMeasurement
        Numbers and findings.

    Raises
    ------
    InvalidInputError
        The region is empty, outside the image, or the image is not in Bq/mL.

    References
    ----------
    .. [1] Gear et al., EANM practical guidance on uncertainty analysis, EJNMMI 45 (2018) 2456-2474.
    """
    if image.unit != "Bq/mL":
        raise InvalidInputError(f"Activity needs an image in Bq/mL; got {image.unit}.", code="units")
    n_voxels = int(np.count_nonzero(mask))
    if n_voxels == 0:
        raise InvalidInputError("The region is empty; draw it or reject it.", code="empty_region")
    volume_ml = n_voxels * mask_grid.voxel_volume_ml
    box, fraction = coverage_part(mask, mask_grid, image.grid)
    values = image.values[box]
    covered_ml = float(fraction.sum(dtype=np.float64)) * image.grid.voxel_volume_ml
    if covered_ml <= 0.0:
        raise InvalidInputError("The region lies outside the emission image.", code="region_outside")
    activity_bq = float((fraction * values).sum(dtype=np.float64)) * image.grid.voxel_volume_ml
    touched = fraction > 0.5 * float(fraction.max())
    fraction_in_image = min(covered_ml / volume_ml, 1.0)
    return RegionMeasurement(
        volume_ml=volume_ml,
        activity_bq=activity_bq,
        activity_standard_uncertainty_bq=_edge_uncertainty_bq(box, fraction, image),
        mean_activity_concentration_bq_per_ml=activity_bq / covered_ml,
        maximum_activity_concentration_bq_per_ml=float(values[touched].max()),
        n_voxels=n_voxels,
        fraction_in_image=fraction_in_image,
        findings=_findings(volume_ml, fraction_in_image, image.grid),
    )


def _edge_uncertainty_bq(box: Box, fraction: NDArray[np.float32], image: Volume) -> float:
    """Return surface area x half a voxel / sqrt 3 x mean concentration at the surface, in Bq.

    ``fraction`` are the shares of the voxels of ``box`` that the region covers; elsewhere it covers none.
    """
    inside = fraction > 0.5
    if not inside.any():
        inside = fraction > 0.0
    around = grown(box, image.grid.shape_zyx, margin_voxels=(1, 1, 1))
    widths = [(a.start - b.start + 1, b.stop - a.stop + 1) for a, b in zip(box, around, strict=True)]
    part, values = np.pad(inside, widths), np.pad(image.values[around], 1, mode="edge")
    spacing = image.grid.spacing_xyz_mm[::-1]
    face_mm2 = [spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]]
    shift_bq = 0.0
    for axis in range(3):
        near, far = [slice(None)] * 3, [slice(None)] * 3
        near[axis], far[axis] = slice(0, -1), slice(1, None)
        first, second = tuple(near), tuple(far)
        is_face = part[first] != part[second]
        concentration = 0.5 * (values[first][is_face] + values[second][is_face])
        step_mm = EDGE_SHARE * spacing[axis] / np.sqrt(3.0)
        shift_bq += float(concentration.sum(dtype=np.float64)) * face_mm2[axis] * step_mm / 1e3
    # Faces of a voxelised surface overstate its area by 3/2 on average over directions.
    return shift_bq * 2.0 / 3.0


def _findings(volume_ml: float, fraction_in_image: float, grid: Grid) -> tuple[Finding, ...]:
    findings = []
    if fraction_in_image < 0.99:
        text = f"Only {100.0 * fraction_in_image:.0f} % of the region lies inside the emission image."
        findings.append(Finding(code="cut_by_image", level="ask", message=text))
    diameter_mm = 2.0 * (3.0 * volume_ml * 1e3 / (4.0 * np.pi)) ** (1.0 / 3.0)
    if diameter_mm < SMALL_DIAMETER_VOXELS * float(np.mean(grid.spacing_xyz_mm)):
        text = f"The region is small ({diameter_mm:.0f} mm across): partial-volume loss is not corrected."
        findings.append(Finding(code="small_region", level="note", message=text))
    return tuple(findings)


def propagate_mask(
    mask: Mask,
    mask_grid: Grid,
    *,
    onto: Grid,
    transform: RigidTransform,
) -> Mask:
    """Carry a mask from the reference frame to another time point.

    Parameters
    ----------
    mask : (z, y, x) bool array
        Region on ``mask_grid`` in the fixed frame.
    mask_grid : Grid
        Grid of the reference.
    onto : Grid
        Wanted grid in the moving frame.
    transform : RigidTransform
        Maps points of the fixed frame to the moving frame.

    Returns
    -------
    (z, y, x) bool array
        Half level of the linearly interpolated mask; empty when it falls outside the grid.

    Raises
    ------
    GeometryMismatchError
        Mask and grid have different shapes.
    """
    if mask.shape != mask_grid.shape_zyx:
        raise GeometryMismatchError(f"The mask has shape {mask.shape}, its grid {mask_grid.shape_zyx}.")
    source = Volume(values=mask.astype(np.float32), grid=mask_grid, unit="1")
    moved = resample(source, onto=onto, transform=transform.inverse())
    return np.asarray(moved.values >= 0.5)
