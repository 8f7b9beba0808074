"""CT volumes in HU."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dosimetry.dicomio.geometry import order_slices, stack_grid
from dosimetry.dicomio.headers import ENHANCED_CT_CLASS, items_of, number_of, numbers_of
from dosimetry.dicomio.pixels import read_stored_values
from dosimetry.dicomio.scaling import rescale
from dosimetry.dicomio.series import Series
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from dosimetry.volume import Volume


def read_ct(series: Series) -> Volume:
    """Read a CT series into one volume.

    Parameters
    ----------
    series : Series
        Of kind ``ct``; single-frame or enhanced.

    Returns
    -------
    Volume
        CT numbers in HU, int16, ordered along the slice normal.

    Raises
    ------
    InvalidInputError
        Missing or uneven slices, no spacing, bad slope, pixels that cannot be decoded.
    UnsupportedDicomError
        Not a CT series.
    """
    if series.kind != "ct":
        raise UnsupportedDicomError("This series is not a CT.", code="not_ct")
    if series.sop_class_uid == ENHANCED_CT_CLASS:
        return _read_enhanced(series)
    first = series.headers[0].dataset
    orientation = numbers_of(first, "ImageOrientationPatient", 6)
    positions = [numbers_of(header.dataset, "ImagePositionPatient", 3) for header in series.headers]
    return _assemble(series, positions, orientation, numbers_of(first, "PixelSpacing", 2))


def _assemble(
    series: Series,
    positions: list[tuple[float, ...] | None],
    orientation: tuple[float, ...] | None,
    spacing: tuple[float, ...] | None,
) -> Volume:
    known = [position for position in positions if position is not None]
    if orientation is None or spacing is None or len(known) != len(positions):
        raise InvalidInputError("The CT states no position, orientation or spacing.", code="no_geometry")
    order, gap = order_slices(positions_lps_mm=known, orientation=orientation)
    if len(order) == 1:
        gap = _thickness(series.headers[0].dataset)
    slices = []
    for index in order:
        stored, dataset = read_stored_values(series.headers[index].path)
        header = series.headers[index].dataset
        slices.append(_to_hu(rescale(stored[0], header), header))
        if slices[-1].shape != slices[0].shape or dataset is None:
            raise InvalidInputError("Slices have different sizes.", code="mixed_matrix")
    values = np.stack(slices)
    grid = stack_grid(
        shape_zyx=(values.shape[0], values.shape[1], values.shape[2]),
        row_column_spacing_mm=spacing,
        gap_mm=gap,
        first_position_lps_mm=known[order[0]],
        orientation=orientation,
    )
    return Volume(values=values, grid=grid, unit="HU", frame_of_reference_uid=series.frame_of_reference_uid)


def _thickness(dataset: Dataset) -> float:
    thickness = number_of(dataset, "SliceThickness")
    if thickness is None or thickness <= 0.0:
        raise InvalidInputError("One slice without a thickness has no volume.", code="no_thickness")
    return thickness


def _to_hu(values: NDArray[np.float64], dataset: Dataset) -> NDArray[np.int16]:
    """Round to whole HU; values beyond int16 (padding) end at its limits."""
    del dataset
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def _read_enhanced(series: Series) -> Volume:
    if series.n_instances != 1:
        raise UnsupportedDicomError("An enhanced CT of several objects is not read.", code="several_objects")
    stored, _ = read_stored_values(series.headers[0].path)
    header = series.headers[0].dataset
    shared = items_of(header, "SharedFunctionalGroupsSequence")
    frames = items_of(header, "PerFrameFunctionalGroupsSequence")
    if len(frames) != stored.shape[0]:
        raise InvalidInputError("Frames and their descriptions differ in number.", code="frames_differ")
    measures = _group(shared, frames[0], "PixelMeasuresSequence")
    orientation_item = _group(shared, frames[0], "PlaneOrientationSequence")
    orientation = numbers_of(orientation_item, "ImageOrientationPatient", 6)
    spacing = numbers_of(measures, "PixelSpacing", 2)
    positions = [
        numbers_of(_group(shared, frame, "PlanePositionSequence"), "ImagePositionPatient", 3) for frame in frames
    ]
    known = [position for position in positions if position is not None]
    if orientation is None or spacing is None or len(known) != len(frames):
        raise InvalidInputError("The CT states no position, orientation or spacing.", code="no_geometry")
    order, gap = order_slices(positions_lps_mm=known, orientation=orientation)
    gap = _thickness(measures) if len(order) == 1 else gap
    values = np.stack(
        [
            _to_hu(rescale(stored[i], _group(shared, frames[i], "PixelValueTransformationSequence")), header)
            for i in order
        ]
    )
    grid = stack_grid(
        shape_zyx=(values.shape[0], values.shape[1], values.shape[2]),
        row_column_spacing_mm=spacing,
        gap_mm=gap,
        first_position_lps_mm=known[order[0]],
        orientation=orientation,
    )
    return Volume(values=values, grid=grid, unit="HU", frame_of_reference_uid=series.frame_of_reference_uid)


def _group(shared: list[Dataset], frame: Dataset, keyword: str) -> Dataset:
    for holder in (frame, *shared):
        items = items_of(holder, keyword)
        if items:
            return items[0]
    return Dataset()
