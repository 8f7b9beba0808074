"""Local deposition: electrons, alphas and recoils stay in their voxel."""

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.units import KEV_J, KEV_PER_G_GY
from dosimetry.volume import Volume

SMALLEST_DENSITY_G_PER_ML = 0.05
"""Below it (air) dose per voxel means nothing: the voxel is masked and the user is told."""


def local_dose(
    *, tia_bq_s: Volume, density_g_per_ml: Volume | float, nuclide: Nuclide
) -> tuple[Volume, float, tuple[str, ...]]:
    """Deposit the non-penetrating energy of every decay in its voxel.

    D = TIA E_local / (density x voxel volume). Photons and the range of electrons are neglected: a few per cent for
    Lu-177 above 3 mm, wrong at edges of Y-90.

    Parameters
    ----------
    tia_bq_s : Volume
        Time-integrated activity of each voxel, Bq s.
    density_g_per_ml : Volume or float
        Density on the same grid, or one declared density, g/mL.
    nuclide : Nuclide
        Decay data.

    Returns
    -------
    tuple of (Volume, float, tuple of str)
        Dose in Gy (float32), energy in masked voxels in J, warnings.

    Raises
    ------
    InvalidInputError
        The map is not in Bq s, or the density is not above zero.
    GeometryMismatchError
        Density on another grid.

    References
    ----------
    .. [1] Bolch et al., MIRD Pamphlet No. 21, J. Nucl. Med. 50 (2009) 477-484.
    """
    if tia_bq_s.unit != "Bq s":
        raise InvalidInputError(f"Dose needs time-integrated activity in Bq s; got {tia_bq_s.unit}.")
    density = _density_values(density_g_per_ml, tia_bq_s)
    energy_per_volume = np.float32(nuclide.local_energy_kev * KEV_PER_G_GY / tia_bq_s.grid.voxel_volume_ml)
    if isinstance(density, float):
        return tia_bq_s.with_values(tia_bq_s.values * (energy_per_volume / np.float32(density)), unit="Gy"), 0.0, ()
    is_air = density < SMALLEST_DENSITY_G_PER_ML
    values = tia_bq_s.values * energy_per_volume / np.where(is_air, np.inf, density).astype(np.float32)
    masked_bq_s = float(tia_bq_s.values[is_air].sum(dtype=np.float64))
    masked_j = masked_bq_s * nuclide.local_energy_kev * KEV_J
    warnings: tuple[str, ...] = ()
    total = float(tia_bq_s.values.sum(dtype=np.float64))
    if total > 0.0 and masked_bq_s > 0.0:
        share = 100.0 * masked_bq_s / total
        text = f"{share:.1f} % of the decays lie in air (below {SMALLEST_DENSITY_G_PER_ML} g/mL) and get no dose."
        warnings = (text,)
    return tia_bq_s.with_values(values.astype(np.float32), unit="Gy"), masked_j, warnings


def _density_values(density: Volume | float, tia: Volume) -> NDArray[np.float32] | float:
    if isinstance(density, int | float):
        if not density > 0.0:
            raise InvalidInputError(f"Density must be above zero; got {density} g/mL.", code="bad_density")
        return float(density)
    if density.unit != "g/mL" or float(density.values.min()) <= 0.0:
        raise InvalidInputError("Density must be a map in g/mL above zero.", code="bad_density")
    if not density.grid.matches(tia.grid):
        raise GeometryMismatchError("Density and time-integrated activity lie on different grids.")
    return np.asarray(density.values, dtype=np.float32)
