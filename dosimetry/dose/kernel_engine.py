"""The engines ``kernel`` and ``kernel_unscaled``: convolution with the voxel kernel of the nuclide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import fft_backend
from dosimetry.dose.body_scatter import scatter_correction
from dosimetry.dose.convolution import MapSpectrum, convolve_far
from dosimetry.dose.inputs import (
    SMALLEST_DENSITY_G_PER_ML,
    air_warning,
    check_activity,
    density_values,
    refuse_when_cancelled,
)
from dosimetry.dose.photon_response import photon_response_by_material
from dosimetry.dose.result import EngineResult
from dosimetry.dose.voxel_kernel import VoxelKernel, voxel_kernel
from dosimetry.nuclides.decay import Nuclide
from dosimetry.nuclides.emissions import Emissions, get_emissions
from dosimetry.physics.materials import material_index
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J
from dosimetry.volume import Volume

KERNEL_DENSITY_G_PER_ML = 1.04
"""Medium of the kernel where density is a map: average soft tissue, ICRU Report 44, rounded."""
PHOTON_RADIUS_MM = 500.0
LUNG_BELOW_G_PER_ML = 0.6
LUNG_SHARE_TO_WARN = 0.05
"""Share of decays in lung above which the user is told what the kernel leaves out."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelDose:
    """Dose of electrons and of photons apart, before any correction for the medium of each voxel.

    Parameters
    ----------
    electrons_gy, photons_gy : (z, y, x) arrays of float32
        Dose in the kernel's medium, Gy.
    """

    electrons_gy: NDArray[np.float32]
    photons_gy: NDArray[np.float32]


def convolve(
    tia: NDArray[np.floating[Any]],
    kernel: VoxelKernel,
    *,
    with_photons: bool = True,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    device: Any = None,
) -> KernelDose:
    """Convolve a map with a voxel kernel.

    Parameters
    ----------
    tia : (z, y, x) array
        Time-integrated activity, Bq s; double precision is kept.
    kernel : VoxelKernel
        For the voxel size of the map.
    with_photons : bool
        False: electrons only, photons are zero.
    progress : callable (fraction, message) or None
        Progress.
    is_cancelled : callable or None
        Asked between transforms.
    device : {"cpu", "cuda", "torch_cpu"} or None
        See ``fft_backend``.

    Returns
    -------
    KernelDose
        In the medium of the kernel.

    Raises
    ------
    CalculationCancelledError
        ``is_cancelled`` answers True.
    """
    backend = fft_backend(device)
    say = progress or _silent
    parts = [kernel.electrons, kernel.near_photons] if with_photons else [kernel.electrons]
    reach = tuple(max(sizes) - 1 for sizes in zip(*(part.shape for part in parts), strict=True))
    refuse_when_cancelled(is_cancelled)
    spectrum = MapSpectrum(tia, reach=reach, backend=backend)
    say(0.2, "Convolving electrons")
    refuse_when_cancelled(is_cancelled)
    electrons = spectrum.convolved(kernel.electrons)
    if not with_photons:
        return KernelDose(electrons_gy=electrons, photons_gy=np.zeros_like(electrons))
    say(0.5, "Convolving photons")
    refuse_when_cancelled(is_cancelled)
    photons = spectrum.convolved(kernel.near_photons)
    say(0.7, "Convolving far photons")
    refuse_when_cancelled(is_cancelled)
    photons += convolve_far(tia, kernel.far_photons, coarsening_zyx=kernel.coarsening_zyx, backend=backend)
    return KernelDose(electrons_gy=electrons, photons_gy=photons)


