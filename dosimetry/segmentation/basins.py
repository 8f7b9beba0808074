"""Touching hot spots told apart: basins of an image, joined unless the valley between them is deep."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import Mask

VALLEY_SHARE = 0.7
"""Two spheres of one activity and of the resolution's diameter, that far apart, fall to about this share between."""
SMOOTHING_VOXELS = 0.7
"""Against noise, in working voxels: half the blur of a good SPECT."""


def split_basins(
    mask: Mask, values: NDArray[np.floating], *, least_voxels: int, valley_share: float = VALLEY_SHARE
) -> NDArray[np.int32]:
    """Divide a mask by the peaks of an image.

    Voxels are taken from the hottest down; each joins the basin of its hottest neighbour. Where two basins meet, they
    stay apart if the meeting place is below a share of the lower peak and the smaller is large enough by then, else
    they become one (a watershed with dynamics, Grimaud 1992).

    Parameters
    ----------
    mask : (n_z, n_y, n_x) bool array
        What is divided, not empty.
    values : (n_z, n_y, n_x) array
        Activity concentration, any unit.
    least_voxels : int
        Smallest basin that may stand alone.
    valley_share : float
        0 to 1.

    Returns
    -------
    (n_z, n_y, n_x) int32 array
        Basins from 1 within the mask, the hottest first; 0 outside.

    Raises
    ------
    InvalidInputError
        The mask is empty.

    References
    ----------
    .. [1] Grimaud M, A new measure of contrast: the dynamics, Proc SPIE 1769 (1992) 292-305.
    """
    if not mask.any():
        raise InvalidInputError("There is nothing to divide; the mask is empty.", code="empty_region")
    padded = np.pad(mask, 1)
    smooth = np.pad(ndimage.gaussian_filter(np.asarray(values, dtype=np.float32), SMOOTHING_VOXELS, mode="nearest"), 1)
    flat, inside = smooth.ravel(), np.flatnonzero(padded.ravel())
    order = inside[np.argsort(-flat[inside], kind="stable")]
    steps = _neighbour_steps(padded.shape)
    basin = np.zeros(flat.size, dtype=np.int32)
    parent, peak, size = [0], [0.0], [0]

    def root(one: int) -> int:
        while parent[one] != one:
            one = parent[one]
        return one

    for voxel in order:
        around = voxel + steps
        known = around[basin[around] > 0]
        if known.size == 0:
            parent.append(len(parent))
            peak.append(float(flat[voxel]))
            size.append(1)
            basin[voxel] = len(parent) - 1
            continue
        own = root(int(basin[known[np.argmax(flat[known])]]))
        basin[voxel] = own
        size[own] += 1
        for met in np.unique(basin[known]):
            own, other = root(own), root(int(met))
            if other == own:
                continue
            first, second = (own, other) if peak[own] >= peak[other] else (other, own)
            is_apart = flat[voxel] < valley_share * peak[second] and min(size[first], size[second]) >= least_voxels
            if not is_apart:
                parent[second] = first
                size[first] += size[second]
    names = np.array([root(one) for one in range(len(parent))])
    found = names[basin]
    by_heat = sorted(set(found[inside].tolist()), key=lambda one: -peak[one])
    number = np.zeros(len(parent), dtype=np.int32)
    number[by_heat] = np.arange(1, len(by_heat) + 1)
    whole = number[found].reshape(padded.shape)
    return np.asarray(np.where(mask, whole[1:-1, 1:-1, 1:-1], 0), dtype=np.int32)


def _neighbour_steps(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the distances in a flat array to the 26 neighbours of a voxel."""
    offsets = np.argwhere(np.ones((3, 3, 3))) - 1
    steps = offsets @ np.array([shape[1] * shape[2], shape[2], 1])
    return np.asarray(steps[np.any(offsets != 0, axis=1)], dtype=np.int64)
