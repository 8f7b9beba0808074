"""Counts of scattered photons in every view and energy window, by Monte Carlo in the patient's own density."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.compute import run_in_order
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.materials import material_index
from dosimetry.physics.photon_medium import line_table, photon_medium
from dosimetry.physics.photon_sampling import (
    CUT_KEV,
    N_ANGLE_ENERGIES,
    compton_density,
    rayleigh_density,
    sampling_tables,
)
from dosimetry.reconstruction.attenuation import mu_per_mm
from dosimetry.reconstruction.bremsstrahlung_photons import bremsstrahlung_photons, has_lines
from dosimetry.reconstruction.cameras import Camera
from dosimetry.reconstruction.collimator import FWHM_PER_SIGMA, gaussian_kernels
from dosimetry.reconstruction.orbit import Orbit
from dosimetry.reconstruction.projector import to_columns
from dosimetry.reconstruction.rotation import rotation_weights
from dosimetry.reconstruction.scatter_kernels import run_scatter_batch
from dosimetry.reconstruction.view_kernels import add_blurred_columns, attenuation_of_view, blur_z
from dosimetry.volume import Grid

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Window = tuple[float, float]
N_ANGLES = 257
N_DEPTH_GROUPS = 8
"""Depths share the blur of their group: scattered counts are smooth."""
LOWEST_SIGMAS = 4.0
DETECTION_STEP_KEV = 0.5
SOFTEST_LINE_KEV = 40.0
ANGULAR_TISSUE = "soft_tissue"
"""Angular densities are those of soft tissue in every voxel; bone differs below 2 % above 100 keV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterSettings:
    """How long to run.

    Parameters
    ----------
    n_histories : int
        Photons to follow; each is scored in every view at every collision.
    seed : int
        Run seed; batch b draws from stream (seed, b).
    n_batches : int
        Batches; the result does not depend on threads.
    """

    n_histories: int = 400_000
    seed: int = 1
    n_batches: int = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmittedPhotons:
    """The photon lines of a nuclide and the one that is imaged.

    Parameters
    ----------
    energies_kev, yields : (n,) arrays
        Lines and photons per decay.
    imaged_kev : float
        Energy of the imaged line, keV.
    """

    energies_kev: FloatArray
    yields: FloatArray
    imaged_kev: float

    @property
    def imaged_yield(self) -> float:
        """Return the photons per decay of the lines within 2 keV of the imaged one."""
        is_imaged = np.abs(self.energies_kev - self.imaged_kev) <= 2.0
        if not np.any(is_imaged):
            raise InvalidInputError(f"The nuclide has no line at {self.imaged_kev:g} keV.", code="no_line")
        return float(self.yields[is_imaged].sum())


def emitted_photons(nuclide: str, *, imaged_kev: float, photopeak_kev: Window) -> EmittedPhotons:
    """Return the photons of a nuclide above 40 keV; the line nearest to an energy is imaged.

    Of a nuclide without lines the bremsstrahlung is imaged: what lies in the window counts as one line at
    ``imaged_kev``, the groups beside it as further lines that may scatter into the window.
    """
    if not has_lines(nuclide):
        groups = bremsstrahlung_photons(nuclide)
        inside = groups.within(photopeak_kev)
        energies = np.append(groups.energies_kev[~inside], imaged_kev)
        yields = np.append(groups.yields[~inside], groups.yields[inside].sum())
        order = np.argsort(energies)
        return EmittedPhotons(energies_kev=energies[order], yields=yields[order], imaged_kev=imaged_kev)
    emissions = get_emissions(nuclide)
    is_used = emissions.photon_energies_kev > SOFTEST_LINE_KEV
    energies, yields = emissions.photon_energies_kev[is_used], emissions.photon_yields[is_used]
    nearest = float(energies[np.argmin(np.abs(energies - imaged_kev))])
    return EmittedPhotons(energies_kev=energies, yields=yields, imaged_kev=nearest)


