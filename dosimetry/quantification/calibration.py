"""Camera calibration factors."""

import math
from dataclasses import dataclass
from datetime import date

from dosimetry.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFactor:
    """Sensitivity of one camera for one nuclide; valid between two dates.

    Parameters
    ----------
    calibration_cps_per_bq, standard_uncertainty_cps_per_bq : float
        Sensitivity and its standard uncertainty, cps/Bq.
    camera, nuclide : str
        What it was measured for.
    valid_from, valid_to : date
        Validity, both days included; ``valid_to`` None is open.

    Raises
    ------
    InvalidInputError
        A factor not above zero, an uncertainty below zero, either not finite, or a validity that ends before it begins.
    """

    calibration_cps_per_bq: float
    standard_uncertainty_cps_per_bq: float
    camera: str
    nuclide: str
    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.calibration_cps_per_bq < math.inf:
            raise InvalidInputError("A calibration factor must be above zero.", code="bad_calibration")
        if not 0.0 <= self.standard_uncertainty_cps_per_bq < math.inf:
            raise InvalidInputError("The uncertainty of a factor cannot be below zero.", code="bad_calibration")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise InvalidInputError("The validity of a factor ends before it begins.", code="bad_calibration")

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the factor may be used for a scan of a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
