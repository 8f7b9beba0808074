"""Regions as shares of voxels: checks, the rest of the image, and what a correction changed in each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError

FloatArray = NDArray[np.float64]
REST = "rest"
MAX_FRACTION = 1.5
"""A mask of other voxels may cover a voxel by rounding more than once; above this the array holds something else."""
MAX_OVERLAP_SHARE = 0.05
"""Regions that share more of their volume than contours of one border do overlap; activity would count twice."""
REST_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChange:
    """Tell what a correction did to one region.

    Parameters
    ----------
    before, after : float
        Sum of image value times share of the voxel: activity of the region in units of the image times one voxel.
    """

    before: float
    after: float

    @property
    def relative_change(self) -> float | None:
        """Return after / before - 1; None where nothing was there before."""
        return None if self.before == 0.0 else self.after / self.before - 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """Regions that fill the image exactly once.

    Parameters
    ----------
    names : tuple of str
        Regions in order; ``rest`` is last if some voxels belong to none.
    shares : (n_regions, n_z, n_y, n_x) float64 array
        Share of each voxel in each region; they sum to 1 in every voxel.
    overlap_share : float
        Volume by which the regions given overlapped, over their volume. It was divided among them.
    """

    names: tuple[str, ...]
    shares: FloatArray
    overlap_share: float

    @property
    def n_voxels(self) -> FloatArray:
        """Return the volume of each region in voxels, (n_regions,)."""
        return np.asarray(self.shares.reshape(len(self.names), -1).sum(axis=1), dtype=np.float64)

    def image(self, values: FloatArray) -> FloatArray:
        """Return the (z, y, x) image with one value per region, mixed by share in voxels at borders."""
        return np.asarray(np.tensordot(values, self.shares, axes=1), dtype=np.float64)

    def averages(self, image: FloatArray) -> FloatArray:
        """Return the share-weighted mean of an image in each region, (n_regions,)."""
        sums = self.shares.reshape(len(self.names), -1) @ image.ravel()
        return np.asarray(sums / self.n_voxels, dtype=np.float64)


def partition(fractions: Mapping[str, NDArray[Any]], *, shape_zyx: tuple[int, ...]) -> Partition:
    """Check regions and complete them to a partition of the image.

    Parameters
    ----------
    fractions : mapping of name to (z, y, x) array
        Share of each voxel in each region, 0 to 1. A background drawn as a region is one like any other.
    shape_zyx : tuple of int
        Of the image.

    Returns
    -------
    Partition
        With what no region holds as ``rest``.

    Raises
    ------
    InvalidInputError
        No region, an empty region, shares outside 0 to 1, a region named ``rest``, or regions that overlap.
    GeometryMismatchError
        Region and image have different shapes.
    """
    if not fractions:
        raise InvalidInputError("Partial-volume correction needs at least one region.", code="no_region")
    if REST in fractions:
        raise InvalidInputError(
            "The name 'rest' is kept for voxels outside every region; name the region otherwise.", code="region_name"
        )
    shares = np.stack([_checked(name, values, shape_zyx) for name, values in fractions.items()])
    total = shares.sum(axis=0)
    excess = np.maximum(total - 1.0, 0.0)
    overlap = float(excess.sum() / total.sum())
    if overlap > MAX_OVERLAP_SHARE:
        raise InvalidInputError(
            f"The regions overlap by {100.0 * overlap:.1f} % of their volume; take lesions out of organs first.",
            code="overlapping_regions",
        )
    shares /= np.maximum(total, 1.0)
    rest = np.maximum(1.0 - total, 0.0)
    names = tuple(fractions)
    if rest.sum() <= REST_TOLERANCE:
        shares /= shares.sum(axis=0)
        return Partition(names=names, shares=shares, overlap_share=overlap)
    return Partition(names=(*names, REST), shares=np.concatenate([shares, rest[None]]), overlap_share=overlap)


def what_changed(
    before: NDArray[Any], after: NDArray[Any], fractions: Mapping[str, NDArray[Any]]
) -> dict[str, RegionChange]:
    """Return for each region what a correction did to the activity in it.

    Parameters
    ----------
    before, after : (z, y, x) array
        Image without and with the correction, one unit.
    fractions : mapping of name to (z, y, x) array
        Share of each voxel in each region.

    Returns
    -------
    dict of str to RegionChange
        For the sentence "partial-volume correction changed kidney activity by +6 %".

    Raises
    ------
    GeometryMismatchError
        Arrays of different shapes.
    InvalidInputError
        A region is empty or its shares lie outside 0 to 1.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape:
        raise GeometryMismatchError(f"The images have shapes {first.shape} and {second.shape}.")
    changes = {}
    for name, values in fractions.items():
        share = _checked(name, values, first.shape)
        changes[name] = RegionChange(before=float(np.sum(first * share)), after=float(np.sum(second * share)))
    return changes


def checked_image(image: NDArray[Any]) -> FloatArray:
    """Return a (z, y, x) image as float64.

    Raises
    ------
    InvalidInputError
        Not three axes, or values that are not finite.
    """
    values = np.asarray(image, dtype=np.float64)
    if values.ndim != 3:
        raise InvalidInputError(f"An image has three axes (z, y, x); got {values.ndim}.", code="bad_image")
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("The image holds values that are not finite.", code="bad_image")
    return values


def _checked(name: str, values: NDArray[Any], shape_zyx: tuple[int, ...]) -> FloatArray:
    share = np.asarray(values, dtype=np.float64)
    if share.shape != tuple(shape_zyx):
        raise GeometryMismatchError(f"Region {name} has shape {share.shape}, the image {tuple(shape_zyx)}.")
    if not np.all(np.isfinite(share)) or share.min() < 0.0 or share.max() > MAX_FRACTION:
        raise InvalidInputError(f"Region {name} must hold shares of voxels from 0 to 1.", code="bad_fraction")
    if not share.any():
        raise InvalidInputError(f"Region {name} is empty; draw it first.", code="empty_region")
    return share
