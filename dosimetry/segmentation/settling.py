"""Contours carried from another scan, moved with their shape kept to where a network sees their organ."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.boxes import Box, Mask, bounding_box
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid, Volume

STAYS = (0.0, 0.0, 0.0)
REACH_MM = 25.0
"""The liver moves by 10 to 25 mm on average in quiet breathing (Langen and Jones, IJROBP 50:265, 2001)."""
LEAST_AGREEMENT = 0.7
"""Dice at which two contours are of the same organ in the same place; below it nothing is moved."""
LEAST_GAIN = 0.01
SEEN = 0.5
"""Probability, and share of a voxel, from which it belongs to the organ."""
FAR_MM = 12.0
"""Three voxels of the network: a shift that a person should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Where a contour that was carried from another scan belongs.

    Parameters
    ----------
    shift_lps_mm : (x, y, z) float
        To be added to its points; zero where it stays.
    agreement : float
        Dice with where the organ is likelier than not, after the shift; 0 where it is not seen.
    agreement_before : float
        The same before the shift.
    """

    shift_lps_mm: tuple[float, float, float]
    agreement: float
    agreement_before: float

    @property
    def distance_mm(self) -> float:
        """Return the length of the shift."""
        return float(np.linalg.norm(self.shift_lps_mm))

    @property
    def is_moved(self) -> bool:
        """Return whether it moves at all."""
        return self.distance_mm > 0.0

    @property
    def is_doubtful(self) -> bool:
        """Return whether a person should look: the organ is seen far away, or hardly."""
        return self.distance_mm > FAR_MM or self.agreement < LEAST_AGREEMENT


def settled(mask: Mask, grid: Grid, *, chance: Volume, reach_mm: float = REACH_MM) -> Settling:
    """Return the shift that lays a contour over the probability of its organ.

    The product of contour and probability is summed for every shift up to ``reach_mm``; a parabola through the best
    sum and its neighbours along each axis gives fractions of a voxel. Only a shift is searched: an organ keeps its
    size and shape between scans, and the dose its mass. Where the organ is hardly seen, or no shift is better than
    none, the contour stays.

    Parameters
    ----------
    mask : (n_z, n_y, n_x) bool array
        As carried by the registration, in the frame of the scan; not empty.
    grid : Grid
        Its voxels.
    chance : Volume
        Probability of the organ, from 0 to 1, in the same frame.
    reach_mm : float
        Longest shift along each axis, mm.

    Returns
    -------
    Settling
        Shift and agreement.

    Raises
    ------
    GeometryMismatchError
        Mask and grid have different shapes.
    InvalidInputError
        Nothing is drawn (``empty_region``).
    """
    if mask.shape != grid.shape_zyx:
        raise GeometryMismatchError(f"The mask has shape {mask.shape}, its grid {grid.shape_zyx}.")
    if not mask.any():
        raise InvalidInputError("The region is empty; draw it first.", code="empty_region")
    working = chance.grid
    drawn = coverage_fraction(mask, grid, working)
    if not drawn.any():
        return Settling(shift_lps_mm=STAYS, agreement=0.0, agreement_before=0.0)
    reach = np.ceil(reach_mm / np.array(working.spacing_xyz_mm[::-1])).astype(int)
    around = np.pad(np.asarray(chance.values, dtype=np.float32), [(int(n), int(n)) for n in reach])
    box = bounding_box(drawn > 0.0)
    # What lies further away than the reach is not this organ's.
    near = around[_widened(box, reach)]
    sums = correlate(near, drawn[box], mode="valid", method="fft")
    best = np.array(np.unravel_index(int(sums.argmax()), sums.shape))
    before, after = (_dice_at(place, drawn[box] >= SEEN, near >= SEEN) for place in (reach, best))
    if after < LEAST_AGREEMENT or after - before < LEAST_GAIN:
        return Settling(shift_lps_mm=STAYS, agreement=before, agreement_before=before)
    steps = best - reach + np.array([_top_between(sums, best, axis) for axis in range(3)])
    x, y, z = (float(v) for v in working.direction_matrix @ (steps[::-1] * np.array(working.spacing_xyz_mm)))
    return Settling(shift_lps_mm=(x, y, z), agreement=after, agreement_before=before)


def _dice_at(place: NDArray[np.int_], drawn: Mask, seen: Mask) -> float:
    """Return the Dice of a contour whose box lies at a place in the box around it."""
    there = seen[tuple(slice(int(n), int(n) + size) for n, size in zip(place, drawn.shape, strict=True))]
    total = int(np.count_nonzero(drawn)) + int(np.count_nonzero(seen))
    return 2.0 * float(np.count_nonzero(drawn & there)) / total if total else 0.0


def _widened(box: Box, reach: NDArray[np.int_]) -> Box:
    """Return a box grown by the reach, in an array that was padded by it."""
    z, y, x = (slice(part.start, part.stop + 2 * int(n)) for part, n in zip(box, reach, strict=True))
    return z, y, x


def _top_between(sums: NDArray[Any], best: NDArray[np.int_], axis: int) -> float:
    """Return where between the neighbours along an axis a parabola has its top, voxels; 0 at the end of the reach."""
    if not 0 < best[axis] < sums.shape[axis] - 1:
        return 0.0
    step = np.eye(3, dtype=int)[axis]
    low, middle, high = (float(sums[tuple(best + n * step)]) for n in (-1, 0, 1))
    bend = low - 2.0 * middle + high
    return 0.5 * (low - high) / bend if bend < 0.0 else 0.0
