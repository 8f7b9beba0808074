"""RT structure sets: polygons as drawn, and masks by the even-odd rule at voxel centres."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import items_of, number_of, read_header, text_of, value_of
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid

MAX_POINTS = 5_000_000
PLANE_TOLERANCE_MM = 0.05
CLOSED_TYPES = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}
"""Both are filled by the even-odd rule (DICOM PS3.3 C.8.8.6.3)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContouredRegion:
    """Hold one region of a structure set: closed planar polygons, each (n, 3) LPS mm."""

    number: int
    name: str
    interpreted_type: str
    polygons_lps_mm: tuple[NDArray[np.float64], ...]
    frame_of_reference_uid: str

    @property
    def volume_by_polygon_ml(self) -> float | None:
        """Return area times plane distance, holes subtracted by the even-odd rule, in mL.

        None for contours on one plane only, which state no thickness. Loops that cross themselves count with the
        difference of their parts.
        """
        planes = _by_plane(self.polygons_lps_mm)
        if len(planes) < 2:
            return None
        thickness = float(np.median(np.diff(sorted(planes))))
        total = 0.0
        for polygons in planes.values():
            total += _even_odd_area_mm2(polygons)
        return total * thickness / 1e3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureSet:
    """Hold a structure set and the images that it was drawn on."""

    label: str
    regions: tuple[ContouredRegion, ...]
    frame_of_reference_uid: str
    referenced_series_uids: tuple[str, ...]
    approval_status: str


def read_rtstruct(path: Path) -> StructureSet:
    """Read the closed planar contours of a structure set.

    Parameters
    ----------
    path : Path
        An RT Structure Set.

    Returns
    -------
    StructureSet
        Regions with at least one polygon; names without control characters.

    Raises
    ------
    InvalidInputError
        No contours, malformed coordinates, or more points than can be handled.
    """
    dataset = read_header(path).dataset
    names = _by_number(dataset, "StructureSetROISequence", "ROINumber")
    types = _by_number(dataset, "RTROIObservationsSequence", "ReferencedROINumber")
    regions, n_points = [], 0
    for number, roi in _by_number(dataset, "ROIContourSequence", "ReferencedROINumber").items():
        polygons, n_read = _polygons(roi, n_allowed=MAX_POINTS - n_points)
        n_points += n_read
        if not polygons or number not in names:
            continue
        regions.append(
            ContouredRegion(
                number=number,
                name=text_of(names[number], "ROIName") or f"Region {number}",
                interpreted_type=text_of(types.get(number, Dataset()), "RTROIInterpretedType"),
                polygons_lps_mm=polygons,
                frame_of_reference_uid=text_of(names[number], "ReferencedFrameOfReferenceUID"),
            )
        )
    if not regions:
        raise InvalidInputError("The structure set holds no closed contours.", code="no_contours")
    return StructureSet(
        label=text_of(dataset, "StructureSetLabel"),
        regions=tuple(regions),
        frame_of_reference_uid=regions[0].frame_of_reference_uid,
        referenced_series_uids=_referenced_series(dataset),
        approval_status=text_of(dataset, "ApprovalStatus"),
    )


def _by_number(dataset: Dataset, sequence: str, keyword: str) -> dict[int, Dataset]:
    numbered = ((number_of(item, keyword), item) for item in items_of(dataset, sequence))
    return {int(number): item for number, item in numbered if number is not None}


def _polygons(roi: Dataset, *, n_allowed: int) -> tuple[tuple[NDArray[np.float64], ...], int]:
    polygons, n_read = [], 0
    for contour in items_of(roi, "ContourSequence"):
        points = _points(value_of(contour, "ContourData"))
        n_read += len(points)
        if n_read > n_allowed:
            raise InvalidInputError("The structure set has too many points.", code="too_many_points")
        if text_of(contour, "ContourGeometricType") in CLOSED_TYPES and len(points) >= 3:
            polygons.append(points)
    return tuple(polygons), n_read


def _referenced_series(dataset: Dataset) -> tuple[str, ...]:
    found = []
    for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
        for study in items_of(frame, "RTReferencedStudySequence"):
            found += [text_of(item, "SeriesInstanceUID") for item in items_of(study, "RTReferencedSeriesSequence")]
    return tuple(found)


