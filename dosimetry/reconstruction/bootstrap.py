"""How much counting noise moves a reconstructed image: repeated reconstructions of resampled counts."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.provenance import digest_array
from dosimetry.reconstruction.noise_replicates import NoiseReplicates

FloatArray = NDArray[np.float64]


def draw_counts(counts: NDArray[Any], *, n_replicates: int, seed: int = 1) -> Iterator[FloatArray]:
    """Draw counts again and again from those that were measured.

    Each replicate draws every pixel from a Poisson distribution whose mean is the count that was measured. That is the
    bootstrap of the events themselves, each taken 0, 1, 2, ... times with a Poisson number of mean 1, whose sum in a
    pixel is Poisson [1]_; no list of events is needed for it.

    Parameters
    ----------
    counts : array of any shape
        Measured counts, zero or more: all energy windows and views of one acquisition.
    n_replicates : int
        Draws.
    seed : int
        Of the draws, together with the counts: each acquisition has a stream of its own, so that two beds of one scan
        do not share their noise, and the same acquisition always draws the same.

    Yields
    ------
    float64 array
        Of the shape of the counts.

    References
    ----------
    .. [1] Haynor & Woods, Resampling estimates of precision in emission tomography, IEEE Trans. Med. Imaging 8 (1989)
       337-343.
    .. [2] Buvat, A non-parametric bootstrap approach for analysing the statistical properties of SPECT and PET images,
       Phys. Med. Biol. 47 (2002) 1761-1775.
    """
    measured = np.asarray(counts, dtype=np.float64)
    generator = np.random.default_rng([seed, 71, int(digest_array(measured), 16)])
    for _ in range(n_replicates):
        yield generator.poisson(measured).astype(np.float64)


def bootstrap_images(
    counts: NDArray[Any],
    *,
    image_of: Callable[[FloatArray, int], NDArray[Any]],
    n_replicates: int,
    seed: int = 1,
) -> NoiseReplicates:
    """Make the image anew from counts drawn from the measured ones, again and again.

    Noise of neighbouring voxels is correlated by the reconstruction, so that the uncertainty of a region cannot be had
    from that of its voxels; the replicates hold it, for regions that are drawn later as well.

    Parameters
    ----------
    counts : array
        As ``draw_counts`` takes them.
    image_of : callable
        Gets drawn counts and the number of the replicate, from 0, and returns the (n_z, n_y, n_x) image in Bq/mL with
        every step that noise goes through; it may raise to stop.
    n_replicates, seed : int
        As ``draw_counts``.

    Returns
    -------
    NoiseReplicates
        The images; what ``image_of`` holds fixed has no part in their spread.

    References
    ----------
    .. [1] As ``draw_counts``.
    """
    drawn = enumerate(draw_counts(counts, n_replicates=n_replicates, seed=seed))
    return NoiseReplicates.of(image_of(values, number) for number, values in drawn)
