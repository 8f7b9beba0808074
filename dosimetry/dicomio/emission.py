"""SPECT and PET volumes as stored: Bq/mL or counts, with everything that quantification needs to know."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.geometry import normal_of, order_slices, stack_grid
from dosimetry.dicomio.headers import NM_CLASS, items_of, number_of, numbers_of, value_of
from dosimetry.dicomio.pixels import read_stored_values
from dosimetry.dicomio.scaling import real_world_scale, rescale
from dosimetry.dicomio.series import Series
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from dosimetry.volume import Volume

UNIT_OF = {"BQML": "Bq/mL", "CNTS": "counts", "PROPCNTS": "counts", "CPS": "counts/s"}
"""Units of PT objects that are read. NM objects state none: counts, unless a real-world value map says more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmissionImage:
    """Hold an emission volume as stored, and the state of its values.

    Parameters
    ----------
    volume : Volume
        Values in ``Bq/mL`` or ``counts`` as stored, float32.
    series : Series
        Header facts.
    half_life_header_s : float or None
        Half-life with which the scanner corrected decay.
    findings : tuple of Finding
        What is missing or doubtful.
    """

    volume: Volume
    series: Series
    half_life_header_s: float | None
    findings: tuple[Finding, ...]

    @property
    def mid_acquisition(self) -> datetime | None:
        """Return the middle of the acquisition in UTC, or None without a start time.

        A frame without a stated duration counts from its start.
        """
        start = self.series.acquisition_start
        if start is None:
            return None
        return start + timedelta(seconds=0.5 * (self.series.frame_duration_s or 0.0))


def read_emission(series: Series) -> EmissionImage:
    """Read a PT series or a reconstructed NM object.

    Parameters
    ----------
    series : Series
        Of kind ``emission``.

    Returns
    -------
    EmissionImage
        Values as stored with slope applied, not decay-corrected further.

    Raises
    ------
    InvalidInputError
        Missing geometry, missing or uneven slices, bad slope, undecodable pixels.
    UnsupportedDicomError
        Not an emission series, or a unit that is not read (SUV needs weight and activity).
    """
    if series.kind != "emission":
        raise UnsupportedDicomError("This series is not SPECT or PET.", code="not_emission")
    volume = _read_nm(series) if series.sop_class_uid == NM_CLASS else _read_pt(series)
    findings = list(series.findings)
    if series.frame_duration_s is None:
        text = "No acquisition duration is stated; the time of the scan is its start."
        findings.append(Finding(code="no_duration", level="ask", message=text))
    return EmissionImage(
        volume=volume,
        series=series,
        half_life_header_s=_header_half_life_s(series.headers[0].dataset),
        findings=tuple(findings),
    )


def _header_half_life_s(dataset: Dataset) -> float | None:
    items = items_of(dataset, "RadiopharmaceuticalInformationSequence")
    return number_of(items[0], "RadionuclideHalfLife") if items else None


def _read_pt(series: Series) -> Volume:
    unit = UNIT_OF.get(series.units)
    mapped = real_world_scale(series.headers[0].dataset)
    if unit is None and mapped is None:
        raise UnsupportedDicomError(
            f"PET units {series.units or 'missing'} are not read; export the series in Bq/mL (BQML).", code="units"
        )
    first = series.headers[0].dataset
    orientation = numbers_of(first, "ImageOrientationPatient", 6)
    spacing = numbers_of(first, "PixelSpacing", 2)
    positions = [numbers_of(header.dataset, "ImagePositionPatient", 3) for header in series.headers]
    known = [position for position in positions if position is not None]
    if orientation is None or spacing is None or len(known) != len(positions):
        raise InvalidInputError("The series states no position, orientation or spacing.", code="no_geometry")
    order, gap = order_slices(positions_lps_mm=known, orientation=orientation)
    if len(order) == 1:
        raise InvalidInputError("One slice is no volume.", code="one_slice")
    slices = [_pt_slice(series, int(index)) for index in order]
    if any(item.shape != slices[0].shape for item in slices):
        raise InvalidInputError("Slices have different sizes.", code="mixed_matrix")
    values = np.stack(slices)
    grid = stack_grid(
        shape_zyx=(values.shape[0], values.shape[1], values.shape[2]),
        row_column_spacing_mm=spacing,
        gap_mm=gap,
        first_position_lps_mm=known[order[0]],
        orientation=orientation,
    )
    return Volume(
        values=values,
        grid=grid,
        unit=mapped[2] if mapped else str(unit),
        frame_of_reference_uid=series.frame_of_reference_uid,
    )


