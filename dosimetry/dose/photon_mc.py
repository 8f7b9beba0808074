"""Photon Monte Carlo through a patient's voxels: energy per decay in every voxel and region, with its uncertainty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import Device, TensorBackend, choose_device, run_in_order, tensor_backend
from dosimetry.dose.batches import HOT_SHARE, MIN_BATCHES, VoxelTally
from dosimetry.dose.photon_mc_torch import tensor_batches
from dosimetry.dose.photon_transport import ABSORBED, EMITTED, ESCAPED, run_batch
from dosimetry.dose.transport_checks import check_run_length, check_source, checked_lines, checked_material
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.physics.photon_medium import line_table, photon_medium
from dosimetry.physics.photon_sampling import CUT_KEV, sampling_tables

FloatArray = NDArray[np.float64]
CHECK_EVERY_BATCHES = 5
HIGHEST_ENERGY_KEV = 3000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotonSettings:
    """How long and with which random numbers to run.

    Parameters
    ----------
    seed : int
        Run seed, 0 or above. Batch b draws from stream (seed, b), so that the result does not depend on threads.
    max_histories : int
        Most photons to follow.
    histories_per_batch : int
        Photons of one batch; made smaller where ``max_histories`` allows fewer than 20 batches.
    target_relative_uncertainty : float or None
        Stop when the relative standard error has come down to it: the largest over target regions where there are any,
        else the root mean square over voxels with more than half of the largest energy (other energy included).
    n_threads : int or None
        Threads of the compiled code; None takes the processors there are, 4 at most.
    device : {"cpu", "cuda", "torch_cpu"} or None
        ``cpu``: compiled code; ``cuda``: tensors on the card; ``torch_cpu``: the code of ``cuda`` without the card, for
        tests; None: CUDA when there is a card, else the CPU. Each has random numbers of its own.
    """

    seed: int = 1
    max_histories: int = 10_000_000
    histories_per_batch: int = 250_000
    target_relative_uncertainty: float | None = None
    n_threads: int | None = None
    device: Device | None = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEnergy:
    """Photon energy in one target region.

    Parameters
    ----------
    energy_kev_per_decay : float
        Energy given to the region per decay in the source, keV.
    standard_uncertainty_kev_per_decay : float
        Standard error of it from the spread of batches.
    """

    energy_kev_per_decay: float
    standard_uncertainty_kev_per_decay: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonTransportResult:
    """Energy that photons leave behind.

    Parameters
    ----------
    energy_kev_per_decay : (z, y, x) float64 array
        Energy in each voxel per decay in the whole source, keV.
    relative_standard_uncertainty : (z, y, x) float32 array
        Standard error / energy; zero where no energy is.
    regions : mapping
        Energy in each target region.
    n_histories, n_batches : int
        What was run.
    emitted_kev_per_decay, absorbed_kev_per_decay, escaped_kev_per_decay : float
        Energy balance of single interactions (not of the estimator): emitted = absorbed + escaped to rounding.
    local_kev_per_decay : float
        Energy of photons below the cut, given to the voxel of the decay and contained in ``energy_kev_per_decay``.
    has_reached_target : bool
        Whether the wanted uncertainty was reached; True without a target.
    table_sha256 : str
        Hash of the cross-sections.
    device : {"cpu", "cuda", "torch_cpu"}
        Where it ran.
    """

    energy_kev_per_decay: FloatArray
    relative_standard_uncertainty: NDArray[np.float32]
    regions: Mapping[str, RegionEnergy]
    n_histories: int
    n_batches: int
    emitted_kev_per_decay: float
    absorbed_kev_per_decay: float
    escaped_kev_per_decay: float
    local_kev_per_decay: float
    has_reached_target: bool
    table_sha256: str
    device: Device


def transport_photons(
    *,
    source: NDArray[Any],
    photon_energies_kev: NDArray[Any],
    photon_yields: NDArray[Any],
    density_g_per_ml: NDArray[Any],
    spacing_xyz_mm: tuple[float, float, float],
    material: NDArray[np.uint8] | None = None,
    target_regions: Mapping[str, NDArray[Any]] | None = None,
    other_energy_kev_per_decay: NDArray[Any] | None = None,
    settings: PhotonSettings = PhotonSettings(),
    progress: Callable[[float, str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> PhotonTransportResult:
    """Follow photons from a source map through tissue and score the energy they transfer to electrons.

    Woodcock tracking: path -ln(xi)/mu_max, accepted with mu/mu_max. Each tentative collision scores
    E mu_en/mu_max, an unbiased estimate of collision kerma that needs about half the histories of analogue scoring.
    Compton scattering with incoherent functions, Rayleigh scattering with form factors, photoelectric absorption, pair
    production with two annihilation quanta; electrons stop where they start; cut at 5 keV. Outside the grid is vacuum.

    Parameters
    ----------
    source : (z, y, x) array
        Decays (or time-integrated activity) of each voxel in any unit, 0 or above; only the proportions count.
    photon_energies_kev, photon_yields : (n,) arrays
        Lines, keV (up to 3 MeV), and photons per decay.
    density_g_per_ml : (z, y, x) array
        Density, g/mL, above zero.
    spacing_xyz_mm : (x, y, z) float
        Voxel size, mm.
    material : (z, y, x) array of uint8 or None
        Positions in ``MATERIALS``; None chooses them from the density.
    target_regions : mapping or None
        Name -> (z, y, x) mask or fraction of each voxel in the region; regions may overlap.
    other_energy_kev_per_decay : (z, y, x) array or None
        Energy that other particles bring, known without statistics: the wanted uncertainty is then that of the sum.
    settings : PhotonSettings
        Seed, histories, wanted uncertainty.
    progress : callable (fraction, message) or None
        Called after each batch.
    is_cancelled : callable or None
        Asked after each batch.

    Returns
    -------
    PhotonTransportResult
        Energy per decay of the whole source.

    Raises
    ------
    InvalidInputError
        Shapes disagree, a value is negative or not finite, a line lies above 3 MeV, or the device is not there.
    CalculationCancelledError
        ``is_cancelled`` returned True.

    References
    ----------
    .. [1] Woodcock et al., ANL-7050 (1965) 557. Williamson, Med. Phys. 14 (1987) 567-576 (estimators).
    """
    check_source(source=source, density_g_per_ml=density_g_per_ml, spacing_xyz_mm=spacing_xyz_mm)
    check_run_length(settings)
    device = choose_device(settings.device)
    backend = tensor_backend(device)
    energies, yields = checked_lines(photon_energies_kev, photon_yields, highest_kev=HIGHEST_ENERGY_KEV)
    regions = {name: np.asarray(mask, dtype=np.float64) for name, mask in (target_regions or {}).items()}
    other = other_energy_kev_per_decay
    if any(mask.shape != source.shape for mask in regions.values()) or (
        other is not None and other.shape != source.shape
    ):
        raise InvalidInputError(
            "Target regions and other energy must lie on the grid of the source.", code="bad_region"
        )
    is_local = energies < CUT_KEV
    n_photons = float(yields[~is_local].sum())
    per_batch = max(min(settings.histories_per_batch, settings.max_histories // MIN_BATCHES), 1)
    n_batches = max(settings.max_histories // per_batch, MIN_BATCHES) if n_photons > 0.0 and np.any(source) else 0
    density = np.ascontiguousarray(density_g_per_ml, dtype=np.float32)
    batch = _batch_runner(
        source=source,
        lines=line_table(energies[~is_local], yields[~is_local]),
        density=density,
        material=checked_material(material, density),
        spacing_xyz_mm=spacing_xyz_mm,
        seed=settings.seed,
        n_histories=per_batch,
        backend=backend,
    )
    # A card works on one batch at a time.
    n_threads = settings.n_threads if backend is None else 1
    tally = VoxelTally(total=np.zeros(source.shape), total_of_squares=np.zeros(source.shape))
    region_kev: dict[str, list[float]] = {name: [] for name in regions}
    balance = np.zeros(3)
    target = settings.target_relative_uncertainty
    has_reached = target is None or n_batches == 0
    for score, batch_balance in run_in_order(batch, n_batches, n_threads=n_threads):
        for name, weights in regions.items():
            region_kev[name].append(float(np.vdot(score, weights)))
        tally.add(score)
        balance += batch_balance
        if is_cancelled is not None and is_cancelled():
            raise CalculationCancelledError("The photon calculation was cancelled.")
        if progress is not None:
            progress(tally.n_batches / n_batches, "Following photons")
        if tally.n_batches % CHECK_EVERY_BATCHES == 0 and _has_reached(
            tally, region_kev, target, None if other is None else other * (tally.n_batches * per_batch / n_photons)
        ):
            has_reached = True
            break
    local_kev = float(energies[is_local] @ yields[is_local])
    scale = n_photons / max(tally.n_batches * per_batch, 1)
    total = float(np.sum(source, dtype=np.float64))
    local = np.asarray(source, dtype=np.float64) * (local_kev / total if total > 0.0 else 0.0)
    energy, relative = _with_local(tally, scale, local)
    return PhotonTransportResult(
        energy_kev_per_decay=energy,
        relative_standard_uncertainty=relative,
        regions=_region_energies(region_kev, n_photons / per_batch, local, regions),
        n_histories=tally.n_batches * per_batch,
        n_batches=tally.n_batches,
        emitted_kev_per_decay=float(balance[EMITTED]) * scale + local_kev,
        absorbed_kev_per_decay=float(balance[ABSORBED]) * scale + local_kev,
        escaped_kev_per_decay=float(balance[ESCAPED]) * scale,
        local_kev_per_decay=local_kev,
        has_reached_target=has_reached,
        table_sha256=sampling_tables().sha256,
        device=device,
    )


def _has_reached(
    tally: VoxelTally, region_kev: Mapping[str, list[float]], target: float | None, other: NDArray[Any] | None
) -> bool:
    """Tell whether every target region, or without regions the hot voxels, are known well enough."""
    if target is None or tally.n_batches < MIN_BATCHES:
        return False
    if other is not None:
        total = tally.total + other
        is_hot = total > HOT_SHARE * total.max()
        error = tally.relative_standard_error()[is_hot] * tally.total[is_hot] / total[is_hot]
        return bool(np.sqrt(np.mean(error**2)) <= target)
    if not region_kev:
        return tally.has_reached(target)
    hit = [np.array(kev) for kev in region_kev.values() if any(kev)]
    errors = [kev.std(ddof=1) / np.sqrt(kev.size) / kev.mean() for kev in hit]
    return bool(errors) and float(max(errors)) <= target


def _with_local(tally: VoxelTally, scale: float, local: FloatArray) -> tuple[FloatArray, NDArray[np.float32]]:
    """Add the energy of photons below the cut, which has no statistical error."""
    if not tally.n_batches:
        return local, np.zeros(local.shape, dtype=np.float32)
    relative = tally.relative_standard_error()
    scored = tally.total * scale
    energy = scored + local
    relative *= np.divide(scored, energy, out=np.zeros_like(energy), where=energy > 0.0)
    return energy, relative.astype(np.float32)


def _region_energies(
    region_kev: Mapping[str, list[float]], scale: float, local: FloatArray, regions: Mapping[str, FloatArray]
) -> Mapping[str, RegionEnergy]:
    found = {}
    for name, weights in regions.items():
        kev = np.array(region_kev[name] or [0.0]) * scale
        error = float(np.std(kev, ddof=1) / np.sqrt(kev.size)) if kev.size > 1 else 0.0
        mean = float(kev.mean() + np.vdot(local, weights))
        found[name] = RegionEnergy(energy_kev_per_decay=mean, standard_uncertainty_kev_per_decay=error)
    return MappingProxyType(found)


def _batch_runner(
    *,
    source: NDArray[Any],
    lines: FloatArray,
    density: NDArray[np.float32],
    material: NDArray[np.uint8],
    spacing_xyz_mm: tuple[float, float, float],
    seed: int,
    n_histories: int,
    backend: TensorBackend | None,
) -> Callable[[int], tuple[FloatArray, FloatArray]]:
    flat = np.ascontiguousarray(source, dtype=np.float64).ravel()
    places = np.flatnonzero(flat)
    cumulative = np.cumsum(flat[places])
    medium, arrays = photon_medium(
        density_g_per_ml=density, material=material, spacing_xyz_mm=spacing_xyz_mm, tables=sampling_tables()
    )
    if backend is not None:
        source_table = (places, cumulative)
        return tensor_batches(
            backend, source=source_table, lines=lines, medium=medium, tables=arrays, seed=seed, n_histories=n_histories
        )

    def run(batch: int) -> tuple[FloatArray, FloatArray]:
        score, balance = np.zeros(density.shape), np.zeros(3)
        run_batch((seed, batch), n_histories, (places, cumulative), lines, medium, arrays, score, balance)
        return score, balance

    return run
