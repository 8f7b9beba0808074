"""The engine ``hybrid_mc``: electrons by the voxel kernel, photons by Monte Carlo; for Lu-177, I-131, Tb-161."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import choose_device
from dosimetry.dose.inputs import (
    SMALLEST_DENSITY_G_PER_ML,
    air_warning,
    check_activity,
    density_values,
    refuse_when_cancelled,
)
from dosimetry.dose.kernel_engine import convolve, kernel_for
from dosimetry.dose.nuclide_kernel import photon_lines_with_bremsstrahlung
from dosimetry.dose.photon_mc import PhotonSettings, PhotonTransportResult, transport_photons
from dosimetry.dose.result import EngineResult
from dosimetry.nuclides.decay import Nuclide
from dosimetry.nuclides.emissions import Emissions, get_emissions
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J, KEV_PER_G_GY
from dosimetry.volume import Volume

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]
DEFAULT_TARGET = 0.01
"""Wanted relative standard uncertainty of the total dose in the hot voxels: photons are a few per cent of it."""
DEFAULT_HISTORIES = 20_000_000
HISTORIES_PER_BATCH = 100_000
HISTORIES_PER_TENSOR_BATCH = 2**19
"""A card needs many photons at a time."""
ELECTRON_PROGRESS = 0.2


def run_hybrid_mc(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> EngineResult:
    """Compute dose with electrons from the density-scaled voxel kernel and photons followed through the patient.

    Electrons: convolution in soft tissue, times kernel density / voxel density. Photons and bremsstrahlung: Monte Carlo
    in density and composition of each voxel. Wrong where the range of the electrons exceeds the distance to lung, air
    or bone (Y-90 there: ``full_mc``).

    Parameters
    ----------
    tia_bq_s : Volume
        Time-integrated activity of each voxel, Bq s.
    density_g_per_ml : Volume or float
        Density map on the same grid, or one declared density, g/mL.
    nuclide : Nuclide
        Decay data.
    progress : callable (fraction, message) or None
        Progress.
    options : mapping or None
        ``progeny``, ``seed``, ``max_histories`` (2e7), ``target_relative_uncertainty`` of the total dose in the hot
        voxels (0.01), ``device`` (CUDA when there is a card), ``kernel_density_g_per_ml``, ``kernel_cache_folder``.
    is_cancelled : callable or None
        Asked after each batch.

    Returns
    -------
    EngineResult
        Dose and its statistical uncertainty (photons only have one); voxels below 0.05 g/mL have none.

    Raises
    ------
    InvalidInputError
        Activity, density, voxel size or a photon energy that cannot be used.
    GeometryMismatchError
        Density on another grid.
    CalculationCancelledError
        ``is_cancelled`` answers True.
    """
    chosen = options or {}
    check_activity(tia_bq_s)
    medium = density_values(density_g_per_ml, tia_bq_s)
    density = np.full(tia_bq_s.values.shape, medium, dtype=np.float32) if isinstance(medium, float) else medium
    emissions = get_emissions(nuclide.name, progeny=chosen.get("progeny", "none"))
    refuse_when_cancelled(is_cancelled)
    kernel = kernel_for(tia_bq_s, medium, emissions, chosen)
    electron_gy = convolve(
        np.asarray(tia_bq_s.values, dtype=np.float32), kernel, with_photons=False, device=chosen.get("device")
    ).electrons_gy
    # Dose in the medium of the kernel times its mass is energy, whatever mass takes it up.
    electron_kev = np.maximum(electron_gy, 0.0).astype(np.float64) * (kernel.voxel_mass_g / KEV_PER_G_GY)
    device = choose_device(chosen.get("device"))
    total_bq_s = float(tia_bq_s.values.sum(dtype=np.float64))
    electron_kev /= total_bq_s if total_bq_s > 0.0 else 1.0
    energies, yields = photon_lines_with_bremsstrahlung(emissions)
    photons = transport_photons(
        source=tia_bq_s.values,
        photon_energies_kev=energies,
        photon_yields=yields,
        density_g_per_ml=density,
        spacing_xyz_mm=tia_bq_s.grid.spacing_xyz_mm,
        settings=PhotonSettings(
            seed=int(chosen.get("seed", 1)),
            max_histories=int(chosen.get("max_histories", DEFAULT_HISTORIES)),
            histories_per_batch=HISTORIES_PER_BATCH if device == "cpu" else HISTORIES_PER_TENSOR_BATCH,
            device=device,
            target_relative_uncertainty=float(chosen.get("target_relative_uncertainty", DEFAULT_TARGET)),
        ),
        other_energy_kev_per_decay=electron_kev,
        progress=_after_electrons(progress),
        is_cancelled=is_cancelled,
    )
    provenance = {
        "engine": "hybrid_mc",
        "nuclide": emissions.name,
        "nuclide_data": emissions.data_version,
        "progeny": [list(item) for item in emissions.progeny],
        "kernel_digest": kernel.digest,
        "kernel_density_g_per_ml": kernel.density_g_per_ml,
        "photon_table": photons.table_sha256,
        "photon_histories": photons.n_histories,
        "photon_device": photons.device,
        "seed": int(chosen.get("seed", 1)),
        "tia_digest": digest_array(tia_bq_s.values),
        "density": medium if isinstance(medium, float) else digest_array(density),
    }
    return _result(tia_bq_s, density, emissions, (electron_kev, photons), provenance)


def _result(
    tia: Volume,
    density: NDArray[np.float32],
    emissions: Emissions,
    parts: tuple[FloatArray, PhotonTransportResult],
    provenance: Mapping[str, Any],
) -> EngineResult:
    electron_kev, photons = parts
    photon_kev = photons.energy_kev_per_decay
    energy_kev = electron_kev + photon_kev
    is_air = density < SMALLEST_DENSITY_G_PER_ML
    total_bq_s = float(tia.values.sum(dtype=np.float64))
    to_gy = total_bq_s * KEV_PER_G_GY / (density.astype(np.float64) * tia.grid.voxel_volume_ml)
    to_gy[is_air] = 0.0
    share = np.divide(photon_kev, energy_kev, out=np.zeros_like(energy_kev), where=energy_kev > 0.0)
    share[is_air] = 0.0
    joule = total_bq_s * KEV_J
    emitted_kev = emissions.local_energy_kev + emissions.photon_energy_kev
    masked_kev = float(energy_kev[is_air].sum())
    deposited_kev = float(energy_kev.sum()) - masked_kev
    return EngineResult(
        dose=tia.with_values((energy_kev * to_gy).astype(np.float32), unit="Gy"),
        relative_standard_uncertainty=tia.with_values(
            (photons.relative_standard_uncertainty * share).astype(np.float32), unit="1"
        ),
        photon_dose=tia.with_values((photon_kev * to_gy).astype(np.float32), unit="Gy"),
        energy_balance={
            "emitted_j": emitted_kev * joule,
            "deposited_j": deposited_kev * joule,
            "deposited_by_photons_j": float(photon_kev[~is_air].sum()) * joule,
            "masked_j": masked_kev * joule,
            "escaped_j": (emitted_kev - deposited_kev - masked_kev) * joule,
        },
        provenance=provenance,
        warnings=_warnings(tia, is_air, photons, emissions),
    )


def _warnings(
    tia: Volume, is_air: NDArray[np.bool_], photons: PhotonTransportResult, emissions: Emissions
) -> tuple[str, ...]:
    masked = float(tia.values[is_air].sum(dtype=np.float64))
    warnings = list(air_warning(masked, float(tia.values.sum(dtype=np.float64))))
    if not photons.has_reached_target:
        warnings.append("The wanted uncertainty of the dose was not reached; allow more histories.")
    if emissions.beta_plus_density_per_kev.any():
        warnings.append("Positrons are followed as electrons; their annihilation quanta start where the decay is.")
    return tuple(warnings)


def _after_electrons(progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    return lambda share, text: progress(ELECTRON_PROGRESS + (1.0 - ELECTRON_PROGRESS) * share, text)
