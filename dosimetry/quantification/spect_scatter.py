"""Scatter in the photopeak window of an acquisition: from the windows beside it, or simulated from the image."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.quantification.energy_windows import EnergyWindow, WindowSet
from dosimetry.quantification.scatter import JASZCZAK_K, dew_scatter, tew_scatter
from dosimetry.reconstruction.bremsstrahlung_photons import effective_energy_kev, has_lines
from dosimetry.reconstruction.cameras import get_camera
from dosimetry.reconstruction.projector import Projector
from dosimetry.reconstruction.scatter_mc import ScatterSettings, emitted_photons, simulate_scatter, to_detector_grid
from dosimetry.volume import block_mean, coarser_grid

Float32Array = NDArray[np.float32]
ADJACENT_KEV = 2.0
"""Scatter windows begin within this of where the photopeak window ends."""
DEW_WINDOWS_KEV = ((127.0, 153.0), (92.0, 125.0))
"""Photopeak and scatter window of Tc-99m for which ``JASZCZAK_K`` was measured."""
DEW_TOLERANCE_KEV = 2.0
"""Limits that differ more belong to another ratio: the share of scatter changes with the windows."""
MOST_UPDATES = 6
SCATTER_TOLERANCE = 0.02
"""Change of the total scatter at which updates stop: 0.6 % of the counts of a body of 30 % scatter, 0.2 % remain."""
UNSETTLED_CHANGE = 0.06
"""Of the scatter by the last update: of 30 % scatter 1.8 % of the counts, less than half of which is left."""
SLOW_RATIO = 0.75
"""Changes that shrink less than this would leave a fifth of the error, or more, after all updates."""
COARSE = 2
"""Pixels along a voxel of the simulation: scatter is smooth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagedLine:
    """The photon line that is imaged, and the numbers of its windows among those of the acquisition."""

    energy_kev: float
    photopeak: int
    lower: int | None
    upper: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScatterEstimate:
    """Scatter in the photopeak window.

    Parameters
    ----------
    counts : (n_views, n_rows, n_columns) float32 array
        Of each view.
    last_change : float
        Change of its total by the last update of a simulation, as a share of it; 0 where nothing is updated.
    """

    counts: Float32Array
    last_change: float = 0.0

    @property
    def is_settled(self) -> bool:
        """Return whether the scatter and the image that it gives agree."""
        return abs(self.last_change) <= UNSETTLED_CHANGE


def find_imaged_line(windows_kev: tuple[tuple[float, float], ...], *, nuclide: str) -> ImagedLine:
    """Return the strongest line of a nuclide that lies in the middle half of a window, and its scatter windows.

    Of a nuclide without lines bremsstrahlung is imaged: the widest window counts at the mean energy of its photons,
    and no window beside it holds scatter alone.

    Parameters
    ----------
    windows_kev : tuple of (low, high)
        Windows of the acquisition.
    nuclide : str
        As ``Lu-177``.

    Raises
    ------
    InsufficientDataError
        No window holds a line (code ``no_photopeak``).
    """
    if not has_lines(nuclide):
        widest = max(range(len(windows_kev)), key=lambda number: windows_kev[number][1] - windows_kev[number][0])
        energy_kev = effective_energy_kev(nuclide, windows_kev[widest])
        return ImagedLine(energy_kev=energy_kev, photopeak=widest, lower=None, upper=None)
    emissions = get_emissions(nuclide)
    lines = [
        (float(strength), float(energy), number)
        for number, (low, high) in enumerate(windows_kev)
        for energy, strength in zip(emissions.photon_energies_kev, emissions.photon_yields, strict=True)
        if abs(energy - 0.5 * (low + high)) < 0.25 * (high - low)
    ]
    if not lines:
        raise InsufficientDataError(
            f"None of the energy windows holds a photon line of {nuclide}; check nuclide and acquisition.",
            code="no_photopeak",
        )
    _, energy_kev, photopeak = max(lines)
    low, high = windows_kev[photopeak]
    lower = [i for i, window in enumerate(windows_kev) if abs(window[1] - low) <= ADJACENT_KEV]
    upper = [i for i, window in enumerate(windows_kev) if abs(window[0] - high) <= ADJACENT_KEV]
    return ImagedLine(
        energy_kev=energy_kev,
        photopeak=photopeak,
        lower=lower[0] if lower else None,
        upper=upper[0] if upper else None,
    )


