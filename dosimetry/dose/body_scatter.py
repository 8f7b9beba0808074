"""What a patient's body changes in the scattered photons of a kernel that knows endless tissue only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import FftBackend
from dosimetry.dose.convolution import gathered, spread, wrapped_kernel
from dosimetry.dose.inputs import refuse_when_cancelled
from dosimetry.dose.nuclide_kernel import KERNEL_MEDIUM, RadialEnergy, nuclide_kernel, photon_lines_with_bremsstrahlung
from dosimetry.dose.photon_kernel import ENERGIES_KEV
from dosimetry.dose.voxel_kernel import radial_in_medium
from dosimetry.nuclides.emissions import Emissions
from dosimetry.physics.compton import mean_cosine_of_scattered_energy
from dosimetry.physics.cross_sections import photon_table
from dosimetry.units import KEV_PER_G_GY, ML_MM3

FloatArray = NDArray[np.float64]
SPACING_MM = 20.0
"""Scatter is smooth over a free path of 60 mm and more: cells of 16 and 24 mm give organ doses within 0.5 %. Each axis
takes the nearest whole number of voxels."""
MARGIN_MM = 150.0
"""Beyond the image the patient goes on as at its edge for two free paths; farther scatter counts as unchanged."""
N_GENERATIONS = 6
"""Scatterings followed one by one; two more change organ doses by 0.6 % at most."""
N_SUBDIVISIONS = 4
N_NEAR = 3
"""Cells nearer than this many are averaged over points in them."""
N_RADII = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterPhysics:
    """Kernels of the generations of photons in the medium of the kernel, keV per decay (or per keV scattered).

    Parameters
    ----------
    total, first : RadialEnergy
        Energy given to electrons by all photons, and by those that were never scattered.
    emitted : RadialEnergy
        Energy that leaves the place of the first scattering with the scattered photon.
    again : RadialEnergy
        The same of the next scattering, per keV scattered.
    """

    total: RadialEnergy
    first: RadialEnergy
    emitted: RadialEnergy
    again: RadialEnergy


def scatter_physics(emissions: Emissions, *, density_g_per_ml: float, reach_mm: float) -> ScatterPhysics:
    """Split the photon kernel of a nuclide into its first flight and what scattering does with the rest.

    In the transport approximation, the forward part of the scattering (its mean cosine, weighted with energy) counts as
    no scattering, and the rest as isotropic: mu* = mu - g mu_s. Scattered photons have one energy from then on, the
    energy-weighted mean after the first scattering.

    Parameters
    ----------
    emissions : Emissions
        Radiations per decay.
    density_g_per_ml : float
        Medium of the kernel.
    reach_mm : float
        Energy beyond this radius is left out of the total.

    References
    ----------
    .. [1] Bell & Glasstone, Nuclear Reactor Theory, 1970, section 2.6 (transport approximation).
    """
    energies, yields = photon_lines_with_bremsstrahlung(emissions)
    travels = energies >= ENERGIES_KEV[0]
    energies, weights = energies[travels], (energies * yields)[travels]
    transfer, scatter, cosine = _coefficients_per_mm(energies, density_g_per_ml)
    effective = transfer + (1.0 - cosine) * scatter
    table = photon_table(KERNEL_MEDIUM)
    lost = np.interp(np.log(energies), np.log(table.energies_kev), table.compton_transfer_fraction)
    scattered = weights * scatter / (transfer + scatter)
    mean_kev = np.array([float(scattered @ (energies * (1.0 - lost))) / float(scattered.sum())])
    again_transfer, again_scatter, again_cosine = _coefficients_per_mm(mean_kev, density_g_per_ml)
    again_isotropic = (1.0 - again_cosine) * again_scatter
    total = radial_in_medium(nuclide_kernel(emissions).all_photons, density_g_per_ml, reach_mm)
    edges = np.concatenate([[0.0], np.geomspace(0.1, reach_mm, N_RADII)])
    return ScatterPhysics(
        total=total,
        first=_absorbed(edges, weights * transfer / effective, effective),
        emitted=_absorbed(edges, weights * (1.0 - cosine) * scatter / effective, effective),
        again=_absorbed(edges, again_isotropic / (again_transfer + again_isotropic), again_transfer + again_isotropic),
    )


def scatter_correction(
    tia: NDArray[np.floating[Any]],
    is_body: NDArray[np.bool_],
    *,
    emissions: Emissions,
    spacing_zyx_mm: tuple[float, float, float],
    kernel_density_g_per_ml: float,
    reach_mm: float,
    backend: FftBackend,
    is_cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """Return what is to be added to the photon dose of the kernel, in its medium, Gy; mostly negative.

    The kernel K of endless tissue is the first flight K1 and the scattered rest. The rest starts from the places of
    the first scattering, c1 * TIA; in endless tissue K - K1 = S * c1, which gives S in Fourier space. In the patient
    nothing scatters back from the air around. With the operator G from one scattering to the next and H = S (1 - G),
    generation by generation,

        e_1 = w (c1 * TIA),  e_n+1 = w (G * e_n),  D = sum_n H * e_n,  w = share of the cell that is body.

    Its difference to the same in endless tissue (w = 1) is returned, which is exactly zero in a medium without end
    whatever G is. Inside the body lung scatters less and attenuates less, bone more and more; the two nearly cancel
    and a convolution knows neither, so all tissues count as the kernel's medium.

    Parameters
    ----------
    tia : (z, y, x) array
        Time-integrated activity of each voxel, Bq s.
    is_body : (z, y, x) array of bool
        True in tissue, False in air.
    emissions : Emissions
        Radiations per decay.
    spacing_zyx_mm : (z, y, x) float
        Voxel size.
    kernel_density_g_per_ml : float
        Medium of the kernel.
    reach_mm : float
        Reach of the kernel's photons.
    backend : FftBackend
        Where to transform.
    is_cancelled : callable or None
        Asked between generations.

    Returns
    -------
    (z, y, x) array of float32
        Correction, Gy.

    Raises
    ------
    CalculationCancelledError
        ``is_cancelled`` answers True.
    """
    physics = scatter_physics(emissions, density_g_per_ml=kernel_density_g_per_ml, reach_mm=reach_mm)
    fine = np.array(spacing_zyx_mm)
    coarsening = tuple(int(n) for n in np.maximum(np.rint(SPACING_MM / fine), 1.0))
    cell_mm = fine * coarsening
    margin = np.ceil(MARGIN_MM / cell_mm).astype(int)
    activity = np.pad(gathered(np.asarray(tia, dtype=np.float64), coarsening), [(n, n) for n in margin])
    body = _block_means(is_body, coarsening)
    # The gathered map has one cell more at each end than there are blocks.
    body = np.pad(body, [(n + 1, n + 1) for n in margin], mode="edge")
    shape = backend.fast_shape([2 * size - 1 for size in activity.shape])
    total, first, emitted, again = (
        backend.spectrum(wrapped_kernel(_cell_octant(radial, cell_mm, shape), shape), shape)
        for radial in (physics.total, physics.first, physics.emitted, physics.again)
    )
    inside = tuple(slice(0, size) for size in activity.shape)

    def places(spectrum: Any) -> FloatArray:
        return backend.values(spectrum, shape)[inside]

    source = backend.spectrum(activity, shape)
    each = (total - first) / emitted
    endless = emitted * source
    missing = backend.spectrum((body - 1.0) * places(endless), shape)
    change: Any = 0.0
    for _ in range(N_GENERATIONS):
        refuse_when_cancelled(is_cancelled)
        change = change + each * (1.0 - again) * missing
        endless = again * endless
        missing = backend.spectrum(body * places(again * missing + endless) - places(endless), shape)
    # What is left after the last generation goes on as in endless tissue.
    added = places(change + each * missing)
    gy_per_kev = KEV_PER_G_GY / (float(np.prod(cell_mm)) / ML_MM3 * kernel_density_g_per_ml)
    core = added[tuple(slice(n, size - n) for n, size in zip(margin, added.shape, strict=True))]
    return np.asarray(spread(core * gy_per_kev, coarsening, tia.shape), dtype=np.float32)


def _coefficients_per_mm(
    energies_kev: FloatArray, density_g_per_ml: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return energy transfer, scattered energy (1/mm) and the mean cosine of the scattered energy."""
    table = photon_table(KERNEL_MEDIUM)
    per_mm = 0.1 * density_g_per_ml
    all_kinds = sum(table.at(energies_kev, kind) for kind in ("photo", "incoherent", "pair"))
    transfer = table.at(energies_kev, "mu_en") * per_mm
    scatter = np.maximum(all_kinds * per_mm - transfer, 0.0)
    return transfer, scatter, mean_cosine_of_scattered_energy(energies_kev)


