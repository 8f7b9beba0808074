"""What every engine checks before it starts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import CalculationCancelledError, GeometryMismatchError, InvalidInputError
from dosimetry.volume import Volume

SMALLEST_DENSITY_G_PER_ML = 0.05
"""Below it (air) dose per voxel means nothing: the voxel is masked and the user is told."""


def check_activity(tia_bq_s: Volume) -> None:
    """Refuse a map that is no time-integrated activity.

    Raises
    ------
    InvalidInputError
        Another unit than Bq s, or a value that is negative or not finite.
    """
    if tia_bq_s.unit != "Bq s":
        raise InvalidInputError(f"Dose needs time-integrated activity in Bq s; got {tia_bq_s.unit}.")
    if not (np.all(np.isfinite(tia_bq_s.values)) and float(tia_bq_s.values.min()) >= 0.0):
        raise InvalidInputError("Time-integrated activity must be finite and not negative.", code="bad_activity")


def density_values(density: Volume | float, tia: Volume) -> NDArray[np.float32] | float:
    """Return the density of each voxel (float32), or the one declared density, g/mL.

    Raises
    ------
    InvalidInputError
        A density that is not finite or not above zero, or a map that is not in g/mL.
    GeometryMismatchError
        Density on another grid.
    """
    if isinstance(density, int | float):
        if not 0.0 < density < np.inf:
            raise InvalidInputError(f"Density must be above zero; got {density} g/mL.", code="bad_density")
        return float(density)
    is_usable = density.unit == "g/mL" and np.all(np.isfinite(density.values)) and float(density.values.min()) > 0.0
    if not is_usable:
        raise InvalidInputError("Density must be a map in g/mL above zero.", code="bad_density")
    if not density.grid.matches(tia.grid):
        raise GeometryMismatchError("Density and time-integrated activity lie on different grids.")
    return np.asarray(density.values, dtype=np.float32)


def air_warning(masked_bq_s: float, total_bq_s: float) -> tuple[str, ...]:
    """Return a warning when decays lie in masked voxels, else nothing."""
    if not (total_bq_s > 0.0 and masked_bq_s > 0.0):
        return ()
    share = 100.0 * masked_bq_s / total_bq_s
    return (f"{share:.1f} % of the decays lie in air (below {SMALLEST_DENSITY_G_PER_ML} g/mL) and get no dose.",)


def refuse_when_cancelled(is_cancelled: Callable[[], bool] | None) -> None:
    """Stop a calculation that its caller no longer wants.

    Raises
    ------
    CalculationCancelledError
        ``is_cancelled`` answers True.
    """
    if is_cancelled is not None and is_cancelled():
        raise CalculationCancelledError("The dose calculation was cancelled; there is no dose.")
