"""Full Monte Carlo engine: electrons and photons, bremsstrahlung included, through density and composition."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.electron_mc import ElectronSettings, ElectronTransportResult, transport_electrons
from dosimetry.dose.inputs import (
    SMALLEST_DENSITY_G_PER_ML,
    air_warning,
    check_activity,
    density_values,
    refuse_when_cancelled,
)
from dosimetry.dose.photon_mc import PhotonSettings, PhotonTransportResult, transport_photons
from dosimetry.dose.result import EngineResult
from dosimetry.nuclides.decay import Nuclide
from dosimetry.nuclides.emissions import Emissions, get_emissions
from dosimetry.physics.table_files import read_table
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J, KEV_PER_G_GY
from dosimetry.volume import Volume

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]
N_BETA_GROUPS = 300
"""The beta spectrum is followed in as many groups, each with its mean energy."""
DEFAULT_ELECTRONS = 2_000_000
DEFAULT_PHOTONS = 4_000_000
DEFAULT_TARGET = 0.02
BREMSSTRAHLUNG_SHARE = 4
"""Bremsstrahlung photons get a quarter of the histories of the nuclide's own photons."""
ELECTRON_PROGRESS = 0.6


def electron_lines(emissions: Emissions) -> tuple[FloatArray, FloatArray]:
    """Return energies (keV) and yields of all electrons and positrons: lines and groups of the beta spectrum.

    Parameters
    ----------
    emissions : Emissions
        Radiations per decay.

    Returns
    -------
    tuple of two arrays
        Energies and electrons per decay; their product sums to the energy of all electrons.
    """
    energies, yields = [emissions.electron_energies_kev], [emissions.electron_yields]
    if emissions.beta_energies_kev.size:
        edges = np.linspace(0.0, float(emissions.beta_energies_kev[-1]), N_BETA_GROUPS + 1)
        group_yields, group_energies = emissions.beta_group_yields(edges)
        is_filled = group_yields > 0.0
        energies.append(group_energies[is_filled])
        yields.append(group_yields[is_filled])
    return np.concatenate(energies), np.concatenate(yields)