def _points(data: Any) -> NDArray[np.float64]:
    try:
        values = np.asarray([float(value) for value in data], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError("A contour has coordinates that are no numbers.", code="bad_contour") from None
    if values.size % 3 or not np.all(np.isfinite(values)):
        raise InvalidInputError("A contour has incomplete coordinates.", code="bad_contour")
    return values.reshape(-1, 3)


def rasterise(region: ContouredRegion, grid: Grid) -> NDArray[np.bool_]:
    """Return the mask of a region on a grid: voxel centres inside by the even-odd rule.

    Polygons are taken in planes of constant array index z. A grid slice takes the nearest contour plane within half the
    distance between contour planes, so grids finer or coarser than the contours work; a slice half-way beyond the
    last plane belongs to one end only, so that every plane stands for one distance.

    Parameters
    ----------
    region : ContouredRegion
        Polygons in LPS mm, in the frame of the grid.
    grid : Grid
        Voxel centres.

    Returns
    -------
    (n_z, n_y, n_x) bool array
        The mask; empty when the region lies outside the grid.

    Raises
    ------
    InvalidInputError
        A polygon is not parallel to the slices of the grid.
    """
    mask = np.zeros(grid.shape_zyx, dtype=bool)
    planes: dict[float, list[NDArray[np.float64]]] = defaultdict(list)
    for polygon in region.polygons_lps_mm:
        indices = grid.lps_mm_to_index(polygon)
        if float(np.ptp(indices[:, 0])) * grid.spacing_xyz_mm[2] > 2.0 * PLANE_TOLERANCE_MM + 0.2:
            raise InvalidInputError("A contour is not parallel to the image slices.", code="oblique_contour")
        planes[_merged_level(planes, float(indices[:, 0].mean()), grid)].append(indices[:, 1:])
    levels = np.array(sorted(planes))
    half_gap = 0.5 * (float(np.median(np.diff(levels))) if levels.size > 1 else 1.0)
    reach = float(np.round(max(half_gap, 0.5), 3))
    first = max(int(np.floor(levels[0] - half_gap)), 0)
    last = min(int(np.ceil(levels[-1] + half_gap)), grid.shape_zyx[0] - 1)
    for k in range(first, last + 1):
        above = np.round(levels - k, 3)
        nearest = levels.size - 1 - int(np.argmin(np.abs(above[::-1])))  # of two equally near planes the upper one
        if -reach < above[nearest] <= reach:
            mask[k] = _fill(planes[float(levels[nearest])], mask.shape[1:])
    return mask


def _merged_level(planes: dict[float, list[NDArray[np.float64]]], level: float, grid: Grid) -> float:
    for known in planes:
        if abs(known - level) * grid.spacing_xyz_mm[2] < PLANE_TOLERANCE_MM:
            return known
    return level


def _fill(polygons: list[NDArray[np.float64]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Even-odd scan conversion: a voxel centre is inside when an odd number of edges lies to its left."""
    inside = np.zeros(shape, dtype=bool)
    columns = np.arange(shape[1])
    for polygon in polygons:
        y, x = polygon[:, 0], polygon[:, 1]
        y_next, x_next = np.roll(y, -1), np.roll(x, -1)
        first = max(int(np.ceil(y.min())), 0)
        last = min(int(np.floor(y.max())), shape[0] - 1)
        for row in range(first, last + 1):
            crosses = (y <= row) != (y_next <= row)
            if not crosses.any():
                continue
            share = (row - y[crosses]) / (y_next[crosses] - y[crosses])
            crossings = np.sort(x[crosses] + share * (x_next[crosses] - x[crosses]))
            n_left = np.searchsorted(crossings, columns, side="right")
            inside[row] ^= n_left % 2 == 1
    return inside


def _by_plane(polygons: tuple[NDArray[np.float64], ...]) -> dict[float, list[NDArray[np.float64]]]:
    planes: dict[float, list[NDArray[np.float64]]] = defaultdict(list)
    for polygon in polygons:
        level = float(polygon[:, 2].mean())
        known = next((item for item in planes if abs(item - level) < PLANE_TOLERANCE_MM), level)
        planes[known].append(polygon)
    return planes


def _even_odd_area_mm2(polygons: list[NDArray[np.float64]]) -> float:
    """Return the area of outer loops less that of loops whose first point lies inside an odd number of others."""
    total = 0.0
    for i, polygon in enumerate(polygons):
        x, y = polygon[:, 0], polygon[:, 1]
        area = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))
        depth = sum(_contains(other, x[0], y[0]) for j, other in enumerate(polygons) if j != i)
        total += area if depth % 2 == 0 else -area
    return total


def _contains(polygon: NDArray[np.float64], x0: float, y0: float) -> bool:
    x, y = polygon[:, 0], polygon[:, 1]
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    crosses = (y <= y0) != (y_next <= y0)
    if not crosses.any():
        return False
    at = x[crosses] + (y0 - y[crosses]) / (y_next[crosses] - y[crosses]) * (x_next[crosses] - x[crosses])
    return bool(np.count_nonzero(at <= x0) % 2)
