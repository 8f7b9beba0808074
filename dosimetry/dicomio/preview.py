"""A small picture of a series, so that a person sees what was sent before confirming its use."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.geometry import order_slices
from dosimetry.dicomio.headers import numbers_of
from dosimetry.dicomio.series import Series
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

LONGEST_SIDE_PX = 176
EMISSION_QUANTILE = 0.995
CT_WINDOW_HU = (-160.0, 240.0)
"""Soft tissue, width 400 and level 40 HU."""


def series_preview(series: Series) -> NDArray[np.uint8]:
    """Draw the anterior maximum projection of SPECT or PET, or the middle slice of a CT.

    Parameters
    ----------
    series : Series
        Of kind ``emission`` or ``ct``.

    Returns
    -------
    (rows, columns) uint8 array
        Grey values with square pixels; emission inverse (activity dark), head up, the patient's right at the left.

    Raises
    ------
    InvalidInputError
        As the readers, or another kind of series.
    UnsupportedDicomError
        As the readers.
    """
    if series.kind == "emission":
        return _projection(read_emission(series).volume)
    if series.kind == "ct":
        return _middle_slice(read_ct(_around_the_middle(series)))
    raise InvalidInputError("Only SPECT, PET and CT have a preview.", code="no_preview")


def _projection(volume: Volume) -> NDArray[np.uint8]:
    """Project along the array axis nearest to anterior-posterior; rows head to feet, columns right to left."""
    axis_of = [int(np.argmax(np.abs(volume.grid.direction_matrix[i]))) for i in range(3)]
    signs = [float(np.sign(volume.grid.direction_matrix[i, axis_of[i]])) for i in range(3)]
    # Array axes run z, y, x, the columns of the direction matrix x, y, z.
    image = np.transpose(volume.values, [2 - axis_of[i] for i in (2, 1, 0)]).max(axis=1)
    image = image[::-1] if signs[2] > 0.0 else image
    image = image if signs[0] > 0.0 else image[:, ::-1]
    spacing = [volume.grid.spacing_xyz_mm[axis_of[i]] for i in (2, 0)]
    top = float(np.quantile(image, EMISSION_QUANTILE)) or 1.0
    return _grey(1.0 - np.clip(image / top, 0.0, 1.0), spacing)


def _middle_slice(volume: Volume) -> NDArray[np.uint8]:
    image = volume.values[volume.values.shape[0] // 2].astype(np.float32)
    lower, upper = CT_WINDOW_HU
    return _grey(np.clip((image - lower) / (upper - lower), 0.0, 1.0), volume.grid.spacing_xyz_mm[1::-1])


def _around_the_middle(series: Series) -> Series:
    """Keep three slices at the middle: enough for a picture, and quick for a large series."""
    orientation = numbers_of(series.headers[0].dataset, "ImageOrientationPatient", 6)
    positions = [numbers_of(header.dataset, "ImagePositionPatient", 3) for header in series.headers]
    known = [position for position in positions if position is not None]
    if orientation is None or len(known) != len(series.headers) or len(known) < 4:
        return series
    order, _ = order_slices(positions_lps_mm=known, orientation=orientation)
    middle = len(order) // 2
    return replace(series, headers=tuple(series.headers[int(i)] for i in order[middle - 1 : middle + 2]))


def _grey(image: NDArray[np.floating], spacing_mm: Sequence[float]) -> NDArray[np.uint8]:
    """Resample to square pixels whose longest side fits, and scale to 0..255."""
    extent_mm = [n * step for n, step in zip(image.shape, spacing_mm, strict=True)]
    per_px = max(extent_mm) / LONGEST_SIDE_PX
    factors = [max(round(extent / per_px), 1) / n for extent, n in zip(extent_mm, image.shape, strict=True)]
    shown = ndimage.zoom(image.astype(np.float32), factors, order=1, grid_mode=True, mode="nearest")
    return np.asarray(np.rint(255.0 * np.clip(shown, 0.0, 1.0)), dtype=np.uint8)
