"""What every Monte Carlo transport checks before it starts."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.batches import MIN_BATCHES
from dosimetry.errors import InvalidInputError
from dosimetry.physics.materials import MATERIAL_NAMES, material_index


class RunLength(Protocol):
    """How long a transport runs."""

    @property
    def seed(self) -> int:
        """Run seed."""

    @property
    def max_histories(self) -> int:
        """Most histories."""

    @property
    def histories_per_batch(self) -> int:
        """Histories of one batch."""

    @property
    def target_relative_uncertainty(self) -> float | None:
        """Wanted uncertainty."""


def check_source(
    *, source: NDArray[Any], density_g_per_ml: NDArray[Any], spacing_xyz_mm: tuple[float, float, float]
) -> None:
    """Refuse maps that no transport can use.

    Raises
    ------
    InvalidInputError
        Two grids, a value that is negative or not finite, a density or a spacing that is not above zero.
    """
    if source.ndim != 3 or source.shape != density_g_per_ml.shape:
        raise InvalidInputError("Source and density must be two maps on one grid.", code="bad_grid")
    if not (np.all(np.isfinite(source)) and float(source.min()) >= 0.0):
        raise InvalidInputError("Time-integrated activity must be finite and not negative.", code="bad_activity")
    if not (np.all(np.isfinite(density_g_per_ml)) and float(density_g_per_ml.min()) > 0.0):
        raise InvalidInputError("Density must be a map in g/mL above zero.", code="bad_density")
    if not all(0.0 < size < np.inf for size in spacing_xyz_mm):
        raise InvalidInputError("Voxel spacing must be above zero.", code="bad_spacing")


def check_run_length(settings: RunLength) -> None:
    """Refuse settings that give no standard error.

    Raises
    ------
    InvalidInputError
        Fewer than 20 histories, a negative seed, or a wanted uncertainty that is not above zero.
    """
    target = settings.target_relative_uncertainty
    if settings.max_histories < MIN_BATCHES or settings.histories_per_batch < 1 or settings.seed < 0:
        raise InvalidInputError("A run needs 20 histories at least and a seed of 0 or above.", code="bad_settings")
    if target is not None and not 0.0 < target < np.inf:
        raise InvalidInputError("The wanted uncertainty must be above zero.", code="bad_settings")


def checked_lines(
    energies_kev: NDArray[Any], yields: NDArray[Any], *, highest_kev: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energies and yields as arrays.

    Raises
    ------
    InvalidInputError
        Not one yield for each energy, a value that is negative or not finite, or an energy above the data.
    """
    energies = np.asarray(energies_kev, dtype=np.float64).ravel()
    per_decay = np.asarray(yields, dtype=np.float64).ravel()
    is_usable = energies.size == per_decay.size and np.all(energies > 0.0) and np.all(per_decay >= 0.0)
    if not (is_usable and np.all(np.isfinite(per_decay))):
        raise InvalidInputError("Lines need one yield each and energies above zero.", code="bad_lines")
    if energies.size and not energies.max() <= highest_kev:
        raise InvalidInputError(
            f"The data end at {highest_kev:.0f} keV; the nuclide has a line above.", code="bad_lines"
        )
    return energies, per_decay


def checked_material(material: NDArray[np.uint8] | None, density: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the material map, chosen from the density where there is none.

    Raises
    ------
    InvalidInputError
        Another grid or an unknown material.
    """
    if material is None:
        return material_index(density)
    values = np.ascontiguousarray(material, dtype=np.uint8)
    if values.shape != density.shape or int(values.max()) >= len(MATERIAL_NAMES):
        raise InvalidInputError("The material map has another grid or an unknown material.", code="bad_material")
    return values
