"""Partial-volume correction of one time point with its accepted contours: factors of regions, and the voxels."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from dosimetry.quantification.corrected_image import CorrectedImage
from dosimetry.quantification.geometric_transfer import gtm, transfer_matrix
from dosimetry.quantification.partial_volume import iterative_yang, rbv, richardson_lucy
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.region_fractions import partition
from dosimetry.quantification.small_regions import convergence_cv
from dosimetry.reconstruction.attenuation import BODY_G_PER_ML
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid
from planning import storage
from planning.computation.densities import density_of
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.partial_volume_settings import PartialVolume, RegionFactor
from planning.computation.recovery_corrections import recovery_factors, recovery_values
from planning.computation.spect_settings import spect_settings
from planning.models import ContourRevision, QuantifiedImage
from planning.selectors.imaging import is_reconstructed

BODY = "body"
MARGIN_SIGMAS = 4.0
"""Beyond it a blur reaches nothing (``PointSpread``)."""
Fractions = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """The part of an image that holds the body, with the regions as shares of its voxels."""

    values: np.ndarray
    fractions: Fractions
    grid: Grid
    box: tuple[slice, slice, slice]


def region_factors(revision: ContourRevision, choice: PartialVolume) -> dict[UUID, RegionFactor]:
    """Return what the correction makes of each accepted region; one that the image does not hold is missing.

    The uncertainty is half the difference between the resolution a standard uncertainty above and below and, where the
    reconstruction modelled the resolution, that of small regions, which converge last. With a recovery curve it is that
    of the fit: its spheres converged as slowly.
    """
    if choice.recovery_curve is not None:
        return recovery_factors(revision, choice)
    scan = scan_of(revision, choice)
    u_mm = choice.standard_uncertainty_mm
    at = {step: _factors(scan, choice, choice.fwhm_mm + step * u_mm) for step in ((-1, 0, 1) if u_mm else (0,))}
    slow = _slow_cvs(scan, choice) if has_modelled_resolution(revision.image) else {}
    found = {}
    for name, factor in at[0].items():
        if name == BODY:
            continue
        half = 0.5 * abs(at[1][name] - at[-1][name]) if u_mm else 0.0
        width_cv = half / factor if factor > 0.0 else 0.0
        slow_cv = slow.get(name, 0.0)
        found[UUID(name)] = RegionFactor(factor=factor, cv=float(np.hypot(width_cv, slow_cv)), slow_cv=slow_cv)
    return found


def has_modelled_resolution(image: QuantifiedImage) -> bool:
    """Return whether the product reconstructed an image with the resolution of its camera; others state nothing."""
    if not is_reconstructed(image):
        return False
    parameters = image.run.parameters if image.run else {}
    model = image.emission_series.summary.get("manufacturer_model", "")
    return bool(spect_settings(parameters, camera_model=model, has_ct=image.ct_series_id is not None).camera)


def _slow_cvs(scan: Scan, choice: PartialVolume) -> dict[str, float]:
    """Return what slow convergence leaves open in each region that holds activity, by its size and its neighbours'."""
    values = np.asarray(scan.values, dtype=np.float64)
    regions = partition(scan.fractions, shape_zyx=values.shape)
    spread = PointSpread(spacing_xyz_mm=scan.grid.spacing_xyz_mm, fwhm_mm=choice.fwhm_mm)
    matrix, means = transfer_matrix(regions, spread), np.maximum(regions.averages(values), 0.0)
    kept = np.diag(matrix)
    spilled = matrix @ means - kept * means
    return {
        name: convergence_cv(float(kept[i]), spill_share=max(float(spilled[i] / means[i]), 0.0))
        for i, name in enumerate(regions.names)
        if means[i] > 0.0
    }


def corrected_values(revision: ContourRevision, choice: PartialVolume) -> np.ndarray:
    """Return the (z, y, x) image in Bq/mL with the correction made in every voxel; the matrix as RBV."""
    if choice.recovery_curve is not None:
        return recovery_values(revision, choice)
    scan = scan_of(revision, choice)
    corrected = storage.load_array(revision.image.emission_sha256).astype(np.float32)
    corrected[scan.box] = np.maximum(_image(scan, choice, choice.fwhm_mm).values, 0.0)
    return corrected


