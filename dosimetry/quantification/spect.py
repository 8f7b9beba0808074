"""From SPECT projections and a CT to activity concentration: scatter, attenuation, resolution, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.dead_time import dead_time_factor
from dosimetry.quantification.spect_scatter import (
    MOST_UPDATES,
    ImagedLine,
    ScatterEstimate,
    converged_scatter,
    dew_window_scatter,
    find_imaged_line,
    image_scatter,
    window_scatter,
)
from dosimetry.quantification.spect_settings import USUAL_SETTINGS, SpectSettings
from dosimetry.reconstruction.attenuation import density_on_grid, mu_per_mm, outside_ct
from dosimetry.reconstruction.cameras import get_camera
from dosimetry.reconstruction.orbit import Orbit
from dosimetry.reconstruction.osem import OsemOptions, OsemResult, OsemState, reconstruct
from dosimetry.reconstruction.projector import Projector
from dosimetry.volume import Grid, Volume

Float32Array = NDArray[np.float32]
MOST_BESIDE_CT = 0.02
"""Our guide: above the noise that lies round a body, far below an arm."""
N_FIRST_ITERATIONS = 2
"""Iterations of the image from which scatter is simulated: it is smooth, so that a blurred image gives it."""


def reconstruct_spect(
    projections: NmProjections,
    *,
    nuclide: Nuclide,
    density: Volume | None,
    calibration: CalibrationFactor | None,
    settings: SpectSettings = USUAL_SETTINGS,
    progress: Callable[[float, str], None] | None = None,
) -> EmissionImage:
    """Reconstruct and quantify one acquisition.

    Parameters
    ----------
    projections : NmProjections
        As read.
    nuclide : Nuclide
        Decay data of the course's nuclide.
    density : Volume or None
        Of the CT, g/mL, in the frame of reference of the projections; needed for attenuation.
    calibration : CalibrationFactor or None
        Counts per second and Bq in air of this camera, nuclide and window.
    settings : SpectSettings
        What to correct.
    progress : callable or None
        Gets a share from 0 to 1 and a text; it may raise to stop, which leaves nothing.

    Returns
    -------
    EmissionImage
        Mean activity concentration during the frame, Bq/mL, not corrected for decay; the header facts say what was
        corrected.

    Raises
    ------
    InsufficientDataError
        No calibration, CT, orbit or scatter window where one is needed.
    InvalidInputError
        A calibration of another nuclide, or counts that cannot be.
    GeometryMismatchError
        A CT that does not reach over the projections.

    Notes
    -----
    The axis of rotation is taken at x = y = 0 of the frame of reference, as hybrid cameras place it.
    """
    if calibration is None:
        raise InsufficientDataError(
            "Projections hold counts; enter and confirm a calibration factor of the camera for this nuclide and date.",
            code="no_calibration",
        )
    if calibration.nuclide != nuclide.name:
        raise InvalidInputError("The calibration factor was measured for another nuclide.", code="calibration_nuclide")
    line = find_imaged_line(projections.windows_kev, nuclide=nuclide.name)
    grid = image_grid(projections, centre_z_mm=_centre_z_mm(density))
    job = _Job(
        projections=projections,
        line=line,
        nuclide=nuclide.name,
        settings=settings,
        calibration=calibration,
        grid=grid,
        density_g_per_ml=_density(density, grid, settings),
        say=progress or (lambda share, text: None),
    )
    scatter = job.scatter()
    counts = None if scatter is None else scatter.counts
    result = job.reconstruct(settings.n_iterations, counts, between=(0.25, 0.99))
    findings = [Finding(code="reconstructed", level="note", message=job.words(result, counts))]
    if scatter is not None and not scatter.is_settled:
        findings.append(_unsettled(scatter))
    if density is not None and job.density_g_per_ml is not None:
        findings.extend(_beside_ct(result, outside_ct(density, job.density_g_per_ml, grid=grid)))
    return _as_image(projections, result, grid, settings, findings=findings)


def _beside_ct(result: OsemResult, is_outside: NDArray[np.bool_]) -> list[Finding]:
    values = np.maximum(result.activity_bq_per_ml, 0.0)
    share = float(values[is_outside].sum(dtype=np.float64)) / max(float(values.sum(dtype=np.float64)), 1e-30)
    if share <= MOST_BESIDE_CT:
        return []
    text = (
        f"{share:.0%} of the activity lies beside the field of view of the CT, where no attenuation is corrected: it "
        "is too low there, and behind it. Use a CT with a wider field of view."
    )
    return [Finding(code="ct_too_narrow", level="ask", message=text)]


def _unsettled(scatter: ScatterEstimate) -> Finding:
    text = (
        f"The simulated scatter has not settled: its last update changed it by {scatter.last_change:+.1%}. The "
        "activity may be off by that share of the scatter; compare with scatter from the energy windows."
    )
    return Finding(code="scatter_unsettled", level="ask", message=text)


def image_grid(projections: NmProjections, *, centre_z_mm: float) -> Grid:
    """Return the voxels of the image: those of the projections, the axis of rotation in the middle of a slice.

    Parameters
    ----------
    projections : NmProjections
        As read.
    centre_z_mm : float
        Middle along z where the projections state no position, LPS mm.
    """
    n_rows, n_columns = projections.counts.shape[2:]
    column_mm, row_mm = projections.pixel_mm
    lowest = projections.lowest_row_z_mm
    if lowest is None:
        lowest = centre_z_mm - 0.5 * (n_rows - 1) * row_mm
    corner = -0.5 * (n_columns - 1) * column_mm
    return Grid(
        shape_zyx=(n_rows, n_columns, n_columns),
        spacing_xyz_mm=(column_mm, column_mm, row_mm),
        origin_lps_mm=(corner, corner, lowest),
    )


def _centre_z_mm(density: Volume | None) -> float:
    if density is None:
        return 0.0
    middle = 0.5 * (np.asarray(density.grid.shape_zyx, dtype=float) - 1.0)
    return float(density.grid.index_to_lps_mm(middle)[2])


def _density(density: Volume | None, grid: Grid, settings: SpectSettings) -> Float32Array | None:
    if not settings.has_attenuation:
        return None
    if density is None:
        raise InsufficientDataError(
            "Attenuation correction needs the CT of the scan; add it, or choose no attenuation correction.",
            code="no_ct",
        )
    return density_on_grid(density, grid=grid)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
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
        self.say(0.02, "Scatter from the energy windows")
        if settings.scatter == "dew":
            smoothing = settings.scatter_smoothing_pixels
            found = dew_window_scatter(self.projections, line, nuclide=self.nuclide, smoothing_pixels=smoothing)
            return ScatterEstimate(counts=found)
        from_windows = None
        if settings.scatter == "windows" or line.lower is not None:
            from_windows = window_scatter(self.projections, line, smoothing_pixels=settings.scatter_smoothing_pixels)
        if settings.scatter == "windows" and from_windows is not None:
            return ScatterEstimate(counts=from_windows)
        n_counts = float(self.projections.counts[line.photopeak].sum(dtype=np.float64))
        return converged_scatter(from_windows, self._simulated, n_counts=n_counts)

    def _simulated(self, number: int, scatter: Float32Array | None) -> Float32Array:
        """Return the scatter of the image that some scatter gives."""
        share = 0.03 + 0.22 * number / MOST_UPDATES
        first = self.reconstruct(N_FIRST_ITERATIONS, scatter, between=(share, share + 0.02))
        self.say(share + 0.02, f"Simulating scatter, {number + 1} of {MOST_UPDATES} at most")
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

    def reconstruct(
        self, n_iterations: int, scatter: Float32Array | None, *, between: tuple[float, float]
    ) -> OsemResult:
        """Reconstruct with some scatter, reporting progress between two shares."""
        settings = self.settings
        n_updates = n_iterations * settings.n_subsets

        def report(state: OsemState) -> None:
            share = between[0] + (between[1] - between[0]) * state.n_updates / n_updates
            self.say(share, f"Reconstructing, update {state.n_updates} of {n_updates}")

        options = OsemOptions(
            n_iterations=n_iterations,
            n_subsets=settings.n_subsets,
            post_filter_fwhm_mm=settings.post_filter_fwhm_mm,
        )
        return reconstruct(
            self.projections.counts[self.line.photopeak],
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


def _as_image(
    projections: NmProjections, result: OsemResult, grid: Grid, settings: SpectSettings, *, findings: list[Finding]
) -> EmissionImage:
    stated = (("ATTN", settings.has_attenuation), ("SCAT", settings.scatter != "none"))
    series = replace(
        projections.series,
        kind="emission",
        units="BQML",
        decay_correction="NONE",
        corrections=tuple(code for code, is_made in stated if is_made),
        frame_duration_s=_duration_s(projections),
    )
    volume = Volume(
        values=result.activity_bq_per_ml,
        grid=grid,
        unit="Bq/mL",
        frame_of_reference_uid=series.frame_of_reference_uid,
    )
    return EmissionImage(
        volume=volume,
        series=series,
        half_life_header_s=None,
        findings=(*projections.findings, *findings),
    )


def _duration_s(projections: NmProjections) -> float:
    """Return the time from the first to the last view; heads that count together share it."""
    stated = projections.series.frame_duration_s
    n_stops = -(-len(projections.angles_deg) // projections.n_heads)
    return projections.view_duration_s * n_stops if stated is None else stated