def _pt_slice(series: Series, index: int) -> NDArray[np.float32]:
    stored, _ = read_stored_values(series.headers[index].path)
    header = series.headers[index].dataset
    mapped = real_world_scale(header)
    if mapped is not None:
        return np.asarray(stored[0].astype(np.float64) * mapped[0] + mapped[1], dtype=np.float32)
    return rescale(stored[0], header).astype(np.float32)


def _read_nm(series: Series) -> Volume:
    """Read one multi-frame object; the geometry stands with its detector, frames follow the slice vector."""
    if series.n_instances != 1:
        raise UnsupportedDicomError("A reconstructed NM series of several objects is not read.", code="several_objects")
    header = series.headers[0].dataset
    stored, _ = read_stored_values(series.headers[0].path)
    detectors = items_of(header, "DetectorInformationSequence")
    place = detectors[0] if detectors else header
    orientation = numbers_of(place, "ImageOrientationPatient", 6) or numbers_of(header, "ImageOrientationPatient", 6)
    position = numbers_of(place, "ImagePositionPatient", 3) or numbers_of(header, "ImagePositionPatient", 3)
    spacing = numbers_of(header, "PixelSpacing", 2)
    gap = number_of(header, "SpacingBetweenSlices")
    if orientation is None or position is None or spacing is None or gap is None or gap == 0.0:
        raise InvalidInputError(
            "The NM object states no position, orientation, pixel spacing or spacing between slices.",
            code="no_geometry",
        )
    values = rescale(_in_slice_order(stored, header), header).astype(np.float32)
    first = np.asarray(position)
    if gap < 0.0:  # the stack runs against the normal: turn it round, so that the first slice is the lowest
        values = values[::-1]
        first = first + normal_of(orientation) * gap * (values.shape[0] - 1)
    grid = stack_grid(
        shape_zyx=(values.shape[0], values.shape[1], values.shape[2]),
        row_column_spacing_mm=spacing,
        gap_mm=abs(gap),
        first_position_lps_mm=first.tolist(),
        orientation=orientation,
    )
    mapped = real_world_scale(header)
    unit = UNIT_OF.get(series.units) if series.units else "counts"
    if unit is None and mapped is None:
        raise UnsupportedDicomError(f"NM units {series.units} are not read; export counts or Bq/mL.", code="units")
    if mapped is not None:
        values = (_in_slice_order(stored, header).astype(np.float64) * mapped[0] + mapped[1]).astype(np.float32)
        values = values[::-1] if gap < 0.0 else values
        unit = mapped[2]
    return Volume(
        values=np.ascontiguousarray(values),
        grid=grid,
        unit=str(unit),
        frame_of_reference_uid=series.frame_of_reference_uid,
    )


def _in_slice_order(stored: NDArray[np.integer], header: Dataset) -> NDArray[np.integer]:
    vector = value_of(header, "SliceVector")
    if vector is None:
        return stored
    numbers = [int(value) for value in (vector if hasattr(vector, "__iter__") else [vector])]
    if sorted(numbers) != list(range(1, stored.shape[0] + 1)):
        raise InvalidInputError("The slice vector does not number the frames.", code="slice_vector")
    return stored[np.argsort(numbers)]
