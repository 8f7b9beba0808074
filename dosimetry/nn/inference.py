"""Probabilities of every class for a whole image: overlapping windows, and small changes of the image for doubt."""

import numpy as np
import torch
from numpy.typing import NDArray

from dosimetry.nn.networks import STEP, RegionNet

FloatArray = NDArray[np.float32]

WINDOW_SLICES, OVERLAP_SLICES = 112, 40
"""Along z; windows hold whole slices, so that memory stays bounded for long bodies."""


def class_probabilities(net: RegionNet, channels: FloatArray) -> FloatArray:
    """Return the probability of each class in each voxel.

    Parameters
    ----------
    net : RegionNet
        In evaluation mode.
    channels : (n_inputs, n_z, n_y, n_x) float32 array
        Of ``network_input``.

    Returns
    -------
    (n_classes, n_z, n_y, n_x) float32 array
        Sums to one over the classes. Windows are blended by their distance from their ends.
    """
    n_z, n_y, n_x = channels.shape[1:]
    padding = [(0, 0), (0, -n_z % STEP), (0, -n_y % STEP), (0, -n_x % STEP)]
    padded = np.pad(channels, padding)
    total = np.zeros((net.classes.out_channels, *padded.shape[1:]), dtype=np.float32)
    weights = np.zeros(padded.shape[1], dtype=np.float32)
    for start in window_starts(padded.shape[1]):
        stop = min(start + WINDOW_SLICES, padded.shape[1])
        with torch.inference_mode():
            logits = net(torch.from_numpy(np.ascontiguousarray(padded[None, :, start:stop])))
            chances = torch.softmax(logits[0], dim=0).numpy()
        inside = np.arange(stop - start)
        weight = np.minimum(1.0 + inside, stop - start - inside).astype(np.float32)
        total[:, start:stop] += weight[:, None, None] * chances
        weights[start:stop] += weight
    total /= weights[:, None, None]
    return total[:, :n_z, :n_y, :n_x]


def window_starts(n_slices: int) -> list[int]:
    """Return the first slice of each window: multiples of eight, overlapping, the last one ends with the image."""
    if n_slices <= WINDOW_SLICES:
        return [0]
    starts = list(range(0, n_slices - WINDOW_SLICES, WINDOW_SLICES - OVERLAP_SLICES))
    return [*starts, n_slices - WINDOW_SLICES]