def window_scatter(projections: NmProjections, line: ImagedLine, *, smoothing_pixels: float) -> Float32Array:
    """Return scatter by triple energy windows, smoothed within each view.

    Parameters
    ----------
    projections : NmProjections
        Counts of all windows.
    line : ImagedLine
        Which windows.
    smoothing_pixels : float
        FWHM of the smoothing, pixels: the narrow windows hold few counts.

    Returns
    -------
    (n_views, n_rows, n_columns) float32 array
        Counts.

    Raises
    ------
    InsufficientDataError
        No window lies below the photopeak (code ``no_scatter_window``).
    """
    if line.lower is None:
        raise InsufficientDataError(
            "No energy window lies below the photopeak; scatter cannot be estimated from windows. Simulate it, acquire "
            "with scatter windows, or choose no scatter correction and a calibration factor measured so.",
            code="no_scatter_window",
        )
    windows = [EnergyWindow(low_kev=low, high_kev=high) for low, high in projections.windows_kev]
    chosen = WindowSet(
        photopeak=windows[line.photopeak],
        lower=windows[line.lower],
        upper=None if line.upper is None else windows[line.upper],
        nuclide=projections.series.nuclide or "",
        line_kev=line.energy_kev,
        source="the acquisition",
        is_confirmed=True,
    )
    views = [
        tew_scatter(
            projections.counts[line.photopeak, v],
            projections.counts[line.lower, v],
            None if line.upper is None else projections.counts[line.upper, v],
            windows=chosen,
            smoothing_fwhm_pixels=smoothing_pixels,
        ).scatter
        for v in range(projections.counts.shape[1])
    ]
    return np.array(views, dtype=np.float32)


def dew_window_scatter(
    projections: NmProjections, line: ImagedLine, *, nuclide: str, smoothing_pixels: float
) -> Float32Array:
    """Return scatter as a published share of the window below the photopeak, smoothed within each view.

    S = k C_lower with k = 0.5 [1]_. The ratio holds for one nuclide and one pair of windows, so that others are
    refused: there is no k of a source for them here. Prefer simulated scatter or three windows.

    Parameters
    ----------
    projections : NmProjections
        Counts of all windows.
    line : ImagedLine
        Which windows.
    nuclide : str
        Of the course.
    smoothing_pixels : float
        FWHM of the smoothing, pixels.

    Returns
    -------
    (n_views, n_rows, n_columns) float32 array
        Counts.

    Raises
    ------
    InsufficientDataError
        No window lies below the photopeak (code ``no_scatter_window``), or no ratio is published here for the nuclide
        and its windows (code ``no_dew_ratio``).

    References
    ----------
    .. [1] Jaszczak et al., J Nucl Med 25:893, 1984: Tc-99m, 127-153 keV against 92-125 keV.
    """
    if line.lower is None:
        raise InsufficientDataError(
            "No energy window lies below the photopeak, which dual-energy-window scatter needs. Simulate the scatter, "
            "or choose no scatter correction and a calibration factor measured so.",
            code="no_scatter_window",
        )
    found = (projections.windows_kev[line.photopeak], projections.windows_kev[line.lower])
    if nuclide != "Tc-99m" or np.abs(np.subtract(found, DEW_WINDOWS_KEV)).max() > DEW_TOLERANCE_KEV:
        (low, high), (scatter_low, scatter_high) = found
        raise InsufficientDataError(
            f"No dual-energy-window ratio is known for {nuclide} at {low:g}-{high:g} keV with {scatter_low:g}-"
            f"{scatter_high:g} keV (known: Tc-99m, 127-153 with 92-125 keV); simulate the scatter or take it from the "
            "windows (TEW).",
            code="no_dew_ratio",
        )
    views = [
        dew_scatter(
            projections.counts[line.photopeak, v],
            projections.counts[line.lower, v],
            k=JASZCZAK_K,
            smoothing_fwhm_pixels=smoothing_pixels,
        ).scatter
        for v in range(projections.counts.shape[1])
    ]
    return np.array(views, dtype=np.float32)


