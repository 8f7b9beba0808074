"""Numbers that say how well two time points are aligned."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import GeometryMismatchError
from dosimetry.volume import RigidTransform, Volume, resample

RESIDUAL_GUIDE_MM = 5.0
OVERLAP_GUIDE = 0.8
SEARCH_MM = 20.0
MARGIN_MM = 8.0
"""A region is compared with its surroundings this far, so that its edge counts."""
N_BINS = 48
SAMPLE_MM = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationQuality:
    """Similarity over the common field, and the remaining shift of each region.

    Parameters
    ----------
    normalised_mutual_information : float
        1 (independent) to 2 (identical), after registration; ``before`` without it.
    normalised_mutual_information_before : float or None
        None when the fields do not overlap without registration.
    correlation : float
        Of the square roots of the values.
    overlap_fraction : float
        Share of the fixed image's activity inside the moving image.
    residual_mm : mapping of region to float
        Shift that would still improve the correlation around the region; nan becomes absence.
    findings : tuple of Finding
        Doubts.
    """

    normalised_mutual_information: float
    normalised_mutual_information_before: float | None
    correlation: float
    overlap_fraction: float
    residual_mm: Mapping[str, float]
    findings: tuple[Finding, ...]


def assess_registration(
    *,
    fixed: Volume,
    moving: Volume,
    transform: RigidTransform,
    regions: Mapping[str, NDArray[np.bool_]] | None = None,
) -> RegistrationQuality:
    """Measure similarity, overlap and, for each region, the residual shift.

    Parameters
    ----------
    fixed, moving : Volume
        Activity concentrations.
    transform : RigidTransform
        Points of the fixed frame to the moving frame.
    regions : mapping of name to (z, y, x) bool array, or None
        Masks on the grid of ``fixed``.

    Returns
    -------
    RegistrationQuality
        Numbers and findings.

    Raises
    ------
    GeometryMismatchError
        A mask does not lie on the grid of ``fixed``.
    """
    step = tuple(max(round(SAMPLE_MM / spacing), 1) for spacing in fixed.grid.spacing_xyz_mm[::-1])
    aligned = resample(moving, onto=fixed.grid, transform=transform, fill_value=np.nan)
    thin = tuple(slice(None, None, n) for n in step)
    a, b = np.sqrt(np.maximum(fixed.values[thin], 0.0)), aligned.values[thin]
    is_common = np.isfinite(b)
    overlap = float(a[is_common].sum() / max(float(a.sum()), 1e-12))
    after, correlation = _similarity(a[is_common], np.sqrt(np.maximum(b[is_common], 0.0)))
    residuals = {
        name: residual
        for name, mask in (regions or {}).items()
        if (residual := _residual_mm(fixed, aligned, mask)) is not None
    }
    return RegistrationQuality(
        normalised_mutual_information=after,
        normalised_mutual_information_before=_before(fixed, moving, thin),
        correlation=correlation,
        overlap_fraction=overlap,
        residual_mm=residuals,
        findings=_findings(overlap, residuals),
    )


def region_residual_mm(*, fixed: Volume, aligned: Volume, mask: NDArray[np.bool_]) -> float | None:
    """Measure how far a registered scan is still off in one region.

    Parameters
    ----------
    fixed, aligned : Volume
        Activity concentrations on one grid; nan where the registered scan does not reach.
    mask : (z, y, x) bool array
        The region on that grid.

    Returns
    -------
    float or None
        Shift in mm that would still improve the correlation round the region; None when it cannot be measured: an empty
        region, nothing to compare, or an end of the scan within 28 mm of it.

    Raises
    ------
    GeometryMismatchError
        The mask does not lie on the grid.
    """
    return _residual_mm(fixed, aligned, mask)


def _before(fixed: Volume, moving: Volume, thin: tuple[slice, ...]) -> float | None:
    placed = resample(moving, onto=fixed.grid, fill_value=np.nan).values[thin]
    is_common = np.isfinite(placed)
    if np.count_nonzero(is_common) < 0.05 * placed.size:
        return None
    a = np.sqrt(np.maximum(fixed.values[thin], 0.0))[is_common]
    return _similarity(a, np.sqrt(np.maximum(placed[is_common], 0.0)))[0]


def _similarity(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[float, float]:
    """Return normalised mutual information (Studholme) and Pearson correlation."""
    if a.size < 2 or float(a.std()) == 0.0 or float(b.std()) == 0.0:
        return 1.0, 0.0
    joint, _, _ = np.histogram2d(a, b, bins=N_BINS)
    p = joint / joint.sum()
    px, py = p.sum(axis=1), p.sum(axis=0)
    entropy = [float(-np.sum(q[q > 0] * np.log(q[q > 0]))) for q in (px, py, p.ravel())]
    return (entropy[0] + entropy[1]) / entropy[2], float(np.corrcoef(a, b)[0, 1])


def _residual_mm(fixed: Volume, aligned: Volume, mask: NDArray[np.bool_]) -> float | None:
    """Return the shift in mm that maximises the correlation round the region, or None outside."""
    if mask.shape != fixed.grid.shape_zyx:
        raise GeometryMismatchError("A region does not lie on the grid of the reference image.")
    if not mask.any():
        return None
    spacing = np.asarray(fixed.grid.spacing_xyz_mm[::-1])
    found = ndimage.find_objects(mask.astype(np.int8))[0]
    inner = _grown(found, np.ceil(MARGIN_MM / spacing).astype(int), mask.shape)
    outer = _grown(inner, np.ceil(SEARCH_MM / spacing).astype(int), mask.shape)
    a = np.sqrt(np.maximum(fixed.values[inner].astype(np.float64), 0.0))
    b = aligned.values[outer].astype(np.float64)
    if not np.isfinite(b).all():
        return None
    b = np.sqrt(np.maximum(b, 0.0))
    if a.std() == 0.0 or b.std() == 0.0:
        return None
    similarity = _local_correlation(a, b)
    peak = np.array(np.unravel_index(int(np.argmax(similarity)), similarity.shape), dtype=float)
    peak += _parabolic_offset(similarity, peak.astype(int))
    origin = np.array([part.start - whole.start for part, whole in zip(inner, outer, strict=True)])
    return float(np.linalg.norm((peak - origin) * spacing))


def _grown(box: tuple[slice, ...], n_voxels: NDArray[np.int_], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(max(part.start - int(n), 0), min(part.stop + int(n), size))
        for part, n, size in zip(box, n_voxels, shape, strict=True)
    )


def _local_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Pearson's correlation of ``a`` with every part of ``b`` of its size.

    Normalised at every shift: without that, the overlap of the backgrounds pulls the peak towards no shift.
    """
    centred, ones = a - a.mean(), np.ones_like(a)
    sums = [signal.correlate(values, ones, mode="valid", method="fft") for values in (b, b * b)]
    spread = np.maximum(sums[1] - sums[0] ** 2 / a.size, 0.0)
    product = signal.correlate(b, centred, mode="valid", method="fft")
    is_flat = spread <= 1e-9 * float(sums[1].max())
    scale = np.sqrt(np.where(is_flat, 1.0, spread)) * float(np.linalg.norm(centred))
    return np.where(is_flat, -1.0, product / scale)


def _parabolic_offset(values: NDArray[np.float64], peak: NDArray[np.intp]) -> NDArray[np.float64]:
    offset = np.zeros(3)
    for axis in range(3):
        if not 0 < peak[axis] < values.shape[axis] - 1:
            continue
        low, high = peak.copy(), peak.copy()
        low[axis] -= 1
        high[axis] += 1
        y0, y1, y2 = values[tuple(low)], values[tuple(peak)], values[tuple(high)]
        curvature = y0 - 2.0 * y1 + y2
        if curvature < 0.0:
            offset[axis] = 0.5 * (y0 - y2) / curvature
    return offset


def _findings(overlap: float, residuals: Mapping[str, float]) -> tuple[Finding, ...]:
    findings = []
    if overlap < OVERLAP_GUIDE:
        text = f"Only {100.0 * overlap:.0f} % of the reference's signal lies inside the other scan."
        findings.append(Finding(code="small_overlap", level="ask", message=text))
    for name, residual in residuals.items():
        if residual > RESIDUAL_GUIDE_MM:
            text = f"{name} is still {residual:.1f} mm off; guide {RESIDUAL_GUIDE_MM:.0f} mm."
            findings.append(Finding(code="residual", level="ask", message=text))
    return tuple(findings)
