"""Electron Monte Carlo through a patient's voxels: energy per decay in every voxel, with its uncertainty."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import run_in_order
from dosimetry.dose.batches import MIN_BATCHES, VoxelTally
from dosimetry.dose.electron_transport import (
    ABSORB_KEV,
    DEPOSITED,
    EMITTED,
    ESCAPED,
    N_PHOTON_BINS,
    RADIATED,
    run_electron_batch,
)
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.physics.electron_medium import electron_media
from dosimetry.physics.electrons import ENERGY_LIMITS_KEV
from dosimetry.physics.materials import MATERIAL_NAMES, material_index

FloatArray = NDArray[np.float64]
DELTA_CUT_KEV = 10.0
CHECK_EVERY_BATCHES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectronSettings:
    """How long and with which random numbers to run.

    Parameters
    ----------
    seed : int
        Run seed, 0 or above. Batch b draws from stream (seed, b), so that the result does not depend on threads.
    max_histories : int
        Most electrons to follow.
    histories_per_batch : int
        Electrons of one batch; made smaller where ``max_histories`` allows fewer than 20 batches.
    target_relative_uncertainty : float or None
        Stop when the root mean square of the relative standard error over the voxels with more than half of the largest
        energy has come down to it.
    n_threads : int or None
        Threads; None takes the processors there are, 4 at most.
    """

    seed: int = 1
    max_histories: int = 2_000_000
    histories_per_batch: int = 50_000
    target_relative_uncertainty: float | None = None
    n_threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElectronTransportResult:
    """Energy that electrons leave behind.

    Parameters
    ----------
    energy_kev_per_decay : (z, y, x) float64 array
        Energy in each voxel per decay in the whole source, keV.
    relative_standard_uncertainty : (z, y, x) float32 array
        Standard error / energy; zero where no energy is.
    photons_per_decay : (z, y, x) float64 array
        Bremsstrahlung photons that start in each voxel, per decay in the whole source.
    photon_energies_kev, photon_shares : (n,) arrays
        Their spectrum: mean energy and share of each bin that holds any.
    n_histories, n_batches : int
        What was run.
    emitted_kev_per_decay, deposited_kev_per_decay, radiated_kev_per_decay, escaped_kev_per_decay : float
        Energy balance: emitted = deposited + radiated + escaped to rounding.
    has_reached_target : bool
        Whether the wanted uncertainty was reached; True without a target.
    """

    energy_kev_per_decay: FloatArray
    relative_standard_uncertainty: NDArray[np.float32]
    photons_per_decay: FloatArray
    photon_energies_kev: FloatArray
    photon_shares: FloatArray
    n_histories: int
    n_batches: int
    emitted_kev_per_decay: float
    deposited_kev_per_decay: float
    radiated_kev_per_decay: float
    escaped_kev_per_decay: float
    has_reached_target: bool


def transport_electrons(
    *,
    source: NDArray[Any],
    electron_energies_kev: NDArray[Any],
    electron_yields: NDArray[Any],
    density_g_per_ml: NDArray[Any],
    spacing_xyz_mm: tuple[float, float, float],
    material: NDArray[np.uint8] | None = None,
    settings: ElectronSettings = ElectronSettings(),
    progress: Callable[[float, str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> ElectronTransportResult:
    """Follow electrons and their delta rays from a source map through tissue and score the energy that they deposit.

    Class-II condensed history (``dosimetry.physics.electron_tracks``): delta rays above 10 keV, elastic deflections
    above 18 degrees and bremsstrahlung photons one by one, the rest in steps of at most half a voxel. Electrons below
    10 keV, or whose range is below a tenth of the smallest voxel side, stop where they are. Outside the grid is vacuum.
    Positrons are followed as electrons.

    Parameters
    ----------
    source : (z, y, x) array
        Decays (or time-integrated activity) of each voxel in any unit, 0 or above; only the proportions count.
    electron_energies_kev, electron_yields : (n,) arrays
        Energies, keV (up to 3 MeV), and electrons per decay.
    density_g_per_ml : (z, y, x) array
        Density, g/mL, above zero.
    spacing_xyz_mm : (x, y, z) float
        Voxel size, mm.
    material : (z, y, x) array of uint8 or None
        Positions in ``MATERIALS``; None chooses them from the density.
    settings : ElectronSettings
        Seed, histories, wanted uncertainty.
    progress : callable (fraction, message) or None
        Called after each batch.
    is_cancelled : callable or None
        Asked after each batch.

    Returns
    -------
    ElectronTransportResult
        Energy per decay of the whole source.

    Raises
    ------
    InvalidInputError
        Shapes disagree, a value is negative or not finite, or an energy lies above 3 MeV.
    CalculationCancelledError
        ``is_cancelled`` returned True.
    """
    _check(source, density_g_per_ml, spacing_xyz_mm, settings)
    energies, yields = _checked_lines(electron_energies_kev, electron_yields)
    density = np.ascontiguousarray(density_g_per_ml, dtype=np.float32)
    chosen = material_index(density) if material is None else np.ascontiguousarray(material, dtype=np.uint8)
    if chosen.shape != density.shape or int(chosen.max()) >= len(MATERIAL_NAMES):
        raise InvalidInputError("The material map has another grid or an unknown material.", code="bad_material")
    # Soft electrons need no random numbers: their energy stays in the voxel of the decay.
    is_soft = energies <= ABSORB_KEV
    soft_kev = float(energies[is_soft] @ yields[is_soft])
    energies, yields = energies[~is_soft], yields[~is_soft]
    n_electrons = float(yields.sum())
    per_batch = max(min(settings.histories_per_batch, settings.max_histories // MIN_BATCHES), 1)
    n_batches = max(settings.max_histories // per_batch, MIN_BATCHES) if n_electrons > 0.0 and np.any(source) else 0
    run = _batch_runner(
        source=source, lines=(energies, np.cumsum(yields) / max(n_electrons, 1e-300)), density=density,
        material=chosen, spacing_xyz_mm=spacing_xyz_mm, seed=settings.seed, n_histories=per_batch,
    )  # fmt: skip
    tally = VoxelTally(total=np.zeros(density.shape), total_of_squares=np.zeros(density.shape))
    photons, spectrum, balance = np.zeros(density.shape), np.zeros((N_PHOTON_BINS, 2)), np.zeros(4)
    has_reached = settings.target_relative_uncertainty is None or n_batches == 0
    for score, batch_photons, batch_spectrum, batch_balance in run_in_order(
        run, n_batches, n_threads=settings.n_threads
    ):
        tally.add(score)
        photons += batch_photons
        spectrum += batch_spectrum
        balance += batch_balance
        if is_cancelled is not None and is_cancelled():
            raise CalculationCancelledError("The electron calculation was cancelled.")
        if progress is not None:
            progress(tally.n_batches / n_batches, "Following electrons")
        if tally.n_batches % CHECK_EVERY_BATCHES == 0 and tally.has_reached(settings.target_relative_uncertainty):
            has_reached = True
            break
    n_histories = tally.n_batches * per_batch
    scale = n_electrons / max(n_histories, 1)
    energy, relative = _with_soft_energy(tally, scale, source, soft_kev)
    is_filled = spectrum[:, 0] > 0.0
    numbers = spectrum[is_filled, 0]
    return ElectronTransportResult(
        energy_kev_per_decay=energy,
        relative_standard_uncertainty=relative,
        photons_per_decay=photons * scale,
        photon_energies_kev=spectrum[is_filled, 1] / numbers,
        photon_shares=numbers / max(float(numbers.sum()), 1.0),
        n_histories=n_histories,
        n_batches=tally.n_batches,
        emitted_kev_per_decay=float(balance[EMITTED]) * scale + soft_kev,
        deposited_kev_per_decay=float(balance[DEPOSITED]) * scale + soft_kev,
        radiated_kev_per_decay=float(balance[RADIATED]) * scale,
        escaped_kev_per_decay=float(balance[ESCAPED]) * scale,
        has_reached_target=has_reached,
    )


def _with_soft_energy(
    tally: VoxelTally, scale: float, source: NDArray[Any], soft_kev: float
) -> tuple[FloatArray, NDArray[np.float32]]:
    energy = tally.total * scale
    relative = tally.relative_standard_error() if tally.n_batches else np.zeros(source.shape)
    total = float(np.sum(source, dtype=np.float64))
    soft = np.asarray(source, dtype=np.float64) * (soft_kev / total if total > 0.0 else 0.0)
    both = energy + soft
    relative = np.divide(relative * energy, both, out=np.zeros_like(energy), where=both > 0.0)
    return both, relative.astype(np.float32)


def _batch_runner(
    *, source: NDArray[Any], lines: tuple[FloatArray, FloatArray], density: NDArray[np.float32],
    material: NDArray[np.uint8], spacing_xyz_mm: tuple[float, float, float], seed: int, n_histories: int,
) -> Callable[[int], tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:  # fmt: skip
    flat = np.ascontiguousarray(source, dtype=np.float64).ravel()
    places = np.flatnonzero(flat)
    cumulative = np.cumsum(flat[places])
    media = electron_media(MATERIAL_NAMES, DELTA_CUT_KEV)
    grid = (density, material, np.asarray(spacing_xyz_mm, dtype=np.float64))

    def run(batch: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        score, photons = np.zeros(density.shape), np.zeros(density.shape)
        spectrum, balance = np.zeros((N_PHOTON_BINS, 2)), np.zeros(4)
        scores = (score, photons, spectrum)
        run_electron_batch(
            (seed, batch), n_histories, (places, cumulative), lines, grid, media.coefficients, media.cut_kev, scores,
            balance,
        )  # fmt: skip
        return score, photons, spectrum, balance

    return run


def _checked_lines(energies_kev: NDArray[Any], yields: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    energies = np.asarray(energies_kev, dtype=np.float64).ravel()
    per_decay = np.asarray(yields, dtype=np.float64).ravel()
    is_usable = energies.size == per_decay.size and np.all(energies > 0.0) and np.all(per_decay >= 0.0)
    if not (is_usable and np.all(np.isfinite(per_decay))):
        raise InvalidInputError("Electron lines need one yield each, energies above zero.", code="bad_lines")
    if energies.size and not energies.max() <= ENERGY_LIMITS_KEV[1]:
        raise InvalidInputError("Electron data end at 3 MeV; the nuclide has a line above.", code="bad_lines")
    return energies, per_decay


def _check(
    source: NDArray[Any],
    density: NDArray[Any],
    spacing_xyz_mm: tuple[float, float, float],
    settings: ElectronSettings,
) -> None:
    if source.ndim != 3 or source.shape != density.shape:
        raise InvalidInputError("Source and density must be two maps on one grid.", code="bad_grid")
    if not (np.all(np.isfinite(source)) and float(source.min()) >= 0.0):
        raise InvalidInputError("Time-integrated activity must be finite and not negative.", code="bad_activity")
    if not (np.all(np.isfinite(density)) and float(density.min()) > 0.0):
        raise InvalidInputError("Density must be a map in g/mL above zero.", code="bad_density")
    if not all(0.0 < size < np.inf for size in spacing_xyz_mm):
        raise InvalidInputError("Voxel spacing must be above zero.", code="bad_spacing")
    target = settings.target_relative_uncertainty
    if settings.max_histories < MIN_BATCHES or settings.histories_per_batch < 1 or settings.seed < 0:
        raise InvalidInputError("A run needs 20 histories at least and a seed of 0 or above.", code="bad_settings")
    if target is not None and not 0.0 < target < np.inf:
        raise InvalidInputError("The wanted uncertainty must be above zero.", code="bad_settings")
