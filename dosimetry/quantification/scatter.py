"""Scattered counts in a photopeak window, from the counts in windows beside it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.energy_windows import EnergyWindow, WindowSet, window_presets
from dosimetry.quantification.point_spread import FWHM_PER_SIGMA, TRUNCATION_SIGMAS

FloatArray = NDArray[np.float64]
JASZCZAK_K = 0.5
"""Ratio of Jaszczak 1984 for Tc-99m, 127-153 keV against 92-125 keV (windows to be confirmed against the source).

No default: it is one camera and one phantom.
"""

__all__ = [
    "JASZCZAK_K",
    "EnergyWindow",
    "ScatterEstimate",
    "WindowSet",
    "dew_scatter",
    "tew_scatter",
    "window_presets",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScatterEstimate:
    """Hold scattered and primary counts of a photopeak window.

    Parameters
    ----------
    scatter, primary : array, shape of the projections
        Counts; primary = photopeak - scatter.
    scatter_variance, primary_variance : array or None
        Of the same numbers, counts squared; None where the counts are not Poisson.
    n_clipped : int
        Pixels whose primary counts came out below zero and were set to zero.
    clipped_counts : float
        Counts that this added to the image.
    steps : tuple of str
        What was done, in words.
    """

    scatter: FloatArray
    primary: FloatArray
    scatter_variance: FloatArray | None
    primary_variance: FloatArray | None
    n_clipped: int
    clipped_counts: float
    steps: tuple[str, ...]


def tew_scatter(
    photopeak: NDArray[Any],
    lower: NDArray[Any],
    upper: NDArray[Any] | None,
    *,
    windows: WindowSet,
    smoothing_fwhm_pixels: float = 0.0,
    is_clipped: bool = False,
    is_poisson: bool = True,
) -> ScatterEstimate:
    """Estimate scatter as a trapezium under the photopeak: S = (C_lo / w_lo + C_up / w_up) w_pp / 2.

    Subtracting it from the projections gives negative pixels where counts are few; setting them to zero biases cold
    regions upwards. The estimate is better added inside the reconstruction, smoothed but not clipped.

    Parameters
    ----------
    photopeak, lower, upper : array, one shape
        Counts of one acquisition in the three windows; ``upper`` None where the set has no upper window.
    windows : WindowSet
        Limits in keV.
    smoothing_fwhm_pixels : float
        Gaussian smoothing of the estimate along every axis, pixels; 0 for none. For projections (views first) smooth
        only within views: pass one view at a time.
    is_clipped : bool
        Set primary counts below zero to zero and say how many.
    is_poisson : bool
        Whether the arrays hold counts as acquired. False for reconstructed or scaled values: no variance is given,
        and values below zero are accepted.

    Returns
    -------
    ScatterEstimate
        Scatter may exceed the photopeak; it is never cut.

    Raises
    ------
    InvalidInputError
        Counts below zero or not finite, smoothing below zero, or an upper window without its counts.
    GeometryMismatchError
        Arrays of different shapes.

    Notes
    -----
    The variance of the smoothed estimate holds away from the edges, where mirrored pixels would be counted as
    independent.

    References
    ----------
    .. [1] Ogawa et al., A practical method for position-dependent Compton-scatter correction in single photon emission
       CT, IEEE Trans Med Imaging 10, 1991, 10.1109/42.97591.
    """
    if (upper is None) != (windows.upper is None):
        raise InvalidInputError("Counts and limits of the upper window belong together.", code="upper_window")
    main, low = _counts([photopeak, lower], is_poisson=is_poisson)
    half_width = 0.5 * windows.photopeak.width_kev
    factor = half_width / windows.lower.width_kev
    scatter, variance = factor * low, factor**2 * low
    text = f"Scatter = lower window x {factor:.4g}"
    if upper is not None and windows.upper is not None:
        _, up = _counts([photopeak, upper], is_poisson=is_poisson)
        factor = half_width / windows.upper.width_kev
        scatter, variance = scatter + factor * up, variance + factor**2 * up
        text += f" + upper window x {factor:.4g}"
    return _estimate(
        main,
        scatter,
        variance if is_poisson else None,
        fwhm_pixels=smoothing_fwhm_pixels,
        is_clipped=is_clipped,
        text=f"{text} (triple-energy window).",
    )


def dew_scatter(
    photopeak: NDArray[Any],
    scatter_window: NDArray[Any],
    *,
    k: float,
    k_standard_uncertainty: float = 0.0,
    smoothing_fwhm_pixels: float = 0.0,
    is_clipped: bool = False,
    is_poisson: bool = True,
) -> ScatterEstimate:
    """Estimate scatter as a fixed share of a window below the photopeak: S = k C_sc.

    Parameters
    ----------
    photopeak, scatter_window : array, one shape
        Counts of one acquisition.
    k : float
        Ratio for this camera, nuclide and pair of windows; 0 or more. ``JASZCZAK_K`` is the published value for
        Tc-99m and no default.
    k_standard_uncertainty : float
        Of k. It is common to all pixels; the variance given is that of single pixels.
    smoothing_fwhm_pixels, is_clipped, is_poisson
        As for ``tew_scatter``.

    Returns
    -------
    ScatterEstimate
        Counts and variances.

    Raises
    ------
    InvalidInputError
        As for ``tew_scatter``; k or its uncertainty below zero or not finite.
    GeometryMismatchError
        Arrays of different shapes.

    References
    ----------
    .. [1] Jaszczak et al., Improved SPECT quantification using compensation for scattered photons, J Nucl Med 25:893,
       1984.
    """
    if not (0.0 <= k < np.inf and 0.0 <= k_standard_uncertainty < np.inf):
        raise InvalidInputError(f"The ratio k must be zero or more; got {k}.", code="bad_ratio")
    main, low = _counts([photopeak, scatter_window], is_poisson=is_poisson)
    estimate = _estimate(
        main,
        k * low,
        k**2 * low if is_poisson else None,
        fwhm_pixels=smoothing_fwhm_pixels,
        is_clipped=is_clipped,
        text=f"Scatter = scatter window x {k:.4g} (dual-energy window).",
    )
    if estimate.scatter_variance is None or estimate.primary_variance is None or k == 0.0:
        return estimate
    common = (estimate.scatter * k_standard_uncertainty / k) ** 2
    return ScatterEstimate(
        scatter=estimate.scatter,
        primary=estimate.primary,
        scatter_variance=estimate.scatter_variance + common,
        primary_variance=estimate.primary_variance + common,
        n_clipped=estimate.n_clipped,
        clipped_counts=estimate.clipped_counts,
        steps=estimate.steps,
    )


def _counts(arrays: list[NDArray[Any]], *, is_poisson: bool) -> list[FloatArray]:
    checked = [np.asarray(values, dtype=np.float64) for values in arrays]
    if any(values.shape != checked[0].shape for values in checked):
        shapes = " and ".join(str(values.shape) for values in checked)
        raise GeometryMismatchError(f"The windows hold arrays of different shapes: {shapes}.")
    for values in checked:
        if not np.all(np.isfinite(values)):
            raise InvalidInputError("A window holds counts that are not finite.", code="bad_counts")
        if is_poisson and np.any(values < 0.0):
            raise InvalidInputError(
                "A window holds counts below zero, so they are not counts as acquired; say so (is_poisson=False).",
                code="bad_counts",
            )
    return checked


def _estimate(
    main: FloatArray,
    scatter: FloatArray,
    variance: FloatArray | None,
    *,
    fwhm_pixels: float,
    is_clipped: bool,
    text: str,
) -> ScatterEstimate:
    if not 0.0 <= fwhm_pixels < np.inf:
        raise InvalidInputError(f"The smoothing must be 0 pixels or more; got {fwhm_pixels}.", code="bad_smoothing")
    steps = [text]
    if fwhm_pixels > 0.0:
        kernel = _kernel(fwhm_pixels)
        for axis in range(main.ndim):
            scatter = ndimage.correlate1d(scatter, kernel, axis=axis, mode="reflect")
            if variance is not None:
                variance = ndimage.correlate1d(variance, kernel**2, axis=axis, mode="reflect")
        steps.append(f"Scatter smoothed with a Gaussian of {fwhm_pixels:.3g} pixels FWHM; its total is kept.")
    primary = main - scatter
    below = primary < 0.0
    n_clipped, clipped = 0, 0.0
    if is_clipped and below.any():
        n_clipped, clipped = int(np.count_nonzero(below)), float(-primary[below].sum())
        primary = np.where(below, 0.0, primary)
        steps.append(f"{n_clipped} pixels below zero set to zero, which added {clipped:.4g} counts.")
    return ScatterEstimate(
        scatter=scatter,
        primary=primary,
        scatter_variance=variance,
        primary_variance=None if variance is None else main + variance,
        n_clipped=n_clipped,
        clipped_counts=clipped,
        steps=tuple(steps),
    )


def _kernel(fwhm_pixels: float) -> FloatArray:
    sigma = fwhm_pixels / FWHM_PER_SIGMA
    radius = int(np.ceil(TRUNCATION_SIGMAS * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float64)
