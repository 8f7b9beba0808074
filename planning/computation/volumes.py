"""Display copies of volumes: raw little-endian voxels on the LPS axes, gzip level 1, with their header."""

import gzip
import hashlib
from typing import Any

import numpy as np

from dosimetry.volume import Grid, RigidTransform, Volume, resample
from planning import storage

MAX_VOXELS = 16_000_000
MAX_IN_PLANE = 320
MAX_SLICES = 400
WINDOW_QUANTILE = 0.995
HU_LIMITS = (-1024, 3071)
MGY = 1000.0
MOST_SHOWN_PERCENT = 200.0
"""Uncertainties are shown up to here; a voxel of noise may have millions, which would leave no steps for the others."""


def display_grid(grid: Grid) -> tuple[Grid, bool]:
    """Return the LPS-aligned grid on which a volume is shown, and whether it is coarser than the stored one."""
    lps_axes = np.abs(grid.direction_matrix)
    order = [int(np.argmax(lps_axes[i])) for i in range(3)]
    spacing = [grid.spacing_xyz_mm[axis] for axis in order]
    size = np.array(grid.shape_zyx[::-1])
    corners = np.array([[z, y, x] for z in (0, size[2] - 1) for y in (0, size[1] - 1) for x in (0, size[0] - 1)])
    points = grid.index_to_lps_mm(corners)
    low, high = points.min(axis=0), points.max(axis=0)
    counts = [round(float(extent) / step) + 1 for extent, step in zip(high - low, spacing, strict=True)]
    limits = (MAX_IN_PLANE, MAX_IN_PLANE, MAX_SLICES)
    factors = [max(-(-count // limit), 1) for count, limit in zip(counts, limits, strict=True)]
    while np.prod([-(-count // factor) for count, factor in zip(counts, factors, strict=True)]) > MAX_VOXELS:
        factors[2] += 1
    spacing = [step * factor for step, factor in zip(spacing, factors, strict=True)]
    counts = [-(-count // factor) for count, factor in zip(counts, factors, strict=True)]
    x, y, z = (float(value) for value in low)
    shown = Grid(
        shape_zyx=(counts[2], counts[1], counts[0]),
        spacing_xyz_mm=(spacing[0], spacing[1], spacing[2]),
        origin_lps_mm=(x, y, z),
    )
    return shown, max(factors) > 1


def emission_asset(volume: Volume, *, kind: str, onto: Grid | None = None, transform=None) -> dict[str, Any]:
    """Return the fields of a VolumeAsset of an emission volume, resampled onto a grid if asked."""
    grid, is_downsampled = (onto, False) if onto is not None else display_grid(volume.grid)
    values = _on_grid(volume, grid, transform, fill_value=-1.0)
    values = np.where(values < 0.0, -1.0, values).astype(np.float32)
    window = (0.0, max(float(np.quantile(values[::2, ::2, ::2], WINDOW_QUANTILE)), 1.0))
    header = _header(kind, grid, values, unit="Bq/mL", window=window, missing=-1.0, volume=volume)
    return _asset(kind, {**header, "is_downsampled": is_downsampled}, values)


def ct_asset(volume: Volume) -> dict[str, Any]:
    grid, is_downsampled = display_grid(volume.grid)
    values = np.clip(np.rint(_on_grid(volume, grid, None, fill_value=-1024.0)), *HU_LIMITS).astype(np.int16)
    header = _header("ct", grid, values, unit="HU", window=(-160.0, 240.0), missing=None, volume=volume)
    return _asset("ct", {**header, "is_downsampled": is_downsampled}, values)


def dose_display_asset(dose: Volume) -> dict[str, Any]:
    """Return dose in mGy on its own axis-aligned grid."""
    grid, is_downsampled = display_grid(dose.grid)
    values = (_on_grid(dose, grid, None, fill_value=-1.0 / MGY) * MGY).astype(np.float32)
    values = np.where(values < 0.0, -1.0, values).astype(np.float32)
    top = max(float(np.quantile(values[::2, ::2, ::2], 0.999)), 10.0)
    header = _header("dose", grid, values, unit="mGy", window=(0.0, top), missing=-1.0, volume=dose)
    return _asset("dose", {**header, "is_downsampled": is_downsampled}, values)


def tia_uncertainty_asset(tia: Volume, standard_uncertainty: Volume) -> dict[str, Any]:
    """Return u(TIA)/TIA in %, cut at 200, on its own axis-aligned grid; missing without signal or known noise."""
    has_signal = tia.values > 0.0
    percent = 100.0 * standard_uncertainty.values / np.where(has_signal, tia.values, 1.0)
    shown = np.minimum(percent, MOST_SHOWN_PERCENT)
    percent = np.where(has_signal & np.isfinite(percent), shown, -1.0).astype(np.float32)
    grid, is_downsampled = display_grid(tia.grid)
    values = _on_grid(tia.with_values(percent), grid, None, fill_value=-1.0)
    values = np.where(values < 0.0, -1.0, values).astype(np.float32)
    header = _header("uncertainty", grid, values, unit="%", window=(0.0, 100.0), missing=-1.0, volume=tia)
    return _asset("uncertainty", {**header, "is_downsampled": is_downsampled}, values)


def label_asset(labels: np.ndarray, *, grid: Grid, frame_of_reference_uid: str) -> dict[str, Any]:
    values = np.ascontiguousarray(labels, dtype=np.uint8)
    volume = Volume(values=values, grid=grid, unit="1", frame_of_reference_uid=frame_of_reference_uid)
    header = _header("labels", grid, values, unit="", window=(0.0, 1.0), missing=None, volume=volume)
    return _asset("labels", {**header, "is_downsampled": False}, values)


def _on_grid(volume: Volume, grid: Grid, transform: RigidTransform | None, *, fill_value: float) -> np.ndarray:
    if transform is None and volume.grid.matches(grid):
        return volume.values
    return resample(volume, onto=grid, transform=transform, fill_value=fill_value).values


def _header(kind: str, grid: Grid, values: np.ndarray, *, unit, window, missing, volume: Volume) -> dict[str, Any]:
    n_z, n_y, n_x = grid.shape_zyx
    return {
        "kind": kind,
        "dimensions": [n_x, n_y, n_z],
        "spacing_mm": list(grid.spacing_xyz_mm),
        "origin_lps_mm": list(grid.origin_lps_mm),
        "direction": list(grid.direction),
        "dtype": values.dtype.name,
        "unit": unit,
        "frame_of_reference_uid": volume.frame_of_reference_uid,
        "value_range": [float(values.min()), float(values.max())],
        "missing_value": missing,
        "window": {"lower": window[0], "upper": window[1]},
        "source_spacing_mm": list(volume.grid.spacing_xyz_mm),
    }


def _asset(kind: str, header: dict[str, Any], values: np.ndarray) -> dict[str, Any]:
    raw = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False)).tobytes()
    sha256 = hashlib.sha256(raw).hexdigest()
    stored = storage.store_bytes(gzip.compress(raw, compresslevel=1, mtime=0))
    return {
        "kind": kind,
        "header": {**header, "sha256": sha256},
        "voxels_sha256": sha256,
        "object_sha256": stored,
    }