def simulate_scatter(
    *,
    activity_bq_per_ml: NDArray[Any],
    density_g_per_ml: NDArray[Any],
    grid: Grid,
    orbit: Orbit,
    camera: Camera,
    photons: EmittedPhotons,
    windows_kev: tuple[Window, ...],
    photopeak_kev: Window,
    settings: ScatterSettings = ScatterSettings(),
) -> Float32Array:
    """Return the expected scattered counts relative to the sensitivity of the photopeak window.

    Multiply with the projector's ``counts_per_bq`` of a view to get counts: one decay whose primary photon reached the
    photopeak window without attenuation counts as 1. All orders of Compton and Rayleigh scattering in the body and
    down-scatter of higher lines are in; scatter in collimator, crystal and behind it is not.

    Parameters
    ----------
    activity_bq_per_ml, density_g_per_ml : (n_z, n_y, n_x) arrays
        Source (Bq/mL) and density (g/mL, above zero) on one grid; voxels of 6 to 10 mm suffice.
    grid : Grid
        Voxels, square in x and y, the axis of rotation in the middle.
    orbit : Orbit
        Views.
    camera : Camera
        Collimator, crystal and energy resolution.
    photons : EmittedPhotons
        Lines of the nuclide.
    windows_kev : tuple of (low, high)
        Windows to count in.
    photopeak_kev : (low, high)
        The window of the calibration.
    settings : ScatterSettings
        Length of the run.

    Returns
    -------
    (n_windows, n_views, n_z, n_x) float32 array
        Bq that would give the same counts without attenuation.

    Raises
    ------
    GeometryMismatchError
        Arrays that do not fit the grid.
    InvalidInputError
        Activity below zero, no activity, no line above the lowest window.

    References
    ----------
    .. [1] de Jong, Slijpen & Beekman, IEEE Trans. Nucl. Sci. 48 (2001) 58-64: forced detection with an analytic
       collimator, of which this is the deterministic form in the directions of the views.
    """
    activity = np.asarray(activity_bq_per_ml, dtype=np.float64)
    density = np.ascontiguousarray(density_g_per_ml, dtype=np.float32)
    _check(activity, density, grid)
    lowest = min(low for low, _ in windows_kev)
    lowest -= LOWEST_SIGMAS * camera.energy_resolution * float(np.sqrt(140.5 * lowest)) / FWHM_PER_SIGMA
    is_used = photons.energies_kev > max(lowest, CUT_KEV)
    if not np.any(is_used):
        raise InvalidInputError(f"The nuclide has no line above the lowest window ({lowest:.0f} keV).", code="no_line")
    tables = sampling_tables()
    medium, arrays = photon_medium(
        density_g_per_ml=density, material=material_index(density), spacing_xyz_mm=grid.spacing_xyz_mm, tables=tables
    )
    lines = line_table(photons.energies_kev[is_used], photons.yields[is_used])
    places = np.flatnonzero(activity)
    source = (places, np.cumsum(activity.ravel()[places]), activity.shape)
    imaged = photons.imaged_yield * float(
        camera.window_share(photons.imaged_kev, photopeak_kev) * camera.crystal_efficiency(photons.imaged_kev)
    )
    detection, detection_grid = _detection(
        camera, windows_kev, low_kev=lowest, high_kev=float(photons.energies_kev[is_used].max())
    )
    groups, group_distances = _depth_groups(grid, orbit)
    views = (
        np.array([orbit.view_axes(v)[1] for v in range(orbit.n_views)]),
        _attenuation(density, grid, orbit, float(np.mean(photopeak_kev))),
        groups,
        _angular_densities(),
        detection / imaged,
        detection_grid,
    )
    per_batch = max(settings.n_histories // settings.n_batches, 1)
    shape = (orbit.n_views, len(windows_kev), N_DEPTH_GROUPS, grid.shape_zyx[2], grid.shape_zyx[0])

    def batch(number: int) -> Float32Array:
        out = np.zeros(shape, dtype=np.float32)
        run_scatter_batch((settings.seed, number), per_batch, source, lines, medium, arrays, views, out)
        return out

    total = np.zeros(shape, dtype=np.float32)
    for out in run_in_order(batch, settings.n_batches):
        total += out
    photons_per_history = float(activity.sum()) * grid.voxel_volume_ml * float(photons.yields[is_used].sum())
    total *= np.float32(photons_per_history / (per_batch * settings.n_batches))
    return _blurred(total, grid, camera, photons.imaged_kev, group_distances)


def to_detector_grid(scatter: NDArray[Any], *, factor: int) -> Float32Array:
    """Return scatter on pixels that are ``factor`` times smaller in both directions, with the same sum.

    Parameters
    ----------
    scatter : (..., n_z, n_columns) array
        On the coarse grid, whose voxels hold ``factor`` fine ones along each axis.
    factor : int
        How many fine pixels lie along a coarse one.

    Returns
    -------
    (..., factor n_z, factor n_columns) float32 array
        Straight lines between coarse pixels.
    """
    zoomed = ndimage.zoom(
        np.asarray(scatter, dtype=np.float32),
        (1,) * (scatter.ndim - 2) + (factor, factor),
        order=1,
        mode="nearest",
        grid_mode=True,
    )
    return np.asarray(zoomed / np.float32(factor * factor), dtype=np.float32)


def _check(activity: FloatArray, density: Float32Array, grid: Grid) -> None:
    if activity.shape != grid.shape_zyx or density.shape != grid.shape_zyx:
        raise GeometryMismatchError(
            f"Activity {activity.shape}, density {density.shape} and grid {grid.shape_zyx} must have one shape."
        )
    if not np.all(np.isfinite(activity)) or activity.min() < 0.0 or activity.max() == 0.0:
        raise InvalidInputError("Scatter needs activity that is zero or more, and some of it.", code="bad_activity")


def _detection(
    camera: Camera, windows: tuple[Window, ...], *, low_kev: float, high_kev: float
) -> tuple[FloatArray, tuple[float, float]]:
    """Return (energy, window) probabilities of a count, and the first energy and steps per keV."""
    energies = np.arange(low_kev, high_kev + DETECTION_STEP_KEV, DETECTION_STEP_KEV)
    shares = np.column_stack([camera.window_share(energies, window) for window in windows])
    detected = np.ascontiguousarray(shares * camera.crystal_efficiency(energies)[:, None])
    return detected, (float(energies[0]), 1.0 / DETECTION_STEP_KEV)


def _depth_groups(grid: Grid, orbit: Orbit) -> tuple[NDArray[np.int32], FloatArray]:
    """Return the group of each (view, depth), and the (view, group) mean distance from the collimator, mm."""
    n_depths = max(grid.shape_zyx[1:])
    group = np.arange(n_depths) * N_DEPTH_GROUPS // n_depths
    depths_mm = (np.arange(n_depths) - 0.5 * (n_depths - 1)) * grid.spacing_xyz_mm[0]
    centres = np.array([depths_mm[group == g].mean() if np.any(group == g) else 0.0 for g in range(N_DEPTH_GROUPS)])
    groups = np.repeat(group[None, :], orbit.n_views, axis=0).astype(np.int32)
    return groups, np.asarray(orbit.radii_mm)[:, None] - centres


def _attenuation(density: Float32Array, grid: Grid, orbit: Orbit, energy_kev: float) -> Float32Array:
    """Return (view, depth, column, z) factors of the way out at the middle of the photopeak window."""
    mu = to_columns(mu_per_mm(density, energy_kev=energy_kev, has_coherent=True) * grid.spacing_xyz_mm[0])
    n_depths, n_columns = max(grid.shape_zyx[1:]), grid.shape_zyx[2]

    def one(view: int) -> Float32Array:
        turned = rotation_weights(
            shape_yx=grid.shape_zyx[1:], n_depths=n_depths, n_columns=n_columns, angle_deg=orbit.angles_deg[view]
        )
        factors: Float32Array = attenuation_of_view(
            mu, turned.starts, turned.voxels, turned.shares, n_depths, n_columns
        )
        return factors

    return np.array(list(run_in_order(one, orbit.n_views)))


@lru_cache(maxsize=1)
def _angular_densities() -> tuple[FloatArray, FloatArray]:
    """Return (energy, angle) densities per steradian of Compton and Rayleigh scattering, on the grid of the angles."""
    table = photon_table(ANGULAR_TISSUE)
    u = np.linspace(0.0, 1.0, N_ANGLES)
    cosine = 1.0 - 2.0 * u**3
    energies = np.geomspace(CUT_KEV, table.energies_kev[-1], N_ANGLE_ENERGIES)
    fine = np.linspace(0.0, 1.0, 20_001)
    fine_cosine = 1.0 - 2.0 * fine**3
    rows = []
    for density in (compton_density, rayleigh_density):
        values = np.array([density(table, energy, cosine) for energy in energies])
        norms = [np.trapezoid(density(table, energy, fine_cosine) * 6.0 * fine**2, fine) for energy in energies]
        rows.append(values / (2.0 * np.pi * np.array(norms)[:, None]))
    return rows[0], rows[1]


def _blurred(
    total: Float32Array, grid: Grid, camera: Camera, energy_kev: float, distances_mm: FloatArray
) -> Float32Array:
    """Blur each group of depths with its response and sum them: (window, view, z, column)."""
    n_views, n_windows, n_groups, n_columns, n_z = total.shape
    x, _, z = grid.spacing_xyz_mm
    sigmas = camera.collimator(energy_kev).fwhm_mm(distances_mm) / FWHM_PER_SIGMA
    out = np.zeros((n_windows, n_views, n_z, n_columns), dtype=np.float32)
    rows = np.empty((n_columns, n_z), dtype=np.float32)
    for v in range(n_views):
        weights_u, radii_u = gaussian_kernels(sigmas[v] / x)
        weights_z, radii_z = gaussian_kernels(sigmas[v] / z)
        for w in range(n_windows):
            summed = np.zeros((n_columns, n_z), dtype=np.float32)
            for g in range(n_groups):
                blur_z(total[v, w, g], weights_z[g], min(int(radii_z[g]), n_z - 1), rows)
                add_blurred_columns(rows, weights_u[g], min(int(radii_u[g]), n_columns - 1), summed)
            out[w, v] = summed.T
    return out
