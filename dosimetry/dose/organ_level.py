"""Organ level (MIRD): dose of every region from its own curve, the other regions and the rest of the image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.inputs import check_activity, density_values
from dosimetry.dose.photon_mc import PhotonSettings
from dosimetry.dose.s_values import DEFAULT_SETTINGS, SMatrix, s_matrix
from dosimetry.dose.spheres import SphereModel
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import Emissions
from dosimetry.volume import Volume

REST = "rest of the image"
"""Everything that was measured outside the regions, distributed as in the map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganLevelDose:
    """Hold the mean dose of one region by S-values.

    Parameters
    ----------
    mass_g : float
        Mass on the dose grid, g.
    self_gy : float
        From the region's own activity, Gy.
    cross_gy : mapping
        Source -> dose that it gives, Gy; ``REST`` among them when there is a rest.
    statistical_standard_uncertainty_gy : float
        Standard error of the photon Monte Carlo, Gy.
    sphere_gy : float or None
        Self dose of a sphere of the same mass and time-integrated activity, Gy; None where it was not asked for.
    """

    mass_g: float
    self_gy: float
    cross_gy: Mapping[str, float]
    statistical_standard_uncertainty_gy: float
    sphere_gy: float | None

    @property
    def total_gy(self) -> float:
        """Return self and cross dose together, Gy."""
        return self.self_gy + sum(self.cross_gy.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganLevelResult:
    """Hold the doses by region, the matrix that they come from, and the activity of the rest.

    Parameters
    ----------
    doses : mapping
        Region -> dose.
    matrix : SMatrix
        S-values between the contours.
    rest_bq_s : float
        Time-integrated activity outside the regions, Bq s.
    """

    doses: Mapping[str, OrganLevelDose]
    matrix: SMatrix
    rest_bq_s: float


def organ_level_doses(
    *,
    regions: Mapping[str, NDArray[np.floating]],
    tia_bq_s: Mapping[str, float],
    tia_map_bq_s: Volume,
    density_g_per_ml: Volume | float,
    emissions: Emissions,
    spheres_for: Sequence[str] = (),
    settings: PhotonSettings = DEFAULT_SETTINGS,
    progress: Callable[[float, str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> OrganLevelResult:
    """Compute D(T) = sum over sources of TIA(S) S(T <- S), with S-values between the patient's own contours.

    Every region is a source that is uniformly filled with its own time-integrated activity; what the map holds outside
    all regions is one more source, distributed as measured. Nothing is scaled from a phantom: S-values are computed in
    the patient's density, photons by Monte Carlo. Uniform filling is the assumption of this level; the voxel engines
    show where it fails.

    Parameters
    ----------
    regions : mapping
        Name -> (z, y, x) fraction of each voxel in the region, on the grid of the map; organs without their lesions.
    tia_bq_s : mapping
        Time-integrated activity of each region, Bq s, from its own curve.
    tia_map_bq_s : Volume
        Time-integrated activity of each voxel, Bq s; only what lies outside the regions is used.
    density_g_per_ml : Volume or float
        Density map, or one declared density, g/mL: photons then travel in tissue without end.
    emissions : Emissions
        Radiations per decay.
    spheres_for : sequence of str
        Regions (lesions) for which the sphere of the same mass is computed too.
    settings : PhotonSettings
        Photons per source, seed.
    progress, is_cancelled
        As ``s_matrix``.

    Returns
    -------
    OrganLevelResult
        Doses in the order of ``regions``.

    Raises
    ------
    InvalidInputError
        A region without time-integrated activity of its own, or as ``s_matrix`` and ``check_activity``.
    CalculationCancelledError
        ``is_cancelled`` answered True.

    References
    ----------
    .. [1] Bolch et al., MIRD Pamphlet No. 21, J. Nucl. Med. 50 (2009) 477-484, equations 9 to 11.
    """
    check_activity(tia_map_bq_s)
    missing = sorted(set(regions) ^ set(tia_bq_s))
    if missing:
        raise InvalidInputError(f"{missing[0]}: give contour and time-integrated activity together.", code="bad_region")
    if not all(0.0 <= value < np.inf for value in tia_bq_s.values()):
        raise InvalidInputError("Time-integrated activity must be finite and not negative.", code="bad_activity")
    covered = np.sum([np.asarray(share, dtype=np.float64) for share in regions.values()], axis=0)
    rest = np.asarray(tia_map_bq_s.values, dtype=np.float64) * np.clip(1.0 - covered, 0.0, 1.0)
    rest_bq_s = float(rest.sum())
    matrix = s_matrix(
        regions=regions,
        density_g_per_ml=_density_map(density_g_per_ml, tia_map_bq_s),
        emissions=emissions,
        further_sources={REST: rest} if rest_bq_s > 0.0 else None,
        settings=settings,
        progress=progress,
        is_cancelled=is_cancelled,
    )
    activities = np.array([*(tia_bq_s[name] for name in matrix.names), *([rest_bq_s] if rest_bq_s > 0.0 else [])])
    spheres = SphereModel(emissions) if spheres_for else None
    doses = {}
    for row, name in enumerate(matrix.names):
        by_source = dict(zip(matrix.sources, (matrix.s_gy_per_bq_s[row] * activities).tolist(), strict=True))
        errors = matrix.standard_uncertainty_gy_per_bq_s[row] * activities
        mass_g = float(matrix.mass_g[row])
        sphere = spheres.sphere(mass_g) if spheres is not None and name in spheres_for else None
        doses[name] = OrganLevelDose(
            mass_g=mass_g,
            self_gy=by_source.pop(name),
            cross_gy=by_source,
            statistical_standard_uncertainty_gy=float(np.sqrt(np.sum(errors**2))),
            sphere_gy=None if sphere is None else sphere.s_gy_per_bq_s * tia_bq_s[name],
        )
    return OrganLevelResult(doses=doses, matrix=matrix, rest_bq_s=rest_bq_s)


def _density_map(density: Volume | float, tia: Volume) -> Volume:
    if isinstance(density, Volume):
        return density
    value = density_values(density, tia)
    return Volume(values=np.full(tia.grid.shape_zyx, value, dtype=np.float32), grid=tia.grid, unit="g/mL")
