"""Which lesion is which: places found in one image against lesions that are known from others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dosimetry.units import ML_MM3

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLesion:
    """A lesion where it is expected.

    Parameters
    ----------
    name : str
        What it is known by.
    centre_lps_mm : (x, y, z) float
        In the frame of the new image.
    volume_ml : float
        As it was drawn, zero or more.
    reach_mm : float
        How far its middle may lie from where it is expected, besides its own radius: small where images are
        registered, larger where they are only laid on each other.
    """

    name: str
    centre_lps_mm: Point
    volume_ml: float
    reach_mm: float

    @property
    def tolerance_mm(self) -> float:
        """Return the reach plus the radius of a sphere of its volume, mm."""
        return self.reach_mm + float((self.volume_ml * ML_MM3 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0))


def matched_lesions(centres_lps_mm: Sequence[Point], known: Sequence[KnownLesion]) -> tuple[str | None, ...]:
    """Return the name of the known lesion for each place, each name at most once; None where it is a new one.

    The pairs are those whose distances, over the tolerance of the known lesion, add up to least; no pair lies further
    apart than the tolerance.

    Parameters
    ----------
    centres_lps_mm : sequence of (x, y, z) float
        Middles of the places.
    known : sequence of KnownLesion
        In the same frame.
    """
    names: list[str | None] = [None] * len(centres_lps_mm)
    if not names or not known:
        return tuple(names)
    places = np.asarray(centres_lps_mm, dtype=float)
    expected = np.array([lesion.centre_lps_mm for lesion in known], dtype=float)
    tolerances = np.array([lesion.tolerance_mm for lesion in known])
    share = np.linalg.norm(places[:, None] - expected[None], axis=-1) / tolerances
    # A pair that is too far apart costs more than all others together, so that it is never preferred to leaving out.
    cost = np.where(share <= 1.0, share, float(len(places) + len(known)))
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if share[row, column] <= 1.0:
            names[int(row)] = known[int(column)].name
    return tuple(names)