def scan_of(revision: ContourRevision, choice: PartialVolume) -> Scan:
    image = revision.image
    grid = grid_from_dict(image.emission_grid)
    label_grid = grid_from_dict(image.label_grid)
    values = storage.load_array(image.emission_sha256)
    shares = {
        str(region): np.minimum(coverage_fraction(mask, label_grid, grid), 1.0)
        for region, mask in label_masks(revision).items()
    }
    shares = {name: share for name, share in shares.items() if share.any()}
    body = _body(revision, grid)
    box = _box(sum(shares.values()) + body, grid, margin_mm=MARGIN_SIGMAS / 2.355 * choice.fwhm_mm)
    fractions = {name: share[box] for name, share in shares.items()}
    rest = np.clip(body[box] - sum(fractions.values()), 0.0, 1.0)
    if rest.any():
        fractions[BODY] = rest
    return Scan(values=values[box], fractions=fractions, grid=grid, box=box)


def _body(revision: ContourRevision, grid: Grid) -> np.ndarray:
    """Return 1 in voxels of the body as the CT shows it, else 1 everywhere."""
    density = density_of(revision.image, grid=grid, parameters={}).g_per_ml
    if isinstance(density, int | float):
        return np.ones(grid.shape_zyx, dtype=np.float32)
    return (density.values > BODY_G_PER_ML).astype(np.float32)


def _box(share: np.ndarray, grid: Grid, *, margin_mm: float) -> tuple[slice, slice, slice]:
    """Return the smallest box round what is not zero, with a margin into which the image spills."""
    slices = []
    for axis, spacing_mm in enumerate(reversed(grid.spacing_xyz_mm)):
        others = tuple(i for i in range(3) if i != axis)
        inside = np.flatnonzero(share.any(axis=others))
        margin = int(np.ceil(margin_mm / spacing_mm))
        slices.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + margin + 1))
    return slices[0], slices[1], slices[2]


def _factors(scan: Scan, choice: PartialVolume, fwhm_mm: float) -> dict[str, float]:
    """Return corrected over measured activity of every region."""
    if choice.method == "gtm":
        found = gtm(scan.values, scan.fractions, spacing_xyz_mm=scan.grid.spacing_xyz_mm, fwhm_mm=fwhm_mm)
        pairs = zip(found.names, found.means, found.observed_means, strict=True)
        return {name: float(mean / raw) for name, mean, raw in pairs if name in scan.fractions and raw > 0.0}
    image = _image(scan, choice, fwhm_mm)
    if choice.method == "iterative_yang":
        raw = {name: change.before / float(scan.fractions[name].sum()) for name, change in image.changes.items()}
        return {name: image.region_means[name] / raw[name] for name in raw if raw[name] > 0.0}
    changes = {name: change.relative_change for name, change in image.changes.items()}
    return {name: 1.0 + change for name, change in changes.items() if change is not None}


def corrected_regions(scan: Scan, choice: PartialVolume, fwhm_mm: float) -> dict[str, float]:
    """Return the corrected mean of every region (Richardson-Lucy: its sum over voxels), Bq/mL."""
    if choice.method == "gtm":
        found = gtm(scan.values, scan.fractions, spacing_xyz_mm=scan.grid.spacing_xyz_mm, fwhm_mm=fwhm_mm)
        return dict(zip(found.names, found.means.tolist(), strict=True))
    image = _image(scan, choice, fwhm_mm)
    if choice.method == "iterative_yang":
        return image.region_means
    return {name: change.after for name, change in image.changes.items()}


def _image(scan: Scan, choice: PartialVolume, fwhm_mm: float) -> CorrectedImage:
    arguments = {"spacing_xyz_mm": scan.grid.spacing_xyz_mm, "fwhm_mm": fwhm_mm}
    if choice.method == "gtm":
        return rbv(scan.values, scan.fractions, **arguments)
    if choice.method == "iterative_yang":
        return iterative_yang(scan.values, scan.fractions, n_iterations=choice.n_iterations, **arguments)
    values = np.maximum(scan.values, 0.0)
    return richardson_lucy(values, fractions=scan.fractions, n_iterations=choice.n_iterations, **arguments)
