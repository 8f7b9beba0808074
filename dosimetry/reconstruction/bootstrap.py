"""How much counting noise moves a reconstructed image: repeated reconstructions of resampled counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.reconstruction.osem import OsemOptions, reconstruct
from dosimetry.reconstruction.projector import Projector

FloatArray = NDArray[np.float64]
FEWEST_REPLICATES = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BootstrapResult:
    """Spread of an image and of its regions under counting noise.

    Parameters
    ----------
    standard_uncertainty_bq_per_ml : (n_z, n_y, n_x) float32 array
        Standard deviation of each voxel over the replicates.
    region_cv : mapping of region name to float
        Relative standard uncertainty of the mean of each region.
    region_correlation : (n, n) array
        Correlation between the means of the regions, in the order of ``region_cv``.
    n_replicates : int
        Replicates; a standard deviation from n of them is itself uncertain by 1 / sqrt(2 (n - 1)).
    """

    standard_uncertainty_bq_per_ml: NDArray[np.float32]
    region_cv: Mapping[str, float]
    region_correlation: FloatArray
    n_replicates: int


def bootstrap_reconstruction(
    projections: NDArray[Any],
    *,
    projector: Projector,
    regions: Mapping[str, NDArray[Any]],
    options: OsemOptions,
    additive_counts: NDArray[Any] | None = None,
    n_replicates: int = 20,
    seed: int = 1,
    on_replicate: Callable[[int], None] | None = None,
) -> BootstrapResult:
    """Reconstruct counts drawn from the measured ones again and again.

    Each replicate draws every pixel from a Poisson distribution whose mean is the count that was measured. Noise of
    neighbouring voxels is correlated by the reconstruction, so that the uncertainty of a region cannot be had from its
    voxels; the replicates hold it.

    Parameters
    ----------
    projections : (n_views, n_z, n_columns) array
        Measured counts.
    projector : Projector
        The system.
    regions : mapping of name to (n_z, n_y, n_x) array
        Share of each voxel in each region, 0 to 1.
    options : OsemOptions
        As for the image itself.
    additive_counts : array or None
        Scatter; held fixed, its own noise is not in the result.
    n_replicates : int
        5 or more.
    seed : int
        Of the draws.
    on_replicate : callable or None
        Called with the number of replicates done; it may raise to stop.

    Returns
    -------
    BootstrapResult
        Voxels and regions.

    Raises
    ------
    InvalidInputError
        Too few replicates, or an empty region.
    GeometryMismatchError
        A region on another grid.

    References
    ----------
    .. [1] Buvat, A non-parametric bootstrap approach for analysing the statistical properties of SPECT and PET images,
       Phys. Med. Biol. 47 (2002) 1761-1775.
    """
    if n_replicates < FEWEST_REPLICATES:
        raise InvalidInputError(f"A spread needs at least {FEWEST_REPLICATES} replicates; got {n_replicates}.")
    weights = {name: _weights(name, share, projector) for name, share in regions.items()}
    generator = np.random.default_rng([seed, 71])
    total = np.zeros(projector.grid.shape_zyx)
    squares = np.zeros_like(total)
    means = np.empty((n_replicates, len(weights)))
    for number in range(n_replicates):
        drawn = generator.poisson(np.asarray(projections, dtype=np.float64))
        image = reconstruct(
            drawn, projector=projector, options=options, additive_counts=additive_counts
        ).activity_bq_per_ml.astype(np.float64)
        total += image
        squares += image * image
        means[number] = [float(np.sum(image * weight)) for weight in weights.values()]
        if on_replicate is not None:
            on_replicate(number + 1)
    variance = np.maximum(squares - total**2 / n_replicates, 0.0) / (n_replicates - 1)
    spread = means.std(axis=0, ddof=1)
    average = means.mean(axis=0)
    cv = np.divide(spread, average, out=np.full_like(spread, np.inf), where=average > 0.0)
    return BootstrapResult(
        standard_uncertainty_bq_per_ml=np.sqrt(variance).astype(np.float32),
        region_cv=MappingProxyType({name: float(value) for name, value in zip(weights, cv, strict=True)}),
        region_correlation=_correlation(means),
        n_replicates=n_replicates,
    )


def _weights(name: str, share: NDArray[Any], projector: Projector) -> FloatArray:
    array = np.asarray(share, dtype=np.float64)
    if array.shape != projector.grid.shape_zyx:
        raise GeometryMismatchError(f"Region {name} is {array.shape}, the image {projector.grid.shape_zyx}.")
    if array.sum() <= 0.0:
        raise InvalidInputError(f"Region {name} is empty.", code="empty_region")
    return np.asarray(array / array.sum())


def _correlation(means: FloatArray) -> FloatArray:
    """Return the correlation of columns; one without spread is correlated with none."""
    centred = means - means.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    safe = np.where(spread > 0.0, spread, 1.0)
    correlation = (centred.T @ centred) / np.outer(safe, safe)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)
