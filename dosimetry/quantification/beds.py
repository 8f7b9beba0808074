"""Several beds of one scan joined into one image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.findings import Finding
from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.decay import decay_factor
from dosimetry.volume import Grid, Volume

POSITION_TOLERANCE_MM = 0.1
"""Largest distance between voxel centres of two beds that shall coincide: header positions are rounded."""
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bed:
    """Values of a bed on the slices of the first one: from slice ``start`` on, moved by ``moved_mm`` at most."""

    values: FloatArray
    start: int
    moved_mm: float = 0.0

    @property
    def stop(self) -> int:
        return self.start + len(self.values)

    def between_others(self, *, has_below: bool, has_above: bool) -> "_Bed":
        """Return the bed without the end slices that it fills in part, where another bed lies beyond them."""
        if not self.moved_mm:
            return self
        first, last = int(has_below), len(self.values) - int(has_above)
        return replace(self, values=self.values[first:last], start=self.start + first)


def join_beds(images: Sequence[EmissionImage], *, nuclide: Nuclide) -> EmissionImage:
    """Join the reconstructed images of several beds of one scan into one.

    Every bed is brought to the mid-acquisition time of the first (earliest) bed with A(t1) = A(t2) exp(l (t2 - t1)).
    Where two beds overlap by n slices, the weight of the upper one rises linearly, 0, 1/(n - 1), ..., 1: the end slice
    of a bed, whose neighbours the camera did not see, counts only where nothing else is there. A bed that lies between
    the slices of the first is moved onto them linearly: each of its slices gives to the two nearest by their distance,
    which keeps the sum. Its outermost slice then holds what the bed saw of it.

    Parameters
    ----------
    images : sequence of EmissionImage
        One or more, in any order: one frame of reference, one unit, columns and rows at the same places, one slice
        spacing, overlapping or touching along the slice axis, by any step. Not corrected for decay; counts need equal
        durations.
    nuclide : Nuclide
        Decay data of the course's nuclide.

    Returns
    -------
    EmissionImage
        Values as of the first bed's time, with its series facts, and findings that say what was joined and moved. A
        single bed comes back as it is.

    Raises
    ------
    InvalidInputError
        No image, different units, values already corrected for decay, counts of different durations, or a bed that
        lies inside another.
    InsufficientDataError
        A bed without acquisition time.
    GeometryMismatchError
        Another frame of reference, other spacing or axes, shifted rows or columns, or a gap between beds.

    Notes
    -----
    Physical decay only: what biology moves between two beds stays in the image. Three beds must not overlap in one
    slice. Moving a bed by half a slice averages neighbouring slices: it blurs by about a slice, along the axis only.
    """
    if not images:
        raise InvalidInputError("There is no bed to join; give at least one image.", code="no_beds")
    if len(images) == 1:
        return images[0]
    mids_s = _mid_acquisitions_s(images)
    first = images[int(np.argmin(mids_s))]
    _check_values(images)
    placed = [_placed(image, first) for image in images]
    order = sorted(range(len(images)), key=lambda number: (placed[number].start, placed[number].moved_mm > 0.0))
    last = len(order) - 1
    beds = [placed[n].between_others(has_below=place > 0, has_above=place < last) for place, n in enumerate(order)]
    _check_order([(bed.start, bed.stop) for bed in beds])
    low, high = beds[0].start, max(bed.stop for bed in beds)
    joined = np.zeros((high - low, *first.volume.values.shape[1:]))
    for place, (n, bed) in enumerate(zip(order, beds, strict=True)):
        below = beds[place - 1].stop - bed.start if place > 0 else 0
        above = bed.stop - beds[place + 1].start if place < last else 0
        back = 1.0 / decay_factor(decay_constant_per_s=nuclide.decay_constant_per_s, elapsed_s=float(mids_s[n]))
        weights = back * _weights(len(bed.values), below=below, above=above)
        joined[bed.start - low : bed.stop - low] += weights[:, None, None] * bed.values
    image = _as_image(images, first, joined, low, longest_s=float(mids_s.max()))
    return replace(image, findings=(*image.findings, *_moved_findings(beds)))


def _mid_acquisitions_s(images: Sequence[EmissionImage]) -> FloatArray:
    """Return the mid-acquisition times after the earliest one, s."""
    mids = [image.mid_acquisition for image in images]
    known = [mid for mid in mids if mid is not None]
    if len(known) < len(mids):
        raise InsufficientDataError("A bed states no acquisition time; enter it before joining beds.", code="no_time")
    return np.array([(mid - min(known)).total_seconds() for mid in known])


def _check_values(images: Sequence[EmissionImage]) -> None:
    units = sorted({image.volume.unit for image in images})
    if len(units) > 1:
        raise InvalidInputError(f"Beds in different units cannot be joined: {', '.join(units)}.", code="bed_units")
    for image in images:
        stated = image.series.decay_correction
        if stated != "NONE":
            raise InvalidInputError(
                f"Beds are joined before decay correction; one states {stated or 'an unknown reference'!r}. Export the "
                "beds without decay correction, or let the scanner join them.",
                code="bed_decay",
            )
    durations = {image.series.frame_duration_s for image in images}
    if units == ["counts"] and len(durations) > 1:
        raise InvalidInputError(
            "Beds in counts lasted differently long; convert them to Bq/mL before joining.", code="bed_durations"
        )


def _placed(image: EmissionImage, reference: EmissionImage) -> _Bed:
    """Return a bed on the slices of the reference; each slice of one between them is shared by its two neighbours."""
    values = np.asarray(image.volume.values, dtype=np.float64)
    position = _position(image, reference)
    spacing_mm = reference.volume.grid.spacing_xyz_mm[2]
    nearest = round(position)
    moved_mm = abs(position - nearest) * spacing_mm
    if moved_mm <= POSITION_TOLERANCE_MM:
        return _Bed(values=values, start=nearest)
    start = int(np.floor(position))
    share = position - start
    spread = np.zeros((len(values) + 1, *values.shape[1:]))
    spread[:-1] = (1.0 - share) * values
    spread[1:] += share * values
    return _Bed(values=spread, start=start, moved_mm=moved_mm)


def _moved_findings(beds: Sequence[_Bed]) -> list[Finding]:
    moved = [bed for bed in beds if bed.moved_mm]
    if not moved:
        return []
    text = (
        f"{len(moved)} of {len(beds)} beds lay between the slices of the first and were moved onto them linearly, by "
        f"up to {max(bed.moved_mm for bed in moved):.1f} mm; they are blurred by about a slice along the axis."
    )
    return [Finding(code="beds_moved", level="note", message=text)]


def _position(image: EmissionImage, reference: EmissionImage) -> float:
    """Return where the bed's first slice lies among the slices of the reference; negative before its first."""
    volume, other = image.volume, reference.volume
    if volume.frame_of_reference_uid != other.frame_of_reference_uid or not volume.frame_of_reference_uid:
        raise GeometryMismatchError(
            "The beds lie in different frames of reference; register them instead of joining.", code="bed_frame"
        )
    is_alike = (
        volume.grid.shape_zyx[1:] == other.grid.shape_zyx[1:]
        and np.allclose(volume.grid.spacing_xyz_mm, other.grid.spacing_xyz_mm, rtol=0.0, atol=1e-3)
        and np.allclose(volume.grid.direction, other.grid.direction, rtol=0.0, atol=1e-4)
    )
    if not is_alike:
        raise GeometryMismatchError(
            f"The beds have different voxels: {volume.grid.spacing_xyz_mm} mm, {volume.grid.shape_zyx[1:]} and "
            f"{other.grid.spacing_xyz_mm} mm, {other.grid.shape_zyx[1:]}; resample them to one grid first.",
            code="bed_voxels",
        )
    index = other.grid.lps_mm_to_index(np.asarray(volume.grid.origin_lps_mm))
    off_mm = np.abs(index[1:] * np.asarray(other.grid.spacing_xyz_mm)[1::-1])
    if off_mm.max() > POSITION_TOLERANCE_MM:
        raise GeometryMismatchError(
            f"Rows or columns of the beds are shifted by {off_mm.max():.2f} mm; resample them to one grid first.",
            code="bed_shifted",
        )
    return float(index[0])


