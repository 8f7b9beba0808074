"""Stored integers to physical values, in float64, slope by slope."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import items_of, number_of, text_of
from dosimetry.errors import InvalidInputError

KNOWN_UNITS = {"Bq/ml": "Bq/mL", "[hnsf'U]": "HU"}


def rescale(stored: NDArray[np.integer], dataset: Dataset) -> NDArray[np.float64]:
    """Apply slope and intercept of this instance; absent ones are 1 and 0 as the standard says.

    Raises
    ------
    InvalidInputError
        A slope of zero, or a slope or intercept that is no finite number.
    """
    slope = 1.0 if "RescaleSlope" not in dataset else number_of(dataset, "RescaleSlope")
    intercept = 0.0 if "RescaleIntercept" not in dataset else number_of(dataset, "RescaleIntercept")
    if slope is None or intercept is None or slope == 0.0 or not np.isfinite(slope * intercept):
        raise InvalidInputError("The rescale slope or intercept is zero or no number.", code="bad_slope")
    return stored.astype(np.float64) * slope + intercept


def real_world_scale(dataset: Dataset) -> tuple[float, float, str] | None:
    """Return slope, intercept and unit of a linear real world value map with a known unit, or None."""
    for item in items_of(dataset, "RealWorldValueMappingSequence"):
        codes = items_of(item, "MeasurementUnitsCodeSequence")
        unit = KNOWN_UNITS.get(text_of(codes[0], "CodeValue")) if codes else None
        slope = number_of(item, "RealWorldValueSlope")
        intercept = number_of(item, "RealWorldValueIntercept")
        if unit is not None and slope is not None and intercept is not None and slope != 0.0:
            return slope, intercept, unit
    return None