def _absorbed(edges_mm: FloatArray, amounts: FloatArray, coefficients_per_mm: FloatArray) -> RadialEnergy:
    """Return sum of amount exp(-mu r) mu/(4 pi r2) as amounts in shells."""
    within = np.array([float(amounts @ -np.expm1(-coefficients_per_mm * edge)) for edge in edges_mm])
    return RadialEnergy(edges_mm=edges_mm, energy_kev=np.diff(within))


def _block_means(values: NDArray[Any], coarsening: tuple[int, ...]) -> FloatArray:
    """Return the mean of each block; a block that sticks out is filled with the last voxels."""
    ragged = [(0, -size % factor) for size, factor in zip(values.shape, coarsening, strict=True)]
    whole = np.pad(np.asarray(values, dtype=np.float64), ragged, mode="edge")
    (n_z, n_y, n_x), (f_z, f_y, f_x) = whole.shape, coarsening
    return np.asarray(whole.reshape(n_z // f_z, f_z, n_y // f_y, f_y, n_x // f_x, f_x).mean(axis=(1, 3, 5)))


def _cell_octant(radial: RadialEnergy, cell_mm: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return the energy of each cell at offsets 0..n around a point source; the source's cell is a sphere."""
    n_offsets = [(size - 1) // 2 for size in shape]
    middle = 0.5 * (radial.edges_mm[1:] + radial.edges_mm[:-1])
    per_mm3 = radial.energy_kev / np.diff(radial.edges_mm) / (4.0 * np.pi * middle**2)
    log_density = np.log(np.maximum(per_mm3, 1e-300))

    def density(z: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        radius = np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2)
        return np.where(radius < radial.edges_mm[-1], np.exp(np.interp(radius, middle, log_density)), 0.0)

    axes = [np.arange(n + 1) * size for n, size in zip(n_offsets, cell_mm, strict=True)]
    octant = density(*axes)
    near = [axis[:N_NEAR] for axis in axes]
    inside = tuple(slice(0, axis.size) for axis in near)
    shifts = (np.arange(N_SUBDIVISIONS) + 0.5) / N_SUBDIVISIONS - 0.5
    octant[inside] = np.mean(
        [
            density(near[0] + a * cell_mm[0], near[1] + b * cell_mm[1], near[2] + c * cell_mm[2])
            for a in shifts
            for b in shifts
            for c in shifts
        ],
        axis=0,
    )
    volume_mm3 = float(np.prod(cell_mm))
    octant *= volume_mm3
    sphere_mm = (3.0 * volume_mm3 / (4.0 * np.pi)) ** (1.0 / 3.0)
    octant[0, 0, 0] = float(np.interp(sphere_mm, radial.edges_mm, radial.within_kev))
    return octant
