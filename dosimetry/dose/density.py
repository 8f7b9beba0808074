"""Mass density from CT numbers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.volume import Volume

MAX_DENSITY_G_PER_ML = 25.0
"""Above every metal (osmium 22.6 g/mL): a curve that exceeds it was written in kg/m3 or mg/mL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityCurve:
    """Map CT numbers to density by straight lines between points; continuous, flat outside.

    Parameters
    ----------
    points : tuple of (HU, g/mL)
        At least two; rising HU, densities above zero and up to ``MAX_DENSITY_G_PER_ML``.
    source : str
        Where the points come from.

    Raises
    ------
    InvalidInputError
        The points do not make a curve (code ``bad_curve``); the message names the first that does not fit.
    """

    points: tuple[tuple[float, float], ...]
    source: str

    def __post_init__(self) -> None:
        fault = self._fault()
        if fault:
            raise InvalidInputError(
                f"A density curve needs at least two points, rising HU and densities above zero in g/mL; {fault}.",
                code="bad_curve",
            )

    def _fault(self) -> str:
        if len(self.points) < 2:
            return f"got {len(self.points)}"
        for number, (hu, density) in enumerate(self.points, start=1):
            if not (np.isfinite(hu) and np.isfinite(density)):
                return f"point {number} holds a value that is not a finite number"
            if not 0.0 < density <= MAX_DENSITY_G_PER_ML:
                return f"point {number} has a density of {density:g}, allowed is up to {MAX_DENSITY_G_PER_ML:g} g/mL"
        for number, ((low, _), (high, _)) in enumerate(pairwise(self.points), start=2):
            if not low < high:
                return f"point {number} has {high:g} HU after {low:g} HU"
        return ""


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
