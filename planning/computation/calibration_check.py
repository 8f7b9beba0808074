"""Whether a typed calibration factor can be of a camera; light, for the web process."""

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.calibration import require_plausible
from planning.errors import InvalidStateError


def calibration_check(calibration_cps_per_bq: float) -> None:
    """Refuse a factor that no camera has, in the words of ``require_plausible``."""
    try:
        require_plausible(calibration_cps_per_bq)
    except InvalidInputError as error:
        raise InvalidStateError(str(error), code=error.code) from None
