"""DICOM segmentations: one mask per segment, placed by the position of each frame."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import unpack_bits

from dosimetry.dicomio.geometry import TILT_TOLERANCE, normal_of, stack_grid
from dosimetry.dicomio.headers import items_of, number_of, numbers_of, read_with_pixels, text_of
from dosimetry.dicomio.pixels import NATIVE, read_stored_values
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from dosimetry.volume import Volume

MAX_SEGMENTS = 255
MAX_SLICES = 5000
SAME_PLANE_MM = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedRegion:
    """Hold one segment: its mask (unit 1, values 0 to 1) and what it is called."""

    number: int
    label: str
    mask: Volume
    tracking_uid: str
    algorithm_type: str
    category: str
    property_type: str


def read_seg(path: Path) -> tuple[SegmentedRegion, ...]:
    """Read a BINARY or FRACTIONAL segmentation; sparse frames are placed by their position.

    Parameters
    ----------
    path : Path
        A Segmentation object.

    Returns
    -------
    tuple of SegmentedRegion
        One for each segment that has frames; all on one common grid.

    Raises
    ------
    InvalidInputError
        Frames without a position, with several orientations, shifted or uneven planes, one segment twice on a plane,
        or pixels that do not fit.
    UnsupportedDicomError
        Label maps, compressed binary segmentations, and more segments or slices than can be handled.
    """
    header = read_with_pixels(path)
    dataset = header.dataset
    kind = text_of(dataset, "SegmentationType")
    if kind not in {"BINARY", "FRACTIONAL"}:
        raise UnsupportedDicomError("Only binary and fractional segmentations are read.", code="seg_type")
    segments = items_of(dataset, "SegmentSequence")
    if not 1 <= len(segments) <= MAX_SEGMENTS:
        raise UnsupportedDicomError(f"A segmentation holds 1 to {MAX_SEGMENTS} segments.", code="seg_count")
    if kind == "BINARY" and header.transfer_syntax_uid not in NATIVE:
        raise UnsupportedDicomError("Compressed binary segmentations are not read.", code="seg_compressed")
    frames = _frame_values(path, dataset, kind)
    plane, positions, numbers = _frame_places(dataset, frames.shape[0])
    return _assemble(dataset, frames, plane, positions, numbers)


def _frame_values(path: Path, dataset: Dataset, kind: str) -> NDArray[np.float32]:
    if kind == "BINARY" and int(number_of(dataset, "BitsAllocated") or 0) == 1:
        n = int(number_of(dataset, "NumberOfFrames") or 1)
        rows, columns = int(number_of(dataset, "Rows") or 0), int(number_of(dataset, "Columns") or 0)
        raw = dataset.get("PixelData") or b""
        if rows < 1 or columns < 1 or len(raw) * 8 < n * rows * columns:
            raise InvalidInputError("Pixel data do not fill the stated matrix.", code="pixel_bytes")
        bits = np.asarray(unpack_bits(raw))[: n * rows * columns]
        return bits.reshape(n, rows, columns).astype(np.float32)
    stored, _ = read_stored_values(path)
    largest = number_of(dataset, "MaximumFractionalValue")
    if kind == "FRACTIONAL" and (largest is None or largest <= 0.0):
        raise InvalidInputError("The segmentation does not say which value is one.", code="no_fraction")
    largest = 1.0 if kind == "BINARY" or largest is None else largest
    return (stored / largest).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plane:
    """What all frames share: axes, pixel spacing, and the stated distance and thickness of slices, mm."""

    orientation: tuple[float, ...]
    spacing_mm: tuple[float, ...]
    distance_mm: float | None
    thickness_mm: float | None


def _frame_places(dataset: Dataset, n_frames: int) -> tuple[_Plane, list[NDArray[np.float64]], list[int]]:
    shared = items_of(dataset, "SharedFunctionalGroupsSequence")
    frames = items_of(dataset, "PerFrameFunctionalGroupsSequence")
    if len(frames) != n_frames:
        raise InvalidInputError("Frames and their descriptions differ in number.", code="frames_differ")
    positions, numbers = [], []
    orientations, spacings = set(), set()
    distance = thickness = None
    for frame in frames:
        position = numbers_of(_item(shared, frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
        identification = _item(shared, frame, "SegmentIdentificationSequence")
        number = number_of(identification, "ReferencedSegmentNumber")
        orientation = numbers_of(_item(shared, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        measures = _item(shared, frame, "PixelMeasuresSequence")
        spacing = numbers_of(measures, "PixelSpacing", 2)
        distance = number_of(measures, "SpacingBetweenSlices") or distance
        thickness = number_of(measures, "SliceThickness") or thickness
        if position is None or number is None or orientation is None or spacing is None:
            raise InvalidInputError("A frame states no segment, position or orientation.", code="no_geometry")
        orientations.add(tuple(round(value, 4) for value in orientation))
        spacings.add(tuple(round(value, 5) for value in spacing))
        positions.append(np.asarray(position))
        numbers.append(int(number))
    if len(orientations) != 1 or len(spacings) != 1:
        raise InvalidInputError("The segmentation mixes orientations or spacings.", code="mixed_geometry")
    plane = _Plane(
        orientation=orientations.pop(), spacing_mm=spacings.pop(), distance_mm=distance, thickness_mm=thickness
    )
    return plane, positions, numbers


def _item(shared: list[Dataset], frame: Dataset, keyword: str) -> Dataset:
    for holder in (frame, *shared):
        items = items_of(holder, keyword)
        if items:
            return items[0]
    return Dataset()


def _assemble(
    dataset: Dataset,
    frames: NDArray[np.float32],
    plane: _Plane,
    positions: list[NDArray[np.float64]],
    numbers: list[int],
) -> tuple[SegmentedRegion, ...]:
    normal = normal_of(plane.orientation)
    along = np.array([float(position @ normal) for position in positions])
    gap = _slice_distance_mm(along, plane)
    slots = np.rint((along - along.min()) / gap).astype(int)
    if int(slots.max()) >= MAX_SLICES:
        raise UnsupportedDicomError(f"A segmentation holds at most {MAX_SLICES} slices.", code="seg_slices")
    if np.max(np.abs(along.min() + slots * gap - along)) > 0.1 * gap:
        raise InvalidInputError("Frames are unevenly spaced.", code="uneven_slices")
    across = np.asarray(positions) - positions[0] - np.outer(along - along[0], normal)
    if np.max(np.abs(across)) > SAME_PLANE_MM + TILT_TOLERANCE * np.ptp(along):
        raise InvalidInputError("Frames are shifted against their normal.", code="mixed_geometry")
    shape = (int(slots.max()) + 1, frames.shape[1], frames.shape[2])
    grid = stack_grid(
        shape_zyx=shape,
        row_column_spacing_mm=plane.spacing_mm,
        gap_mm=gap,
        first_position_lps_mm=positions[int(np.argmin(along))].tolist(),
        orientation=plane.orientation,
    )
    masks: dict[int, NDArray[np.float32]] = defaultdict(lambda: np.zeros(shape, dtype=np.float32))
    if len({*zip(slots.tolist(), numbers, strict=True)}) != len(numbers):
        raise InvalidInputError("A segment has two frames on one plane.", code="duplicate_slice")
    for frame, slot, number in zip(frames, slots, numbers, strict=True):
        masks[number][slot] = frame
    frame_uid = text_of(dataset, "FrameOfReferenceUID")
    regions = []
    for segment in items_of(dataset, "SegmentSequence"):
        number = int(number_of(segment, "SegmentNumber") or 0)
        if number not in masks:
            continue
        volume = Volume(values=masks[number], grid=grid, unit="1", frame_of_reference_uid=frame_uid)
        regions.append(_region(segment, number, volume))
    return tuple(regions)


def _slice_distance_mm(along: NDArray[np.float64], plane: _Plane) -> float:
    """Return the distance between slices: the smallest between frames, divided where the header states a finer one.

    Frames without voxels are often left out, so that the smallest distance between frames may be several slices.
    """
    steps = np.diff(np.sort(along))
    steps = steps[steps > SAME_PLANE_MM]
    stated = None if plane.distance_mm is None else abs(plane.distance_mm)
    if steps.size == 0:
        gap = stated or plane.thickness_mm
        if gap is None or gap <= 0.0:
            raise InvalidInputError("The segmentation states no distance between slices.", code="no_geometry")
        return gap
    smallest = float(steps.min())
    n_slices = round(smallest / stated) if stated else 0
    is_multiple = stated is not None and n_slices >= 1 and abs(smallest - n_slices * stated) < 0.05 * stated
    return smallest / n_slices if is_multiple else smallest


def _region(segment: Dataset, number: int, mask: Volume) -> SegmentedRegion:
    categories = items_of(segment, "SegmentedPropertyCategoryCodeSequence")
    types = items_of(segment, "SegmentedPropertyTypeCodeSequence")
    return SegmentedRegion(
        number=number,
        label=text_of(segment, "SegmentLabel") or f"Segment {number}",
        mask=mask,
        tracking_uid=text_of(segment, "TrackingUID"),
        algorithm_type=text_of(segment, "SegmentAlgorithmType"),
        category=text_of(categories[0], "CodeMeaning") if categories else "",
        property_type=text_of(types[0], "CodeMeaning") if types else "",
    )