def run_kernel(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> EngineResult:
    """Compute dose by convolution; electrons scaled with 1/density, photons with mu_en/rho of each voxel.

    D(v) = (rho_k / rho_v) (TIA * K_e)(v) + m(v) (TIA * K_ph)(v). A fluence of photons gives a dose that does not depend
    on density; electrons give their energy to whatever mass is there.

    Parameters
    ----------
    tia_bq_s : Volume
        Time-integrated activity of each voxel, Bq s.
    density_g_per_ml : Volume or float
        Density map on the same grid, or one declared density (then that of the kernel), g/mL.
    nuclide : Nuclide
        Decay data.
    progress : callable (fraction, message) or None
        Progress.
    options : mapping or None
        ``progeny`` (``none`` or ``in_place``), ``device``, ``kernel_density_g_per_ml``, ``photon_radius_mm``.
    is_cancelled : callable or None
        Asked between steps.

    Returns
    -------
    EngineResult
        Dose in Gy; voxels below 0.05 g/mL have none.

    Raises
    ------
    InvalidInputError
        Activity, density, voxel size or an option that cannot be used.
    GeometryMismatchError
        Density on another grid.
    CalculationCancelledError
        ``is_cancelled`` answers True.
    """
    return _run(tia_bq_s, density_g_per_ml, nuclide, progress, options or {}, is_cancelled, is_scaled=True)


def run_kernel_unscaled(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> EngineResult:
    """Compute dose by convolution as if everything were the medium of the kernel; see ``run_kernel``.

    For comparison with tables and programs that do the same: in lung it gives about a quarter of the dose.
    """
    return _run(tia_bq_s, density_g_per_ml, nuclide, progress, options or {}, is_cancelled, is_scaled=False)


def _run(  # noqa: PLR0917 - both engines in one
    tia: Volume,
    density: Volume | float,
    nuclide: Nuclide,
    progress: Progress | None,
    options: Mapping[str, Any],
    is_cancelled: Callable[[], bool] | None,
    *,
    is_scaled: bool,
) -> EngineResult:
    check_activity(tia)
    medium = density_values(density, tia)
    emissions = get_emissions(nuclide.name, progeny=options.get("progeny", "none"))
    say = progress or _silent
    say(0.0, "Voxel kernel")
    kernel = kernel_for(tia, medium, emissions, options)
    dose = convolve(
        np.asarray(tia.values, dtype=np.float32),
        kernel,
        progress=lambda fraction, text: say(0.2 + 0.5 * fraction, text),
        is_cancelled=is_cancelled,
        device=options.get("device"),
    )
    electrons, photons = dose.electrons_gy, dose.photons_gy
    is_air: NDArray[np.bool_] | None = None
    masked_kg_gy = 0.0
    if not isinstance(medium, float):
        is_air = medium < SMALLEST_DENSITY_G_PER_ML
        masked_kg_gy = float(electrons[is_air].sum(dtype=np.float64)) * kernel.voxel_mass_g * 1e-3
        if is_scaled:
            say(0.7, "Scatter in the body")
            photons += scatter_correction(
                tia.values,
                ~is_air,
                emissions=emissions,
                spacing_zyx_mm=tia.grid.spacing_xyz_mm[::-1],
                kernel_density_g_per_ml=kernel.density_g_per_ml,
                reach_mm=float(options.get("photon_radius_mm", PHOTON_RADIUS_MM)),
                backend=fft_backend(options.get("device")),
                is_cancelled=is_cancelled,
            )
            electrons *= np.float32(kernel.density_g_per_ml) / np.where(is_air, np.inf, medium).astype(np.float32)
            photons *= photon_response_by_material(emissions).astype(np.float32)[material_index(medium)]
        electrons[is_air] = 0.0
        photons[is_air] = 0.0
    # Transforms leave noise of both signs at the level of single precision.
    np.maximum(electrons, 0.0, out=electrons)
    np.maximum(photons, 0.0, out=photons)
    say(1.0, "Convolution")
    return EngineResult(
        dose=tia.with_values(electrons + photons, unit="Gy"),
        relative_standard_uncertainty=None,
        photon_dose=tia.with_values(photons, unit="Gy"),
        energy_balance=_energy_balance(tia, medium, kernel, (electrons, photons), masked_kg_gy),
        provenance={
            "engine": "kernel" if is_scaled else "kernel_unscaled",
            "nuclide": nuclide.name,
            "nuclide_data": emissions.data_version,
            "progeny": [list(item) for item in emissions.progeny],
            "kernel_digest": kernel.digest,
            "kernel_density_g_per_ml": kernel.density_g_per_ml,
            "tia_digest": digest_array(tia.values),
            "density": density if isinstance(density, int | float) else digest_array(density.values),
        },
        warnings=_warnings(tia, medium),
    )


def kernel_for(
    tia: Volume, medium: NDArray[np.float32] | float, emissions: Emissions, options: Mapping[str, Any]
) -> VoxelKernel:
    """Return the voxel kernel for a map: in the declared density, else in soft tissue.

    Parameters
    ----------
    tia : Volume
        Gives the voxel size.
    medium : array or float
        Checked density, g/mL.
    emissions : Emissions
        Radiations per decay.
    options : mapping
        ``kernel_density_g_per_ml``, ``photon_radius_mm``, ``kernel_cache_folder``.

    Raises
    ------
    InvalidInputError
        As ``voxel_kernel``.
    """
    soft = float(options.get("kernel_density_g_per_ml", KERNEL_DENSITY_G_PER_ML))
    return voxel_kernel(
        emissions,
        spacing_xyz_mm=tia.grid.spacing_xyz_mm,
        density_g_per_ml=medium if isinstance(medium, float) else soft,
        photon_radius_mm=float(options.get("photon_radius_mm", PHOTON_RADIUS_MM)),
        cache_folder=options.get("kernel_cache_folder"),
    )


def _energy_balance(
    tia: Volume,
    medium: NDArray[np.float32] | float,
    kernel: VoxelKernel,
    parts_gy: tuple[NDArray[np.float32], NDArray[np.float32]],
    masked_j: float,
) -> dict[str, float]:
    """Return energies in J; masked is what charged particles leave in air, the rest left the grid."""
    mass_kg = medium * np.float32(tia.grid.voxel_volume_ml * 1e-3)
    electron_j, photon_j = (float((part * mass_kg).sum(dtype=np.float64)) for part in parts_gy)
    emitted_j = float(tia.values.sum(dtype=np.float64)) * kernel.emitted_kev * KEV_J
    return {
        "emitted_j": emitted_j,
        "deposited_j": electron_j + photon_j,
        "deposited_by_photons_j": photon_j,
        "masked_j": masked_j,
        "escaped_j": emitted_j - electron_j - photon_j - masked_j,
    }


def _warnings(tia: Volume, medium: NDArray[np.float32] | float) -> tuple[str, ...]:
    if isinstance(medium, float):
        return ()
    total = float(tia.values.sum(dtype=np.float64))
    is_air = medium < SMALLEST_DENSITY_G_PER_ML
    warnings = air_warning(float(tia.values[is_air].sum(dtype=np.float64)), total)
    in_lung = float(tia.values[(medium < LUNG_BELOW_G_PER_ML) & ~is_air].sum(dtype=np.float64))
    if in_lung <= LUNG_SHARE_TO_WARN * total:
        return warnings
    text = (
        f"{100.0 * in_lung / total:.0f} % of the decays lie in lung (below {LUNG_BELOW_G_PER_ML} g/mL), where "
        "electrons reach farther than in the kernel; compare with full_mc, above all for hard betas."
    )
    return (*warnings, text)


def _silent(_fraction: float, _message: str) -> None:
    """Report nothing."""
