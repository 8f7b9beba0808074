"""Sums over the batches of a Monte Carlo run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MIN_BATCHES = 20
"""Fewer batches do not give a usable standard error."""
HOT_SHARE = 0.5
"""The uncertainty of a map is the root mean square over the voxels above this share of its largest value."""


@dataclass(slots=True, kw_only=True)
class VoxelTally:
    """Sums and sums of squares of a map over batches.

    Parameters
    ----------
    total, total_of_squares : (z, y, x) arrays
        Sum over batches of the score and of its square.
    n_batches : int
        Batches added.
    """

    total: FloatArray
    total_of_squares: FloatArray
    n_batches: int = 0

    def add(self, score: FloatArray) -> None:
        """Add the map of one batch; ``score`` is used up."""
        self.total += score
        score *= score
        self.total_of_squares += score
        self.n_batches += 1

    def relative_standard_error(self) -> FloatArray:
        """Return the standard error of the mean over the mean of each voxel; zero where nothing is."""
        n = self.n_batches
        variance = np.maximum(self.total_of_squares - self.total**2 / n, 0.0)
        error = np.sqrt(variance * (n / max(n - 1.0, 1.0)))
        return np.divide(error, self.total, out=np.zeros_like(error), where=self.total > 0.0)

    def has_reached(self, target: float | None) -> bool:
        """Tell whether the uncertainty of the hot voxels has come down to a target."""
        if target is None or self.n_batches < MIN_BATCHES or not self.total.any():
            return False
        is_hot = self.total > HOT_SHARE * self.total.max()
        return bool(np.sqrt(np.mean(self.relative_standard_error()[is_hot] ** 2)) <= target)
