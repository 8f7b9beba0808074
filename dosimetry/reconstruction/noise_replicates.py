"""Replicates of an image under counting noise, kept small: what the noise of any region is found from later."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError

FEWEST_REPLICATES = 5
"""A standard deviation from five is itself uncertain by 35 %; from fewer it says nothing."""
MOST_REPLICATES = 50
"""A standard deviation from fifty is known to 10 %; more would cost hours and space for little."""
LARGEST_STORED = 2.0**15
"""The largest voxel of a replicate in 16-bit floats, which end at 65504."""
FORMAT = "theranostics noise replicates 1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseReplicates:
    """Images that other counts of the same scan would have given.

    Parameters
    ----------
    values : (n, n_z, n_y, n_x) float16 array
        Activity concentration of each replicate over its scale. Voxels are right within 0.05 % down to 2e-9 of the
        largest one; rounding of voxels is independent, so that regions are far closer.
    scales_bq_per_ml : (n,) array
        Bq/mL of a stored value of 1 in each replicate.
    """

    values: NDArray[np.float16]
    scales_bq_per_ml: NDArray[np.float64]

    @classmethod
    def of(cls, images_bq_per_ml: Iterable[NDArray[Any]]) -> Self:
        """Keep (n_z, n_y, n_x) images in Bq/mL, one after the other."""
        kept, scales = [], []
        for image in images_bq_per_ml:
            largest = float(np.max(np.abs(image), initial=0.0))
            if not np.isfinite(largest):
                raise InvalidInputError("A replicate holds values that are not finite.", code="bad_replicates")
            scale = largest / LARGEST_STORED or 1.0
            kept.append((np.asarray(image, dtype=np.float64) / scale).astype(np.float16))
            scales.append(scale)
        return cls(values=np.stack(kept), scales_bq_per_ml=np.array(scales))

    def __len__(self) -> int:
        return len(self.scales_bq_per_ml)

    @property
    def shape_zyx(self) -> tuple[int, ...]:
        """Return the shape of one image."""
        return self.values.shape[1:]

    def image(self, number: int) -> NDArray[np.float32]:
        """Return a replicate, (n_z, n_y, n_x) in Bq/mL."""
        return np.asarray(self.values[number].astype(np.float32) * np.float32(self.scales_bq_per_ml[number]))

    def times(self, factor: float) -> Self:
        """Return the replicates multiplied by a number, as decay between two times does."""
        return replace(self, scales_bq_per_ml=self.scales_bq_per_ml * factor)

    def sums(self, weight: NDArray[Any]) -> NDArray[np.float64]:
        """Return for each replicate the sum of voxel times weight, (n,).

        Parameters
        ----------
        weight : (n_z, n_y, n_x) array
            As the share of each voxel in a region.

        Raises
        ------
        GeometryMismatchError
            The weight lies on another grid.
        """
        if weight.shape != self.shape_zyx:
            raise GeometryMismatchError(f"The region is {weight.shape}, the replicates {self.shape_zyx}.")
        has_weight = np.asarray(weight) != 0.0
        chosen = np.asarray(weight, dtype=np.float64)[has_weight]
        sums = [float(image[has_weight].astype(np.float64) @ chosen) for image in self.values]
        return np.asarray(np.array(sums) * self.scales_bq_per_ml)

    def to_bytes(self) -> bytes:
        """Return a compressed file (npz); equal replicates give equal bytes."""
        buffer = BytesIO()
        np.savez_compressed(buffer, format=np.array(FORMAT), scales_bq_per_ml=self.scales_bq_per_ml, values=self.values)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what ``to_bytes`` wrote.

        Raises
        ------
        InvalidInputError
            Something else, or a damaged file.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as stored:
                found, scales, values = str(stored["format"]), stored["scales_bq_per_ml"], stored["values"]
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise InvalidInputError("The noise replicates are damaged.", code="bad_replicates") from error
        is_whole = values.dtype == np.float16 and values.ndim == 4 and scales.shape == values.shape[:1]
        if found != FORMAT or not is_whole or not np.all(np.isfinite(scales)):
            raise InvalidInputError("The file holds no noise replicates of this format.", code="bad_replicates")
        return cls(values=values, scales_bq_per_ml=scales)


def spread(values: NDArray[Any]) -> float:
    """Return the standard deviation over replicates; from n of them it is uncertain by 1 / sqrt(2 (n - 1)).

    Raises
    ------
    InvalidInputError
        Fewer than ``FEWEST_REPLICATES``.
    """
    if len(values) < FEWEST_REPLICATES:
        raise InvalidInputError(
            f"A spread needs at least {FEWEST_REPLICATES} replicates; got {len(values)}.", code="few_replicates"
        )
    return float(np.std(np.asarray(values, dtype=np.float64), ddof=1))