def converged_scatter(
    start: Float32Array | None,
    simulate: Callable[[int, Float32Array | None], Float32Array],
    *,
    n_counts: float,
) -> ScatterEstimate:
    """Return scatter that the image with this scatter makes again.

    Each update leaves a share g of the error before it, with the other sign: a quarter to a third where scatter is a
    fifth of the counts, all of it and more where scatter exceeds the primaries (Lu-177 at 113 keV). Where a change is
    hardly smaller than the one before (``SLOW_RATIO``), the updates go on with the share 1/(1 + |g|) of each step
    (Aitken), g being the ratio of these two changes. Without a first estimate the image takes all counts for primaries:
    where it then makes more scatter than there are counts (bremsstrahlung), g is that ratio at once.

    Parameters
    ----------
    start : (n_views, n_rows, n_columns) float32 array or None
        First estimate, as of energy windows; None for none.
    simulate : callable
        Gets the number of the update and a scatter, and returns the scatter of the image that it gives.
    n_counts : float
        Counts in the photopeak window, all views.

    Returns
    -------
    ScatterEstimate
        After ``MOST_UPDATES`` updates it may not be settled yet, which the caller tells.
    """
    scatter, before = start, 0.0 if start is None else float(start.sum(dtype=np.float64))
    step, last_change = 1.0, 0.0
    for number in range(MOST_UPDATES):
        found = simulate(number, scatter)
        total = float(found.sum(dtype=np.float64))
        change = total - before
        if scatter is None and total > n_counts > 0.0:
            step = 1.0 / (1.0 + total / n_counts)
            scatter = np.zeros_like(found)
        # Where scatter exceeds the primaries, a share of it is a larger one of them.
        least = min(total, n_counts - total) if n_counts > total else total
        if abs(change) <= SCATTER_TOLERANCE * least:
            return ScatterEstimate(counts=found, last_change=change / total if total > 0.0 else 0.0)
        if step == 1.0 and change * last_change < 0.0 and abs(change) > SLOW_RATIO * abs(last_change):
            step = 1.0 / (1.0 + abs(change / last_change))
        scatter = found if scatter is None or step == 1.0 else scatter + np.float32(step) * (found - scatter)
        before, last_change = float(scatter.sum(dtype=np.float64)), change
    counts = np.asarray(scatter, dtype=np.float32)
    return ScatterEstimate(counts=counts, last_change=last_change / before if before > 0.0 else 0.0)


def image_scatter(
    image_bq_per_ml: Float32Array,
    *,
    density_g_per_ml: Float32Array,
    projector: Projector,
    camera: str,
    nuclide: str,
    line: ImagedLine,
    window_kev: tuple[float, float],
    n_histories: int,
) -> Float32Array:
    """Return the scatter that an image would make in the photopeak window, by Monte Carlo in the CT.

    Windows beside the photopeak hold scatter of other angles, which spreads wider than that inside the photopeak;
    this takes the scatter from where it arises.

    Parameters
    ----------
    image_bq_per_ml, density_g_per_ml : (n_z, n_y, n_x) float32 arrays
        Current estimate and density on the projector's grid.
    projector : Projector
        Of the acquisition, with its calibration.
    camera, nuclide : str
        Of the acquisition.
    line : ImagedLine
        What is imaged.
    window_kev : (low, high)
        The photopeak window.
    n_histories : int
        Photons to follow.

    Returns
    -------
    (n_views, n_rows, n_columns) float32 array
        Counts.
    """
    scatter = simulate_scatter(
        activity_bq_per_ml=block_mean(image_bq_per_ml, COARSE),
        density_g_per_ml=block_mean(density_g_per_ml, COARSE, is_edge_repeated=True),
        grid=coarser_grid(projector.grid, COARSE),
        orbit=projector.orbit,
        camera=get_camera(camera),
        photons=emitted_photons(nuclide, imaged_kev=line.energy_kev, photopeak_kev=window_kev),
        windows_kev=(window_kev,),
        photopeak_kev=window_kev,
        settings=ScatterSettings(n_histories=n_histories),
    )
    n_views, n_z, n_columns = projector.projections_shape
    fine = to_detector_grid(scatter[0], factor=COARSE)[:, :n_z, :n_columns]
    per_view = np.ones(n_views) if projector.counts_per_bq is None else np.asarray(projector.counts_per_bq)
    return np.asarray(fine * per_view[:, None, None], dtype=np.float32)