def _check_order(extents: list[tuple[int, int]]) -> None:
    """Refuse gaps, beds inside others, and three beds in one slice."""
    for number, ((start, stop), (next_start, next_stop)) in enumerate(pairwise(extents)):
        if next_start > stop:
            raise GeometryMismatchError(
                f"Beds {number + 1} and {number + 2} from the first slice on leave a gap of {next_start - stop} "
                "slices; add the bed between them.",
                code="bed_gap",
            )
        if next_start == start or next_stop <= stop:
            raise InvalidInputError("One bed lies inside another; leave one of them out.", code="bed_inside")
    for (_, stop), (later_start, _) in zip(extents, extents[2:], strict=False):
        if later_start < stop:
            raise InvalidInputError("Three beds overlap in one slice; leave the middle one out.", code="bed_inside")


def _weights(n_slices: int, *, below: int, above: int) -> FloatArray:
    """Return the weight of each slice: rising over the overlap below, falling over that above."""
    weights = np.ones(n_slices)
    weights[:below] = _rise(below)
    weights[n_slices - above :] = _rise(above)[::-1]
    return weights


def _rise(n_slices: int) -> FloatArray:
    """Return the weights of the upper bed over an overlap: from 0 to 1, a half for a single slice."""
    return np.full(1, 0.5) if n_slices == 1 else np.linspace(0.0, 1.0, n_slices)


def _as_image(
    images: Sequence[EmissionImage], first: EmissionImage, values: FloatArray, low: int, *, longest_s: float
) -> EmissionImage:
    grid = first.volume.grid
    origin = grid.index_to_lps_mm(np.array([float(low), 0.0, 0.0]))
    joined = Grid(
        shape_zyx=(values.shape[0], values.shape[1], values.shape[2]),
        spacing_xyz_mm=grid.spacing_xyz_mm,
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=grid.direction,
    )
    text = (
        f"{len(images)} beds joined; all are as of the middle of the first, up to {longest_s / 60.0:.0f} min earlier. "
        "Overlapping slices go over linearly."
    )
    findings = tuple(dict.fromkeys(finding for image in images for finding in image.findings))
    return replace(
        first,
        volume=Volume(
            values=values.astype(np.float32),
            grid=joined,
            unit=first.volume.unit,
            frame_of_reference_uid=first.volume.frame_of_reference_uid,
        ),
        series=replace(first.series, corrections=tuple(c for c in first.series.corrections if _all_state(images, c))),
        findings=(*findings, Finding(code="beds_joined", level="note", message=text)),
    )


def _all_state(images: Sequence[EmissionImage], correction: str) -> bool:
    return all(correction in image.series.corrections for image in images)
