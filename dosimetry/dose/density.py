"""Mass density from CT numbers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityCurve:
    """Map CT numbers to density by straight lines between points; continuous, flat outside.

    Parameters
    ----------
    points : tuple of (HU, g/mL)
        Rising HU, densities above zero.
    source : str
        Where the points come from.
    """

    points: tuple[tuple[float, float], ...]
    source: str

    def __post_init__(self) -> None:
        hu = [point[0] for point in self.points]
        is_rising = len(hu) >= 2 and all(a < b for a, b in pairwise(hu))
        if not (is_rising and np.all(np.isfinite(self.points)) and all(density > 0.0 for _, density in self.points)):
            raise InvalidInputError("A density curve needs rising HU and densities above zero.", code="bad_curve")


DEFAULT_DENSITY_CURVE = DensityCurve(
    points=((-1000.0, 0.00121), (-98.0, 0.9305), (14.0, 1.0305), (23.0, 1.0305), (100.0, 1.0762), (1600.0, 1.9642)),
    source="Schneider et al., Phys. Med. Biol. 45 (2000) 459-478, density formulas, joined at 100 HU on the bone line "
    "so that density is continuous; a site replaces it by its scanner's calibration",
)


def density_from_hu(hu: Volume, *, curve: DensityCurve = DEFAULT_DENSITY_CURVE) -> Volume:
    """Return the density map of a CT.

    Parameters
    ----------
    hu : Volume
        CT numbers, unit HU.
    curve : DensityCurve
        Calibration of the scanner.

    Returns
    -------
    Volume
        Density in g/mL, float32, never zero.

    Raises
    ------
    InvalidInputError
        The volume is not in HU, or a value is not a finite number.
    """
    if hu.unit != "HU":
        raise InvalidInputError(f"Density needs a CT in HU; got {hu.unit}.", code="not_hu")
    if not np.all(np.isfinite(hu.values)):
        raise InvalidInputError("The CT holds a value that is not a finite number.", code="not_finite")
    x, y = np.array(curve.points).T
    return hu.with_values(np.interp(hu.values, x, y).astype(np.float32), unit="g/mL")
