"""The result that every voxel-wise partial-volume correction returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.region_fractions import RegionChange, what_changed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorrectedImage:
    """Hold an image with its blur undone, and what that did.

    Parameters
    ----------
    values : (z, y, x) float64 array
        Units of the image.
    changes : dict of str to RegionChange
        For each region given.
    region_means : dict of str to float
        Concentrations that the method took for the regions, ``rest`` included; empty for Richardson-Lucy.
    n_iterations : int
        Done; 1 for the region-based correction.
    relative_steps : tuple of float
        After each iteration, how far the result moved.
    is_converged : bool or None
        Whether the last of them was below the tolerance asked for; None where none was.
    n_left_unchanged : int
        Voxels kept as measured because nothing, or less than nothing, was expected there.
    total_change : float or None
        Sum over the image after / before - 1; None where it was zero.
    """

    values: FloatArray
    changes: dict[str, RegionChange]
    region_means: dict[str, float]
    n_iterations: int
    relative_steps: tuple[float, ...]
    is_converged: bool | None
    n_left_unchanged: int
    total_change: float | None


def check_iterations(n_iterations: int, tolerance: float | None) -> None:
    """Refuse to iterate never, or until nothing moves at all.

    Raises
    ------
    InvalidInputError
        No iteration, or a tolerance not above zero.
    """
    if n_iterations < 1:
        raise InvalidInputError(f"At least one iteration is needed; got {n_iterations}.", code="bad_iterations")
    if tolerance is not None and not 0.0 < tolerance < np.inf:
        raise InvalidInputError(f"The tolerance must be above zero; got {tolerance}.", code="bad_tolerance")


def corrected_image(
    before: FloatArray,
    after: FloatArray,
    fractions: Mapping[str, NDArray[Any]],
    *,
    region_means: dict[str, float],
    relative_steps: tuple[float, ...],
    tolerance: float | None = None,
    n_unchanged: int = 0,
) -> CorrectedImage:
    """Return the result of a correction with what it changed in each region and in the whole image."""
    total = float(before.sum())
    return CorrectedImage(
        values=after,
        changes=what_changed(before, after, fractions),
        region_means=region_means,
        n_iterations=max(len(relative_steps), 1),
        relative_steps=relative_steps,
        is_converged=None if tolerance is None else relative_steps[-1] <= tolerance,
        n_left_unchanged=n_unchanged,
        total_change=None if total == 0.0 else float(after.sum()) / total - 1.0,
    )
