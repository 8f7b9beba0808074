"""One acquisition of SPECT projections on its way to an image: its system, its scatter, its noise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.dead_time import dead_time_factor
from dosimetry.quantification.spect_scatter import (
    MOST_UPDATES,
    ImagedLine,
    ScatterEstimate,
    converged_scatter,
    dew_window_scatter,
    image_scatter,
    window_scatter,
)
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.reconstruction.attenuation import mu_per_mm
from dosimetry.reconstruction.bootstrap import bootstrap_images
from dosimetry.reconstruction.cameras import get_camera
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.reconstruction.orbit import Orbit
from dosimetry.reconstruction.osem import OsemOptions, OsemResult, OsemState, reconstruct
from dosimetry.reconstruction.projector import Projector
from dosimetry.volume import Grid

Float32Array = NDArray[np.float32]
N_FIRST_ITERATIONS = 2
"""Iterations of the image from which scatter is simulated: it is smooth, so that a blurred image gives it."""
SCATTER_SHARE = 0.25
"""Of the progress until the image: scatter and the images that it is simulated from."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectJob:
    """One acquisition on its way to an image."""

    projections: NmProjections
    line: ImagedLine
    nuclide: str
    settings: SpectSettings
    calibration: CalibrationFactor
    grid: Grid
    density_g_per_ml: Float32Array | None
    say: Callable[[float, str], None]

    @cached_property
    def projector(self) -> Projector:
        """Return the system of the acquisition."""
        settings, energy_kev = self.settings, self.line.energy_kev
        orbit = Orbit(angles_deg=self.projections.angles_deg, radii_mm=self.projections.radii_mm)
        per_view = self.calibration.calibration_cps_per_bq * self.projections.view_duration_s
        collimator = mu = None
        if settings.camera:
            collimator = get_camera(settings.camera).collimator(
                energy_kev,
                penetration_share=settings.penetration_share,
                penetration_fwhm_mm=settings.penetration_fwhm_mm,
            )
        if self.density_g_per_ml is not None:
            # Simulated scatter holds coherently scattered photons, so that they must be missing from the primaries.
            has_coherent = settings.scatter == "simulated"
            mu = mu_per_mm(self.density_g_per_ml, energy_kev=energy_kev, has_coherent=has_coherent)
        return Projector(
            grid=self.grid,
            orbit=orbit,
            collimator=collimator,
            mu_per_mm=mu,
            counts_per_bq=tuple(per_view * share for share in self.live_shares),
        )

    @cached_property
    def live_shares(self) -> tuple[float, ...]:
        """Return for each view the share of the events that dead time left, from the counts of all windows."""
        rates_cps = self.projections.counts.sum(axis=(0, 2, 3), dtype=np.float64) / self.projections.view_duration_s
        return tuple(self._live_share(float(rate)) for rate in rates_cps)

    def _live_share(self, rate_cps: float) -> float:
        settings = self.settings
        if rate_cps == 0.0 or settings.dead_time_s == 0.0:
            return 1.0
        return 1.0 / dead_time_factor(rate_cps, dead_time_s=settings.dead_time_s, model=settings.dead_time_model).factor

    def scatter(self) -> ScatterEstimate | None:
        """Return the scatter in the photopeak window."""
        settings, line = self.settings, self.line
        if settings.scatter == "none":
            return None
        self.tell(0.02, "Scatter from the energy windows")
        if settings.scatter in {"windows", "dew"}:
            return ScatterEstimate(counts=self._from_windows(self.projections))
        start = None if line.lower is None else self._from_windows(self.projections)
        n_counts = float(self.projections.counts[line.photopeak].sum(dtype=np.float64))
        return converged_scatter(start, self._simulated, n_counts=n_counts)

    def _from_windows(self, projections: NmProjections) -> Float32Array:
        """Return the scatter that the windows beside the photopeak, or the one below it, give."""
        smoothing = self.settings.scatter_smoothing_pixels
        if self.settings.scatter == "dew":
            return dew_window_scatter(projections, self.line, nuclide=self.nuclide, smoothing_pixels=smoothing)
        return window_scatter(projections, self.line, smoothing_pixels=smoothing)

    def _simulated(self, number: int, scatter: Float32Array | None) -> Float32Array:
        """Return the scatter of the image that some scatter gives."""
        share = 0.03 + 0.22 * number / MOST_UPDATES
        first = self.reconstruct(N_FIRST_ITERATIONS, scatter, between=(share, share + 0.02))
        self.tell(share + 0.02, f"Simulating scatter, {number + 1} of {MOST_UPDATES} at most")
        return image_scatter(
            first.unfiltered_bq_per_ml,
            density_g_per_ml=self._known_density,
            projector=self.projector,
            camera=self.settings.camera,
            nuclide=self.nuclide,
            line=self.line,
            window_kev=self.projections.windows_kev[self.line.photopeak],
            n_histories=self.settings.scatter_histories,
        )

    @property
    def _known_density(self) -> Float32Array:
        """Return the density, which the settings of simulated scatter demand."""
        if self.density_g_per_ml is None:
            raise InsufficientDataError("Scatter cannot be simulated without a CT.", code="no_ct")
        return self.density_g_per_ml

    def tell(self, share: float, text: str) -> None:
        """Report progress; a share of 1 is the image, and each replicate adds what the image took after its scatter."""
        self.say(share / (1.0 + self.settings.n_replicates * (1.0 - SCATTER_SHARE)), text)

    def image(self, scatter: Float32Array | None) -> OsemResult:
        """Return the image with its scatter."""
        return self.reconstruct(self.settings.n_iterations, scatter, between=(SCATTER_SHARE, 0.99))

    def replicates(self, scatter: Float32Array | None) -> NoiseReplicates | None:
        """Return the images that other counts would have given; None where none were asked for.

        Scatter from windows is found anew from the drawn counts of every window. Simulated scatter is that of the
        image itself: it is smooth and follows the total activity, which counting noise hardly moves. Attenuation,
        calibration and the share that dead time took are the image's too.
        """
        n_replicates = self.settings.n_replicates
        if n_replicates == 0:
            return None
        counts = self.projections.counts
        return bootstrap_images(counts, image_of=partial(self._replicate, scatter), n_replicates=n_replicates)

    def _replicate(self, shared: Float32Array | None, drawn: NDArray[np.float64], number: int) -> Float32Array:
        settings, first = self.settings, 1.0 + number * (1.0 - SCATTER_SHARE)
        projections = replace(self.projections, counts=drawn.astype(np.float32))
        scatter = self._from_windows(projections) if settings.scatter in {"windows", "dew"} else shared
        return self.reconstruct(
            settings.n_iterations,
            scatter,
            between=(first, first + 1.0 - SCATTER_SHARE),
            counts=projections.counts[self.line.photopeak],
            doing=f"Noise replicate {number + 1} of {settings.n_replicates}",
        ).activity_bq_per_ml

    def reconstruct(
        self,
        n_iterations: int,
        scatter: Float32Array | None,
        *,
        between: tuple[float, float],
        counts: Float32Array | None = None,
        doing: str = "Reconstructing",
    ) -> OsemResult:
        """Reconstruct with some scatter, reporting progress between two shares; other counts than measured if given."""
        settings = self.settings
        n_updates = n_iterations * settings.n_subsets

        def report(state: OsemState) -> None:
            share = between[0] + (between[1] - between[0]) * state.n_updates / n_updates
            self.tell(share, f"{doing}, update {state.n_updates} of {n_updates}")

        options = OsemOptions(
            n_iterations=n_iterations,
            n_subsets=settings.n_subsets,
            post_filter_fwhm_mm=settings.post_filter_fwhm_mm,
        )
        return reconstruct(
            self.projections.counts[self.line.photopeak] if counts is None else counts,
            projector=self.projector,
            options=options,
            additive_counts=scatter,
            on_update=report,
        )

    def words(self, result: OsemResult, scatter: Float32Array | None) -> str:
        """Return what was done, for the guard."""
        share = 0.0 if scatter is None else float(scatter.sum(dtype=np.float64)) / result.measured_counts
        lost = 1.0 - float(np.mean(self.live_shares))
        dead = f"Dead time took {lost:.1%} of the counts; they were given back. " if lost else ""
        return (
            f"Reconstructed from {self.projector.orbit.n_views} views at {self.line.energy_kev:.0f} keV: "
            f"{self.settings.identity}. Scatter is {share:.0%} of the counts; the image projects to "
            f"{result.expected_counts / result.measured_counts:.3f} of what was measured. {dead}The axis of "
            "rotation is taken at x = y = 0 of the frame of reference."
        )
