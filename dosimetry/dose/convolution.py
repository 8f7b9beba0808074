"""Convolution of a map with a voxel kernel: fine grid near the source, coarse grid for far photons."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import FftBackend

FloatArray = NDArray[np.floating[Any]]


def wrapped_kernel(octant: FloatArray, shape: Sequence[int]) -> FloatArray:
    """Lay a mirrored octant round index 0 of a periodic array.

    Parameters
    ----------
    octant : (n_z + 1, n_y + 1, n_x + 1) array
        Kernel at offsets 0..n.
    shape : sequence of int
        Sizes of the periodic array, at least 2 n + 1.

    Returns
    -------
    array of ``shape``
        Offset n at index n, offset -n at index size - n.
    """
    laid = np.zeros(tuple(shape), dtype=octant.dtype)
    for signs in np.ndindex(2, 2, 2):
        target, source = [], []
        for axis, sign in enumerate(signs):
            n = octant.shape[axis] - 1
            target.append(slice(shape[axis] - n, None) if sign and n else slice(0, 0 if sign else n + 1))
            source.append(slice(n, 0, -1) if sign and n else slice(0, 0 if sign else n + 1))
        laid[tuple(target)] = octant[tuple(source)]
    return laid


class MapSpectrum:
    """A map transformed once, for convolution with several kernels.

    Nothing wraps round: a kernel that reaches n voxels moves energy by at most n, so that with n zeros behind the map
    what leaves at one end falls into zeros before it could come back. Kernels are cut where they could only act
    outside the map.

    Parameters
    ----------
    values : (z, y, x) array
        The map; its precision is that of the result.
    reach : (z, y, x) int
        Largest offsets of the kernels.
    backend : FftBackend
        Where to transform.
    """

    def __init__(self, values: FloatArray, *, reach: Sequence[int], backend: FftBackend) -> None:
        self._shape = values.shape
        self._reach = tuple(min(n, size - 1) for n, size in zip(reach, values.shape, strict=True))
        self._padded = backend.fast_shape(
            [max(size + n, 2 * n + 1) for size, n in zip(values.shape, self._reach, strict=True)]
        )
        self._backend = backend
        self._dtype = values.dtype
        self._spectrum = backend.spectrum(values, self._padded)

    def convolved(self, octant: FloatArray) -> FloatArray:
        """Return the convolution with a mirrored octant whose reach is at most that of this spectrum."""
        used = octant[tuple(slice(0, n + 1) for n in self._reach)].astype(self._dtype, copy=False)
        spectrum = self._backend.spectrum(wrapped_kernel(used, self._padded), self._padded)
        spectrum *= self._spectrum
        return self._backend.values(spectrum, self._padded)[tuple(slice(0, size) for size in self._shape)]


def convolve_far(
    values: FloatArray, octant: FloatArray, *, coarsening_zyx: tuple[int, int, int], backend: FftBackend
) -> FloatArray:
    """Return the convolution with a coarse kernel, each fine voxel shared between its coarse neighbours.

    Each fine value is given to the two nearest coarse centres on each axis in proportion to nearness, so that its
    centre of mass stays in place; the result is read with the same shares.

    Parameters
    ----------
    values : (z, y, x) array
        Fine map.
    octant : array
        Kernel on the coarse grid per unit of the fine map.
    coarsening_zyx : (z, y, x) int
        Fine voxels in one coarse voxel.
    backend : FftBackend
        Where to transform.

    Returns
    -------
    array of the shape of ``values``
        On the fine grid.
    """
    reach = tuple(n - 1 for n in octant.shape)
    far = MapSpectrum(gathered(values, coarsening_zyx), reach=reach, backend=backend).convolved(octant)
    return spread(far, coarsening_zyx, values.shape)


def gathered(values: FloatArray, coarsening_zyx: Sequence[int]) -> FloatArray:
    """Give each fine value to its coarse neighbours; one coarse voxel more lies at each end.

    Parameters
    ----------
    values : (z, y, x) array
        Amounts on the fine grid.
    coarsening_zyx : (z, y, x) int
        Fine voxels in one coarse voxel.
    """
    coarse = values
    for axis, factor in enumerate(coarsening_zyx):
        coarse = _gathered(coarse, axis, factor)
    return coarse


def spread(coarse: FloatArray, coarsening_zyx: Sequence[int], shape: Sequence[int]) -> FloatArray:
    """Read fine values between the coarse centres of ``gathered``.

    Parameters
    ----------
    coarse : (z, y, x) array
        With one voxel more at each end.
    coarsening_zyx : (z, y, x) int
        As ``gathered``.
    shape : sequence of int
        Sizes of the fine grid.
    """
    fine = coarse
    for axis in (2, 1, 0):
        fine = _spread(fine, axis, coarsening_zyx[axis], shape[axis])
    return fine


def coarse_share(factor: int) -> list[tuple[int, float]]:
    """Return, for each fine voxel of a block, the first of its two coarse neighbours and the share of the second.

    Coarse centre 0 lies one block before the first block, so that every fine voxel has two neighbours.

    Parameters
    ----------
    factor : int
        Fine voxels in a block.
    """
    positions = [(i + 0.5) / factor + 0.5 for i in range(factor)]
    return [(int(position), position - int(position)) for position in positions]


def _gathered(fine: FloatArray, axis: int, factor: int) -> FloatArray:
    """Give fine values to coarse centres along an axis."""
    size = fine.shape[axis]
    shape = list(fine.shape)
    shape[axis] = -(-size // factor) + 2
    coarse = np.zeros(shape, dtype=fine.dtype)
    for phase, (first, share) in enumerate(coarse_share(factor)):
        part = fine[_along(axis, slice(phase, None, factor))]
        n = part.shape[axis]
        coarse[_along(axis, slice(first, first + n))] += part * fine.dtype.type(1.0 - share)
        coarse[_along(axis, slice(first + 1, first + 1 + n))] += part * fine.dtype.type(share)
    return coarse


def _spread(coarse: FloatArray, axis: int, factor: int, size: int) -> FloatArray:
    """Read fine values between coarse centres along an axis: straight lines."""
    shape = list(coarse.shape)
    shape[axis] = size
    fine = np.empty(shape, dtype=coarse.dtype)
    for phase, (first, share) in enumerate(coarse_share(factor)):
        n = len(range(phase, size, factor))
        below = coarse[_along(axis, slice(first, first + n))]
        above = coarse[_along(axis, slice(first + 1, first + 1 + n))]
        fine[_along(axis, slice(phase, None, factor))] = below + (above - below) * coarse.dtype.type(share)
    return fine


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    """Return an index that takes ``part`` of one axis and all of the others."""
    return tuple(part if i == axis else slice(None) for i in range(3))
