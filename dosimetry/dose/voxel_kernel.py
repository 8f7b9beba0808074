"""Voxel kernel of a nuclide for any voxel size and density, fine near the source and coarse for far photons."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from dosimetry.dose.convolution import coarse_share
from dosimetry.dose.kernel_files import VoxelKernel, mirrored, octant_sum, read_kernel, write_kernel
from dosimetry.dose.nuclide_kernel import NuclideKernel, RadialEnergy, nuclide_kernel
from dosimetry.dose.voxel_sums import SOWN_VOXELS, coarse_octant, quadrature_beyond, sown_octant
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import Emissions
from dosimetry.provenance import digest_json
from dosimetry.units import KEV_PER_G_GY

FloatArray = NDArray[np.float64]
SMALLEST_SPACING_MM, LARGEST_SPACING_MM = 0.5, 20.0
LOWEST_DENSITY_G_PER_ML, HIGHEST_DENSITY_G_PER_ML = 0.1, 3.0
COARSE_SPACING_MM = 6.0
"""Spacing to which far photons are thinned out; each axis takes the nearest whole number of voxels."""
WINDOW = (1.0, 5.0)
"""Radii, in coarse voxels, over which photons pass from the fine to the coarse kernel."""
N_SHELLS = 800
STEPS_PER_VOXEL = 40
CACHE_SIZE = 12
_CACHE: dict[str, VoxelKernel] = {}

__all__ = ["VoxelKernel", "fine_octant", "mirrored", "octant_sum", "radial_in_medium", "voxel_kernel"]


def voxel_kernel(
    emissions: Emissions,
    *,
    spacing_xyz_mm: tuple[float, float, float],
    density_g_per_ml: float,
    photon_radius_mm: float = 500.0,
    cache_folder: Path | None = None,
    kernel: NuclideKernel | None = None,
) -> VoxelKernel:
    """Return the dose per decay in the voxels around a source voxel, from memory or folder when it was built before.

    K(n) is the mean over a uniform source point and a uniform target point. Up to three voxels away, shells are sown
    over directions with trilinear shares; beyond, nine-point-per-axis-pair quadrature. Photons pass smoothly from the
    fine to a coarse grid that reaches to ``photon_radius_mm``.

    Parameters
    ----------
    emissions : Emissions
        Radiations per decay.
    spacing_xyz_mm : (x, y, z) float
        Voxel size, 0.5 to 20 mm.
    density_g_per_ml : float
        Density of the medium, 0.1 to 3 g/mL; its composition is that of ``kernel``, soft tissue unless said.
    photon_radius_mm : float
        Reach of photons, mm; energy beyond it is not deposited.
    cache_folder : Path or None
        Folder for kernels, one file for each digest.
    kernel : NuclideKernel or None
        None: from ``emissions`` and the committed tables.

    Returns
    -------
    VoxelKernel
        Energy closes within 0.5 %: the error of the quadrature.

    Raises
    ------
    InvalidInputError
        Voxel size, density or radius out of range.

    References
    ----------
    .. [1] Lanconelli et al., A free database of radionuclide voxel S values, Phys. Med. Biol. 57 (2012) 517-533.
    """
    _check(spacing_xyz_mm, density_g_per_ml, photon_radius_mm)
    point = kernel or nuclide_kernel(emissions)
    digest = digest_json(
        {
            "nuclide": point.digest,
            "spacing": [float(value) for value in spacing_xyz_mm],
            "density": float(density_g_per_ml),
            "radius": float(photon_radius_mm),
            "build": 1,
        }
    )
    if digest not in _CACHE:
        stored = read_kernel(cache_folder, digest)
        found = stored or _build(point, spacing_xyz_mm, density_g_per_ml, photon_radius_mm, digest)
        if stored is None and cache_folder is not None:
            write_kernel(cache_folder, found)
        while len(_CACHE) >= CACHE_SIZE:
            _CACHE.pop(next(iter(_CACHE)), None)
        _CACHE[digest] = found
    return _CACHE[digest]


def _check(spacing_xyz_mm: tuple[float, float, float], density_g_per_ml: float, photon_radius_mm: float) -> None:
    if not all(SMALLEST_SPACING_MM <= value <= LARGEST_SPACING_MM for value in spacing_xyz_mm):
        raise InvalidInputError(
            f"Kernels exist for voxels of {SMALLEST_SPACING_MM} to {LARGEST_SPACING_MM} mm; got {spacing_xyz_mm} mm. "
            "Resample the map first.",
            code="voxel_size_out_of_range",
        )
    if not LOWEST_DENSITY_G_PER_ML <= density_g_per_ml <= HIGHEST_DENSITY_G_PER_ML:
        raise InvalidInputError(
            f"A kernel's medium has {LOWEST_DENSITY_G_PER_ML} to {HIGHEST_DENSITY_G_PER_ML} g/mL; "
            f"got {density_g_per_ml}.",
            code="bad_density",
        )
    if not 0.0 < photon_radius_mm < np.inf:
        raise InvalidInputError(f"The reach of photons must be above zero; got {photon_radius_mm} mm.")


def _build(
    point: NuclideKernel,
    spacing_xyz_mm: tuple[float, float, float],
    density_g_per_ml: float,
    photon_radius_mm: float,
    digest: str,
) -> VoxelKernel:
    spacing = np.array(spacing_xyz_mm[::-1], dtype=np.float64)
    gy_per_kev = KEV_PER_G_GY / (float(np.prod(spacing)) * 1e-3 * density_g_per_ml)
    electrons = fine_octant(radial_in_medium(point.electrons, density_g_per_ml, np.inf), spacing, None)
    electrons[0, 0, 0] += point.local_energy_kev
    photons = radial_in_medium(point.all_photons, density_g_per_ml, photon_radius_mm)
    coarsening = np.maximum(np.rint(COARSE_SPACING_MM / spacing), 1.0).astype(int)
    window_mm = tuple(limit * float(np.max(coarsening * spacing)) for limit in WINDOW)
    near = fine_octant(photons, spacing, window_mm)
    near[0, 0, 0] += point.photon_local_energy_kev
    far = _far_octant(photons, spacing, coarsening, window_mm)
    # A coarse voxel reads the energy of its own volume: a fine voxel has its share of it.
    return VoxelKernel(
        name=point.name,
        spacing_xyz_mm=spacing_xyz_mm,
        density_g_per_ml=density_g_per_ml,
        electrons=(electrons * gy_per_kev).astype(np.float32),
        near_photons=(near * gy_per_kev).astype(np.float32),
        far_photons=(far * (gy_per_kev / np.prod(coarsening))).astype(np.float32),
        coarsening_zyx=tuple(int(value) for value in coarsening),  # type: ignore[arg-type]  # three axes
        electron_local_gy_per_bq_s=point.local_energy_kev * gy_per_kev,
        energies_kev={
            "emitted_electrons": point.emitted_electron_kev,
            "emitted_photons": point.emitted_photon_kev,
            "radiated": point.radiated_kev,
            "local": point.local_energy_kev,
            "deposited_electrons": octant_sum(electrons),
            "deposited_photons": octant_sum(near) + octant_sum(far),
            "escaped_photons": point.emitted_photon_kev
            + point.radiated_kev
            - point.photon_local_energy_kev
            - photons.total_kev,
        },
        digest=digest,
    )


def radial_in_medium(radial: RadialEnergy, density_g_per_ml: float, reach_mm: float) -> RadialEnergy:
    """Return the same energies in a medium, in finer shells; the energy within a radius stays monotone.

    Parameters
    ----------
    radial : RadialEnergy
        At 1 g/mL.
    density_g_per_ml : float
        Density of the medium.
    reach_mm : float
        Energy beyond this radius is left out.
    """
    edges = radial.edges_mm / density_g_per_ml
    last = min(float(edges[-1]), reach_mm)
    fine = np.concatenate([[0.0], np.geomspace(min(1e-3, 0.1 * last), last, N_SHELLS)])
    within = PchipInterpolator(edges, radial.within_kev)(fine)
    return RadialEnergy(edges_mm=fine, energy_kev=np.diff(within))


def fine_octant(radial: RadialEnergy, spacing_zyx_mm: FloatArray, window_mm: tuple[float, ...] | None) -> FloatArray:
    """Return the energy (keV) of each fine voxel at offsets 0..n; with a window only the near part.

    Parameters
    ----------
    radial : RadialEnergy
        In the medium.
    spacing_zyx_mm : (3,) array
        Voxel size, mm.
    window_mm : (first, last) or None
        Radii between which the near part falls from all to nothing.
    """
    reach_mm = float(radial.edges_mm[-1]) if window_mm is None else min(window_mm[1], float(radial.edges_mm[-1]))
    n_offsets = np.ceil(reach_mm / spacing_zyx_mm).astype(int)
    middle = 0.5 * (radial.edges_mm[1:] + radial.edges_mm[:-1])
    energy = radial.energy_kev if window_mm is None else radial.energy_kev * _near_share(middle, window_mm)
    sown = tuple(int(value) for value in np.minimum(n_offsets, SOWN_VOXELS))
    octant = np.zeros(n_offsets + 1)
    inside = tuple(slice(0, n + 1) for n in sown)
    octant[inside] = sown_octant(radial.edges_mm, energy, spacing_zyx_mm=spacing_zyx_mm, n_offsets=sown)  # type: ignore[arg-type]
    if np.any(n_offsets > SOWN_VOXELS):
        step_mm = float(spacing_zyx_mm.min()) / STEPS_PER_VOXEL
        table = _density_table(RadialEnergy(edges_mm=radial.edges_mm, energy_kev=energy), step_mm)
        quadrature_beyond(octant, table, step_mm=step_mm, spacing_zyx_mm=spacing_zyx_mm)
    return octant


def _far_octant(
    radial: RadialEnergy, spacing_zyx_mm: FloatArray, coarsening: NDArray[Any], window_mm: tuple[float, ...]
) -> FloatArray:
    """Return energies (keV) of coarse voxels for the far part of photons."""
    coarse = spacing_zyx_mm * coarsening
    middle = 0.5 * (radial.edges_mm[1:] + radial.edges_mm[:-1])
    energy = radial.energy_kev * (1.0 - _near_share(middle, window_mm))
    step_mm = float(spacing_zyx_mm.min()) / 10.0
    table = _density_table(RadialEnergy(edges_mm=radial.edges_mm, energy_kev=energy), step_mm)
    # Wanted: the variance of two fine voxels, s^2/6. Present: that of the shares before and after the convolution.
    shares = [np.array([share for _, share in coarse_share(int(n))]) for n in coarsening]
    shared = np.array([np.mean(share * (1.0 - share)) for share in shares]) * coarse**2
    n_offsets = np.ceil(float(radial.edges_mm[-1]) / coarse).astype(int)
    return coarse_octant(
        table,
        step_mm=step_mm,
        spacing_zyx_mm=coarse,
        variance_mm2=spacing_zyx_mm**2 / 6.0 - 2.0 * shared,
        n_offsets=tuple(int(value) for value in n_offsets),  # type: ignore[arg-type]  # three axes
    )


def _near_share(radius_mm: FloatArray, window_mm: tuple[float, ...]) -> FloatArray:
    """Fall smoothly from one to zero over the window (zero slope and curvature at both ends)."""
    x = np.clip((radius_mm - window_mm[0]) / (window_mm[1] - window_mm[0]), 0.0, 1.0)
    return np.asarray(1.0 - x**3 * (10.0 - 15.0 * x + 6.0 * x * x))


def _density_table(radial: RadialEnergy, step_mm: float) -> FloatArray:
    """Return energy per mm3 at equal steps of radius; the first value is that of half a step (never used as a mean)."""
    reach_mm = float(radial.edges_mm[-1])
    radii = np.arange(int(reach_mm / step_mm) + 2) * step_mm
    radii[0] = 0.5 * step_mm
    middle = 0.5 * (radial.edges_mm[1:] + radial.edges_mm[:-1])
    per_mm = np.interp(radii, middle, radial.energy_kev / np.diff(radial.edges_mm))
    per_mm[radii > reach_mm] = 0.0
    return np.asarray(per_mm / (4.0 * np.pi * radii**2))
