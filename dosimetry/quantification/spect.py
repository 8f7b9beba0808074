"""From SPECT projections and a CT to activity concentration: scatter, attenuation, resolution, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect_job import SpectJob
from dosimetry.quantification.spect_scatter import ScatterEstimate, find_imaged_line
from dosimetry.quantification.spect_settings import USUAL_SETTINGS, SpectSettings
from dosimetry.reconstruction.attenuation import density_on_grid, outside_ct
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.reconstruction.osem import OsemResult
from dosimetry.volume import Grid, Volume

Float32Array = NDArray[np.float32]
MOST_BESIDE_CT = 0.02
"""Our guide: above the noise that lies round a body, far below an arm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReconstructedSpect:
    """An image, and what counting noise makes of it.

    Parameters
    ----------
    image : EmissionImage
        Of the measured counts.
    replicates : NoiseReplicates or None
        On the grid of the image; None where none were asked for.
    """

    image: EmissionImage
    replicates: NoiseReplicates | None = None


def reconstruct_spect(
    projections: NmProjections,
    *,
    nuclide: Nuclide,
    density: Volume | None,
    calibration: CalibrationFactor | None,
    settings: SpectSettings = USUAL_SETTINGS,
    progress: Callable[[float, str], None] | None = None,
) -> ReconstructedSpect:
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
    ReconstructedSpect
        Mean activity concentration during the frame, Bq/mL, not corrected for decay; the header facts say what was
        corrected. With it the noise replicates that the settings ask for.

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
    job = SpectJob(
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
    result = job.image(counts)
    replicates = job.replicates(counts)
    findings = [Finding(code="reconstructed", level="note", message=job.words(result, counts))]
    if scatter is not None and not scatter.is_settled:
        findings.append(_unsettled(scatter))
    if density is not None and job.density_g_per_ml is not None:
        findings.extend(_beside_ct(result, outside_ct(density, job.density_g_per_ml, grid=grid)))
    image = _as_image(projections, result, grid, settings, findings=findings)
    return ReconstructedSpect(image=image, replicates=replicates)


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
