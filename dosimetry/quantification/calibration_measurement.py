"""Calibration factor of a camera from a phantom scan: planar source, filled cylinder, hot sphere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.calibration import CalibrationFactor, require_plausible
from dosimetry.quantification.phantom_source import PhantomSource
from dosimetry.quantification.recovery_spheres import sphere_fraction
from dosimetry.volume import Volume

Geometry = Literal["planar", "cylinder", "sphere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationMeasurement:
    """Hold a measured calibration factor and what its uncertainty is made of.

    Parameters
    ----------
    geometry : str
        ``planar``, ``cylinder`` or ``sphere``; a factor serves images that resemble its geometry.
    nuclide : str
        As ``Lu-177``.
    calibration_cps_per_bq, standard_uncertainty_cps_per_bq : float
        cps/Bq.
    contributions : dict of str to float
        Relative standard uncertainties; their squares add up to that of the factor.
    mean_activity_bq : float
        In the source during the acquisition, Bq.
    net_cps : float
        Counts per second that were taken for it.
    whole_image_cps_per_bq : float or None
        The same factor from all counts in the image, where a region was used.
    """

    geometry: Geometry
    nuclide: str
    calibration_cps_per_bq: float
    standard_uncertainty_cps_per_bq: float
    contributions: dict[str, float]
    mean_activity_bq: float
    net_cps: float
    whole_image_cps_per_bq: float | None = None

    def factor(self, *, camera: str, valid_from: date, valid_to: date | None = None) -> CalibrationFactor:
        """Return the factor as images are quantified with, once a physicist has named camera and validity."""
        return CalibrationFactor(
            calibration_cps_per_bq=self.calibration_cps_per_bq,
            standard_uncertainty_cps_per_bq=self.standard_uncertainty_cps_per_bq,
            camera=camera,
            nuclide=self.nuclide,
            valid_from=valid_from,
            valid_to=valid_to,
        )


def measure_planar(
    *,
    source: PhantomSource,
    counts: float,
    background_counts: float = 0.0,
    background_duration_s: float | None = None,
) -> CalibrationMeasurement:
    """Return the factor from a planar image of a source in air: CF = (C / t - B / t_B) / A.

    Holds scatter only from the source itself and no attenuation: it serves images that are corrected for both. Dead
    time must be negligible or corrected before.

    Parameters
    ----------
    source : PhantomSource
        What was scanned.
    counts : float
        In the photopeak window, scatter subtracted if images are; of all heads that the image sums.
    background_counts : float
        In the same window and region without the source.
    background_duration_s : float or None
        Of the background scan, s; None for that of the source.

    Returns
    -------
    CalibrationMeasurement
        Contributions: dose calibrator, clocks, counting (Poisson).

    Raises
    ------
    InvalidInputError
        No counts above background, negative numbers, or a factor that points to a wrong unit.
    """
    background_s = source.duration_s if background_duration_s is None else background_duration_s
    if not (0.0 <= counts < np.inf and 0.0 <= background_counts < np.inf):
        raise InvalidInputError("Counts cannot be below zero.", code="bad_counts")
    if not 0.0 < background_s < np.inf:
        raise InvalidInputError("The background scan must last some time.", code="no_duration")
    net_cps = counts / source.duration_s - background_counts / background_s
    variance = counts / source.duration_s**2 + background_counts / background_s**2
    return _measurement(
        "planar", source, net_cps=net_cps, contributions={"counting": _relative(np.sqrt(variance), net_cps)}
    )


def measure_cylinder(
    image: Volume,
    *,
    source: PhantomSource,
    acquired_counts: float,
    region: NDArray[Any] | None = None,
    phantom_volume_ml: float | None = None,
    phantom_volume_standard_uncertainty_ml: float = 0.0,
) -> CalibrationMeasurement:
    """Return the factor from a cylinder filled uniformly, from a region well inside it or from the whole image.

    A region two widths of resolution from the wall: CF = (C / t) V / (A v), with the volumes of phantom V and region v;
    free of counts that reconstruction puts outside. The whole image: CF = C / (t A); free of both volumes.

    Parameters
    ----------
    image : Volume
        Reconstructed ``counts`` (of the whole acquisition) or ``counts/s``.
    source : PhantomSource
        What was filled in; the duration is that by which patients' counts are divided.
    acquired_counts : float
        Photopeak counts of all projections, for the statistics: reconstructed voxels are not Poisson.
    region : (z, y, x) array or None
        Share of each voxel in the region; None takes the whole image.
    phantom_volume_ml, phantom_volume_standard_uncertainty_ml : float
        Filled volume, mL; needed with a region.

    Returns
    -------
    CalibrationMeasurement
        Contributions: dose calibrator, clocks, counting and, with a region, volume. Counting assumes that the region
        holds its share of the acquired counts: an estimate, exact for the whole image.

    Raises
    ------
    InvalidInputError
        Not a count image, no counts, a region without the phantom's volume or larger than it, or a wrong unit.
    GeometryMismatchError
        Region and image differ in shape.
    """
    counts = _count_image(image, source.duration_s)
    total = float(counts.sum())
    if region is None:
        counting = _counting(acquired_counts, 1.0)
        return _measurement("cylinder", source, net_cps=total / source.duration_s, contributions={"counting": counting})
    share = np.asarray(region, dtype=np.float64)
    if share.shape != counts.shape:
        raise GeometryMismatchError(f"The region has shape {share.shape}, the image {counts.shape}.")
    if not np.all((share >= 0.0) & np.isfinite(share)) or not share.any():
        raise InvalidInputError("The region must hold shares of voxels and not be empty.", code="empty_region")
    region_ml = float(share.sum()) * image.grid.voxel_volume_ml
    if phantom_volume_ml is None or not region_ml <= phantom_volume_ml < np.inf:
        raise InvalidInputError(
            f"A region of {region_ml:.0f} mL needs the filled volume of the phantom, which is larger; "
            f"got {phantom_volume_ml} mL.",
            code="bad_volume",
        )
    if not 0.0 <= phantom_volume_standard_uncertainty_ml < np.inf:
        raise InvalidInputError("A standard uncertainty cannot be below zero.", code="bad_uncertainty")
    inside = float(np.sum(counts * share))
    contributions = {
        "counting": _counting(acquired_counts, inside / total if total > 0.0 else 0.0),
        "volume": phantom_volume_standard_uncertainty_ml / phantom_volume_ml,
    }
    net_cps = inside / source.duration_s * phantom_volume_ml / region_ml
    whole = total / source.duration_s / source.mean_activity_bq
    return _measurement("cylinder", source, net_cps=net_cps, contributions=contributions, whole=whole)


def measure_sphere(
    image: Volume,
    *,
    source: PhantomSource,
    acquired_counts: float,
    centre_lps_mm: tuple[float, float, float],
    sphere_diameter_mm: float,
    region_diameter_mm: float,
    background_shell_mm: float | None = None,
) -> CalibrationMeasurement:
    """Return the factor from a hot sphere and all counts around it: CF = (C_region - b v_region) / (t A).

    The region is larger than the sphere, so that it holds what blur spills out: with a margin of the resolution's FWHM
    all but 1 % (a margin of twice the FWHM is safer). The activity is that of the whole sphere.

    Parameters
    ----------
    image, source, acquired_counts
        As for ``measure_cylinder``.
    centre_lps_mm : (x, y, z) float
        Centre of sphere and region, LPS mm.
    sphere_diameter_mm, region_diameter_mm : float
        Inner diameter of the sphere, and the region's, mm.
    background_shell_mm : float or None
        Thickness of a shell around the region whose mean is taken off; None for cold water and no background.

    Returns
    -------
    CalibrationMeasurement
        Contributions: dose calibrator, clocks, counting.

    Raises
    ------
    InvalidInputError
        Not a count image, no counts, a region not larger than the sphere or beyond the image, or a wrong unit.
    """
    counts = _count_image(image, source.duration_s)
    if not region_diameter_mm > sphere_diameter_mm > 0.0:
        raise InvalidInputError(
            f"The region ({region_diameter_mm} mm) must be larger than the sphere ({sphere_diameter_mm} mm), by its "
            "blur on every side.",
            code="bad_sphere",
        )
    region = sphere_fraction(image.grid, centre_lps_mm=centre_lps_mm, diameter_mm=region_diameter_mm)
    inside = float(np.sum(counts * region))
    taken_off, spread = 0.0, inside
    if background_shell_mm is not None:
        if not 0.0 < background_shell_mm < np.inf:
            raise InvalidInputError("The shell of the background must have a thickness.", code="bad_sphere")
        outer = sphere_fraction(
            image.grid, centre_lps_mm=centre_lps_mm, diameter_mm=region_diameter_mm + 2.0 * background_shell_mm
        )
        shell = outer - region
        ratio = float(region.sum() / shell.sum())
        taken_off = float(np.sum(counts * shell)) * ratio
        spread += taken_off * ratio
    net = inside - taken_off
    total = float(counts.sum())
    counting = _relative(_counting(acquired_counts, spread / total if total > 0.0 else 0.0) * spread, net)
    whole = total / source.duration_s / source.mean_activity_bq
    return _measurement(
        "sphere", source, net_cps=net / source.duration_s, contributions={"counting": counting}, whole=whole
    )


def _count_image(image: Volume, duration_s: float) -> NDArray[np.float64]:
    if image.unit not in {"counts", "counts/s"}:
        raise InvalidInputError(
            f"A calibration needs reconstructed counts; this image is in {image.unit}.", code="units"
        )
    values = np.asarray(image.values, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("The image holds values that are not finite.", code="bad_image")
    return values if image.unit == "counts" else values * duration_s


def _counting(acquired_counts: float, share: float) -> float:
    """Return the relative standard uncertainty of counts that are a share of those acquired."""
    if not 0.0 < acquired_counts < np.inf:
        raise InvalidInputError("The projections hold no counts.", code="no_counts")
    return float(1.0 / np.sqrt(acquired_counts * share)) if share > 0.0 else float(np.inf)


def _relative(deviation: float, value: float) -> float:
    return float(deviation / value) if value > 0.0 else float(np.inf)


def _measurement(
    geometry: Geometry,
    source: PhantomSource,
    *,
    net_cps: float,
    contributions: Mapping[str, float],
    whole: float | None = None,
) -> CalibrationMeasurement:
    if not net_cps > 0.0:
        raise InvalidInputError(
            "There are no counts above the background; check window, region and background scan.", code="no_counts"
        )
    factor = net_cps / source.mean_activity_bq
    require_plausible(factor)
    all_contributions = {**source.relative_contributions, **contributions}
    relative = float(np.sqrt(sum(value**2 for value in all_contributions.values())))
    return CalibrationMeasurement(
        geometry=geometry,
        nuclide=source.nuclide.name,
        calibration_cps_per_bq=factor,
        standard_uncertainty_cps_per_bq=factor * relative,
        contributions=all_contributions,
        mean_activity_bq=source.mean_activity_bq,
        net_cps=net_cps,
        whole_image_cps_per_bq=whole,
    )