def run_full_mc(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> EngineResult:
    """Compute dose by Monte Carlo of electrons and photons in the voxels.

    For hard betas at lung, air or bone, and for voxels that are small against the range of the betas. Alpha particles
    and recoils stay in their voxel. Positrons are followed as electrons; their annihilation quanta start at the decay.

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
        ``progeny`` (``none`` or ``in_place``), ``seed``, ``target_relative_uncertainty`` (of electrons; 0.02),
        ``max_histories`` (electrons; photons get twice as many).
    is_cancelled : callable or None
        Asked after each batch.

    Returns
    -------
    EngineResult
        Dose and its statistical uncertainty; voxels below 0.05 g/mL have none.

    Raises
    ------
    InvalidInputError
        Activity, density or an energy that cannot be used.
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
    electrons = _electrons(tia_bq_s, density, emissions, chosen, progress, is_cancelled)
    photons, radiated = _photons(tia_bq_s, density, emissions, electrons, chosen, progress, is_cancelled)
    return _result(tia_bq_s, density, emissions, (electrons, photons, radiated), chosen)


def _electrons(  # noqa: PLR0917 - one part of run_full_mc
    tia: Volume,
    density: NDArray[np.float32],
    emissions: Emissions,
    options: Mapping[str, Any],
    progress: Progress | None,
    is_cancelled: Callable[[], bool] | None,
) -> ElectronTransportResult:
    energies, yields = electron_lines(emissions)
    return transport_electrons(
        source=tia.values,
        electron_energies_kev=energies,
        electron_yields=yields,
        density_g_per_ml=density,
        spacing_xyz_mm=tia.grid.spacing_xyz_mm,
        settings=ElectronSettings(
            seed=int(options.get("seed", 1)),
            max_histories=int(options.get("max_histories", DEFAULT_ELECTRONS)),
            target_relative_uncertainty=float(options.get("target_relative_uncertainty", DEFAULT_TARGET)),
        ),
        progress=None if progress is None else lambda share, text: progress(ELECTRON_PROGRESS * share, text),
        is_cancelled=is_cancelled,
    )


def _photons(  # noqa: PLR0917 - one part of run_full_mc
    tia: Volume,
    density: NDArray[np.float32],
    emissions: Emissions,
    electrons: ElectronTransportResult,
    options: Mapping[str, Any],
    progress: Progress | None,
    is_cancelled: Callable[[], bool] | None,
) -> tuple[PhotonTransportResult, PhotonTransportResult]:
    """Follow the nuclide's photons, then the bremsstrahlung from where it started."""
    histories = int(options.get("max_histories", DEFAULT_ELECTRONS)) * DEFAULT_PHOTONS // DEFAULT_ELECTRONS

    def follow(source: NDArray[Any], lines: tuple[FloatArray, FloatArray], share: int, stage: int) -> Any:
        start, span = ELECTRON_PROGRESS + 0.2 * stage, 0.2
        return transport_photons(
            source=source,
            photon_energies_kev=lines[0],
            photon_yields=lines[1],
            density_g_per_ml=density,
            spacing_xyz_mm=tia.grid.spacing_xyz_mm,
            settings=PhotonSettings(
                seed=int(options.get("seed", 1)) + stage, max_histories=max(histories // share, 20)
            ),
            progress=None if progress is None else lambda part, text: progress(start + span * part, text),
            is_cancelled=is_cancelled,
        )

    own = follow(tia.values, (emissions.photon_energies_kev, emissions.photon_yields), 1, 0)
    # Shares sum to one: the result is per bremsstrahlung photon.
    spectrum = (electrons.photon_energies_kev, electrons.photon_shares)
    return own, follow(electrons.photons_per_decay, spectrum, BREMSSTRAHLUNG_SHARE, 1)


def _result(
    tia: Volume,
    density: NDArray[np.float32],
    emissions: Emissions,
    parts: tuple[ElectronTransportResult, PhotonTransportResult, PhotonTransportResult],
    options: Mapping[str, Any],
) -> EngineResult:
    electrons, photons, radiated = parts
    total_bq_s = float(tia.values.sum(dtype=np.float64))
    n_radiated = float(electrons.photons_per_decay.sum())
    heavy_kev = emissions.alpha_energy_kev + emissions.recoil_energy_kev
    heavy = np.asarray(tia.values, dtype=np.float64) * (heavy_kev / total_bq_s if total_bq_s > 0.0 else 0.0)
    photon_kev = photons.energy_kev_per_decay + radiated.energy_kev_per_decay * n_radiated
    energy_kev = electrons.energy_kev_per_decay + photon_kev + heavy
    variance = (electrons.energy_kev_per_decay * electrons.relative_standard_uncertainty) ** 2
    variance += (photons.energy_kev_per_decay * photons.relative_standard_uncertainty) ** 2
    variance += (radiated.energy_kev_per_decay * radiated.relative_standard_uncertainty * n_radiated) ** 2
    is_air = density < SMALLEST_DENSITY_G_PER_ML
    to_gy = total_bq_s * KEV_PER_G_GY / (density.astype(np.float64) * tia.grid.voxel_volume_ml)
    to_gy[is_air] = 0.0
    relative = np.divide(np.sqrt(variance), energy_kev, out=np.zeros_like(energy_kev), where=energy_kev > 0.0)
    relative[is_air] = 0.0
    joule = total_bq_s * KEV_J
    emitted_kev = electrons.emitted_kev_per_decay + photons.emitted_kev_per_decay + heavy_kev
    masked_kev = float(energy_kev[is_air].sum())
    deposited_kev = float(energy_kev.sum()) - masked_kev
    return EngineResult(
        dose=tia.with_values((energy_kev * to_gy).astype(np.float32), unit="Gy"),
        relative_standard_uncertainty=tia.with_values(relative.astype(np.float32), unit="1"),
        photon_dose=tia.with_values((photon_kev * to_gy).astype(np.float32), unit="Gy"),
        energy_balance={
            "emitted_j": emitted_kev * joule,
            "deposited_j": deposited_kev * joule,
            "deposited_by_photons_j": float(photon_kev[~is_air].sum()) * joule,
            "masked_j": masked_kev * joule,
            "escaped_j": (emitted_kev - deposited_kev - masked_kev) * joule,
        },
        provenance={
            "engine": "full_mc",
            "nuclide": emissions.name,
            "nuclide_data": emissions.data_version,
            "progeny": [list(item) for item in emissions.progeny],
            "seed": int(options.get("seed", 1)),
            "electron_histories": electrons.n_histories,
            "photon_histories": photons.n_histories + radiated.n_histories,
            "electron_table": read_table("electron_elastic").sha256,
            "photon_table": photons.table_sha256,
            "tia_digest": digest_array(tia.values),
            "density": digest_array(density),
        },
        warnings=_warnings(tia, is_air, electrons, emissions),
    )


def _warnings(
    tia: Volume, is_air: NDArray[np.bool_], electrons: ElectronTransportResult, emissions: Emissions
) -> tuple[str, ...]:
    masked = float(tia.values[is_air].sum(dtype=np.float64))
    warnings = list(air_warning(masked, float(tia.values.sum(dtype=np.float64))))
    if not electrons.has_reached_target:
        warnings.append("The wanted uncertainty of electrons was not reached; allow more histories.")
    if emissions.beta_plus_density_per_kev.any():
        warnings.append("Positrons are followed as electrons; their annihilation quanta start where the decay is.")
    return tuple(warnings)
