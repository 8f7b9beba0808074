"""Several bed positions of one scan as one image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.findings import Finding
from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.volume import Grid, Volume

GRID_TOLERANCE_MM = 0.05
FloatArray = NDArray[np.float64]


def join_beds(images: Sequence[EmissionImage], *, nuclide: Nuclide) -> EmissionImage:
    """Join the beds of one scan: values at the time of the first bed, linear from one bed to the next where they meet.

    Parameters
    ----------
    images : sequence of EmissionImage
        In order of acquisition, each in Bq/mL, the mean of its own frame, not corrected for decay.
    nuclide : Nuclide
        Its decay between the beds is taken back: exp(lambda (t_i - t_1)).

    Returns
    -------
    EmissionImage
        With the header facts and the time of the first bed; one bed is returned as it is.

    Raises
    ------
    InsufficientDataError
        No bed, or a bed without a start time.
    InvalidInputError
        Values in another unit or corrected for decay, or two beds at one place (code ``same_place``).
    GeometryMismatchError
        Other frames of reference, pixels or slices, or a gap between beds (code ``bed_gap``).

    Notes
    -----
    Biological washout between beds, a per cent or so in half an hour, is not known here and stays.
    """
    if not images:
        raise InsufficientDataError("There is no bed to join.", code="no_bed")
    first = images[0]
    if len(images) == 1:
        return first
    for image in images:
        _check_alike(first, image)
    beds = sorted(((_at_first(image, first, nuclide), image.volume.grid) for image in images), key=_lowest)
    spacing = beds[0][1].spacing_xyz_mm[2]
    low, high = beds[0][1].origin_lps_mm[2], max(_top(grid) for _, grid in beds)
    n_slices = 1 + int((high - low) / spacing + 0.5 - 1e-6)
    z_mm = np.asarray(low + spacing * np.arange(n_slices), dtype=np.float64)
    total = np.zeros((z_mm.size, *beds[0][0].shape[1:]))
    weights = np.zeros(z_mm.size)
    reached = beds[0][1].origin_lps_mm[2]
    for number, (values, grid) in enumerate(beds):
        start, end = grid.origin_lps_mm[2], _top(grid)
        if number and start - reached < 0.0 and end <= reached + GRID_TOLERANCE_MM:
            raise InvalidInputError("Two beds cover the same place; choose one of them.", code="same_place")
        if start > reached + 1.5 * spacing:
            raise GeometryMismatchError(
                f"Between two beds {start - reached - spacing:.0f} mm are missing; add the bed that lies there.",
                code="bed_gap",
            )
        weight = np.clip(np.minimum(z_mm - start, end - z_mm) + 0.5 * spacing, 0.0, None)
        total += weight[:, None, None] * _on_slices(values, grid, z_mm)
        weights += weight
        reached = max(reached, end)
    x, y, _ = first.volume.grid.origin_lps_mm
    grid = Grid(
        shape_zyx=(z_mm.size, *first.volume.grid.shape_zyx[1:]),
        spacing_xyz_mm=first.volume.grid.spacing_xyz_mm,
        origin_lps_mm=(x, y, float(z_mm[0])),
    )
    joined = total / np.maximum(weights, np.finfo(float).tiny)[:, None, None]
    text = f"{len(images)} beds joined; decay between them is taken back to the first."
    return replace(
        first,
        volume=Volume(
            values=joined.astype(np.float32),
            grid=grid,
            unit="Bq/mL",
            frame_of_reference_uid=first.volume.frame_of_reference_uid,
        ),
        findings=(*first.findings, Finding(code="beds_joined", level="note", message=text)),
    )


def _check_alike(first: EmissionImage, other: EmissionImage) -> None:
    if other.volume.unit != "Bq/mL" or other.series.decay_correction != "NONE":
        raise InvalidInputError("Beds are joined in Bq/mL before decay is corrected.", code="bed_units")
    if other.mid_acquisition is None:
        raise InsufficientDataError("A bed states no time of acquisition.", code="no_time")
    a, b = first.volume.grid, other.volume.grid
    is_alike = (
        first.volume.frame_of_reference_uid == other.volume.frame_of_reference_uid
        and a.shape_zyx[1:] == b.shape_zyx[1:]
        and a.is_axis_aligned
        and b.is_axis_aligned
        and np.allclose(a.spacing_xyz_mm, b.spacing_xyz_mm, atol=GRID_TOLERANCE_MM)
        and np.allclose(a.origin_lps_mm[:2], b.origin_lps_mm[:2], atol=GRID_TOLERANCE_MM)
    )
    if not is_alike:
        raise GeometryMismatchError(
            "The beds differ in frame of reference, pixels or slices; they are not of one scan.", code="beds_differ"
        )


def _at_first(image: EmissionImage, first: EmissionImage, nuclide: Nuclide) -> FloatArray:
    if image.mid_acquisition is None or first.mid_acquisition is None:
        raise InsufficientDataError("A bed states no time of acquisition.", code="no_time")
    elapsed_s = (image.mid_acquisition - first.mid_acquisition).total_seconds()
    return np.asarray(image.volume.values, dtype=np.float64) * float(np.exp(nuclide.decay_constant_per_s * elapsed_s))


def _on_slices(values: FloatArray, grid: Grid, z_mm: FloatArray) -> FloatArray:
    """Return the bed on other slices along z, linear between its own; the last slice holds to its edge."""
    place = np.clip((z_mm - grid.origin_lps_mm[2]) / grid.spacing_xyz_mm[2], 0.0, values.shape[0] - 1.0)
    below = np.minimum(place.astype(int), values.shape[0] - 2) if values.shape[0] > 1 else np.zeros(place.size, int)
    share = (place - below)[:, None, None]
    above = np.minimum(below + 1, values.shape[0] - 1)
    return np.asarray((1.0 - share) * values[below] + share * values[above])


def _lowest(bed: tuple[FloatArray, Grid]) -> float:
    return bed[1].origin_lps_mm[2]


def _top(grid: Grid) -> float:
    return grid.origin_lps_mm[2] + (grid.shape_zyx[0] - 1) * grid.spacing_xyz_mm[2]
