"""Camera calibration factors."""

import math
from dataclasses import dataclass
from datetime import date

from dosimetry.errors import InvalidInputError
from dosimetry.units import MBQ_BQ

PLAUSIBLE_CPS_PER_MBQ = (0.5, 500.0)
"""Our guide, not a published limit: a factor outside comes from a wrong unit (kBq, MBq, min) sooner than a camera."""


def require_plausible(calibration_cps_per_bq: float) -> None:
    """Refuse a factor that no camera has.

    Raises
    ------
    InvalidInputError
        Not above zero (code ``bad_calibration``), or outside ``PLAUSIBLE_CPS_PER_MBQ`` (``implausible_calibration``).
    """
    if not 0.0 < calibration_cps_per_bq < math.inf:
        raise InvalidInputError("A calibration factor must be above zero.", code="bad_calibration")
    low, high = PLAUSIBLE_CPS_PER_MBQ
    if not low <= calibration_cps_per_bq * MBQ_BQ <= high:
        raise InvalidInputError(
            f"A factor of {calibration_cps_per_bq * MBQ_BQ:.3g} cps/MBq is of no camera: they lie between {low:g} and "
            f"{high:g}. Check the units: activity in Bq (not kBq or MBq), duration in s (not min), counts of the "
            "photopeak.",
            code="implausible_calibration",
        )


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
        A factor that no camera has (``require_plausible``), an uncertainty below zero or not finite, or a validity that
        ends before it begins.
    """

    calibration_cps_per_bq: float
    standard_uncertainty_cps_per_bq: float
    camera: str
    nuclide: str
    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        require_plausible(self.calibration_cps_per_bq)
        if not 0.0 <= self.standard_uncertainty_cps_per_bq < math.inf:
            raise InvalidInputError("The uncertainty of a factor cannot be below zero.", code="bad_calibration")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise InvalidInputError("The validity of a factor ends before it begins.", code="bad_calibration")

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the factor may be used for a scan of a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
